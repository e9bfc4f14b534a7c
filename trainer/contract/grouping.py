"""Which prompts belong together, so that no split may part them: the one rule, for the application and the trainer.

InstructGPT §3.2 splits by user and tells prompts that repeat each other by a long common prefix. Together belong

* what is known to: prompts of one user, of one conversation;
* prompts that read alike: whatever their case, blanks, punctuation and Unicode form;
* conversations that open alike: with the same first message of the user;
* prompts that share a long beginning.

A beginning that many prompts share is a template, not a sign of kinship. It is named and left out, and its prompts are
told apart by what follows it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PREFIX = 100
"""Characters that a shared beginning has at least. InstructGPT prints none; this is ours."""
FEWEST_OF_TEMPLATE = 10
TEMPLATE_SHARE = 0.05
"""A beginning is a template when more different prompts share it than this number and than this share of all."""
FEWEST_OF_OPENING = 20
OPENING_SHARE = 0.25
"""Likewise for a whole first message: a tree of conversations has one, so it may be far more common."""
READ = 10_000
"""Characters of a message that are kept; of a longer one the rest is compared by its hash."""
OF_USER, OF_ASSISTANT = "\n", "\t"
"""What ends a message in ``read``; no text holds them, for blanks are put together."""


@dataclass(frozen=True)
class Template:
    """A beginning that was left out.

    Attributes:
        text: as ``read`` gives it.
        prompts: how many different prompts share it.
        opening: whole messages up to one of the user; else any beginning.
    """

    text: str
    prompts: int
    opening: bool


@dataclass(frozen=True)
class Groups:
    """Prompts that belong together.

    Attributes:
        of: for each prompt the number of its group's first one, which is its own where it is the first.
        templates: beginnings that were left out, most common first.
    """

    of: Sequence[int]
    templates: Sequence[Template] = ()

    @property
    def sizes(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for first in self.of:
            found[first] = found.get(first, 0) + 1
        return found


class _Characters(dict[int, str | int | None]):
    """What becomes of a character: letters, marks, digits and symbols stay, quotes go, all else is a blank."""

    def __missing__(self, code: int) -> str | int | None:
        kind = unicodedata.category(chr(code))
        if chr(code) in "'’ʼ" or kind == "Cf":  # don't is dont; and what nobody sees
            found: str | int | None = None
        else:
            found = " " if kind[0] in "PZC" else code
        self[code] = found
        return found


_CHARACTERS = _Characters()


def normalised(text: str) -> str:
    """How a text reads: without case, punctuation, repeated blanks and differences of Unicode form.

    A text of nothing but punctuation stays what it is.
    """
    folded = (
        text.lower()
        if text.isascii()
        else unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    )
    return " ".join(folded.translate(_CHARACTERS).split()) or " ".join(folded.split())


def read(messages: Iterable[tuple[str, str]]) -> str:
    """A conversation as prompts are compared by it, from (role, content).

    System messages are left out: they are the operator's, and many prompts that have nothing else in common share one.
    """
    return "".join(
        _cut(normalised(content)) + (OF_USER if role == "user" else OF_ASSISTANT)
        for role, content in messages
        if role != "system"
    )


def _cut(text: str) -> str:
    return text if len(text) <= READ else text[:READ] + hashlib.sha256(text.encode()).hexdigest()


def shared_beginning(one: str, other: str) -> str:
    """The longest beginning of both."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.startswith(other[low:middle], low) else (low, middle - 1)
    return one[:low]


def grouped(texts: Sequence[str], known: Sequence[Iterable[str]] = (), prefix: int = PREFIX) -> Groups:
    """Put prompts together; time O(n log n).

    Args:
        texts: of the prompts, oldest first, as ``read`` gives them.
        known: for each prompt names that it shares with all that surely belong to it.
        prefix: characters that a shared beginning has at least; 0 takes no notice of beginnings.
    """
    together = _Union(len(texts))
    seen: dict[str, int] = {}
    for prompt, names in enumerate(known):
        for name in names:
            together.join(seen.setdefault(name, prompt), prompt)
    alike: dict[str, int] = {}
    for prompt, text in enumerate(texts):
        together.join(alike.setdefault(text, prompt), prompt)
    different = sorted(alike)
    templates = _opened_alike(different, alike, together)
    if prefix > 0:
        templates += _begun_alike(different, alike, together, prefix)
    templates.sort(key=lambda template: (-template.prompts, template.text))
    return Groups([together.first(prompt) for prompt in range(len(texts))], templates)


def _opened_alike(texts: Sequence[str], first: Mapping[str, int], together: _Union) -> list[Template]:
    """Join by the first message of the user; where that is a template, by the messages up to the next one."""
    most = max(FEWEST_OF_OPENING, OPENING_SHARE * len(texts))
    templates: list[Template] = []
    pending = [(text, 0) for text in texts]
    while pending:
        opening: dict[str, list[str]] = {}
        for text, begin in pending:
            if end := text.find(OF_USER, begin) + 1:
                opening.setdefault(text[:end], []).append(text)
        pending = []
        for beginning, members in opening.items():
            if len(members) > most:
                templates.append(Template(beginning, len(members), opening=True))
                pending += [(text, len(beginning)) for text in members]
            else:
                together.join_all(first[text] for text in members)
    return templates


def _begun_alike(texts: Sequence[str], first: Mapping[str, int], together: _Union, prefix: int) -> list[Template]:
    """Join what shares ``prefix`` characters, of sorted texts; within a template what shares as many after it."""
    most = max(FEWEST_OF_TEMPLATE, TEMPLATE_SHARE * len(texts))
    templates: list[Template] = []
    pending = [(0, len(texts), 0)]
    while pending:
        at, end, shared = pending.pop()
        while at < end:
            begin, sign = at, texts[at][shared : shared + prefix]
            at += 1
            if len(sign) < prefix:
                continue
            while at < end and texts[at].startswith(sign, shared):
                at += 1
            if at - begin > most:
                beginning = shared_beginning(texts[begin], texts[at - 1])
                templates.append(Template(beginning, at - begin, opening=False))
                pending.append((begin, at, len(beginning)))
            else:
                together.join_all(first[text] for text in texts[begin:at])
    return templates


class _Union:
    """Sets of numbers that grow together; each is known by its smallest."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def first(self, one: int) -> int:
        above = self._above
        while above[one] != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.first(one), self.first(other)))
        self._above[high] = low

    def join_all(self, members: Iterable[int]) -> None:
        rest = iter(members)
        if (first := next(rest, None)) is not None:
            for one in rest:
                self.join(first, one)
