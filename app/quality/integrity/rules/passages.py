"""What of a written text is looked at: the answer, after the prompt that it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.labeling.instruments.authoring import rules as authoring


@dataclass(frozen=True)
class Passage:
    """A text by a person and the conversation that it answers."""

    messages: Sequence[dict[str, str]]
    text: str


def passage_of(content: Mapping[str, Any], messages: Sequence[dict[str, str]] | None, form: str | None) -> Passage:
    """The passage of a written text.

    Args:
        content: what its author entered.
        messages: the prompt where one was given, else the author wrote that too.
        form: of the prompt that was written, one of ``authoring.FORMS``.

    Returns:
        Of a few-shot set the instruction and, as one text, all its pairs: one pair is too short to judge.
    """
    if messages is not None:
        return Passage(messages, content["text"])
    authored = authoring.of_json(content, form or authoring.PLAIN)
    if not authored.few_shot:
        return Passage(_asked(authored.prompt), authored.answer)
    pairs = "\n\n".join(f"{pair.query}\n{pair.response}" for pair in authored.filled_pairs)
    return Passage(_asked(authored.instruction), pairs)


def _asked(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]
