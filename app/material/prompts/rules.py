"""What a good prompt and a good ranking are, and the fingerprints by which a thing is known again."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from app.errors import Refusal, shown
from app.language import mark
from trainer.contract import refused

USE_CASES = (
    *("generation", "open_qa", "closed_qa", "brainstorming", "chat"),
    *("rewrite", "summarization", "classification", "extract", "other"),
)
"""The tags of the ten use cases of InstructGPT, appendix A.2."""

SENSITIVE_LABELS = {
    "asks_sexual": mark("asks for sexual content"),
    "asks_violent": mark("asks for violent content"),
    "asks_encouraging_harm": mark("asks for encouragement of harm"),
    "asks_denigrating": mark("asks to denigrate people"),
}
"""Labels of the prompt that suggest the mark "sensitive"; the mark itself is a researcher's or a file's word."""

UNNAMED, IDENTICAL, EMPTY = "unnamed", "identical", "empty"
MARKS = {
    UNNAMED: mark("judgements without an annotator"),
    IDENTICAL: mark("judgements of answers with the same text"),
    EMPTY: mark("judgements of an empty answer"),
}
"""What an import counts of the judgements that it took, for they are kept but are not like the others."""

_SPELLINGS = {name.replace("_", " "): name for name in USE_CASES} | {"rewriting": "rewrite", "extraction": "extract"}
ROLES = ("system", "user", "assistant")
LONGEST_TEXT = 200_000  # characters
TOO_LONG = mark("This has %(count)s characters; at most %(most)s are taken.")
NUL = mark("This contains the character NUL, which cannot be stored.")
HALF_A_PAIR = mark("This contains half of a surrogate pair, which is not valid Unicode.")
NO_NAME = mark("“%(value)s” is no name: give a text or a whole number.")
UNKNOWN_ROLE = mark("“%(role)s” is no known role. Use %(known)s.")
SMALLEST_K, LARGEST_K = 2, 9
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
KINDS = ("detect", "prompts", "demonstrations", "candidates", "rankings", "labels", "corpus")


def truth_of(value: object) -> bool | None:
    """What a file says about a prompt: true or false in the spellings of JSON and CSV, nothing where it is silent.

    Raises:
        ValueError: it is none of these.
    """
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "1"):
        return True
    if word in ("false", "no", "0"):
        return False
    if word == "":
        return None
    raise ValueError(value)


def use_case_of(category: str) -> str | None:
    """The use case that a file's category names, or nothing when it is none of the ten."""
    return _SPELLINGS.get(re.sub(r"[\s_\-]+", " ", category).strip().lower())


def text_problem(text: object, *, may_be_empty: bool = False) -> Refusal | None:
    """Why a value cannot be kept as text, or nothing."""
    if not isinstance(text, str):
        return Refusal(refused.MISSING if text is None else refused.TEXT)
    if not text.strip() and not may_be_empty:
        return Refusal(refused.EMPTY)
    if len(text) > LONGEST_TEXT:
        return length_problem(text, LONGEST_TEXT)
    return character_problem(text)


def length_problem(text: str, most: int) -> Refusal | None:
    if len(text) <= most:
        return None
    return Refusal(TOO_LONG, (), {"count": len(text), "most": most})


def character_problem(text: str) -> Refusal | None:
    """Characters that a database cannot hold: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        return Refusal(NUL)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return Refusal(HALF_A_PAIR)
    return None


def messages_problem(messages: object) -> Refusal | None:
    """Why a value is not a conversation that waits for an answer, or nothing."""
    if not isinstance(messages, list) or not messages:
        return Refusal(mark("Give a text, or a list of messages with role and content."))
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            return Refusal(mark("A message has a role and its content."), (number,))
        if (role := message.get("role")) not in ROLES:
            return Refusal(UNKNOWN_ROLE, (number, "role"), {"role": shown(role), "known": ROLES})
        if problem := text_problem(message.get("content")):
            return problem.within(number, "content")
    return None if messages[-1]["role"] == "user" else Refusal(mark("The last message must be the user’s."))


def text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    """The one way to write a value as JSON, for hashing."""
    return _CANONICAL.encode(value)


def prompt_fingerprint(messages: Sequence[dict[str, str]]) -> str:
    """One conversation, one fingerprint: only roles and contents count."""
    return text_sha256(canonical([{"role": m["role"], "content": m["content"]} for m in messages]))


def task_fingerprint(prompt_id: int, candidate_ids: Sequence[int]) -> str:
    """A campaign asks for one prompt and one set of answers once, in whatever order they come."""
    return text_sha256(json.dumps([prompt_id, sorted(candidate_ids)]))


def candidate_letter(position: int) -> str:
    """A, B, C …; after Z comes AA."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def printable(text: str, longest: int = 300) -> str:
    """A text that came from outside, cut and cleaned for a list that people read and a database keeps."""
    return "".join(c if c.isprintable() else "�" for c in text[:longest])


def stem_of(file_name: str) -> str:
    """A file's name without folders and endings, fit for a campaign's name."""
    name = re.split(r"[\\/]", file_name)[-1]
    name = re.sub(r"(\.(jsonl|json|csv|parquet|txt|gz))+$", "", name, flags=re.IGNORECASE)
    return "".join(c for c in name if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF)[:80].strip() or "file"
