"""Which side of a split each prompt stands on: whole groups of prompts, so that nothing held out is trained on."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.training.snapshots.rules import Split, split_key, split_of
from trainer.contract.folder import Leaks, SplitReport, TemplateLeftOut
from trainer.contract.grouping import OF_USER, Groups, Template, grouped, read, shared_beginning

CONVERSATION = ("conversation_id", "message_tree_id", "tree")
"""Details of a prompt that name the conversation it is a part of, in the spellings of the field's files."""
LONGEST_SHOWN = 300
MOST_SHOWN = 50


@dataclass(frozen=True)
class PoolPrompt:
    """What a split has to know of a prompt; ``text`` as the grouping reads it."""

    id: int
    fingerprint: str
    text: str
    user: str | None
    conversation: str | None


def pool_prompt(
    id_: int,
    fingerprint: str,
    source: str,
    user_key: str | None,
    messages: Sequence[Mapping[str, str]],
    detail: Mapping[str, Any],
) -> PoolPrompt:
    """A row of the pool, without the texts themselves."""
    text = read((message["role"], message["content"]) for message in messages)
    named = next((detail[name] for name in CONVERSATION if isinstance(detail.get(name), str | int)), None)
    return PoolPrompt(id_, fingerprint, text, user_key, None if named in (None, "") else f"{source}:{named}")


@dataclass(frozen=True)
class Sides:
    """The split of a pool.

    Attributes:
        of: prompt id -> its side.
        group: prompt id -> the id of the oldest prompt of its group.
        groups: as they were found, in the order of the pool.
        kept: prompts that an earlier snapshot held out and that stay so, though the share would not.
    """

    of: Mapping[int, Split]
    group: Mapping[int, int]
    groups: Groups
    kept: int


def sides_of(
    pool: Sequence[PoolPrompt], share: float, seed: int, prefix: int, held_before: Collection[int] = ()
) -> Sides:
    """Split a pool, oldest prompt first.

    The oldest prompt of a group decides by its hash, so new prompts join the side that is there. Where new prompts make
    one group of two, the older one's side is that of both. But what was held out once stays so, and its group with it.
    """
    texts, users, known = ([getattr(prompt, name) for prompt in pool] for name in ("text", "user", "conversation"))
    groups = grouped(texts, users, known, prefix)
    stay = {groups.of[index] for index, prompt in enumerate(pool) if prompt.id in held_before}
    side: dict[int, Split] = {}
    kept_out = 0
    for index, size in groups.sizes.items():
        oldest = pool[index]
        user = None if index in groups.apart else oldest.user
        side[index] = split_of(split_key(user, oldest.fingerprint), share, seed)
        if index in stay and side[index] == "train":
            side[index] = "heldout"
            kept_out += size
    return Sides(
        {prompt.id: side[first] for prompt, first in zip(pool, groups.of, strict=True)},
        {prompt.id: pool[first].id for prompt, first in zip(pool, groups.of, strict=True)},
        groups,
        kept_out,
    )


def report(
    pool: Sequence[PoolPrompt], sides: Sides, prefix: int, written: Mapping[int, Split], rows_apart: int
) -> SplitReport:
    """What the manifest says of a split: ``written`` are the sides of the prompts as their file has them."""
    sizes = Counter(sides.group[id_] for id_ in written)
    groups = sides.groups
    apart = {pool[index].id for index in groups.apart} & set(written)
    return SplitReport(
        prefix_length=prefix,
        groups=len(sizes),
        largest_group=max(sizes.values(), default=0),
        heldout_share=round(sum(side == "heldout" for side in written.values()) / len(written), 4) if written else 0.0,
        kept=sides.kept,
        templates=[_shown(template) for template in groups.templates[:MOST_SHOWN]],
        templates_left_out=len(groups.templates),
        common=[_shown(template) for template in groups.common[:MOST_SHOWN]],
        apart=len(apart),
        leaks=leaks(
            [prompt for prompt in pool if prompt.id in written], written, groups.templates, prefix, apart, rows_apart
        ),
    )


def _shown(template: Template) -> TemplateLeftOut:
    return TemplateLeftOut(
        text=template.text[:LONGEST_SHOWN].strip(), prompts=template.prompts, users=template.users or None
    )


def leaks(
    pool: Sequence[PoolPrompt],
    side: Mapping[int, Split],
    templates: Sequence[Template],
    prefix: int,
    apart: Collection[int] = (),
    rows_apart: int = 0,
) -> Leaks:
    """What stands on both sides, found without the groups: by name, and by neighbours in the alphabet.

    Of all texts in order, two that share a beginning have nothing between them that does not share it. So where a
    beginning stands on both sides, two neighbours of different sides share it.
    """
    ordered = sorted(pool, key=lambda prompt: prompt.text)
    openings, beginnings = set[str](), set[str]()
    for prompt, other in pairwise(ordered):
        if side[prompt.id] == side[other.id]:
            continue
        common = shared_beginning(prompt.text, other.text)
        told = _told_by(common, [template.text for template in templates if template.opening])
        if OF_USER in common[told:]:
            openings.add(common[: common.index(OF_USER, told)])
        told = _told_by(common, [template.text for template in templates if not template.opening])
        if 0 < prefix <= len(common) - told:
            beginnings.add(common[: told + prefix])
    return Leaks(
        users=_on_both((prompt.user, side[prompt.id]) for prompt in pool if prompt.id not in apart),
        conversations=_on_both((prompt.conversation, side[prompt.id]) for prompt in pool),
        texts=_on_both((prompt.text, side[prompt.id]) for prompt in pool),
        openings=len(openings),
        beginnings=len(beginnings),
        rows=rows_apart,
    )


def _told_by(common: str, templates: Iterable[str]) -> int:
    """Characters of the longest template that a text begins with."""
    return max((len(text) for text in templates if common.startswith(text)), default=0)


def _on_both(named: Iterable[tuple[str | None, Split]]) -> int:
    """Names that stand on more than one side."""
    sides_by_name: dict[str, set[Split]] = {}
    for name, side in named:
        if name:
            sides_by_name.setdefault(name, set()).add(side)
    return sum(len(sides) > 1 for sides in sides_by_name.values())
