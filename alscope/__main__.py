"""`python -m alscope`."""

from __future__ import annotations

import sys

from alscope.cli import main

if __name__ == "__main__":
    sys.exit(main())
