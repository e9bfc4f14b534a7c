import pytest

from app.web.tables import as_cell, csv_line


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_nothing_in_a_spreadsheet_begins_a_formula(text):
    assert as_cell(text) == f"'{text}"


def test_other_cells_stay_as_they_are():
    assert [as_cell(value) for value in ("A > B", None, 1.5, "")] == ["A > B", "", "1.5", ""]


def test_a_line_is_quoted_where_it_must_be():
    assert csv_line(["a, b", 'say "x"', None, 3]) == '"a, b","say ""x""",,3\r\n'
