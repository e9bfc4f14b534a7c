"""Two answers and which of them is better: ``pair``, ``votes`` and ``verdict``."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from app.errors import shown
from app.labeling.importing.drafts import AnswerDraft, Drafts, PromptDraft
from app.labeling.importing.shapes.judged import ranked, ranking_of, row_id_of
from app.labeling.importing.shapes.parts import answer_of, name_of, prompt_of, refuse
from app.labeling.importing.shapes.talks import (
    Messages,
    asked_by,
    below_prompt,
    said_in,
    talk_of,
    whole,
    with_input,
)
from app.language import mark
from app.material.files.fields import Fields, Over
from trainer.contract import refused

_RANKS_OF_CHOICE = {"a": [1, 2], "b": [2, 1], "tie": [1, 1]}
MOST_STEPS = 4  # to each side
_WORDED = ("winner", "preference", "choice")


def read_pair(row: Fields) -> Drafts:
    chosen, rejected = row["chosen"], row["rejected"]
    if not asked_by(row) and not all(
        said_in(side, row, name)[0] for side, name in ((chosen, "chosen"), (rejected, "rejected"))
    ):
        refuse(mark("Without a prompt, this must be a talk of Human and Assistant."), "chosen")
    messages, texts = talk_of(row, {("chosen",): chosen, ("rejected",): rejected})
    answers = [answer_of(text, None, side, key=None) for text, side in zip(texts, ("chosen", "rejected"), strict=True)]
    # This form cannot say that two answers are alike, so of two equal texts neither was preferred.
    alike = answers[0].sha256 == answers[1].sha256
    ranks: list[object] = [1, 1] if alike else [1, 2]
    return ranked([ranking_of(row, prompt_of(row, messages), answers, ranks, row.get("annotator"), alike=alike)])


def _two(row: Fields, sides: str) -> tuple[PromptDraft, list[AnswerDraft]]:
    """The prompt and the two answers of ``votes`` and ``verdict``, with the model that wrote each, if it is named."""
    names = [f"response_{side}" for side in sides]
    turns = _turns(row, names)
    messages, texts = turns or talk_of(row, {(name,): row.get(name) for name in names})
    models = [row.split({f"model_{side}"} & row.rest().keys()) for side in sides]
    answers = []
    for name, text, side, model in zip(names, texts, sides, models, strict=True):
        field = f"model_{side}"
        source = model.get(field) if isinstance(model.peek(field), str) else None
        answer = answer_of(text, None, name, key=None)
        answers.append(replace(answer, source=name_of(source, field), detail=model.detail))
    return prompt_of(row, messages), answers


def _turns(row: Fields, names: Sequence[str]) -> tuple[Messages, list[Any]] | None:
    """The form of the Chatbot Arena: the prompt is a list of turns, and so is what each side said to them."""
    asked, *talks = (_listed(row.peek(name)) for name in ("prompt", *names))
    if not asked or any(len(talk) != len(asked) for talk in talks):
        return None
    if any(talk[:-1] != talks[0][:-1] for talk in talks):
        refuse(mark("These talks differ before their last answers."), *names)
    for name in ("prompt", *names):
        row.get(name)
    talk = [{"role": "user", "content": asked[0]}]
    for answer, turn in zip(talks[0], asked[1:], strict=False):
        talk += [{"role": "assistant", "content": answer}, {"role": "user", "content": turn}]
    return whole(with_input(talk, below_prompt(row)), row), [talk[-1] for talk in talks]


def _listed(value: object) -> list[Any]:
    """A list of texts, also as the JSON of a cell; empty where it is none."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value if isinstance(value, list) and all(isinstance(item, str | None) for item in value) else []


def read_votes(row: Fields) -> Drafts:
    prompt, answers = _two(row, "ab")
    votes = row["votes"]
    if not isinstance(votes, list) or not votes:
        refuse(refused.LIST, "votes")
    rankings = []
    for number, vote in enumerate(row.parts("votes"), 1):
        choice = vote.get("choice") if isinstance(vote, Fields) else None
        if not isinstance(choice, str) or choice not in _RANKS_OF_CHOICE:
            _refuse_choice(choice, "ab", "votes", number, "choice")
        ranks: list[object] = [*_RANKS_OF_CHOICE[choice]]
        ranking = ranking_of(Over(vote, row), prompt, answers, ranks, vote.get("annotator"))
        rankings.append(replace(ranking, row_id=row_id_of(row), detail=vote.detail))
    return ranked(rankings)


def read_verdict(row: Fields) -> Drafts:
    sides = "ab" if "response_a" in row else "01" if "response_0" in row else "12"
    prompt, answers = _two(row, sides)
    if row.peek("preference_strength") not in (None, ""):
        return _by_steps(row, prompt, answers)
    better = _better(row, sides)
    if better is None:
        if name := next((name for name in _WORDED if name in row.rest()), None):
            _refuse_choice(row.peek(name), sides, name)
        return Drafts(prompts=[prompt], candidates=[(prompt, answer) for answer in answers])
    ranks: list[object] = [*_RANKS_OF_CHOICE[better]]
    return ranked([ranking_of(row, prompt, answers, ranks, row.get("annotator"))])


def _by_steps(row: Fields, prompt: PromptDraft, answers: list[AnswerDraft]) -> Drafts:
    """A verdict by steps from the middle: HelpSteer2 has 3 to each side, the bar of Bai et al. 2022 has 4."""
    value = row.get("preference_strength")
    try:
        steps = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):  # no numeral; more than a float holds
        steps = math.nan
    if not (steps.is_integer() and abs(steps) <= MOST_STEPS):
        text = mark("“%(value)s” is no step: give a whole number from −%(most)s (the first answer) to %(most)s.")
        refuse(text, "preference_strength", value=shown(value), most=MOST_STEPS)
    ranks: list[object] = [*_RANKS_OF_CHOICE["a" if steps < 0 else "b" if steps > 0 else "tie"]]
    ranking = ranking_of(row, prompt, answers, ranks, row.get("annotator"))
    return ranked([replace(ranking, strength=abs(steps) if steps else None)])


def _refuse_choice(value: object, sides: str, *place: str | int) -> NoReturn:
    refuse(mark("“%(value)s” is not understood. Say %(known)s."), *place, value=shown(value), known=[*sides, "tie"])


def _better(row: Fields, sides: str) -> str | None:
    """Which side is better, ``a``, ``b`` or ``tie``; nothing where the row does not say so in a way that is known.

    Numbers under names such as ``preference`` are not: 1 is the first answer to some and the second to others.
    """
    for name in _WORDED:
        if (word := _side_named(row.peek(name), sides)) is not None:
            row.get(name)
            return word
    marks = [f"winner_model_{sides[0]}", f"winner_model_{sides[1]}", "winner_tie"]
    is_marked = [str(row.peek(name)).strip().lower() in ("1", "1.0", "true") for name in marks]
    if sum(is_marked) == 1:
        for name in marks:
            row.get(name)
        return ("a", "b", "tie")[is_marked.index(True)]
    if sides == "01" and (better := str(row.peek("better_response_id"))) in ("0", "1"):
        row.get("better_response_id")
        return "ab"[int(better)]
    return None


def _side_named(value: object, sides: str) -> str | None:
    if not isinstance(value, str):
        return None
    word = re.sub(r"[\s_\-]+", "_", value.strip().lower())
    if word in ("tie", "tie_(bothbad)"):
        return "tie"
    word = re.sub(r"^(model|response)_", "", word) if not word.isdigit() else ""
    return "ab"[sides.index(word)] if len(word) == 1 and word in sides else None
