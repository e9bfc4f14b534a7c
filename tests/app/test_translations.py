"""Every sentence can be translated, and is: the catalogues hold what the code says, no more and no less."""

import re
import tomllib
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from app.language import CATALOGUES, LOCALES, SOURCE
from app.web.render import ROOT, TEMPLATES
from tests.app.unmarked import unmarked, unmarked_in_python, unmarked_in_script

SCRIPTS = ROOT / "static" / "js"
ENGLISH_ONLY = (
    "app/api/",
    "app/cli.py",
    "app/demo/",
    "app/labeling/importing/drafts.py",
    "app/labeling/importing/meeting.py",
    "app/labeling/importing/writer.py",
    "app/training/runs/commands.py",
    "app/training/scoring/commands.py",
)
"""For programs and terminals, and what an import says about the rows of a file, which is kept with them."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_says_nothing_that_cannot_be_translated(path):
    assert [f"{piece.line}: {piece.text.strip()}" for piece in unmarked(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.js")), ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_a_script_says_nothing_that_cannot_be_translated(path):
    assert unmarked_in_script(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.js")), ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_no_sentence_of_a_script_stands_where_it_is_not_collected(path):
    """Babel looks at calls, not into the holes of template literals."""
    assert re.findall(r"\$\{[^}]*\b(?:_|ngettext)\(", path.read_text(encoding="utf-8")) == []


def test_no_error_and_no_message_is_a_bare_literal():
    paths = [path for path in (ROOT / "app").rglob("*.py") if not relative(path).startswith(ENGLISH_ONLY)]
    found = {relative(path): unmarked_in_python(path.read_text(encoding="utf-8")) for path in paths}
    assert {path: pieces for path, pieces in found.items() if pieces} == {}


def test_what_is_not_marked_is_found():
    """The finder itself: texts, attributes, expressions and assignments; not what is marked, a name or a class."""
    template = """
    {% set word = "Not marked" %}{% block body_class %}bench{% endblock %}
    <p class="page-head" title="{{ _("Yes") }}">{{ _("Marked") }} Prefloop {{ "Bare" if page.x else _("Not bare") }}</p>
    <input placeholder="Bare too" name="q"><code>left alone</code>{% trans %}Marked <b>too</b>{% endtrans %}
    <p>Half {{ page.number }} a sentence</p>{{ button(_("Marked"), "Handed to a macro") }}
    """
    found = [" ".join(piece.text.split()) for piece in unmarked(template)]
    assert found == ["Not marked", "Bare", "Bare too", "Half a sentence", "Handed to a macro"]
    assert unmarked_in_python("raise Invalid(f'No {x}.')\nraise Conflict(_('Fine.'))\ntell(request, 'Bare.')") == [
        (1, "f'No {x}.'"),
        (3, "'Bare.'"),
    ]
    script = (
        'say("Saved just now");\nsay(_("Saved %(n)s s ago", { n }));\nform.querySelector("[data-x] input"); // Not said'
    )
    assert unmarked_in_script(script) == [(1, "Saved just now")]


def said_in_the_code() -> Catalog:
    """What ``make messages`` collects, by the same mapping."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    catalogue = Catalog()
    for mapping in mappings:
        folder, _, pattern = mapping["pattern"].partition("**")
        options = {key: value for key, value in mapping.items() if key not in ("method", "pattern")}
        messages = extract_from_dir(
            ROOT / folder,
            method_map=[(f"**{pattern}", mapping["method"])],
            options_map={f"**{pattern}": options},
            keywords={**DEFAULT_KEYWORDS, "mark": None},
        )
        for _file, _line, message, _comments, context in messages:
            catalogue.add(message, context=context)
    return catalogue


@pytest.mark.parametrize("locale", [tag for tag in LOCALES if tag != SOURCE])
def test_a_catalogue_translates_all_that_is_said_and_nothing_else(locale):
    """`make messages` brings a catalogue up to date; what it leaves empty is to be translated."""
    said = {message.id for message in said_in_the_code() if message.id}
    with (CATALOGUES / f"{locale}.po").open("rb") as file:
        catalogue = read_po(file)
    kept = {message.id: message for message in catalogue if message.id}
    assert said - set(kept) == set(), "not in the catalogue"
    assert set(kept) - said == set(), "said no more"
    assert [key for key, message in kept.items() if not all(_forms(message.string))] == [], "empty"
    assert [key for key, message in kept.items() if message.fuzzy] == [], "to be looked at"
    assert not catalogue.obsolete
    assert "EMAIL@ADDRESS" not in (CATALOGUES / f"{locale}.po").read_text(encoding="utf-8")


def _forms(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string
