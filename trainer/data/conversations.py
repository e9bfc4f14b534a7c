"""The one encoding of (prompt, answer) for a reward model: in training, scoring, PPO and evaluation.

**An answer is its text.** The end token always closes it, whether the model that wrote it ended by itself or was
stopped: people judged the text as it stood, so the reward model reads the text as it stands. Whether an answer ended
by itself is charged where it is known, by PPO's ``missing_eos_penalty``, and by nobody else. Only an answer that is
longer than the reward model can read loses its end, and the end token with it, in training too.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from trainer.contract.records import Message
from trainer.data.chat import encode_answers, encode_prompt
from trainer.data.packing import Conversation, split_by_cut

Pair = tuple[Sequence[Message], str]
"""A conversation and the text that answers it."""


def conversations(
    pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase, max_tokens: int, capacity: int = 0
) -> tuple[list[Conversation], list[int]]:
    """Gather answers by prompt, each cut as if it stood alone; a thousand answers to one prompt are taken in parts.

    Args:
        pairs: to be read.
        tokenizer: the reward model's.
        max_tokens: of a prompt with one answer.
        capacity: tokens of a part, prompt included; 0 takes every answer by itself, for models that
            compute the prompt again anyway and then share forwards among answers of one length.

    Returns:
        The conversations, and for each of their answers, in order, its place in ``pairs``.
    """
    encoded = encode_answers(tokenizer, [text for _, text in pairs])
    by_prompt: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for place, (messages, _) in enumerate(pairs):
        by_prompt.setdefault(tuple((m.role, m.content) for m in messages), []).append(place)
    talks: list[Conversation] = []
    places: list[int] = []
    for members in by_prompt.values():
        prompt = encode_prompt(tokenizer, pairs[members[0]][0], max_tokens - 1)
        for some, talk in split_by_cut(prompt, [encoded[place] for place in members], max_tokens):
            talks += [Conversation(talk.prompt, part) for part in _parts(talk, capacity)]
            places += [members[i] for i in some]
    return talks, places


def _parts(talk: Conversation, capacity: int) -> list[list[Sequence[int]]]:
    """Answers that fit into one forward together with their prompt; at least one each."""
    found: list[list[Sequence[int]]] = []
    room = 0
    for answer in talk.answers:
        if not found or len(answer) > room:
            found.append([])
            room = capacity - len(talk.prompt)
        found[-1].append(answer)
        room -= len(answer)
    return found
