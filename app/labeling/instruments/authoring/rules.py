"""Prompts that labelers write, in three forms, and the prompts with answers that come of them (InstructGPT A.1)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.labeling.instruments.demonstration.rules import demonstration_problem, length_problem, tidy
from app.language import gettext as _
from app.language import mark
from app.material.prompts.rules import USE_CASES

PLAIN, FEW_SHOT, USER_BASED = "plain", "few_shot", "user_based"
FORMS = {
    PLAIN: mark("Any task they can think of: a prompt and its answer."),
    FEW_SHOT: mark(
        "One instruction with several queries and responses; each pair becomes an item that shows the others."
    ),
    USER_BASED: mark("A prompt that fits a scenario of the library: what somebody wants to use a model for."),
}
FEWEST_PAIRS, MOST_PAIRS = 2, 20
LONGEST_NAME = 40
QUERY_NAME, RESPONSE_NAME = mark("Input"), mark("Output")
"""What stands before queries and responses unless the labeler names them; the page offers it in their language."""
NAMES_OF_USE_CASES = dict(
    zip(
        USE_CASES,
        (
            *(mark("Generation"), mark("Open question"), mark("Closed question"), mark("Brainstorming"), mark("Chat")),
            *(mark("Rewriting"), mark("Summarization"), mark("Classification"), mark("Extraction"), mark("Other")),
        ),
        strict=True,
    )
)
LANGUAGES = {
    "en": "English",
    "zh": "中文",
    "hi": "हिन्दी",
    "es": "Español",
    "ar": "العربية",
    "fr": "Français",
    "bn": "বাংলা",
    "pt": "Português",
    "ru": "Русский",
    "ur": "اردو",
    "id": "Bahasa Indonesia",
    "de": "Deutsch",
    "ja": "日本語",
    "sw": "Kiswahili",
    "tr": "Türkçe",
    "vi": "Tiếng Việt",
    "ko": "한국어",
    "it": "Italiano",
    "pl": "Polski",
    "uk": "Українська",
    "tl": "Tagalog",
    "und": mark("another language"),
}
"""Tags (BCP 47) with each language's own name for itself."""


@dataclass(frozen=True)
class Pair:
    """A query and the response to it."""

    query: str = ""
    response: str = ""


@dataclass(frozen=True)
class Authored:
    """What a labeler entered in an authoring task, finished or not.

    Attributes:
        form: one of ``FORMS``.
        prompt: the prompt (plain and user-based).
        answer: the answer to it.
        instruction: what the pairs have in common (few-shot).
        pairs: in the order of the page (few-shot).
        query_name: what stands before each query, such as "Tweet".
        response_name: what stands before each response, such as "Sentiment".
        use_case: one of the ten.
        language: a tag of ``LANGUAGES``.
        scenario_id: what it was written from (user-based).
    """

    form: str
    prompt: str = ""
    answer: str = ""
    instruction: str = ""
    pairs: tuple[Pair, ...] = ()
    query_name: str = ""
    response_name: str = ""
    use_case: str = ""
    language: str = ""
    scenario_id: int | None = None

    @property
    def few_shot(self) -> bool:
        return self.form == FEW_SHOT

    @property
    def filled_pairs(self) -> tuple[Pair, ...]:
        """The pairs in which anything stands; empty rows of the page mean nothing."""
        return tuple(pair for pair in self.pairs if pair.query.strip() or pair.response.strip())


@dataclass(frozen=True)
class Item:
    """One prompt with its answer, as it is trained on."""

    prompt: str
    answer: str


def as_json(authored: Authored) -> dict[str, Any]:
    """How it is kept in drafts and writings; ``of_json`` reads it."""
    pairs = [{"query": pair.query, "response": pair.response} for pair in authored.pairs]
    return {**vars(authored), "pairs": pairs}


def of_json(content: Mapping[str, Any], form: str) -> Authored:
    """What a draft or a writing holds, in this form; nothing where it holds nothing."""
    known = {name: content[name] for name in Authored.__dataclass_fields__ if name in content}
    return Authored(**{**known, "form": form, "pairs": tuple(Pair(**pair) for pair in content.get("pairs", ()))})


def tidied(authored: Authored) -> Authored:
    """The same without blank space around the texts and without empty rows: as it is submitted."""
    pairs = tuple(Pair(tidy(pair.query), tidy(pair.response)) for pair in authored.filled_pairs)
    texts = {name: tidy(value) for name, value in vars(authored).items() if isinstance(value, str)}
    return Authored(**texts, pairs=pairs, scenario_id=authored.scenario_id)


def items_of(authored: Authored) -> list[Item]:
    """The prompts with answers that come of it: one; of K pairs K, each showing the other K−1 in their order."""
    if not authored.few_shot:
        return [Item(authored.prompt, authored.answer)]
    pairs = authored.filled_pairs
    return [
        Item(_shown(authored, pairs[:i] + pairs[i + 1 :], pair.query), pair.response) for i, pair in enumerate(pairs)
    ]


def _shown(authored: Authored, shots: Sequence[Pair], query: str) -> str:
    """The instruction, the other pairs, and the query last, its response left open."""
    query_name, response_name = (
        f"{authored.query_name or _(QUERY_NAME)}:",
        f"{authored.response_name or _(RESPONSE_NAME)}:",
    )
    blocks = [f"{query_name} {shot.query}\n{response_name} {shot.response}" for shot in shots]
    return "\n\n".join([authored.instruction, *blocks, f"{query_name} {query}\n{response_name}"]).lstrip()


def too_long(authored: Authored) -> str | None:
    """Why it cannot even be kept as a draft."""
    written = sum(len(text) for text in _texts(authored))
    return length_problem(written)


def _texts(authored: Authored) -> Iterator[str]:
    yield from (value for value in vars(authored).values() if isinstance(value, str))
    for pair in authored.pairs:
        yield from (pair.query, pair.response)


def problems(authored: Authored) -> dict[str, str]:
    """Why it cannot be submitted: a sentence for each field of the page that is missing or wrong."""
    sentences: dict[str, str] = {}
    if problem := too_long(authored):
        sentences["instruction" if authored.few_shot else "answer"] = problem
    elif authored.few_shot:
        sentences |= _problems_of_pairs(authored)
    else:
        if not authored.prompt.strip():
            sentences["prompt"] = _("There is no prompt yet. Write what you would ask, then its answer.")
        if problem := demonstration_problem(authored.answer):
            sentences["answer"] = problem
    if authored.form == USER_BASED and authored.scenario_id is None:
        sentences["scenario"] = _("Choose the scenario that your prompt belongs to.")
    if authored.use_case not in USE_CASES:
        sentences["use_case"] = _("Choose what kind of task it is.")
    if authored.language not in LANGUAGES:
        sentences["language"] = _("Choose the language in which it is written.")
    return sentences


def _problems_of_pairs(authored: Authored) -> dict[str, str]:
    sentences: dict[str, str] = {}
    if not authored.instruction.strip():
        sentences["instruction"] = _("There is no instruction yet. Say what is to be done with every query.")
    for name in ("query_name", "response_name"):
        value = getattr(authored, name)
        if len(value) > LONGEST_NAME or re.search(r"[\r\n]", value):
            sentences[name] = _("A name is one line of at most %(most)s characters.", most=LONGEST_NAME)
    seen: dict[str, int] = {}
    for number, pair in enumerate(authored.pairs, start=1):
        query, response = tidy(pair.query), tidy(pair.response)
        if bool(query) != bool(response):
            missing = _("This pair has no response yet.") if query else _("This pair has no query yet.")
            sentences[f"pair-{number}"] = f"{missing} {_('Fill it in or remove the pair.')}"
        elif query in seen and query:
            sentences[f"pair-{number}"] = _(
                "The query is the same as in pair %(other)s. Change one of them.", other=seen[query]
            )
        seen.setdefault(query, number)
    count = len(authored.filled_pairs)
    if not FEWEST_PAIRS <= count <= MOST_PAIRS:
        sentences["pairs"] = _(
            "A set has %(fewest)s to %(most)s pairs, not %(count)s.", fewest=FEWEST_PAIRS, most=MOST_PAIRS, count=count
        )
    if not sentences and (problem := length_problem(max(len(item.prompt) for item in items_of(authored)))):
        sentences["instruction"] = problem
    return sentences
