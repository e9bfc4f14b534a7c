"""Pages are made of parts: what each part puts on a page, and that no page writes one by hand."""

import re

import pytest

from app.web.render import TEMPLATES, _environment, attributes

SOURCES = {str(path.relative_to(TEMPLATES)): path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")}
FRAME = "base.html"  # tells scripts the token, for requests without a form
BY_HAND = {
    "the token of a form": (r"\bcsrf_token\b", {"components/_form.html", FRAME}),
    "a form that changes something": (r"<form\b[^>]*\bmethod=\"?post", {"components/_form.html"}),
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
