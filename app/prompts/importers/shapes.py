"""What the rows of a file mean: a shape is known by its keys, and reads a row into drafts or refuses it.

=============  ==============================================================================
``native``     rows of our own snapshots and exports (``trainer.contract.records``)
``tree``       Open-Assistant conversation trees
``k-wise``     ``prompt`` and ``candidates: [{text, rank, …}]``, rank 1 best, equal = tie
``votes``      ``prompt``, ``response_a``, ``response_b`` and ``votes: [{annotator, choice}]``
``labels``     ``prompt``, if need be ``response`` (or ``completion``), and ``labels``: {annotator: label}
               or [{annotator, label}]; ``question`` names what was asked
``pair``       ``chosen`` and ``rejected``, with or without ``prompt`` (hh-rlhf)
``response``   ``prompt`` and ``response``: a demonstration; ``input`` goes below the prompt
``prompt``     ``prompt`` (text or messages), ``messages`` or ``turns``: a prompt alone
=============  ==============================================================================

Any row may say ``sensitive``, true or false: whether labelers are warned before they read the prompt; and
``high_stakes``: whether a small mistake in an answer could cost somebody dearly.
A row with a ranking may also say ``labeler_group`` (or ``annotator_group``); of two answers ``strength`` (or
``margin``), a number from 0 or in Llama 2's words; ``none_acceptable``, whether even the best answer is not good
enough; and for every answer ``shown``, its place on the screen from 0.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NoReturn

from pydantic import ValidationError

from app.people import rules as people_rules
from app.prompts import rules
from app.prompts.importers.drafts import (
    AnswerDraft,
    DemonstrationDraft,
    Drafts,
    LabelDraft,
    PromptDraft,
    RankingDraft,
)
from app.prompts.importers.readers import Line, Refusal, Row
from trainer.contract import records

LOOK_AHEAD = 50  # rows by which a file's shape is told
LONGEST_DETAIL = 4_000  # characters of one kept field
_TOLD = frozenset(
    {"prompt", "messages", "turns", "input", "response", "chosen", "rejected", "candidates", "votes", "reference"}
    | {"response_a", "response_b", "demonstration", "answers", "ranks", "text", "rank", "likert", "flags", "source"}
    | {"lang", "language", "user", "user_id", "user_key", "annotator", "seconds", "phase", "split", "gold", "in_strict"}
    | {"labels", "question", "completion"}
    | {"labeler_group", "annotator_group", "strength", "margin", "shown", "none_acceptable", "sensitive", "high_stakes"}
)


# The first that fits names the shape: all its keys are there.
TELLING_KEYS: tuple[tuple[str, frozenset[str]], ...] = (
    ("native", frozenset({"ranking_id", "answers", "ranks"})),
    ("native", frozenset({"demonstration_id", "messages", "response"})),
    ("native", frozenset({"prompt_id", "messages"})),
    ("tree", frozenset({"message_tree_id"})),
    ("k-wise", frozenset({"candidates"})),
    ("votes", frozenset({"votes"})),
    ("labels", frozenset({"labels", "prompt"})),
    ("labels", frozenset({"labels", "messages"})),
    ("pair", frozenset({"chosen", "rejected"})),
    ("response", frozenset({"response"})),
    ("prompt", frozenset({"prompt"})),
    ("prompt", frozenset({"messages"})),
    ("prompt", frozenset({"turns"})),
)


class RowProblemError(Exception):
    """A row that cannot be taken; the message tells the person why."""


def _refuse(reason: str) -> NoReturn:
    raise RowProblemError(reason)


def shape_of(row: Row) -> str | None:
    """The shape of one row by its keys, or nothing."""
    keys = row.keys()
    return next((shape for shape, told in TELLING_KEYS if told <= keys), None)


def shape_of_file(lines: Iterable[Line]) -> str | None:
    """The most frequent shape; of equally frequent ones the first."""
    shapes = Counter(shape for _, row in lines if not isinstance(row, Refusal) and (shape := shape_of(row)))
    return shapes.most_common(1)[0][0] if shapes else None


def read_drafts(lines: Iterator[Line], kind: str) -> tuple[str, Iterator[tuple[int, Drafts | Refusal]]]:
    """Tell the file's shape from its first rows, then read every row as that shape.

    Returns:
        The shape's name (``unknown`` when no row has one) and the drafts, line by line.
    """
    first: list[Line] = []
    for line in lines:
        first.append(line)
        if len(first) == LOOK_AHEAD:
            break
    shape = shape_of_file(first)

    def drafts() -> Iterator[tuple[int, Drafts | Refusal]]:
        for number, row in first:
            yield number, row if isinstance(row, Refusal) else draft_of(shape, row, kind)
        for number, row in lines:
            yield number, row if isinstance(row, Refusal) else draft_of(shape, row, kind)

    return shape or "unknown", drafts()


def draft_of(shape: str | None, row: Row, kind: str) -> Drafts | Refusal:
    """Read one row as a shape, for one kind of import."""
    if shape is None:
        return Refusal(f"no known shape: the row has {', '.join(sorted(map(str, row))[:8]) or 'no keys'}")
    try:
        drafts = SHAPES[shape](row).only(kind)
    except RowProblemError as problem:
        return Refusal(str(problem))
    except KeyError as missing:
        return Refusal(f"the row has no {missing.args[0]}, as the others of this file do")
    return drafts or Refusal(f"the row holds no {kind.removesuffix('s') if kind != 'detect' else 'content'}")


# The parts that rows are made of.


def _text(value: object, what: str, *, may_be_empty: bool = False) -> str:
    if problem := rules.text_problem(value, what, may_be_empty=may_be_empty):
        _refuse(problem)
    return str(value)


def _short(value: object, what: str) -> str | None:
    """A name or pseudonym: text or a number, or nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        _refuse(f"{what} is not a name")
    text = str(value)
    if problem := rules.character_problem(text, what):
        _refuse(problem)
    if len(text) > 200:
        _refuse(f"{what} is longer than 200 characters")
    return text


def _messages(value: object, what: str = "the prompt") -> list[dict[str, str]]:
    if isinstance(value, str) or value is None:
        return [{"role": "user", "content": _text(value, what)}]
    if problem := rules.messages_problem(value, what):
        _refuse(problem)
    return [{"role": m["role"], "content": m["content"]} for m in value]  # type: ignore[attr-defined]


def _prompt(row: Row, messages: list[dict[str, str]]) -> PromptDraft:
    """A prompt with what its row tells about it; what is not understood is kept as detail."""
    detail = _detail(row)
    use_case = None
    for key in ("use_case", "category"):
        if isinstance(row.get(key), str) and (use_case := rules.use_case_of(row[key])):
            detail.pop(key, None)
            break
    return PromptDraft(
        messages,
        rules.prompt_fingerprint(messages),
        use_case,
        _short(row.get("lang") or row.get("language"), "lang"),
        _short(row.get("user_key") or row.get("user") or row.get("user_id"), "user"),
        _short(row.get("source"), "source"),
        detail,
        _mark(row, "sensitive"),
        _mark(row, "high_stakes"),
    )


def _mark(row: Row, name: str) -> bool | None:
    try:
        return rules.truth_of(row.get(name))
    except ValueError:
        _refuse(f"{name} is {_quoted(row[name])}, neither true nor false")


def _detail(row: Mapping[str, Any]) -> dict[str, Any]:
    """Small fields that no column holds, cleaned of what databases cannot store."""
    return {
        key: value
        for key, value in row.items()
        if key not in _TOLD and _storable(key) and _storable(value) and value not in (None, "", [], {})
    }


def _storable(value: object, depth: int = 0) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_DETAIL and rules.character_problem(value, "") is None
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list) and depth < 2:
        return len(value) <= 50 and all(_storable(v, depth + 1) for v in value)
    if isinstance(value, dict) and depth < 2:
        return len(value) <= 50 and all(_storable(k, 2) and _storable(v, depth + 1) for k, v in value.items())
    return value is None or isinstance(value, bool | int)


def _answer(value: object, what: str, row: Mapping[str, Any] | None = None) -> AnswerDraft:
    """A candidate's text, from text or from messages that end with the assistant's; a model may have said nothing."""
    if isinstance(value, list):
        if not value or not isinstance(value[-1], dict) or value[-1].get("role") != "assistant":
            _refuse(f"{what} does not end with a message of the assistant")
        value = value[-1].get("content")
    text = _text(value, what, may_be_empty=True)
    row = row or {}
    likert = row.get("likert")
    if likert is not None and (isinstance(likert, bool) or not isinstance(likert, int) or not 1 <= likert <= 7):
        _refuse(f"{what}: the rating {likert!r} is not a whole number from 1 to 7")
    flags = row.get("flags") or []
    if not isinstance(flags, list) or not all(isinstance(f, str) for f in flags):
        _refuse(f"{what}: the flags are not a list of names")
    names = tuple(sorted({_text(flag, "a flag") for flag in flags}))
    source = _short(row.get("source") or row.get("model"), f"the source of {what}")
    shown = _place(row.get("shown"), what)
    return AnswerDraft(text, rules.text_sha256(text), source, _detail(row), likert, names, shown=shown)


def _place(shown: object, what: str) -> int | None:
    if shown is not None and (isinstance(shown, bool) or not isinstance(shown, int)):
        _refuse(f"{what}: its place on the screen is {shown!r}, not a whole number from 0")
    return shown


def _ranking(
    row: Row, prompt: PromptDraft, answers: list[AnswerDraft], ranks: list[object], annotator: object
) -> RankingDraft:
    """A checked ranking: whole ranks from 1, 2 to 9 answers, dense ranks.

    Equal texts (two systems that said the same) stay apart and keep the verdict that the file gives, so that every
    judgement of the file is one here.
    """
    if len(answers) != len(ranks):
        _refuse(f"{len(answers)} answers but {len(ranks)} ranks")
    kept: list[AnswerDraft] = []
    given: list[int] = []
    for place, (answer, rank) in enumerate(zip(answers, ranks, strict=True), 1):
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
            _refuse(f"the rank of answer {place} is {rank!r}, not a whole number from 1")
        same = [one for one in kept if (one.sha256, one.source) == (answer.sha256, answer.source)]
        kept.append(replace(answer, twin=len(same)))
        given.append(rank)
    if len(kept) < rules.SMALLEST_K:
        _refuse(f"{len(kept)} answer; a ranking compares at least {rules.SMALLEST_K}")
    if len(kept) > rules.LARGEST_K:
        _refuse(f"{len(kept)} answers; a ranking has at most {rules.LARGEST_K}")
    places = sorted(answer.shown for answer in kept if answer.shown is not None)
    if places and places != list(range(len(kept))):
        _refuse(f"the places on the screen are not 0 to {len(kept) - 1}, each for one answer")
    dense = rules.dense_ranks(given)
    return RankingDraft(
        prompt,
        tuple(kept),
        tuple(dense),
        _short(annotator, "the annotator"),
        _short(row.get("id") or row.get("ranking_id"), "id") or "",
        _seconds(row.get("seconds")),
        _phase(row),
        _labeler_group(row),
        strength=_strength(row, dense),
        none_acceptable=_none_acceptable(row),
    )


def _phase(row: Row) -> Literal["training", "evaluation"]:
    phase = row.get("phase") or "training"
    if phase not in ("training", "evaluation"):
        _refuse(f"the phase {phase!r} is neither training nor evaluation")
    return "evaluation" if phase == "evaluation" else "training"


def _labeler_group(row: Row) -> str | None:
    key = "labeler_group" if row.get("labeler_group") is not None else "annotator_group"
    group = _short(row.get(key), f"the {key}")
    if group is not None and (problem := people_rules.group_problem(group)):
        _refuse(problem[0].lower() + problem[1:].removesuffix("."))
    return group


STRENGTHS = {"significantly better": 3.0, "better": 2.0, "slightly better": 1.0, "negligibly better": 0.0}
"""The four levels of Llama 2, §3.2.1; the last is called "negligibly better/ unsure" there."""


def _strength(row: Row, ranks: list[int]) -> float | None:
    """How much better the better one of two answers is."""
    key = "strength" if row.get("strength") is not None else "margin"
    given = row.get(key)
    if given is None or given == "":
        return None
    strength = _strength_of(given)
    if strength is None:
        _refuse(f"the {key} {_quoted(given)} is neither a number from 0 nor one of {', '.join(STRENGTHS)}")
    if len(ranks) != 2:
        _refuse(f"the {key} says how much better one of two answers is, but the row ranks {len(ranks)}")
    if strength and ranks[0] == ranks[1]:
        _refuse(f"the answers are tied, but the {key} says that one is better by {strength:g}")
    return strength


def _strength_of(given: object) -> float | None:
    """A finite number from 0 for a number, a numeral (a cell of CSV) or words; else nothing."""
    if isinstance(given, str):
        words = re.sub(r"[\s_\-]+", " ", given).strip().lower()
        known = STRENGTHS.get(re.sub(r" ?/ ?unsure$", "", words))
        if known is not None:
            return known
    try:
        number = float(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else -1.0
    except (ValueError, OverflowError):  # no numeral; more than a float holds
        return None
    return number if 0 <= number < math.inf else None


def _none_acceptable(row: Row) -> bool | None:
    """Whether the annotator found even the best answer not good enough; nothing where the row does not say."""
    given = row.get("none_acceptable")
    if given is None or given == "":
        return None
    told = {"true": True, "yes": True, "false": False, "no": False}.get(str(given).strip().lower())
    if told is None:
        _refuse(f"none_acceptable is true or false, not {_quoted(given)}")
    return told


def _quoted(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:40] + "…"


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e9 else None  # neither NaN nor what no float holds is between them


def _ranked(rankings: list[RankingDraft], extra: Iterable[DemonstrationDraft] = ()) -> Drafts:
    return Drafts(
        prompts=[rankings[0].prompt],
        candidates=[(rankings[0].prompt, answer) for answer in rankings[0].answers],
        rankings=rankings,
        demonstrations=list(extra),
    )


# The shapes.


def _read_prompt(row: Row) -> Drafts:
    if "messages" in row:
        messages = _messages(row["messages"])
    elif "prompt" in row:
        messages = _messages(row["prompt"])
    else:
        turns = row["turns"]
        if not isinstance(turns, list) or not turns:
            _refuse("turns is not a list of texts")
        messages = _messages(_text(turns[0], "the first turn"))
    return Drafts(prompts=[_prompt(row, messages)])


def _read_response(row: Row) -> Drafts:
    messages = _messages(row.get("messages") if "prompt" not in row else row["prompt"])
    if row.get("input") not in (None, ""):
        below = _text(row["input"], "the input")
        messages = [*messages[:-1], {"role": "user", "content": f"{messages[-1]['content']}\n\n{below}"}]
    prompt = _prompt(row, messages)
    return Drafts(prompts=[prompt], demonstrations=[_demonstration(prompt, row["response"], row.get("author"))])


def _demonstration(prompt: PromptDraft, value: object, author: object = None) -> DemonstrationDraft:
    answer = _answer(value, "the response")
    _text(answer.text, "the response")
    return DemonstrationDraft(prompt, answer.text, answer.sha256, _short(author, "the author"))


def _read_pair(row: Row) -> Drafts:
    chosen, rejected = row["chosen"], row["rejected"]
    if row.get("prompt") is not None:
        messages = _messages(row["prompt"])
    elif isinstance(chosen, list) and isinstance(rejected, list):
        if chosen[:-1] != rejected[:-1]:
            _refuse("chosen and rejected do not answer the same conversation")
        messages = _messages(chosen[:-1])
    else:
        messages, chosen, rejected = _transcripts(chosen, rejected)
    answers = [_answer(chosen, "the chosen answer"), _answer(rejected, "the rejected answer")]
    # This form cannot say that two answers are alike, so of two equal texts neither was preferred.
    alike = answers[0].sha256 == answers[1].sha256
    judged = row | {"strength": None, "margin": None} if alike else row
    ranks: list[object] = [1, 1] if alike else [1, 2]
    return _ranked([_ranking(judged, _prompt(row, messages), answers, ranks, row.get("annotator"))])


def _transcripts(chosen: object, rejected: object) -> tuple[list[dict[str, str]], str, str]:
    """The original form of hh-rlhf: each side is a whole talk, turns of Human and Assistant after blank lines."""
    talks = []
    for text, what in ((chosen, "chosen"), (rejected, "rejected")):
        parts = re.split(r"(?:^|\n\n)(Human|Assistant): ?", _text(text, what))
        if len(parts) < 5 or parts[0].strip() or parts[-2] != "Assistant":
            _refuse("there is no prompt, and chosen is not a talk of Human and Assistant")
        roles = ["user" if name == "Human" else "assistant" for name in parts[1::2]]
        talks.append([{"role": role, "content": said.strip()} for role, said in zip(roles, parts[2::2], strict=True)])
    if talks[0][:-1] != talks[1][:-1]:
        _refuse("chosen and rejected do not answer the same conversation")
    return _messages(talks[0][:-1]), talks[0][-1]["content"], talks[1][-1]["content"]


_RANKS_OF_CHOICE = {"a": [1, 2], "b": [2, 1], "tie": [1, 1]}


def _read_votes(row: Row) -> Drafts:
    prompt = _prompt(row, _messages(row.get("prompt")))
    answers = [_answer(row.get(f"response_{side}"), f"response_{side}") for side in "ab"]
    votes = row["votes"]
    if not isinstance(votes, list) or not votes:
        _refuse("votes is not a list of votes")
    rankings = []
    for place, vote in enumerate(votes, 1):
        choice = vote.get("choice") if isinstance(vote, dict) else None
        if not isinstance(choice, str) or choice not in _RANKS_OF_CHOICE:
            _refuse(f"vote {place} is neither a, b nor tie")
        ranks: list[object] = [*_RANKS_OF_CHOICE[choice]]
        rankings.append(_ranking({**row, **vote, "id": row.get("id")}, prompt, answers, ranks, vote.get("annotator")))
    return _ranked(rankings)


def _read_labels(row: Row) -> Drafts:
    """What several people answered to one question about an answer, or about the prompt where there is no answer.

    Who labelled the same twice has two labels; agreement between people takes the first.
    """
    prompt = _prompt(row, _messages(row.get("messages") if "prompt" not in row else row["prompt"]))
    text = row.get("response", row.get("completion"))
    source = {"source": row.get("source"), "model": row.get("model")}
    answer = None if text is None else _answer(text, "the response", source)
    question = _question(row.get("question"))
    given = row["labels"]
    if isinstance(given, dict):
        given = [{"annotator": annotator, "label": label} for annotator, label in given.items()]
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        _refuse("labels are neither {annotator: label} nor [{annotator, label}]")
    before: Counter[str | None] = Counter()
    labels = []
    for place, one in enumerate(given, 1):
        if one.get("label", one.get("value")) is None:
            continue  # who has not judged this row
        annotator = _short(one.get("annotator"), f"the annotator of label {place}")
        value = _label(one.get("label", one.get("value")), place)
        row_id = _short(row.get("id"), "id") or ""
        group, phase = _labeler_group({**row, **one}), _phase(row)
        labels.append(LabelDraft(prompt, answer, annotator, question, value, row_id, before[annotator], phase, group))
        before[annotator] += 1
    if not labels:
        _refuse("nobody has labelled this row")
    return Drafts(prompts=[prompt], candidates=[(prompt, answer)] if answer else [], labels=labels)


def _question(given: object) -> str:
    name = _short(given, "the question") or "label"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        _refuse(f"the question {_quoted(name)} is not a name of small letters, digits and _")
    return name


def _label(given: object, place: int) -> str:
    """A label as flags are kept: yes, no, a whole number, or a word."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    label = _short(given, f"label {place}") if isinstance(given, str | int) else None
    if label is None or not label.strip() or not label.isprintable():
        _refuse(f"label {place} is {_quoted(given)}, neither a word nor a whole number")
    return label.strip()


def _read_k_wise(row: Row) -> Drafts:
    prompt = _prompt(row, _messages(row.get("messages") if "prompt" not in row else row["prompt"]))
    candidates = row["candidates"]
    if not isinstance(candidates, list) or not candidates:
        _refuse("candidates is not a list of answers")
    parts: list[dict[str, Any]] = [c if isinstance(c, dict) else {"text": c} for c in candidates]
    _check_ids(parts)
    answers = [_answer(part.get("text"), f"answer {place}", part) for place, part in enumerate(parts, 1)]
    if not any(part.get("rank") is not None for part in parts):
        drafts = Drafts(prompts=[prompt], candidates=[(prompt, answer) for answer in answers])
    else:
        ranks = [part.get("rank") for part in parts]
        drafts = _ranked([_ranking(row, prompt, answers, ranks, row.get("annotator"))])
    if row.get("demonstration") is not None:
        drafts.demonstrations.append(_demonstration(prompt, row["demonstration"]))
    return drafts


def _check_ids(answers: list[dict[str, Any]]) -> None:
    """Two answers under one id are one answer too many: nobody can say which of them was judged."""
    for key in ("candidate_id", "id"):
        places: dict[str, int] = {}
        for place, answer in enumerate(answers, 1):
            if answer.get(key) is None:
                continue
            id_ = _quoted(answer[key])
            if (first := places.setdefault(id_, place)) != place:
                _refuse(f"answers {first} and {place} have the same {key} {id_}")


def _read_native(row: Row) -> Drafts:
    kind: type[records.Record]
    if "ranking_id" in row:
        kind = records.Ranking
    elif "demonstration_id" in row:
        kind = records.Demonstration
    else:
        kind = records.Prompt
    try:
        kind.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        _refuse(f"not a {kind.__name__.lower()} of ours: {'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}")
    known = {key: row.get(key) for key in ("phase", "ranking_id", "labeler_group", "strength", "none_acceptable")}
    prompt = _native_prompt(row, row if kind is records.Prompt else row.get("prompt_facts"))
    if kind is records.Prompt:
        return Drafts(prompts=[prompt])
    if kind is records.Demonstration:
        demonstration = _demonstration(prompt, row["response"], row.get("author"))
        source = _short(row.get("source"), "the source of the demonstration")
        return Drafts(prompts=[prompt], demonstrations=[replace(demonstration, source=source)])
    _check_ids(row["answers"])
    answers = [_native_answer(answer, f"answer {place}") for place, answer in enumerate(row["answers"], 1)]
    ranking = _ranking(known, prompt, answers, row["ranks"], row.get("annotator"))
    # Without the facts nobody knows whether the use case is the labeler's word or that of the prompt.
    own_use_case = row.get("prompt_facts") is None or row.get("use_case") != prompt.use_case
    told = replace(
        ranking,
        use_case=_short(row.get("use_case"), "the use case") if own_use_case else None,
        native=True,
        campaign=_short(row.get("campaign"), "the campaign"),
        instrument=row.get("instrument") or "ranking",
        prompt_scores=_scores(row.get("prompt_scores")),
        weighing={key: row[key] for key in ("weight", "labelers", "doubt") if row.get(key) is not None},
    )
    return _ranked([told])


def _native_prompt(row: Row, facts: Mapping[str, Any] | None) -> PromptDraft:
    """A prompt of ours with all that was known of it; older exports know its use case alone."""
    messages = _messages(row["messages"])
    told = facts or {"use_case": row.get("use_case")}
    return PromptDraft(
        messages,
        rules.prompt_fingerprint(messages),
        _short(told.get("use_case"), "the use case"),
        _short(told.get("language"), "the language"),
        _short(told.get("user_key"), "the user"),
        _short(told.get("source"), "the source"),
        _json_detail(told.get("detail"), "the detail"),
        told.get("sensitive"),
        told.get("high_stakes"),
    )


def _native_answer(given: Mapping[str, Any], what: str) -> AnswerDraft:
    answer = _answer(given["text"], what, {key: given.get(key) for key in ("source", "likert", "flags", "shown")})
    detail, scores = _json_detail(given.get("detail"), what), _scores(given.get("scores"))
    return replace(answer, detail=detail, scores=scores, native_id=given["candidate_id"])


def _scores(given: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[str, int], ...]:
    return tuple((score["name"], score["value"]) for score in given or ())


def _json_detail(text: str | None, what: str) -> dict[str, Any]:
    """What an export carries as JSON text, cleaned like the fields of any other file."""
    if not text:
        return {}
    try:
        detail = json.loads(text)
    except (ValueError, RecursionError):
        detail = None
    if not isinstance(detail, dict):
        _refuse(f"the detail of {what} is no JSON object")
    return {key: value for key, value in detail.items() if _storable(key) and _storable(value)}


def _read_tree(row: Row) -> Drafts:
    """Every prompter message with all before it is a prompt; its replies are candidates, ranked where people ranked.

    Ranks in the file begin at 0 (best). Two or more ranked siblings make one ranking by the annotator
    "open-assistant", the consensus of its volunteers. Best or unranked replies that people wrote are demonstrations.
    """
    root = row.get("prompt")
    if not isinstance(root, dict):
        _refuse("the tree has no prompt")
    drafts = Drafts()
    language = {"lang": root.get("lang"), "tree": row.get("message_tree_id")}
    pending: list[tuple[dict[str, Any], list[dict[str, str]]]] = [(root, [])]
    while pending:
        message, before = pending.pop()
        _walk(message, before, drafts, language, pending)
    return drafts


def _walk(
    message: dict[str, Any],
    before: list[dict[str, str]],
    drafts: Drafts,
    shared: dict[str, Any],
    pending: list[tuple[dict[str, Any], list[dict[str, str]]]],
) -> None:
    replies = message.get("replies") or []
    role = {"prompter": "user", "assistant": "assistant"}.get(str(message.get("role")))
    if role is None:
        _refuse(f"a message of the tree has the role {message.get('role')!r}")
    if not isinstance(replies, list) or not all(isinstance(reply, dict) for reply in replies):
        _refuse("the replies of a message are not a list of messages")
    conversation = [*before, {"role": role, "content": _text(message.get("text"), "a message of the tree")}]
    pending.extend((reply, conversation) for reply in reversed(replies))
    if role == "user":
        own = {**shared, "message_id": message.get("message_id"), "synthetic": message.get("synthetic") or None}
        prompt = _prompt(own, _messages(conversation))
        drafts.prompts.append(prompt)
        _answers_of_tree(prompt, [reply for reply in replies if reply.get("role") == "assistant"], drafts, message)


def _answers_of_tree(
    prompt: PromptDraft, replies: list[dict[str, Any]], drafts: Drafts, message: dict[str, Any]
) -> None:
    answers = []
    for reply in replies:
        kept = {key: reply[key] for key in ("message_id", "model_name", "synthetic") if reply.get(key)}
        answer = _answer(reply.get("text"), "a reply of the tree", kept)
        answers.append(answer)
        drafts.candidates.append((prompt, answer))
        if reply.get("rank") in (None, 0) and not reply.get("synthetic"):
            drafts.derived_demonstrations.append(DemonstrationDraft(prompt, answer.text, answer.sha256))
    ranked = [(a, reply["rank"]) for a, reply in zip(answers, replies, strict=True) if reply.get("rank") is not None]
    if len(ranked) >= rules.SMALLEST_K:
        ranks = [rank + 1 if isinstance(rank, int) and not isinstance(rank, bool) else rank for _, rank in ranked]
        row = {"id": message.get("message_id")}
        drafts.rankings.append(_ranking(row, prompt, [answer for answer, _ in ranked], ranks, "open-assistant"))


SHAPES: dict[str, Callable[[Row], Drafts]] = {
    "native": _read_native,
    "tree": _read_tree,
    "k-wise": _read_k_wise,
    "votes": _read_votes,
    "labels": _read_labels,
    "pair": _read_pair,
    "response": _read_response,
    "prompt": _read_prompt,
}
