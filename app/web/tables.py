"""Tables as files for spreadsheets."""

import csv
import io
from collections.abc import Iterable


def as_cell(value: object) -> str:
    """Text for a spreadsheet: what would begin a formula there begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def csv_line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(as_cell, cells))
    return line.getvalue()
