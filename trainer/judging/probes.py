"""Answers made worse on purpose: a reward model that reads should prefer the original.

Stiennon et al. 2020 (§4.3, App. G) asked their reward models about summaries that people had
edited by a few words to make them better, and about summaries in which people had swapped who did
what. Ours are made mechanically: they need no people, work for every data set, and say only whether
the model sees damage that nobody could miss. A swap of words for persons here and there yields
clumsy grammar, so a model may also win by preferring fluent text; the shares are not comparable
with the published ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.contract.judging import Probe
from trainer.judging.intervals import share
from trainer.judging.pairs import wins

_TRIES = 20
"""Draws that may give the original back before an edit is given up."""


@dataclass(frozen=True)
class EditedAnswer:
    """A damaged copy of an answer.

    Attributes:
        place: position of the prompt, and of the answer within it.
        name: of the edit.
        text: what is to be scored in place of the answer.
    """

    place: tuple[int, int]
    name: str
    text: str


def edited_answers(prompts_answers: Sequence[Sequence[str]], seed: int, limit: int) -> list[EditedAnswer]:
    """Every edit of one answer per prompt, for at most ``limit`` prompts.

    Args:
        prompts_answers: per prompt the answers that may be edited, e.g. those that people ranked
            best: damage to an answer that is bad already need not make it worse.
        seed: of the choice of prompts and answers and of the edits.
        limit: prompts at most; more are drawn without replacement.

    Returns:
        By prompt; an edit that would change nothing is missing.
    """
    chance = random.Random(seed)
    able = [prompt for prompt, answers in enumerate(prompts_answers) if answers]
    chosen = sorted(chance.sample(able, limit)) if len(able) > limit else able
    found = []
    for prompt in chosen:
        answer = chance.randrange(len(prompts_answers[prompt]))
        text = prompts_answers[prompt][answer]
        edits = {name: edit(text, chance) for name, edit in EDITS.items()}
        edits["other_prompt"] = other_prompt(prompts_answers, prompt, able, chance)
        found += [EditedAnswer((prompt, answer), name, new) for name, new in edits.items() if new is not None]
    return found


def probe_shares(
    original_scores: np.ndarray, edited_scores: np.ndarray, names: Sequence[str], clusters: np.ndarray, seed: int
) -> list[Probe]:
    """How often the original scores higher than its edited copy, by edit; equal scores count one half.

    Args:
        original_scores: (N,) score of the answer that was edited.
        edited_scores: (N,) score of the edited text.
        names: (N) edit.
        clusters: (N,) prompt.
        seed: of the bootstrap.

    Returns:
        One probe ``original_wins:<edit>`` per edit, by name.
    """
    won = wins(np.asarray(original_scores, dtype=np.float64) - np.asarray(edited_scores, dtype=np.float64))
    made, prompts = np.array(names, dtype=object), np.asarray(clusters)
    found = []
    for name in sorted(set(names)):
        these = made == name
        shares = share(won[these], np.ones(int(these.sum())), prompts[these], seed)
        found.append(Probe(name=f"original_wins:{name}", model=shares))
    return found


def shuffled_words(text: str, chance: random.Random) -> str | None:
    """The same words in another order; space, line breaks and attached punctuation keep their places.

    In scripts that are written without spaces the characters change places.
    None when there are not two different words.
    """
    spans = _words(text)
    words = [text[start:end] for start, end in spans]
    if len(set(words)) < 2:
        return None
    drawn = list(words)
    for _ in range(_TRIES):
        chance.shuffle(drawn)
        if drawn != words:
            break
    else:  # two words among many equal ones
        drawn = words[1:] + words[:1]
    return _replaced(text, spans, drawn)


def cut_short(text: str, _chance: random.Random | None = None) -> str | None:
    """The first half of the words (of characters, in scripts without spaces), as they stand. None for a single word."""
    spans = _words(text)
    if len(spans) < 2:
        return None
    return text[: spans[(len(spans) + 1) // 2 - 1][1]]


def repeated(text: str, chance: random.Random) -> str | None:
    """A sentence, drawn at random, said twice in a row. None for an empty text."""
    spans = [match.span() for match in _SENTENCE.finditer(text)]
    if not spans:
        return None
    start, end = chance.choice(spans)
    gap = "" if _UNSPACED.match(text[start]) else " "
    return text[:end] + gap + text[start:]


def other_prompt(
    prompts_answers: Sequence[Sequence[str]], prompt: int, able: Sequence[int], chance: random.Random
) -> str | None:
    """An answer of another prompt, unlike all answers of this one. None when the draws find none.

    Args:
        prompts_answers: per prompt its answers.
        prompt: position of the prompt whose answer is replaced.
        able: positions of the prompts that have answers.
        chance: draws prompt, then answer.
    """
    own = set(prompts_answers[prompt])
    for _ in range(_TRIES):
        other = chance.choice(able)
        text = chance.choice(prompts_answers[other])
        if other != prompt and text.strip() and text not in own:
            return text
    return None


def roles_swapped(text: str, _chance: random.Random | None = None) -> str | None:
    """Who speaks to whom, and he and she, exchanged: I ↔ you, my ↔ your, he ↔ she, User: ↔ Assistant:.

    English only, word by word, capitals kept. Where one word has two counterparts (you → I or me,
    her → him or his, his → her or hers) the neighbouring words decide, sometimes wrongly.
    None when no such word occurs.
    """
    swapped = _ROLE.sub(lambda match: _counterpart(match, text), text)
    return None if swapped == text else swapped


EDITS: Mapping[str, Callable[[str, random.Random], str | None]] = {
    "shuffled_words": shuffled_words,
    "cut_short": cut_short,
    "repeated": repeated,
    "roles_swapped": roles_swapped,
}
"""Edits that need the text alone; ``other_prompt`` needs the others' answers too."""


# Chinese and Japanese, Thai, Lao, Burmese, Khmer: written without spaces between words.
_UNSPACED_SIGNS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f"
)
_UNSPACED = re.compile(f"[{_UNSPACED_SIGNS}]")
# Vowels and tones that stand on, under or behind the sign before them and cannot stand alone.
_MARKS = r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_WORD = re.compile(rf"[{_UNSPACED_SIGNS}][{_MARKS}]*|[^\s{_UNSPACED_SIGNS}]+")

# To the end of the line or to a full stop, with the quotes that close after it; "3.5" is not an end.
_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"'’”)\]]*(?=\s|\Z)|[。！？]+[」』”’]*|$)", re.MULTILINE)


def _words(text: str) -> list[tuple[int, int]]:
    """Start and end of each word; in scripts without spaces, of each character with its marks."""
    return [match.span() for match in _WORD.finditer(text)]


def _replaced(text: str, spans: Sequence[tuple[int, int]], words: Sequence[str]) -> str:
    """The text with other words in the places of its words."""
    parts, end = [], 0
    for (start, stop), word in zip(spans, words, strict=True):
        parts += [text[end:start], word]
        end = stop
    return "".join([*parts, text[end:]])


_SWAPS = (
    ("i am", "you are"),
    ("i was", "you were"),
    ("i'm", "you're"),
    ("i've", "you've"),
    ("i'll", "you'll"),
    ("i'd", "you'd"),
    ("my", "your"),
    ("mine", "yours"),
    ("myself", "yourself"),
    ("he", "she"),
    ("he's", "she's"),
    ("he'll", "she'll"),
    ("he'd", "she'd"),
    ("himself", "herself"),
    ("boyfriend", "girlfriend"),
    ("husband", "wife"),
    ("father", "mother"),
    ("dad", "mom"),
    ("brother", "sister"),
    ("son", "daughter"),
)
_COUNTERPARTS = (
    dict(_SWAPS) | {other: one for one, other in _SWAPS} | {"i": "you", "me": "you", "him": "her", "hers": "his"}
)
_AMBIGUOUS = ("you", "her", "his")
_SPEAKERS = {"user": "Assistant", "human": "Assistant"}

# Longer ones first, so that "I am" is not read as "I".
_ROLE = re.compile(
    r"^[ \t]*(?P<speaker>user|human|assistant)(?=[ \t]*:)|(?<![\w'’])(?P<word>"
    + "|".join(
        sorted((re.escape(w).replace("'", "['’]") for w in (*_COUNTERPARTS, *_AMBIGUOUS)), key=len, reverse=True)
    )
    + r")(?![\w'’])",
    re.IGNORECASE | re.MULTILINE,
)
_BEFORE_OBJECT = re.compile(
    r"\b(?:to|for|with|of|from|at|about|by|on|between|tell|give|help|let|show)\s+\Z", re.IGNORECASE
)
_SENTENCE_STARTS = re.compile(r"(?:\A|\n|[.!?…:]\s)[\s\"'“‘(]*\Z")
_FIRST_PERSON = re.compile(r"i\b", re.IGNORECASE)
_A_WORD_FOLLOWS = re.compile(r"\s+\w")


def _counterpart(match: re.Match[str], text: str) -> str:
    if match["speaker"]:
        return match[0].replace(match["speaker"], _other_speaker(match["speaker"], text))
    found = match["word"]
    key = " ".join(found.lower().replace("’", "'").split())
    word_follows = bool(_A_WORD_FOLLOWS.match(text, match.end()))
    before = text[max(0, match.start() - 40) : match.start()]
    if key == "you":
        new = "i" if word_follows and not _BEFORE_OBJECT.search(before) else "me"
    elif key == "her":
        new = "his" if word_follows else "him"
    elif key == "his":
        new = "her" if word_follows else "hers"
    else:
        new = _COUNTERPARTS[key]
    if "’" in found:
        new = new.replace("'", "’")
    return _cased(new, found, before)


def _other_speaker(speaker: str, text: str) -> str:
    if speaker.lower() in _SPEAKERS:
        new = _SPEAKERS[speaker.lower()]
    else:
        new = "Human" if re.search(r"^[ \t]*human[ \t]*:", text, re.IGNORECASE | re.MULTILINE) else "User"
    if speaker.isupper():
        return new.upper()
    return new if speaker[0].isupper() else new.lower()


def _cased(new: str, old: str, before: str) -> str:
    """Capitals as in the old word. "I" says nothing about its place, so there the text before it decides."""
    if len(old) > 1 and old.isupper():
        return new.upper()
    capital = old[0].isupper()
    if _FIRST_PERSON.match(old):
        capital = capital and bool(_SENTENCE_STARTS.search(before))
    return new[0].upper() + new[1:] if capital or _FIRST_PERSON.match(new) else new
