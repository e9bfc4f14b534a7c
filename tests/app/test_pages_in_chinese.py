"""The pages as a reader of Chinese gets them: nothing of ours is left in English."""

import re
from html.parser import HTMLParser

import pytest
from babel.messages.pofile import read_po

from app.language import CATALOGUES
from app.training.runs.rules import STAGES
from tests.browsing import PASSWORD
from tests.scenes import LABELER_PAGES, OTHER_PAGES, STRANGER, TASK, furnish

NOT_OURS = ("code", "pre", "kbd", "script", "style", "textarea", "svg")
READ = ("aria-label", "title", "placeholder")
EMPTY = ("input", "meta", "link", "br", "img", "hr", "use", "path", "line", "circle", "polyline", "wbr", "source")
NAMES = {*STAGES, "base", "step", "ppo-2 against sft-7"}
"""Stages, kinds of model and a measured quantity where they stand as names, and a campaign of the scenes."""
ENGLISH = re.compile("[A-Za-z]{3}")


class Texts(HTMLParser):
    """What stands on a page, without what people, models and programs wrote."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.open: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        silent = tag in NOT_OURS or "article" in (given.get("class") or "").split()
        if not self._silent() and not silent:
            self.found |= {given[name].strip() for name in READ if given.get(name)}
        if tag not in EMPTY:
            self.open.append((tag, silent))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not self._silent() and ENGLISH.search(data):
            self.found.add(" ".join(data.split()))

    def _silent(self) -> bool:
        return any(silent for _, silent in self.open)


def our_sentences():
    """The English of everything that has a Chinese of its own: as it stands, or with its places open."""
    with (CATALOGUES / "zh-Hans.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    plain, open_ones = set(), []
    for message in messages:
        ids = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
        told = message.string if isinstance(message.string, str) else message.string[0]
        for text in ids:
            if text == told or not ENGLISH.search(re.sub(r"%\(\w+\)s", "", text)):
                continue
            if "%(" not in text:
                plain.add(text.replace("%%", "%"))
            elif len(re.findall(r"[a-z]{2,}", re.sub(r"%\(\w+\)s", "", text))) > 1:
                parts = re.split(r"%\(\w+\)s", text.replace("%%", "%"))
                open_ones.append(re.compile(".+".join(map(re.escape, parts))))
    return plain, open_ones


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_no_page_says_in_english_what_it_can_say_in_chinese(browse, settings, database):
    furnish(settings, database)
    plain, open_ones = our_sentences()
    left = {}
    for email in dict.fromkeys(who for _, who, _ in (*LABELER_PAGES, *OTHER_PAGES)):
        browse.client.cookies.clear()
        browse.get("/sign-in")
        task = ""
        if email != STRANGER:
            browse.post("/sign-in", {"email": email, "password": PASSWORD})
            browse.get("/account/password")
            task = browse.post("/label/next").headers["location"] if TASK in str(pages_of(email)) else ""
        browse.post("/account/language", {"locale": "zh-Hans", "back": "/"})
        for name, place in pages_of(email):
            texts = Texts(browse.client.get(place.replace(TASK, task, 1)).text).found
            known = {text for text in texts - NAMES if text in plain or any(each.fullmatch(text) for each in open_ones)}
            if known:
                left[name] = sorted(known)
    assert left == {}


def pages_of(email):
    """All pages of a person but the reference of the API, whose names are English everywhere."""
    every = (*LABELER_PAGES, *OTHER_PAGES)
    return [(name, place) for name, who, place in every if who == email and name != "api"]
