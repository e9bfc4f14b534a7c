"""Accuracy within each group of a division of the data."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark, said
from app.web.rates import Dots, Line, axis_of, even_line, percent, rate_row
from trainer.contract.judging import Group, Judging, Share

LONG_LIST = 12
SHOWN_APART = 8
REST = (
    mark("others"),
    mark("not given"),
)  # what the trainer calls groups beyond the largest, and rankings without a label


@dataclass(frozen=True)
class Part:
    """Accuracy within each group of one division of the data.

    Attributes:
        apart: of a long list, the rows whose interval does not reach the accuracy of the whole.
        strip: of a long list, where all its rows stand on the axis.
    """

    key: str
    title: str
    hint: str
    dots: Dots
    apart: Dots | None = None
    strip: Sequence[float] = ()


@dataclass(frozen=True)
class _Division:
    key: str
    title: str
    first: str
    hint: str
    missing: str
    sorts: bool


DIVISIONS = (
    _Division("by_k", mark("Number of answers"), "K", mark("Answers ranked at once."), mark("rankings"), sorts=False),
    _Division(
        "by_ties",
        mark("Ties"),
        mark("Rankings"),
        mark("Preferences stated in rankings without and with tied answers."),
        mark("Ties: needs a ranking in which answers are tied."),
        sorts=False,
    ),
    _Division(
        "by_use_case",
        mark("Use case"),
        mark("Use case"),
        mark("What the prompt asks for."),
        mark("Use case: label prompts with their use case, and the next snapshot carries it."),
        sorts=True,
    ),
    _Division(
        "by_likert_gap",
        mark("Likert gap"),
        mark("Gap"),
        mark("Difference of the two ratings: far apart should be easy. Contradicted: the better one was rated lower."),
        mark("Likert gap: needs rankings whose answers were rated as well."),
        sorts=False,
    ),
    _Division(
        "by_strength",
        mark("Strength of preference"),
        mark("Strength"),
        mark("How much better the person found the better answer."),
        mark("Strength: needs pairs whose strength was collected."),
        sorts=False,
    ),
    _Division(
        "by_labeler",
        mark("Labeler"),
        mark("Labeler"),
        mark("Against the labels of one person each."),
        mark("Labeler: needs rankings of held-out prompts with the labeler's pseudonym."),
        sorts=True,
    ),
    _Division(
        "by_group",
        mark("Labeler group"),
        mark("Group"),
        mark("Against the labels of each group of people."),
        mark("Labeler group: put people into groups, and the next snapshot carries them."),
        sorts=True,
    ),
    _Division(
        "by_head",
        mark("Other heads"),
        mark("Head"),
        mark("Each further score against its own flags and ratings."),
        mark("Other heads: tick heads when the run is started."),
        sorts=False,
    ),
)


def parts(judging: Judging) -> list[Part]:
    """The divisions that have groups, long lists sorted by accuracy."""
    return [
        _part(division, groups, judging.accuracy) for division in DIVISIONS if (groups := _groups(judging, division))
    ]


def missing_parts(judging: Judging) -> list[str]:
    """What would fill each division that has no groups."""
    return [_(division.missing) for division in DIVISIONS if not _groups(judging, division) and division.key != "by_k"]


def _groups(judging: Judging, division: _Division) -> list[Group]:
    groups: list[Group] = getattr(judging, division.key)
    return groups


def _part(division: _Division, groups: Sequence[Group], whole: Share) -> Part:
    if division.sorts:
        groups = sorted(groups, key=_by_accuracy)
    axis = axis_of([whole, *(group.accuracy for group in groups)])
    lines = [even_line(axis)]
    # Heads answer other questions than the ranking, so the accuracy of the whole is no yardstick for them.
    if whole.value is not None and division.key != "by_head":
        lines.append(Line(axis.at(whole.value), _("all pairs, %(share)s", share=percent(whole.value)), "whole"))
    # Along a scale (K, gap, strength) the groups are meant to differ; only elsewhere it is news.
    rows = [
        rate_row(axis, said(group.name), group.accuracy, note=_apart(group.accuracy, whole) if division.sorts else "")
        for group in groups
    ]
    title, hint = _(division.title), _(division.hint)
    dots = Dots(_("Accuracy: %(division)s", division=title), division.first, axis, lines, rows)
    if len(rows) <= LONG_LIST:
        return Part(division.key, title, hint, dots)
    strip = tuple(row.mark.at for row in rows if row.mark.at is not None)
    apart = [row for row in rows if row.note]
    if len(apart) > SHOWN_APART:
        apart = [*apart[: SHOWN_APART // 2], *apart[-(SHOWN_APART // 2) :]]
    caption = _("%(caption)s: those apart from the whole", caption=dots.caption)
    few = Dots(caption, division.first, axis, lines, apart)
    return Part(division.key, title, hint, dots, few, strip)


def _by_accuracy(group: Group) -> tuple[bool, bool, float, str]:
    """Best first; those without a pair and what is no group come last."""
    value = group.accuracy.value
    return (group.name in REST, value is None, -(value or 0.0), group.name)


def _apart(share: Share, whole: Share) -> str:
    """Whether an interval leaves the accuracy of the whole out."""
    if whole.value is None or share.low is None or share.high is None:
        return ""
    if share.high < whole.value:
        return _("▼ below")
    return _("▲ above") if share.low > whole.value else ""
