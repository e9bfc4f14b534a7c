"""The language of pages and sentences: how it is chosen, how sentences are found, what scripts are told."""

import re

import pytest
from babel.messages.pofile import read_po

from app import language
from app.language import CATALOGUES, best_of, gettext, ngettext, script_words, speak
from app.web.render import _environment

FOREIGN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

#: app/somewhere.py
msgid "%(name)s is open, 100%% of it."
msgstr "“%(name)s”开放，占100%%。"

#: app/somewhere.py static/js/labeling/board.js
msgid "%(num)s answer"
msgid_plural "%(num)s answers"
msgstr[0] "%(num)s 个回答"

#: static/js/labeling/board.js
msgid "Saved"
msgstr "已保存"

#: static/js/labeling/board.js
msgid "Not translated yet"
msgstr ""
"""


@pytest.fixture
def chinese(tmp_path, monkeypatch):
    (tmp_path / "zh-Hans.po").write_text(FOREIGN)
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    forget()
    speak("zh-Hans")
    yield
    speak("en")
    forget()


def forget():
    for remembered in (language._catalogue, language._translations, language._script_words):
        remembered.cache_clear()


@pytest.mark.parametrize(
    ("wishes", "best"),
    [
        ([], "en"),
        ([None, "", "fr-FR,de;q=0.5"], "en"),
        (["zh-Hans", "en"], "zh-Hans"),
        ([None, None, "zh-CN,zh;q=0.9,en;q=0.8"], "zh-Hans"),
        ([None, None, "fr, zh-TW;q=0.3, en-GB;q=0.7"], "en"),
        ([None, None, "zh;q=nonsense, en"], "en"),
    ],
)
def test_the_first_wish_that_we_speak_counts(wishes, best):
    assert best_of(wishes) == best


def test_sentences_stay_english_without_a_translation():
    assert gettext("%(name)s is open, 100%% of it.", name="A") == "A is open, 100% of it."
    assert [ngettext("%(num)s answer", "%(num)s answers", n) for n in (1, 2)] == ["1 answer", "2 answers"]


@pytest.mark.usefixtures("chinese")
def test_sentences_are_said_in_the_language_spoken():
    assert gettext("%(name)s is open, 100%% of it.", name="A") == "“A”开放，占100%。"
    assert [ngettext("%(num)s answer", "%(num)s answers", n) for n in (1, 2)] == ["1 个回答", "2 个回答"]
    assert gettext("Not translated yet") == "Not translated yet"


@pytest.mark.usefixtures("chinese")
def test_templates_speak_it_too_and_escape_values():
    template = _environment().from_string(
        "{{ _('%(name)s is open, 100%% of it.', name=name) }} "
        "{% trans n=n %}{{ n }} row{% pluralize %}{{ n }} rows{% endtrans %}"
    )
    assert template.render(name="<b>", n=2) == "“&lt;b&gt;”开放，占100%。 2 rows"


@pytest.mark.usefixtures("chinese")
def test_scripts_get_their_own_sentences_and_no_others():
    assert script_words("zh-Hans") == {"%(num)s answer": ["%(num)s 个回答"], "Saved": ["已保存"]}
    assert script_words("en") == {}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_strangers_browser_is_asked_and_its_choice_remembered(browse):
    assert '<html lang="en"' in browse.get("/sign-in")
    chinese = browse.client.get("/sign-in", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert '<html lang="zh-Hans"' in chinese.text
    answer = browse.post("/account/language", {"locale": "zh-Hans", "back": "/sign-in"})
    assert answer.headers["location"] == "/sign-in"
    assert '<html lang="zh-Hans"' in browse.get("/sign-in")
    assert '<html lang="zh-Hans"' in browse.get("/no/such/page", status=404)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_persons_choice_follows_them_to_another_browser(browse):
    browse.as_("labeler")
    browse.post("/account/language", {"locale": "zh-Hans", "back": "//evil.example"})
    browse.client.cookies.clear()
    browse.get("/sign-in")
    browse.post("/sign-in", {"email": "labeler@example.org", "password": "three quiet lanterns"})
    assert '<html lang="zh-Hans"' in browse.get("/account/password")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_unknown_language_is_refused_in_words(browse):
    browse.as_("labeler")
    refused = browse.post("/account/language", {"locale": "tlh", "back": "/label"}, status=422)
    assert "This language is not there." in refused.text
    assert "set-cookie" not in refused.headers or "locale=" not in refused.headers["set-cookie"]


@pytest.mark.parametrize("locale", [tag for tag in language.LOCALES if tag != language.SOURCE])
def test_translations_keep_the_places_of_values(locale):
    """A lost or misspelt place would break the page that says the sentence."""
    with (CATALOGUES / f"{locale}.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    for message in messages:
        ids = message.id if isinstance(message.id, (list, tuple)) else [message.id]
        forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        wanted = set(re.findall(r"%\((\w+)\)s", " ".join(ids)))
        for form in filter(None, forms):
            found = set(re.findall(r"%\((\w+)\)s", form))
            assert found <= wanted, message.id
            assert found >= wanted - {"num"}, message.id
            assert ("%%" in form) == ("%%" in ids[-1]), message.id
