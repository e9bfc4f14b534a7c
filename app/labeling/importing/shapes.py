"""What the rows of a file mean: a shape is known by its keys, and reads a row into drafts or refuses it.

=============  ==============================================================================
``native``     rows of our own snapshots and exports (``trainer.contract.records``)
``tree``       Open-Assistant conversation trees
``k-wise``     ``prompt`` and ``candidates: [{text, rank, …}]`` (or ``responses``), rank 1 best, equal = tie
``votes``      ``prompt``, ``response_a``, ``response_b`` and ``votes: [{annotator, choice}]``
``labels``     ``prompt``, if need be ``response`` (or ``completion``), and ``labels``: {annotator: label}
               or [{annotator, label}]; ``question`` names what was asked
``pair``       ``chosen`` and ``rejected``, with or without ``prompt`` (hh-rlhf)
``verdict``    ``prompt``, ``response_a`` and ``response_b`` (or ``_0``, ``_1``) and which of them is better:
               ``winner``, ``winner_model_a`` …, ``better_response_id``
``response``   ``prompt`` and ``response`` (or ``completion``): a demonstration; with scores, a scored candidate
``prompt``     ``prompt`` (text or messages), ``messages`` or ``turns``: a prompt alone
=============  ==============================================================================

In every shape ``input`` goes below the prompt, ``system`` is the first message, and an answer may be a talk that
repeats the conversation before it. Each row has its own shape. What a shape does not read is kept as detail of what
the row becomes, or named as unused; a row is refused where that would be an answer or a judgement.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NoReturn

from pydantic import ValidationError

from app.labeling.importing.drafts import (
    AnswerDraft,
    DemonstrationDraft,
    Drafts,
    LabelDraft,
    PromptDraft,
    RankingDraft,
)
from app.material.files.fields import LONGEST_DETAILS, Fields, Over, storable
from app.material.files.readers import Line, Refusal, Row
from app.material.prompts import rules
from app.people import rules as people_rules
from trainer.contract import records, refused
from trainer.statistics.weak_orders import dense_ranks

# The first that fits names the shape: all its keys are there.
TELLING_KEYS: tuple[tuple[str, frozenset[str]], ...] = (
    ("native", frozenset({"ranking_id", "answers", "ranks"})),
    ("native", frozenset({"demonstration_id", "messages", "response"})),
    ("native", frozenset({"prompt_id", "messages"})),
    ("tree", frozenset({"message_tree_id"})),
    ("k-wise", frozenset({"candidates"})),
    ("votes", frozenset({"votes", "response_a", "response_b"})),
    ("labels", frozenset({"labels", "prompt"})),
    ("labels", frozenset({"labels", "messages"})),
    ("pair", frozenset({"chosen", "rejected"})),
    ("k-wise", frozenset({"responses", "prompt"})),
    ("k-wise", frozenset({"responses", "messages"})),
    ("verdict", frozenset({"response_a", "response_b"})),
    ("verdict", frozenset({"response_0", "response_1"})),
    ("response", frozenset({"response"})),
    ("response", frozenset({"completion"})),
    ("prompt", frozenset({"prompt"})),
    ("prompt", frozenset({"messages"})),
    ("prompt", frozenset({"turns"})),
)

_PLACE = r"(_?([a-z]|\d{1,2}|model_[a-z]|text))?"
_ANSWER = re.compile(
    r"(chosen|rejected|candidates?|responses?|completions?|outputs?|answers?|generations?|repl(y|ies)|demonstration)"
    + _PLACE
)
_SCORE = re.compile(
    r"(score|rating|reward|grade|likert|rank|ranking|vote|upvote)s?(_.*)?|.*_(score|rating|reward|grade)s?"
    r"|helpfulness|correctness|coherence|complexity|verbosity|helpful|harmless|honest|correct|passed|accepted|flags|label"
)
_JUDGEMENT = re.compile(
    r"(score|rating|rank|ranking|vote|label)s(_.*)?|(score|rating|rank|ranking|vote|winner|prefer\w*|better|best|worse"
    r"|worst|safer|choice|verdict|judge?ment|pairwise)(_.*)?|.*_(winner|preference|preferred|better|votes?)"
)
"""Names that speak of answers and of judgements on them; whoever reads a row does not pass over these."""


class RowProblemError(Exception):
    """A row that cannot be taken; the message tells the person why."""


def _refuse(reason: str) -> NoReturn:
    raise RowProblemError(reason)


def shape_of(row: Row) -> str | None:
    """The shape of one row by its keys, or nothing."""
    keys = row.keys()
    return next((shape for shape, told in TELLING_KEYS if told <= keys), None)


class DraftReader:
    """The drafts of a file, line by line, and how many rows had which shape."""

    def __init__(self, lines: Iterable[Line], kind: str) -> None:
        self._lines, self._kind = lines, kind
        self._shapes: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[int, Drafts | Refusal]]:
        for number, row in self._lines:
            if isinstance(row, Refusal):
                yield number, row
                continue
            shape = shape_of(row)
            if shape:
                self._shapes[shape] += 1
            yield number, draft_of(shape, row, self._kind)

    @property
    def shape(self) -> str:
        """The shapes of the rows that were read so far, the most frequent first."""
        return " + ".join(name for name, _ in self._shapes.most_common()) or "unknown"


def draft_of(shape: str | None, row: Row, kind: str) -> Drafts | Refusal:
    """Read one row as a shape, for one kind of import: the one door through which every field goes."""
    if shape is None:
        return Refusal(f"no known shape: the row has {', '.join(sorted(map(str, row))[:8]) or 'no keys'}")
    fields = Fields(row)
    try:
        return _draft_of(shape, fields, kind)
    finally:
        fields.forget()


def _draft_of(shape: str, fields: Fields, kind: str) -> Drafts | Refusal:
    try:
        whole = SHAPES[shape](fields)
        drafts = whole.only(kind)
        if kind != "prompts" and (names := _not_understood(whole, fields)):
            _refuse(
                f"{', '.join(names)}: an answer or a judgement in a form that is not understood "
                "(imported as prompts, the row comes without it)"
            )
    except RowProblemError as problem:
        return Refusal(str(problem))
    except KeyError as missing:
        return Refusal(f"the row has no {missing.args[0]}")
    if not drafts:
        return Refusal(f"the row holds no {kind.removesuffix('s') if kind != 'detect' else 'content'}")
    left = [f"{what} (only {kind} were asked for)" for what in whole.left_out_of(drafts)]
    drafts.unused = left + fields.settle(drafts.details())
    return drafts


def _not_understood(drafts: Drafts, row: Fields) -> list[str]:
    """Fields that nobody has read although they hold answers or what somebody thinks of them.

    Beside a judgement that was understood, others are kept as detail, unless they are a whole one of another shape.
    """
    rest = row.rest()
    if drafts.rankings or drafts.labels:
        if {"chosen", "rejected"} <= rest.keys():
            return ["chosen", "rejected"]
        return [name for name in ("candidates", "votes", "labels") if isinstance(rest.get(name), list)]
    return [
        name
        for name, value in rest.items()
        if (_ANSWER.fullmatch(name) or _JUDGEMENT.fullmatch(name))
        and not (drafts.demonstrations and _is_best(name, value))
    ]


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


def _messages(value: object, what: str = "the prompt", row: Fields | None = None) -> list[dict[str, str]]:
    if isinstance(value, str) or value is None:
        return _spoken(value) or [{"role": "user", "content": _text(value, what)}]
    if problem := rules.messages_problem(value, what):
        _refuse(problem)
    return _bare(value, row)  # type: ignore[arg-type]


def _bare(messages: Sequence[Mapping[str, Any]], row: Fields | None) -> list[dict[str, str]]:
    """Messages with nothing but role and content; what else they say is named."""
    for name in dict.fromkeys(name for m in messages for name in m if m[name] not in (None, "", [], {})):
        if row is not None and name not in ("role", "content"):
            row.note(f"messages[].{name}")
    return [{"role": m["role"], "content": m["content"]} for m in messages]


def _spoken(text: object) -> list[dict[str, str]] | None:
    """The prompt in the original form of hh-rlhf: a talk of Human and Assistant in which the Assistant is next."""
    if not isinstance(text, str) or not text.lstrip().startswith("Human:"):
        return None
    talk = _transcript(f"{text.rstrip()} ")
    return talk[:-1] if talk and talk[-1]["role"] == "assistant" and not talk[-1]["content"] and talk[:-1] else None


def _transcript(text: str) -> list[dict[str, str]] | None:
    """Turns of Human and Assistant, each after a blank line; nothing where the text is none."""
    parts = re.split(r"(?:^|\n\n)(Human|Assistant): ?", text)
    if len(parts) < 5 or parts[0].strip():
        return None
    roles = ["user" if name == "Human" else "assistant" for name in parts[1::2]]
    return [{"role": role, "content": said.strip()} for role, said in zip(roles, parts[2::2], strict=True)]


def _talk(row: Fields, answers: Mapping[str, object] | None = None) -> tuple[list[dict[str, str]], list[Any]]:
    """The conversation that a row is about, and each answer alone: the one way from a row to its prompt.

    An answer may be a talk that repeats the conversation before it, wholly or in part.
    """
    asked = _asked(row)
    before: list[dict[str, str]] = []
    told_by = ""
    alone = []
    for what, value in (answers or {}).items():
        own, answer = _said(value, what, row)
        alone.append(answer)
        if own and before and not _same(own, before):
            _refuse(f"{told_by} and {what} do not answer the same conversation")
        if own and not before:
            before, told_by = own, what
    below = _below(row)
    messages = _joined(_with_input(asked, below), before) if asked else None
    if messages is None:
        messages = _joined(asked, before)
        if messages and below not in messages[-1]["content"]:
            messages = _with_input(messages, below)
    if messages is None:
        _refuse(f"the prompt is not part of the conversation in {told_by}")
    return _whole(messages, row), alone


def _below(row: Fields) -> str:
    """The material that an instruction is about."""
    below = row.get("input")
    return "" if below in (None, "") else _text(below, "the input")


def _whole(messages: list[dict[str, str]], row: Fields) -> list[dict[str, str]]:
    if not messages:
        _refuse("the prompt is missing")
    if problem := rules.messages_problem(messages):
        _refuse(problem)
    return _with_system(messages, row)


def _asked(row: Fields) -> list[dict[str, str]]:
    """What the row itself gives as its prompt, if anything; of two forms the one that tells more."""
    messages = row.peek("messages")
    if row.peek("prompt") in (None, ""):
        if messages is not None:
            return _messages(row["messages"], row=row)
        return _first_turn(row) if row.peek("turns") is not None else []
    asked = _messages(row["prompt"], row=row)
    if isinstance(messages, list) and not rules.messages_problem(messages):
        told = _joined(asked, _bare(messages, None))
        if told is not None and len(told) == len(messages):
            return _messages(row["messages"], row=row)
    return asked


def _first_turn(row: Fields) -> list[dict[str, str]]:
    """Turns of the user without answers between them: only the first can be asked; all stay in the detail."""
    turns = row.peek("turns")
    if not isinstance(turns, list) or not turns:
        _refuse("turns is not a list of texts")
    if len(turns) == 1:
        row.get("turns")
    return _messages(_text(turns[0], "the first turn"))


def _said(value: object, what: str, row: Fields) -> tuple[list[dict[str, str]], object]:
    """What stands before an answer in its own field, and the answer alone."""
    if isinstance(value, str) and (talk := _transcript(value)) and talk[-1]["role"] == "assistant":
        return talk[:-1], talk[-1]["content"]
    if not isinstance(value, list):
        return [], value
    if not value or not isinstance(value[-1], dict) or value[-1].get("role") != "assistant":
        _refuse(f"{what} does not end with a message of the assistant")
    if len(value) > 1 and (problem := rules.messages_problem([*value[:-1], *_ANYBODY], f"the talk in {what}")):
        _refuse(problem)
    talk = _bare([{"content": None, **value[-1]}, *value[:-1]], row)
    return talk[1:], talk[0]["content"]


_ANYBODY = ({"role": "user", "content": "…"},)


def _plain(messages: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
    return [(m["role"], " ".join(m["content"].split())) for m in messages]


def _same(one: Sequence[dict[str, str]], other: Sequence[dict[str, str]]) -> bool:
    """The same conversation, however its blanks are written."""
    return _plain(one) == _plain(other)


def _joined(asked: list[dict[str, str]], before: list[dict[str, str]]) -> list[dict[str, str]] | None:
    """One conversation of what is asked and what stands before an answer; nothing where they are two."""
    if not asked or not before:
        return asked or before
    system = [m for m in (before[0], asked[0]) if m["role"] == "system"][:2]
    if len(system) == 2 and not _same(system[:1], system[1:]):
        return None
    mine, theirs = (talk[1:] if talk[0]["role"] == "system" else talk for talk in (asked, before))
    begins = _same(theirs[: len(mine)], mine)
    ends = _same(theirs[-len(mine) :], mine)
    within = len(mine) == 1 and _plain(mine)[0] in _plain(theirs)
    if begins or ends or within:
        return [*system[:1], *theirs]
    if not theirs or _same(mine[-len(theirs) :], theirs):
        return [*system[:1], *mine]
    return [*system[:1], *mine, *theirs] if theirs[0]["role"] == "assistant" else None


def _with_input(messages: list[dict[str, str]], below: str) -> list[dict[str, str]]:
    if not below or not messages:
        return messages
    return [*messages[:-1], {"role": "user", "content": f"{messages[-1]['content']}\n\n{below}"}]


def _with_system(messages: list[dict[str, str]], row: Fields) -> list[dict[str, str]]:
    key = "system" if row.peek("system") not in (None, "") else "system_prompt"
    said = row.get(key)
    if said in (None, ""):
        return messages
    first = {"role": "system", "content": _text(said, key)}
    if messages[0]["role"] != "system":
        return [first, *messages]
    if not _same(messages[:1], [first]):
        _refuse(f"{key} says one thing, and the conversation begins with another system message")
    return messages


def _fields(row: Mapping[str, Any] | None) -> Fields:
    return row if isinstance(row, Fields) else Fields(dict(row or {}))


def _detail(fields: Fields, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is kept of a row: filled at the end, or at once where the row is not the file's own."""
    if fields is not row:
        fields.settle()
    return fields.detail


def _prompt(row: Mapping[str, Any], messages: list[dict[str, str]]) -> PromptDraft:
    """A prompt with what its row tells about it; what is not understood is kept as detail."""
    fields = _fields(row)
    use_case = None
    for key in ("use_case", "category"):
        said = fields.peek(key)
        if isinstance(said, str) and (use_case := rules.use_case_of(said)):
            fields.get(key)
            break
    language = _short(fields.get("lang") or fields.get("language"), "lang")
    user = _short(fields.get("user_key") or fields.get("user") or fields.get("user_id"), "user")
    source = _short(fields.get("source"), "source")
    sensitive, high_stakes = _mark(fields, "sensitive"), _mark(fields, "high_stakes")
    return PromptDraft(
        messages,
        rules.prompt_fingerprint(messages),
        use_case,
        language,
        user,
        source,
        _detail(fields, row),
        sensitive,
        high_stakes,
    )


def _mark(row: Fields, name: str) -> bool | None:
    try:
        return rules.truth_of(row.get(name))
    except ValueError:
        _refuse(f"{name} is {_quoted(row[name])}, neither true nor false")


def _answer(value: object, what: str, row: Mapping[str, Any] | None = None, *, judged: bool = True) -> AnswerDraft:
    """A candidate, which may be empty, with what its row tells; what was said of one that nobody ranked is detail."""
    text = _text(value, what, may_be_empty=True)
    part = _fields(row)
    likert = part.get("likert") if judged else None
    if likert is not None and (isinstance(likert, bool) or not isinstance(likert, int) or not 1 <= likert <= 7):
        _refuse(f"{what}: the rating {likert!r} is not a whole number from 1 to 7")
    flags = (part.get("flags") if judged else None) or []
    if not isinstance(flags, list) or not all(isinstance(f, str) for f in flags):
        _refuse(f"{what}: the flags are not a list of names")
    names = tuple(sorted({_text(flag, "a flag") for flag in flags}))
    source = _short(part.get("source") or part.get("model"), f"the source of {what}")
    shown = _place(part.get("shown") if judged else None, what)
    return AnswerDraft(text, rules.text_sha256(text), source, _detail(part, row), likert, names, shown=shown)


def _place(shown: object, what: str) -> int | None:
    if shown is not None and (isinstance(shown, bool) or not isinstance(shown, int)):
        _refuse(f"{what}: its place on the screen is {shown!r}, not a whole number from 0")
    return shown


def _ranking(
    row: Fields | Over,
    prompt: PromptDraft,
    answers: list[AnswerDraft],
    ranks: list[object],
    annotator: object,
    *,
    alike: bool = False,
) -> RankingDraft:
    """A checked ranking: whole ranks from 1, 2 to 9 answers, dense ranks.

    Equal texts (two systems that said the same) stay apart and keep the verdict that the file gives, so that every
    judgement of the file is one here. Of two that are ``alike`` none is better, however much: that stays in the detail.
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
    dense = dense_ranks(given)
    return RankingDraft(
        prompt,
        tuple(kept),
        tuple(dense),
        _short(annotator, "the annotator"),
        _row_id(row),
        _seconds(row),
        _phase(row),
        _labeler_group(row),
        strength=None if alike else _strength(row, dense),
        none_acceptable=_none_acceptable(row),
    )


def _row_id(row: Fields | Over) -> str:
    """By which the same row is known again; it stays in the detail, so that people can find the row in their file."""
    return _short(row.peek("id") or row.peek("ranking_id"), "id") or ""


def _phase(row: Fields | Over) -> Literal["training", "evaluation"]:
    phase = row.get("phase") or "training"
    if phase not in ("training", "evaluation"):
        _refuse(f"the phase {phase!r} is neither training nor evaluation")
    return "evaluation" if phase == "evaluation" else "training"


def _labeler_group(row: Fields | Over) -> str | None:
    key = "labeler_group" if row.peek("labeler_group") is not None else "annotator_group"
    group = _short(row.get(key), f"the {key}")
    if group is not None and (problem := people_rules.group_problem(group)):
        _refuse(problem[0].lower() + problem[1:].removesuffix("."))
    return group


STRENGTHS = {"significantly better": 3.0, "better": 2.0, "slightly better": 1.0, "negligibly better": 0.0}
"""The four levels of Llama 2, §3.2.1; the last is called "negligibly better/ unsure" there."""


def _strength(row: Fields | Over, ranks: list[int]) -> float | None:
    """How much better the better one of two answers is."""
    key = "strength" if row.peek("strength") is not None else "margin"
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


def _none_acceptable(row: Fields | Over) -> bool | None:
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


def _ranked(rankings: list[RankingDraft], extra: Iterable[DemonstrationDraft] = ()) -> Drafts:
    return Drafts(
        prompts=[rankings[0].prompt],
        candidates=[(rankings[0].prompt, answer) for answer in rankings[0].answers],
        rankings=rankings,
        demonstrations=list(extra),
    )


# The shapes.


def _read_prompt(row: Fields) -> Drafts:
    return Drafts(prompts=[_prompt(row, _talk(row)[0])])


def _read_response(row: Fields) -> Drafts:
    """An answer to learn from; one that somebody has scored is a candidate, and to learn from only on demand."""
    key = "response" if row.peek("response") is not None else "completion"
    messages, (text,) = _talk(row, {"the response": row[key]})
    scores = [name for name, value in row.rest().items() if _is_score(name, value)]
    prompt = _prompt(row, messages)
    demonstration = _demonstration(prompt, text, row.peek("author"))
    if not scores:
        row.get("author")
        return Drafts(prompts=[prompt], demonstrations=[demonstration])
    about = row.split([*scores, *({"model"} & row.rest().keys())])
    answer = _answer(text, "the response", about, judged=False)
    return Drafts(prompts=[prompt], candidates=[(prompt, answer)], derived_demonstrations=[demonstration])


def _is_score(name: str, value: object) -> bool:
    """Whether a field says how good an answer is."""
    return _SCORE.fullmatch(name) is not None and not _is_best(name, value)


def _is_best(name: str, value: object) -> bool:
    """The rank of an answer that Open-Assistant's people put first; it is one to learn from."""
    return name == "rank" and value == 0


def _demonstration(prompt: PromptDraft, value: object, author: object = None) -> DemonstrationDraft:
    answer = _answer(value, "the response")
    _text(answer.text, "the response")
    return DemonstrationDraft(prompt, answer.text, answer.sha256, _short(author, "the author"))


def _read_pair(row: Fields) -> Drafts:
    chosen, rejected = row["chosen"], row["rejected"]
    if not _asked(row) and not all(
        _said(side, name, row)[0] for side, name in ((chosen, "chosen"), (rejected, "rejected"))
    ):
        _refuse("there is no prompt, and chosen is not a talk of Human and Assistant")
    messages, texts = _talk(row, {"chosen": chosen, "rejected": rejected})
    answers = [_answer(text, f"the {side} answer") for text, side in zip(texts, ("chosen", "rejected"), strict=True)]
    # This form cannot say that two answers are alike, so of two equal texts neither was preferred.
    alike = answers[0].sha256 == answers[1].sha256
    ranks: list[object] = [1, 1] if alike else [1, 2]
    return _ranked([_ranking(row, _prompt(row, messages), answers, ranks, row.get("annotator"), alike=alike)])


_RANKS_OF_CHOICE = {"a": [1, 2], "b": [2, 1], "tie": [1, 1]}


def _two(row: Fields, sides: str) -> tuple[PromptDraft, list[AnswerDraft]]:
    """The prompt and the two answers of ``votes`` and ``verdict``, with the model that wrote each, if it is named."""
    names = [f"response_{side}" for side in sides]
    turns = _turns(row, names)
    messages, texts = turns or _talk(row, {name: row.get(name) for name in names})
    models = [row.split({f"model_{side}"} & row.rest().keys()) for side in sides]
    answers = []
    for name, text, side, model in zip(names, texts, sides, models, strict=True):
        source = model.get(f"model_{side}") if isinstance(model.peek(f"model_{side}"), str) else None
        answer = _answer(text, name)
        answers.append(replace(answer, source=_short(source, f"the source of {name}"), detail=model.detail))
    return _prompt(row, messages), answers


def _turns(row: Fields, names: Sequence[str]) -> tuple[list[dict[str, str]], list[Any]] | None:
    """The form of the Chatbot Arena: the prompt is a list of turns, and so is what each side said to them."""
    asked, *said = (_listed(row.peek(name)) for name in ("prompt", *names))
    if not asked or any(len(talk) != len(asked) for talk in said):
        return None
    if any(talk[:-1] != said[0][:-1] for talk in said):
        _refuse(f"{' and '.join(names)} are talks that differ before their last answers")
    for name in ("prompt", *names):
        row.get(name)
    talk = [{"role": "user", "content": asked[0]}]
    for answer, turn in zip(said[0], asked[1:], strict=False):
        talk += [{"role": "assistant", "content": answer}, {"role": "user", "content": turn}]
    return _whole(_with_input(talk, _below(row)), row), [talk[-1] for talk in said]


def _listed(value: object) -> list[Any]:
    """A list of texts, also as the JSON of a cell; empty where it is none."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value if isinstance(value, list) and all(isinstance(one, str | None) for one in value) else []


def _read_votes(row: Fields) -> Drafts:
    prompt, answers = _two(row, "ab")
    votes = row["votes"]
    if not isinstance(votes, list) or not votes:
        _refuse("votes is not a list of votes")
    rankings = []
    for place, vote in enumerate(row.parts("votes"), 1):
        choice = vote.get("choice") if isinstance(vote, Fields) else None
        if not isinstance(choice, str) or choice not in _RANKS_OF_CHOICE:
            _refuse(f"vote {place} is neither a, b nor tie")
        ranks: list[object] = [*_RANKS_OF_CHOICE[choice]]
        ranking = _ranking(Over(vote, row), prompt, answers, ranks, vote.get("annotator"))
        rankings.append(replace(ranking, row_id=_row_id(row), detail=vote.detail))
    return _ranked(rankings)


def _read_verdict(row: Fields) -> Drafts:
    sides = "ab" if "response_a" in row else "01"
    prompt, answers = _two(row, sides)
    better = _better(row, sides)
    if better is None:
        if said := [f"{name} is {_quoted(row.peek(name))}" for name in _WORDED if name in row.rest()]:
            _refuse(f"{' and '.join(said)}, which is not understood: say {sides[0]}, {sides[1]} or tie")
        return Drafts(prompts=[prompt], candidates=[(prompt, answer) for answer in answers])
    ranks: list[object] = [*_RANKS_OF_CHOICE[better]]
    return _ranked([_ranking(row, prompt, answers, ranks, row.get("annotator"))])


_WORDED = ("winner", "preference", "choice")


def _better(row: Fields, sides: str) -> str | None:
    """Which side is better, ``a``, ``b`` or ``tie``; nothing where the row does not say so in a way that is known.

    Numbers under names such as ``preference`` are not: 1 is the first answer to some and the second to others.
    """
    for name in _WORDED:
        if (word := _side_named(row.peek(name), sides)) is not None:
            row.get(name)
            return word
    marks = [f"winner_model_{sides[0]}", f"winner_model_{sides[1]}", "winner_tie"]
    given = [str(row.peek(mark)).strip().lower() in ("1", "1.0", "true") for mark in marks]
    if sum(given) == 1:
        for mark in marks:
            row.get(mark)
        return ("a", "b", "tie")[given.index(True)]
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


def _read_labels(row: Fields) -> Drafts:
    """What several people answered to one question about an answer, or about the prompt where there is no answer.

    Who labelled the same twice has two labels; agreement between people takes the first.
    """
    text = row.get("response" if row.peek("response") is not None else "completion")
    messages, alone = _talk(row, {} if text is None else {"the response": text})
    prompt = _prompt(row, messages)
    answer = None
    if alone:
        answer = _answer(alone[0], "the response", {"source": row.get("source"), "model": row.get("model")})
    question = _question(row.get("question"))
    given = row["labels"]
    if isinstance(given, dict):
        row = row.replaced("labels", [{"annotator": annotator, "label": label} for annotator, label in given.items()])
    if not isinstance(row["labels"], list) or not row["labels"]:
        _refuse("labels are neither {annotator: label} nor [{annotator, label}]")
    before: Counter[str | None] = Counter()
    labels = []
    for place, one in enumerate(row.parts("labels"), 1):
        if not isinstance(one, Fields):
            _refuse("labels are neither {annotator: label} nor [{annotator, label}]")
        said = one.get("label") if one.peek("label") is not None else one.get("value")
        if said is None:
            continue  # who has not judged this row
        annotator = _short(one.get("annotator"), f"the annotator of label {place}")
        value = _label(said, place)
        group, phase = _labeler_group(Over(one, row)), _phase(row)
        told = (question, value, _row_id(row), before[annotator], phase, group, one.detail)
        labels.append(LabelDraft(prompt, answer, annotator, *told))
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


def _read_k_wise(row: Fields) -> Drafts:
    key = "candidates" if "candidates" in row else "responses"
    candidates = row.peek(key)
    if not isinstance(candidates, list) or not candidates:
        _refuse(f"{key} is not a list of answers")
    parts = [part if isinstance(part, Fields) else row.part({"text": part}, f"{key}[]") for part in row.parts(key)]
    _check_ids(parts)
    messages, texts = _talk(row, {f"answer {place}": part.get("text") for place, part in enumerate(parts, 1)})
    prompt = _prompt(row, messages)
    ranked = any(part.peek("rank") is not None for part in parts)
    answers = [
        _answer(text, f"answer {place}", part, judged=ranked)
        for place, (text, part) in enumerate(zip(texts, parts, strict=True), 1)
    ]
    if not ranked:
        drafts = Drafts(prompts=[prompt], candidates=[(prompt, answer) for answer in answers])
    else:
        ranks = [part.get("rank") for part in parts]
        drafts = _ranked([_ranking(row, prompt, answers, ranks, row.get("annotator"))])
    if row.get("demonstration") is not None:
        drafts.demonstrations.append(_demonstration(prompt, _said(row["demonstration"], "the demonstration", row)[1]))
    return drafts


def _check_ids(answers: Sequence[dict[str, Any]]) -> None:
    """Two answers under one id are one answer too many: nobody can say which of them was judged."""
    for key in ("candidate_id", "id"):
        places: dict[str, int] = {}
        for place, answer in enumerate(answers, 1):
            given = dict.get(answer, key)  # without reading it: it stays in the detail
            if given is None:
                continue
            id_ = _quoted(given)
            if (first := places.setdefault(id_, place)) != place:
                _refuse(f"answers {first} and {place} have the same {key} {id_}")


def _read_native(row: Fields) -> Drafts:
    kind: type[records.Record]
    if "ranking_id" in row:
        kind = records.Ranking
    elif "demonstration_id" in row:
        kind = records.Demonstration
    else:
        kind = records.Prompt
    try:
        kind.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors()[0]
        text, values = refused.told(first)
        place = ".".join(map(str, first["loc"])) or "row"
        _refuse(f"not a {kind.__name__.lower()} of ours: {place}: {text % values}")
    for place_there in ("prompt_id", "demonstration_id", "split", "group"):
        row.get(place_there)  # means nothing here: prompts are known by their words, and each snapshot splits anew
    told_of_all = ("phase", "ranking_id", "labeler_group", "strength", "none_acceptable")
    known = Fields({key: row.get(key) for key in told_of_all})
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


def _native_prompt(row: Fields, facts: Mapping[str, Any] | None) -> PromptDraft:
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
    if len(text) > LONGEST_DETAILS:
        _refuse(f"the detail of {what} has {len(text):,} characters; at most {LONGEST_DETAILS:,} are taken")
    try:
        detail = json.loads(text)
    except (ValueError, RecursionError):
        detail = None
    if not isinstance(detail, dict):
        _refuse(f"the detail of {what} is no JSON object")
    return {key: value for key, value in detail.items() if storable(key) and storable(value)}


def _read_tree(row: Fields) -> Drafts:
    """Every prompter message with all before it is a prompt; its replies are candidates, ranked where people ranked.

    Ranks in the file begin at 0 (best). Two or more ranked siblings make one ranking by the annotator
    "open-assistant", the consensus of its volunteers. Best or unranked replies that people wrote are demonstrations.
    Messages that were deleted or did not pass their review are left out with all that follows them.
    """
    if not isinstance(row.peek("prompt"), dict):
        _refuse("the tree has no prompt")
    root = row.part(row["prompt"], "prompt")
    if _is_gone(root):
        _refuse("the first message of the tree was deleted")
    row.keep_with(root)
    drafts = Drafts()
    shared = {"language": _short(root.get("lang"), "lang"), "tree": row.get("message_tree_id")}
    pending: list[tuple[Fields, list[dict[str, str]]]] = [(root, [])]
    while pending:
        message, before = pending.pop()
        _walk(message, before, drafts, shared, pending)
    return drafts


def _is_gone(message: dict[str, Any]) -> bool:
    return dict.get(message, "deleted") is True or dict.get(message, "review_result") is False


def _walk(
    message: Fields,
    before: list[dict[str, str]],
    drafts: Drafts,
    shared: dict[str, Any],
    pending: list[tuple[Fields, list[dict[str, str]]]],
) -> None:
    role = {"prompter": "user", "assistant": "assistant"}.get(str(message.get("role")))
    if role is None:
        _refuse(f"a message of the tree has the role {message.get('role')!r}")
    given = message.get("replies") or []
    if not isinstance(given, list) or not all(isinstance(reply, dict) for reply in given):
        _refuse("the replies of a message are not a list of messages")
    replies = [message.part(reply, "replies[]") for reply in given if not _is_gone(reply)]
    if len(replies) < len(given):
        message.note("replies[] that were deleted")
    conversation = [*before, {"role": role, "content": _text(message.get("text"), "a message of the tree")}]
    pending.extend((reply, conversation) for reply in reversed(replies))
    if role == "user":
        prompt = _prompt(message, _messages(conversation))
        prompt.detail.update({} if shared["tree"] is None else {"tree": shared["tree"]})
        prompt = replace(prompt, language=prompt.language or shared["language"])
        drafts.prompts.append(prompt)
        _answers_of_tree(prompt, [reply for reply in replies if reply.peek("role") == "assistant"], drafts, message)


def _answers_of_tree(prompt: PromptDraft, replies: list[Fields], drafts: Drafts, message: Fields) -> None:
    answers = []
    for reply in replies:
        answer = _answer(reply.get("text"), "a reply of the tree", reply, judged=False)
        answers.append(answer)
        drafts.candidates.append((prompt, answer))
        if reply.peek("rank") in (None, 0) and not reply.peek("synthetic"):
            drafts.derived_demonstrations.append(DemonstrationDraft(prompt, answer.text, answer.sha256))
    ranked = [(answer, reply) for answer, reply in zip(answers, replies, strict=True) if reply.peek("rank") is not None]
    if len(ranked) >= rules.SMALLEST_K:
        told = [reply.get("rank") for _, reply in ranked]
        ranks = [rank + 1 if isinstance(rank, int) and not isinstance(rank, bool) else rank for rank in told]
        row = Fields({"id": message.peek("message_id")})
        drafts.rankings.append(_ranking(row, prompt, [answer for answer, _ in ranked], ranks, "open-assistant"))


SHAPES: dict[str, Callable[[Fields], Drafts]] = {
    "native": _read_native,
    "tree": _read_tree,
    "k-wise": _read_k_wise,
    "votes": _read_votes,
    "labels": _read_labels,
    "pair": _read_pair,
    "verdict": _read_verdict,
    "response": _read_response,
    "prompt": _read_prompt,
}
