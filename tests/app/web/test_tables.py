import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import app
from app.web import tables


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-1+2", "@x", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "＝1+1", "+-1"]
)
def test_nothing_in_a_spreadsheet_begins_a_formula(text):
    assert tables.as_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1.5, -3, 0, "-1.5", "-0.2500", "+3", "-2e-05", "A > B", "", "1-2", "'tis", "⁻1"])
def test_numbers_and_other_cells_stay_as_they_are(value):
    assert tables.as_cell(value) == value


@given(st.text())
@example("=1")
@example("'=1")
@example("''-a")
@example("'-1")
@example("-1")
@example("'a")
def test_reading_a_cell_back_gives_the_text_that_was_written(text):
    assert tables.from_cell(str(tables.as_cell(text))) == text


def test_a_line_is_csv():
    line = tables.csv_line(["=a,b", None, -2, 'say "x"\nand y', True])
    assert list(csv.reader(io.StringIO(line, newline=""))) == [["'=a,b", "", "-2", 'say "x"\nand y', "True"]]


def test_no_other_door_writes_csv():
    folder = Path(app.__file__).parent
    writing = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)|to_csv", path.read_text())
    }
    assert writing == {"web/tables.py"}
