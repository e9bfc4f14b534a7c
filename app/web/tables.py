"""The one door by which a table becomes CSV: no cell of it may become a formula where somebody opens it.

A text that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV injection). One that has such
apostrophes itself gets one more, so that reading a file back gives exactly the text that was written.
"""

import csv
import io
import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
# The wide forms are read as the narrow ones where people write Chinese or Japanese.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_MADE_HARMLESS = re.compile("'+[=+\\-@\t\r\n＝＋－＠]")


def as_cell(value: object) -> object:
    """A value as a cell holds it: numbers stay numbers, also negative ones, and nothing is an empty cell."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def from_cell(text: str) -> str:
    """The text that ``as_cell`` made the cell of."""
    return text[1:] if _MADE_HARMLESS.match(text) else text


def csv_line(cells: Iterable[object]) -> str:
    """A line of a CSV file, with its end."""
    line = io.StringIO()
    csv.writer(line).writerow(map(as_cell, cells))
    return line.getvalue()
