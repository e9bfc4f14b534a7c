"""The report from the terminal: what the page says, without names."""

import json

import pytest

from app.errors import NotFound
from app.quality.screening import commands
from tests.app.quality.screening.conftest import NOW

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


def lines(office, asked="", *, as_json=False):
    with office.database.transaction() as session:
        return commands.screening(session, asked, NOW, as_json=as_json)


def test_the_report_is_said_in_lines_and_in_json(office, banks):
    with pytest.raises(NotFound, match="no screening yet"):
        lines(office)
    screening = office.screening(banks, name="Spring")
    ann = office.join(office.invite(screening))
    office.start(ann)
    office.fill(ann)
    office.hand_in(ann, NOW)
    code = office.applicant(ann).code
    for asked in ("", "Spring", str(screening.id)):
        told = lines(office, asked)
        assert told[0] == f"screening {screening.id}: Spring, 1 applicants"
        assert told[1].startswith(f"{code}  done 9/9  flags 100.0 % (")
        assert "undecided" in told[1]
    (text,) = lines(office, as_json=True)
    (found,) = json.loads(text)["applicants"]
    assert (found["code"], found["ranking_agreement"], found["topics_claimed"]) == (code, 1.0, 1)
    assert "ann" not in text
    with pytest.raises(NotFound, match="Autumn"):
        lines(office, "Autumn")
