"""What the rows of a file mean: a shape is known by its keys, and reads a row into drafts or refuses it.

=============  ==============================================================================
``native``     rows of our own snapshots and exports (``trainer.contract.records``)
``tree``       Open-Assistant conversation trees
``k-wise``     ``prompt`` and ``candidates: [{text, rank, …}]`` (or ``responses``), rank 1 best, equal = tie
``votes``      ``prompt``, ``response_a``, ``response_b`` and ``votes: [{annotator, choice}]``
``labels``     ``prompt``, if need be ``response`` (or ``completion``), and ``labels``: {annotator: label}
               or [{annotator, label}]; ``question`` names what was asked
``pair``       ``chosen`` and ``rejected``, with or without ``prompt`` (hh-rlhf)
``verdict``    ``prompt``, ``response_a`` and ``response_b`` (or ``_0`` and ``_1``, ``_1`` and ``_2``) and which of
               them is better: ``winner``, ``winner_model_a`` …, ``better_response_id``, or ``preference_strength``,
               whole steps from the middle, below 0 for the first answer (HelpSteer2-preference: −3 to 3)
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

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from app.errors import Refusal, shown
from app.labeling.importing.drafts import Drafts
from app.labeling.importing.shapes.alone import is_best, read_prompt, read_response
from app.labeling.importing.shapes.k_wise import read_k_wise
from app.labeling.importing.shapes.labels import read_labels
from app.labeling.importing.shapes.native import read_native
from app.labeling.importing.shapes.pairs import read_pair, read_verdict, read_votes
from app.labeling.importing.shapes.parts import RowProblemError
from app.labeling.importing.shapes.trees import read_tree
from app.language import mark
from app.material.files.fields import Fields
from app.material.files.readers import Line, Row
from trainer.contract import refused

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
    ("verdict", frozenset({"response_1", "response_2", "preference_strength"})),
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
_JUDGEMENT = re.compile(
    r"(score|rating|rank|ranking|vote|label)s(_.*)?|(score|rating|rank|ranking|vote|winner|prefer\w*|better|best|worse"
    r"|worst|safer|choice|verdict|judge?ment|pairwise)(_.*)?|.*_(winner|preference|preferred|better|votes?)"
)
"""Names that speak of answers and of judgements on them; whoever reads a row does not pass over these."""


SHAPES: dict[str, Callable[[Fields], Drafts]] = {
    "native": read_native,
    "tree": read_tree,
    "k-wise": read_k_wise,
    "votes": read_votes,
    "labels": read_labels,
    "pair": read_pair,
    "verdict": read_verdict,
    "response": read_response,
    "prompt": read_prompt,
}

NOTHING = {
    "detect": mark("The row holds nothing that can be imported."),
    "prompts": mark("The row holds no prompt."),
    "demonstrations": mark("The row holds no demonstration."),
    "candidates": mark("The row holds no answer that waits for a judgement."),
    "rankings": mark("The row holds no ranking."),
    "labels": mark("The row holds no label."),
}
"""What is said of a row that has nothing for an import of this kind."""
NOT_UNDERSTOOD = mark(
    "This holds an answer or a judgement in a form that is not understood. Imported as prompts, the row comes without "
    "it."
)
MOST_NAMED = 8


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
        names = ", ".join(shown(str(name)) for name in sorted(map(str, row))[:MOST_NAMED])
        return Refusal(mark("The row has no known shape. Its fields: %(names)s."), (), {"names": names or "–"})
    fields = Fields(row)
    try:
        return _draft_of(shape, fields, kind)
    finally:
        fields.forget()


def _draft_of(shape: str, fields: Fields, kind: str) -> Drafts | Refusal:
    try:
        whole = SHAPES[shape](fields)
    except RowProblemError as problem:
        return problem.refusal
    except KeyError as missing:
        return Refusal(refused.MISSING, missing.args[:1])
    drafts = whole.only(kind)
    if kind != "prompts" and (names := _not_understood(whole, fields)):
        return Refusal(NOT_UNDERSTOOD, tuple(names[:MOST_NAMED]))
    if not drafts:
        return Refusal(NOTHING[kind])
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
        and not (drafts.demonstrations and is_best(name, value))
    ]
