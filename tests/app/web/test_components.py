"""Pages are made of parts: what each part puts on a page, and that no page writes one by hand."""

import re

import pytest

from app.web.render import TEMPLATES, _environment, attributes

SOURCES = {str(path.relative_to(TEMPLATES)): path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")}
FRAME = "base.html"  # tells scripts the token, for requests without a form
BY_HAND = {
    "the token of a form": (r"\bcsrf_token\b", {"components/_form.html", FRAME}),
    "a form that changes something": (r"<form\b[^>]*\bmethod=\"?post", {"components/_form.html"}),
    "an empty state": (r'class="empty"', {"components/_empty.html"}),
    "what is wrong with a field": (r'class="problem"', {"components/_problem.html"}),
}
"""What only a component writes: a pattern, and the files that may."""


def made(source: str, **given: object) -> str:
    """What a piece of a template puts on the page, with spaces as a browser sees them."""
    context = {"csrf_token": "the-token", "path": "/"} | given
    return re.sub(r"\s+", " ", _environment().from_string(source).render(context)).replace("> <", "><").strip()


@pytest.mark.parametrize("part", BY_HAND)
def test_no_page_writes_by_hand_what_a_component_makes(part):
    pattern, allowed = BY_HAND[part]
    assert {name for name, source in SOURCES.items() if re.search(pattern, source)} == allowed


def test_attributes_are_named_as_in_html_and_escaped():
    assert attributes({"data_part": 'a "b"', "required": True, "disabled": False, "max": 0}, {"title": None}) == (
        ' data-part="a &#34;b&#34;" required max="0"'
    )


def test_a_form_brings_its_token_and_says_why_the_last_try_was_refused():
    page = """{% from "components/_form.html" import form with context %}
              {% call form("/x?a=1&b=2", error, class="card", data_part="x") %}
              <button>{{ _("Save") }}</button>{% endcall %}"""
    assert made(page, error="") == (
        '<form method="post" action="/x?a=1&amp;b=2" class="card" data-part="x">'
        '<input type="hidden" name="csrf_token" value="the-token"><button>Save</button></form>'
    )
    assert made(page, error="Name <taken>.").startswith(
        '<p class="notice bad" role="alert">Name &lt;taken&gt;.</p><form'
    )


LONGEST_LINE = 120


def test_no_line_of_a_template_is_longer_than_a_reader_sees():
    wide = {
        f"{name}:{number}"
        for name, source in SOURCES.items()
        for number, line in enumerate(source.splitlines(), 1)
        if len(line) > LONGEST_LINE
    }
    assert wide == set()


def test_a_field_says_beside_itself_what_was_wrong_and_keeps_what_was_typed():
    page = """{% from "components/_field.html" import field %}
              {{ field("Wage", "wage", "eighteen", type="money", hint="an hour", required=true,
                       problem="No number.") }}"""
    assert made(page) == (
        '<label>Wage <input inputmode="decimal" autocomplete="off" name="wage" aria-invalid="true" '
        'aria-describedby="problem-wage" value="eighteen" required><span class="hint">an hour</span>'
        '<span class="problem" id="problem-wage" role="alert">No number.</span></label>'
    )


def test_a_text_that_begins_with_an_empty_line_keeps_it():
    """The parser drops the first line break of a textarea, so it gets one to drop."""
    source = '{% from "components/_field.html" import field %}{{ field("Text", "text", "\\na", type="textarea") }}'
    assert '<textarea name="text">\n\na</textarea>' in _environment().from_string(source).render()


def test_one_option_is_chosen_whether_it_is_a_number_or_its_text():
    page = """{% from "components/_option.html" import option %}
              {{ option(3, "three", "3") }}{{ option(4, "four", 3) }}{{ option("", "all") }}"""
    assert made(page) == (
        '<option value="3" selected>three</option><option value="4">four</option><option value="">all</option>'
    )


def test_a_table_names_its_columns_and_itself():
    page = """{% from "components/_table.html" import table %}
              {% call table(["Name", ("n", "number"), ("Open", "unseen")], label="People") %}
              <tbody></tbody>{% endcall %}"""
    assert made(page) == (
        '<div class="table-wrap" role="region" aria-label="People"><table><thead><tr><th scope="col">Name</th>'
        '<th scope="col" class="number">n</th><th scope="col"><span class="visually-hidden">Open</span></th>'
        "</tr></thead><tbody></tbody></table></div>"
    )


def test_what_a_script_finds_wrong_has_a_place_that_waits_out_of_sight():
    page = """{% from "components/_problem.html" import problem %}
              {{ problem("text", data_too_long=true) }}{{ problem("text") }}"""
    assert made(page) == '<span class="problem" id="problem-text" role="alert" data-too-long hidden></span>'


def test_every_template_can_be_read():
    """A page that is shown only when something was refused is read by nobody until then."""
    for source in SOURCES.values():
        _environment().parse(source)


def test_no_text_area_begins_with_the_layout_of_its_template():
    """Only the first line break is dropped; spaces after it would stand in what the person typed."""
    tags = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
    areas = {name: re.findall(r"<textarea\b[^>]*>\s", tags.sub("x", source)) for name, source in SOURCES.items()}
    assert not [name for name, found in areas.items() if found]
