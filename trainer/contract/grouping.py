"""Which prompts belong together, so that no split may part them: the one rule, for the application and the trainer.

InstructGPT §3.2 splits by user and tells prompts that repeat each other by a long common prefix. Together belong

* what is known to: prompts of one user, of one conversation;
* prompts that read alike: whatever their case, blanks, punctuation and Unicode form;
* conversations that open alike: with the same first message of the user;
* prompts that share a long beginning.

A beginning that many prompts share is a template, not a sign of kinship. It is named and left out, and its prompts are
told apart by what follows it. And where prompts that several users sent ("hi") would tie a large part of all prompts
into one group, these prompts are named and stand apart from their users.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain

PREFIX = 100
"""Characters that a shared beginning has at least. InstructGPT prints none; this is ours."""
FEWEST_OF_TEMPLATE = 10
TEMPLATE_SHARE = 0.05
"""A beginning is a template when more different prompts share it than this number and than this share of all."""
FEWEST_OF_OPENING = 20
OPENING_SHARE = 0.25
"""Likewise for a whole first message: a tree of conversations has one, so it may be far more common."""
FEWEST_OF_LARGE = 50
LARGE_SHARE = 0.1
"""Likewise for a group of several users that is too large to stand on one side."""
READ = 10_000
"""Characters of a message that are kept; of a longer one the rest is compared by its hash."""
OF_USER, OF_ASSISTANT = "\n", "\t"
"""What ends a message in ``read``; no text holds them, for blanks are put together."""


@dataclass(frozen=True)
class Template:
    """A beginning that was left out, or that does not tie its users together.

    Attributes:
        text: as ``read`` gives it.
        prompts: how many different prompts share it; all of them where it has users.
        opening: whole messages up to one of the user; else any beginning.
        users: whose prompts stand apart from the rest of theirs; 0 where it was left out.
    """

    text: str
    prompts: int
    opening: bool
    users: int = 0


@dataclass(frozen=True)
class Groups:
    """Prompts that belong together.

    Attributes:
        of: for each prompt the number of its group's first one, which is its own where it is the first.
        templates: beginnings that were left out, most common first.
        common: beginnings and whole prompts by which users are not tied together, likewise.
        apart: prompts that begin like one of these, and so may stand on another side than their user.
    """

    of: Sequence[int]
    templates: Sequence[Template] = ()
    common: Sequence[Template] = ()
    apart: AbstractSet[int] = frozenset()

    @property
    def sizes(self) -> Mapping[int, int]:
        """Prompts of each group, by its first one."""
        return Counter(self.of)


class _Characters(dict[int, str | int | None]):
    """What becomes of a character: letters, marks, digits and symbols stay, quotes go, all else is a blank."""

    def __missing__(self, code: int) -> str | int | None:
        kind = unicodedata.category(chr(code))
        if chr(code) in "'’ʼ" or kind == "Cf":  # don't is dont; and what nobody sees
            found: str | int | None = None
        else:
            found = " " if kind[0] in "PZC" or chr(code) == "`" else code
        self[code] = found
        return found


_CHARACTERS = _Characters()
_QUOTED_LINE = re.compile(r"^[ \t]*>[> \t]*", re.MULTILINE)


def normalised(text: str) -> str:
    """How a text reads: without case, punctuation, repeated blanks and differences of Unicode form.

    Marks of Markdown are punctuation too: backticks anywhere, and what quotes a line at its beginning. A text of
    nothing but punctuation stays what it is.
    """
    folded = (
        text.lower()
        if text.isascii()
        else unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    )
    if ">" in folded and (unquoted := _QUOTED_LINE.sub("", folded)).strip():
        folded = unquoted
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


def grouped(
    texts: Sequence[str],
    users: Sequence[str | None] = (),
    known: Sequence[str | None] = (),
    prefix: int = PREFIX,
) -> Groups:
    """Put prompts together; time O(n log n).

    Args:
        texts: of the prompts, oldest first, as ``read`` gives them.
        users: who sent each prompt, where that is known.
        known: for each prompt a name that it shares with all that surely belong to it, such as its conversation.
        prefix: characters that a shared beginning has at least; 0 takes no notice of beginnings.
    """
    of_text: dict[str, list[int]] = {}
    for prompt, text in enumerate(texts):
        of_text.setdefault(text, []).append(prompt)
    different = sorted(of_text)
    kin = [_Kin(text, prompts, opening=True) for text, prompts in of_text.items() if len(prompts) > 1]
    templates = []
    for begin, members, opening, left_out in chain(_opened_alike(different), _begun_alike(different, prefix)):
        if left_out:
            templates.append(Template(begin, len(members), opening))
        elif len(members) > 1:
            kin.append(_Kin(begin, [prompt for text in members for prompt in of_text[text]], opening))
    templates.sort(key=lambda template: (-template.prompts, template.text))
    groups = Groups(_joined(len(texts), kin, users, known), templates)
    return _without_common(groups, kin, users, known) if any(users) else groups


@dataclass(frozen=True)
class _Kin:
    begin: str
    prompts: Sequence[int]
    opening: bool


_Alike = tuple[str, Sequence[str], bool, bool]
"""A beginning, the texts that share it, whether it is an opening, and whether it is a template."""


def _opened_alike(texts: Sequence[str]) -> Iterator[_Alike]:
    """By the first message of the user; where that is a template, by the messages up to the next one."""
    most = max(FEWEST_OF_OPENING, OPENING_SHARE * len(texts))
    pending = [(text, 0) for text in texts]
    while pending:
        opened: dict[str, list[str]] = {}
        for text, begin in pending:
            if end := text.find(OF_USER, begin) + 1:
                opened.setdefault(text[:end], []).append(text)
        pending = []
        for opening, members in opened.items():
            yield opening, members, True, len(members) > most
            if len(members) > most:
                pending += [(text, len(opening)) for text in members]


def _begun_alike(texts: Sequence[str], prefix: int) -> Iterator[_Alike]:
    """Of sorted texts those that share ``prefix`` characters; within a template those that share as many after it."""
    most = max(FEWEST_OF_TEMPLATE, TEMPLATE_SHARE * len(texts))
    pending = [(0, len(texts), 0)] if prefix > 0 else []
    while pending:
        at, end, shared = pending.pop()
        while at < end:
            begin, sign = at, texts[at][shared : shared + prefix]
            at += 1
            if len(sign) < prefix:
                continue
            while at < end and texts[at].startswith(sign, shared):
                at += 1
            beginning = shared_beginning(texts[begin], texts[at - 1])
            yield beginning, texts[begin:at], False, at - begin > most
            if at - begin > most:
                pending.append((begin, at, len(beginning)))


def _joined(
    count: int,
    kin: Iterable[_Kin],
    users: Sequence[str | None],
    known: Sequence[str | None],
    apart: AbstractSet[int] = frozenset(),
) -> list[int]:
    """The first of each prompt's group; prompts that stand apart are not joined to their user's."""
    together = _Union(count)
    for names in ([None if prompt in apart else user for prompt, user in enumerate(users)], known):
        seen: dict[str, int] = {}
        for prompt, name in enumerate(names):
            if name:
                together.join(seen.setdefault(name, prompt), prompt)
    for each in kin:
        for prompt in each.prompts:
            together.join(each.prompts[0], prompt)
    return [together.first(prompt) for prompt in range(count)]


def _without_common(
    groups: Groups, kin: Sequence[_Kin], users: Sequence[str | None], known: Sequence[str | None]
) -> Groups:
    """Take from their users what ties too many prompts together, what most users sent first, until nothing does."""
    most = max(FEWEST_OF_LARGE, LARGE_SHARE * len(users))
    kin = sorted(kin, key=lambda each: -len(each.prompts))  # a beginning is named before the prompts that begin so
    sent = {place: len({users[prompt] for prompt in each.prompts} - {None}) for place, each in enumerate(kin)}
    fewest = max(sent.values(), default=0)
    of, apart, common = groups.of, set[int](), list[Template]()
    while fewest > 1 and (large := _too_large(of, users, apart, most)):
        fewest = max(fewest // 2, 1)
        for place in [
            place for place, number in sent.items() if number > fewest and of[kin[place].prompts[0]] in large
        ]:
            each, number = kin[place], sent.pop(place)
            if not apart.issuperset(each.prompts):
                common.append(Template(each.begin, len(each.prompts), each.opening, number))
                apart.update(each.prompts)
        of = _joined(len(of), kin, users, known, apart)
    common.sort(key=lambda template: (-template.users, template.text))
    return replace(groups, of=of, common=common, apart=apart)


def _too_large(of: Sequence[int], users: Sequence[str | None], apart: AbstractSet[int], most: float) -> set[int]:
    """Groups of more than ``most`` prompts that hold several users together."""
    sizes = Counter(of)
    held: dict[int, set[str]] = {first: set() for first, size in sizes.items() if size > most}
    for prompt, first in enumerate(of):
        if first in held and prompt not in apart and (user := users[prompt]):
            held[first].add(user)
    return {first for first, names in held.items() if len(names) > 1}


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
