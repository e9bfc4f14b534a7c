"""What rows of every shape say of a judgement: the order, who judged, how long, and how much better."""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from app.errors import shown
from app.labeling.importing.drafts import AnswerDraft, DemonstrationDraft, Drafts, PromptDraft, RankingDraft
from app.labeling.importing.shapes.parts import name_of, refuse, refuse_truth
from app.language import mark
from app.material.files.fields import Fields, Over
from app.material.prompts import rules
from app.people.rules import LONGEST_GROUP, TOO_LONG_A_GROUP, group_problem
from trainer.contract import refused
from trainer.statistics.weak_orders import dense_ranks


def ranking_of(
    row: Fields | Over,
    prompt: PromptDraft,
    answers: list[AnswerDraft],
    ranks: list[object],
    annotator: object,
    *,
    listed: str = "",
    alike: bool = False,
) -> RankingDraft:
    """A checked ranking: whole ranks from 1, 2 to 9 answers, dense ranks.

    Equal texts (two systems that said the same) stay apart and keep the verdict that the file gives, so that every
    judgement of the file is one here.

    Args:
        row: what tells of the judgement.
        prompt: what was answered.
        answers: in the order of the file.
        ranks: of the answers, as the file gives them.
        annotator: who judged, as the file gives it.
        listed: the list of answers in the file's row that has the ranks; else they stand in ``ranks``.
        alike: of the two none is better, however much: that stays in the detail.
    """
    if len(answers) != len(ranks):
        counts = {"answers": len(answers), "ranks": len(ranks)}
        refuse(refused.ONE_RANK_EACH, "ranks", **counts)
    numbered: list[AnswerDraft] = []
    raw_ranks: list[int] = []
    for number, (answer, rank) in enumerate(zip(answers, ranks, strict=True), 1):
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
            place = (listed, number, "rank") if listed else ("ranks", number)
            refuse(mark("“%(value)s” is no rank: give a whole number from 1."), *place, value=shown(rank))
        same = [earlier for earlier in numbered if (earlier.sha256, earlier.source) == (answer.sha256, answer.source)]
        numbered.append(replace(answer, equals_before=len(same)))
        raw_ranks.append(rank)
    if not rules.SMALLEST_K <= len(numbered) <= rules.LARGEST_K:
        bounds = {"least": rules.SMALLEST_K, "most": rules.LARGEST_K}
        refuse(mark("A ranking compares %(least)s to %(most)s answers, not %(count)s."), count=len(numbered), **bounds)
    places = sorted(answer.shown for answer in numbered if answer.shown is not None)
    if places and places != list(range(len(numbered))):
        told = mark("The places of the answers on the screen must be 0 to %(last)s, one for each.")
        refuse(told, *([listed] if listed else []), "shown", last=len(numbered) - 1)
    dense = dense_ranks(raw_ranks)
    return RankingDraft(
        prompt,
        tuple(numbered),
        tuple(dense),
        name_of(annotator, "annotator"),
        row_id_of(row),
        _seconds(row),
        phase_of(row),
        labeler_group_of(row),
        strength=None if alike else _strength(row, dense),
        none_acceptable=_none_acceptable(row),
    )


def ranked(rankings: list[RankingDraft], extra: Iterable[DemonstrationDraft] = ()) -> Drafts:
    return Drafts(
        prompts=[rankings[0].prompt],
        candidates=[(rankings[0].prompt, answer) for answer in rankings[0].answers],
        rankings=rankings,
        demonstrations=list(extra),
    )


def row_id_of(row: Fields | Over) -> str:
    """By which the same row is known again; it stays in the detail, so that people can find the row in their file."""
    key = "id" if row.peek("id") else "ranking_id"
    return name_of(row.peek(key), key) or ""


def phase_of(row: Fields | Over) -> Literal["training", "evaluation"]:
    phase = row.get("phase") or "training"
    if phase not in ("training", "evaluation"):
        known = ["training", "evaluation"]
        refuse(mark("“%(value)s” is no phase: it is %(known)s."), "phase", value=shown(phase), known=known)
    return "evaluation" if phase == "evaluation" else "training"


def labeler_group_of(row: Fields | Over) -> str | None:
    key = "labeler_group" if row.peek("labeler_group") is not None else "annotator_group"
    group = name_of(row.get(key), key)
    if group is not None and group_problem(group):
        refuse(TOO_LONG_A_GROUP, key, number=LONGEST_GROUP)
    return group


STRENGTHS = {"significantly better": 3.0, "better": 2.0, "slightly better": 1.0, "negligibly better": 0.0}
"""The four levels of Llama 2, §3.2.1; the last is called "negligibly better/ unsure" there."""


def _strength(row: Fields | Over, ranks: list[int]) -> float | None:
    """How much better the better one of two answers is."""
    key = "strength" if row.peek("strength") is not None else "margin"
    value = row.get(key)
    if value is None or value == "":
        return None
    strength = _strength_of(value)
    if strength is None:
        text = mark("“%(value)s” is no strength: give a number from 0, or %(known)s.")
        refuse(text, key, value=shown(value), known=list(STRENGTHS))
    if len(ranks) != 2:
        text = mark("This says how much better one of two answers is; the row ranks %(count)s answers.")
        refuse(text, key, count=len(ranks))
    if strength and ranks[0] == ranks[1]:
        refuse(mark("The answers are tied, so none can be better by %(value)s."), key, value=f"{strength:g}")
    return strength


def _strength_of(value: object) -> float | None:
    """A finite number from 0 for a number, a numeral (a cell of CSV) or words; else nothing."""
    if isinstance(value, str):
        words = re.sub(r"[\s_\-]+", " ", value).strip().lower()
        known = STRENGTHS.get(re.sub(r" ?/ ?unsure$", "", words))
        if known is not None:
            return known
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):  # no numeral; more than a float holds
        return None
    return number if 0 <= number < math.inf else None


def _none_acceptable(row: Fields | Over) -> bool | None:
    """Whether the annotator found even the best answer not good enough; nothing where the row does not say."""
    value = row.get("none_acceptable")
    if value is None or value == "":
        return None
    told = {"true": True, "yes": True, "false": False, "no": False}.get(str(value).strip().lower())
    if told is None:
        refuse_truth(value, "none_acceptable")
    return told


def _seconds(row: Fields | Over) -> float | None:
    """The time that a judgement took: a number, or the numeral of a CSV cell; anything else stays in the detail."""
    value = row.peek("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    if not 0 <= seconds < 1e9:  # neither NaN nor what no float holds is between them
        return None
    row.get("seconds")
    return seconds
