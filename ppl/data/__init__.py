"""Reading data: files and in-memory tables to frames whose cells wait for their declared type."""

from ppl.data.column import Column, Labels, Values
from ppl.data.frame import Frame, nearest
from ppl.data.limits import Limits
from ppl.data.python import from_python
from ppl.data.read import read
from ppl.data.write import csv_text, escape_cell

__all__ = [
    "Column",
    "Frame",
    "Labels",
    "Limits",
    "Values",
    "csv_text",
    "escape_cell",
    "from_python",
    "nearest",
    "read",
]
