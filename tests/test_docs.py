"""What is written for whoever carries on is true of this tree: links lead somewhere, and what is named is there."""

import re
from functools import cache
from pathlib import Path

import pytest

from scripts.measure_house import rooms_of

ROOT = Path(__file__).resolve().parents[1]
DECISIONS = ROOT / "docs" / "decisions"
HEADINGS = ["Context", "Options", "Decision", "Price", "Files"]
OURS = "app|benchmarks|docs|migrations|scripts|static|templates|tests|trainer"
NAMED = re.compile(rf"`((?:{OURS})/[\w./-]+|docker-compose\.yml|Makefile|pyproject\.toml)`")
OVERRULED = re.compile(r"^\*\*(Overruled|Partly overruled)\*\* by \[.+?\]\((\d{4}-[\w-]+\.md)\): .+\.$", re.MULTILINE)


def pages():
    found = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/README.md")]
    return [page for page in found if page.exists()] + sorted((ROOT / "docs").rglob("*.md"))


@cache
def anchors(page):
    """The headings of a page as GitHub addresses them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def decisions():
    return sorted(DECISIONS.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for address in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if address.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), address


def test_a_readme_is_read_in_one_go():
    assert len((ROOT / "README.md").read_text().splitlines()) < 120


@pytest.mark.parametrize("page", ["architecture.md", "contributing.md", "glossary.md", "../SECURITY.md"])
def test_every_path_that_is_named_is_there(page):
    named = NAMED.findall((ROOT / "docs" / page).read_text())
    placeholders = re.compile(r"\b[A-Z]{3,}\b(?!\.md)")
    assert [path for path in named if not (placeholders.search(path) or (ROOT / path).exists())] == []


# The map -----------------------------------------------------------------------------------------


def test_the_map_has_every_room():
    """Every package of either house and every module beside them stands in its table, and nothing else."""
    text = (ROOT / "docs" / "architecture.md").read_text().split("## A room")[0]
    cells = [line.split("|")[-3] for line in text.splitlines() if line.startswith("|")]
    named = [path for cell in cells for path in NAMED.findall(cell)]
    rooms = [files for house in ("app", "trainer") for files in rooms_of(ROOT, house).values()]
    places = [files[0] if len(files) == 1 else files[0].parent for files in rooms]
    assert sorted(named) == sorted(place.relative_to(ROOT).as_posix() for place in places)


def test_twenty_five_questions_have_an_answer_each():
    index = (ROOT / "docs" / "architecture.md").read_text().split("## Where is …")[1]
    rows = re.findall(r"^\| (\d+) \| (.+\?) \| (.+) \|$", index, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 26))
    assert all(NAMED.findall(answer) for *_, answer in rows)


# Decisions ---------------------------------------------------------------------------------------


def test_decisions_are_numbered_without_a_gap():
    assert [page.name[:4] for page in decisions()] == [f"{number + 1:04d}" for number in range(len(decisions()))]


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem[:4])
def test_a_decision_has_its_five_parts_and_files_that_are_there(page):
    text = page.read_text()
    assert re.match(rf"# {page.name[:4]} · .+\n\n20\d\d-\d\d-\d\d(\n| · )", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    *parts, files = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(part.strip() for part in parts)
    named = NAMED.findall(files)
    assert named, "name the files that obey it"
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_decision_that_is_overruled_and_the_one_that_does_it_name_each_other():
    for page in decisions():
        for how, by in OVERRULED.findall(page.read_text()):
            verb = {"Overruled": "Overrules", "Partly overruled": "Changes"}[how]
            head = (DECISIONS / by).read_text().split("\n## ")[0]
            assert re.search(rf"{verb} \[.+?\]\({page.name}\)", head), f"{by} does not say so"


def test_the_index_has_every_decision_as_it_stands():
    rows = re.findall(
        r"^\| (\d{4}) \| \[(.+)\]\((.+)\) \| (\S+) \| (.+) \|$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    expected = []
    for page in decisions():
        text = page.read_text()
        number, title, date = re.match(r"# (\d{4}) · (.+)\n\n(\S+)", text).groups()
        states = [f"{how.lower()} by [{by[:4]}]({by})" for how, by in OVERRULED.findall(text)]
        expected.append((number, title, page.name, date, "; ".join(states) or "holds"))
    assert rows == expected
