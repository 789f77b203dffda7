"""The user's own data: looked at, checked, and imported as a data set like any other.

`inspect_source` proposes a `Mapping`, `check` reports what is wrong, `import_data` writes the set.
What comes from outside is never executed, never read without bounds, and never changed unasked.
"""

from alscope.data.importing._check import check
from alscope.data.importing._findings import Finding, Report
from alscope.data.importing._import import ImportRefused, import_data
from alscope.data.importing._inspect import Column, SourcePreview, inspect_source
from alscope.data.importing._limits import LIMITS, Limits, Refused
from alscope.data.importing._mapping import DROPPABLE, Mapping

__all__ = [
    "DROPPABLE",
    "LIMITS",
    "Column",
    "Finding",
    "ImportRefused",
    "Limits",
    "Mapping",
    "Refused",
    "Report",
    "SourcePreview",
    "check",
    "import_data",
    "inspect_source",
]
