"""Run benchmarks and write their tables into docs/benchmarks.md.

    OMP_NUM_THREADS=2 python -m benchmarks.run                  # every section
    OMP_NUM_THREADS=2 python -m benchmarks.run acquisition-100 --repeats 5
    python -m benchmarks.run acquisition-100 --quick             # small sizes, nothing written

Every section is measured, and replaced on the page, by itself.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.report import Options, Section, between, markdown

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

SECTIONS = {
    "acquisition-100": "benchmarks.speed.acquisition:classes_100",
    "acquisition-10": "benchmarks.speed.acquisition:classes_10",
    "acquisition-batches": "benchmarks.speed.acquisition:batches",
    "acquisition-growth": "benchmarks.speed.acquisition:growth",
    "acquisition-million": "benchmarks.speed.acquisition:million",
    "peers": "benchmarks.speed.peers:peers",
    "training": "benchmarks.speed.training:training",
    "heads": "benchmarks.speed.heads:heads",
    "compile": "benchmarks.speed.training:compiling",
    "study": "benchmarks.speed.study:plain_and_ours",
    "workers": "benchmarks.speed.study:workers",
    "overhead": "benchmarks.speed.study:overhead",
    "app": "benchmarks.speed.app:waits",
}
"""Name on the page -> module and function, imported when it is run."""


def main() -> None:
    """Measure what was asked for, one section after the other."""
    args = arguments()
    options = Options(device=args.device, repeats=args.repeats, quick=args.quick)
    for name in args.sections or SECTIONS:
        body = markdown(section(name)(options), options)
        if args.print or args.quick:
            sys.stdout.write(f"{name}\n\n{body}\n\n")
        else:
            # Read anew each time: measuring takes minutes, and others write to the page as well.
            page = args.page.read_text(encoding="utf-8")
            args.page.write_text(between(page, name, body), encoding="utf-8")
            sys.stderr.write(f"{name} written to {args.page}\n")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--repeats", type=int, default=3, help="timed calls per figure; default 3")
    parser.add_argument("--quick", action="store_true", help="small sizes, only printed")
    parser.add_argument("--print", action="store_true", help="print instead of writing")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write to")
    args = parser.parse_args()
    if unknown := [name for name in args.sections if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return args


def section(name: str) -> Section:
    """The function that measures a section."""
    module, function = SECTIONS[name].split(":")
    found: Section = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main()
