"""What a good prompt and a good ranking are, and the fingerprints by which a thing is known again."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from app.language import mark

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


def text_problem(text: object, what: str, *, may_be_empty: bool = False) -> str | None:
    """Why a value cannot be kept as text, in words, or nothing."""
    if not isinstance(text, str):
        return f"{what} is missing" if text is None else f"{what} is not text"
    if not text.strip() and not may_be_empty:
        return f"{what} is empty"
    if len(text) > LONGEST_TEXT:
        return f"{what} has {len(text):,} characters; at most {LONGEST_TEXT:,} are taken"
    return character_problem(text, what)


def character_problem(text: str, what: str) -> str | None:
    """Characters that a database cannot hold: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        return f"{what} contains a NUL character"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return f"{what} contains half of a surrogate pair, which is not valid Unicode"
    return None


def messages_problem(messages: object, what: str = "the prompt") -> str | None:
    """Why a value is not a conversation that waits for an answer, or nothing."""
    if not isinstance(messages, list) or not messages:
        return f"{what} is not a list of messages"
    for place, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            return f"message {place} of {what} is not an object with role and content"
        if message.get("role") not in ROLES:
            return f"message {place} of {what} has the role {message.get('role')!r}; known are {', '.join(ROLES)}"
        if problem := text_problem(message.get("content"), f"message {place} of {what}"):
            return problem
    return None if messages[-1]["role"] == "user" else f"the last message of {what} is not the user's"


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
