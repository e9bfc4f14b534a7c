"""Judge how machine-like the texts of ``inputs/answers.parquet`` look to a language model.

The scores are zero-shot: no detector is trained, the model only reads. They say whether a text is what such a model
would write, not who wrote it; people who write plainly, many of them in a second language, look machine-like too
(Liang et al. 2023). They are evidence for a person who decides, and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from trainer.contract.configs import DetectConfig, settled
from trainer.contract.folder import ANSWERS, DETECTIONS
from trainer.contract.records import AnswerToScore, Detection, SeenToken, read_rows, write_rows
from trainer.data.batches import by_length, pad, positions
from trainer.data.chat import Accepts, encode_pieces, encode_prompt
from trainer.loop.device import prepare
from trainer.loop.finite import check_said
from trainer.loop.run_folder import RunFolder
from trainer.losses.detection import TokenSigns, text_signs, token_signs
from trainer.models.backbone import check_context, load_policy, load_tokenizer
from trainer.models.vocabulary import hidden_states, logits_after

LOGITS_AT_ONCE = 1 << 22
"""Entries of a table of logits for which statistics are computed together: 32 MB in float64, a few times over."""


@dataclass(frozen=True)
class Reading:
    """A text ready to be read.

    Attributes:
        place: of its row in the file.
        context: tokens that stand before the text.
        ids: tokens of the text that fit.
        said: characters of the text that are said after each of them.
        cut: some did not fit.
    """

    place: int
    context: list[int] = field(repr=False)
    ids: list[int] = field(repr=False)
    said: list[int] = field(repr=False)
    cut: bool = False

    @property
    def predicted(self) -> int:
        """Tokens of the text that something stands before."""
        return max(0, len(self.ids) - (not self.context))

    @property
    def length(self) -> int:
        return len(self.context) + len(self.ids)


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Write one ``Detection`` per row to ``detections.parquet``, in the order of the input.

    Raises:
        ValueError: there is no ``inputs/answers.parquet``, or the model cannot be used for this.
    """
    config = cast("DetectConfig", folder.config)
    compute = prepare(config)
    path = folder.inputs / ANSWERS
    if not path.exists():
        raise ValueError(f"There are no texts to look at: {path} is missing.")
    tokenizer = load_tokenizer(folder.parent("policy"))
    model = load_policy(folder.parent("policy"), compute)
    longest = settled(config.max_tokens)
    check_context(model, longest, 'The field "max_tokens"')

    rows = list(read_rows(path, AnswerToScore))
    if config.context == "prompt":
        accepts = Accepts(tokenizer)
        for row in rows:
            accepts(row)
        accepts.refuse_any("Nothing was read, for every text must have its scores")
    readings = [reading_of(tokenizer, row, place, config) for place, row in enumerate(rows)]
    found: list[Detection | None] = [None] * len(rows)
    log = folder.metrics()
    done = 0
    for places in by_length([reading.length for reading in readings], config.tokens_per_forward):
        batch = [readings[place] for place in places]
        for reading, signs in zip(batch, signs_of(model, tokenizer, batch), strict=True):
            found[reading.place] = detection_of(rows[reading.place], reading, signs, config.min_tokens)
        done += len(batch)
        log.write(done, len(rows), {})
    log.close()

    detections = cast("list[Detection]", found)
    write_rows(folder.path / DETECTIONS, Detection, detections)
    short = sum(one.likelihood is None for one in detections)
    cut = sum(one.cut for one in detections)
    if short:
        folder.note(f"{short} of {len(rows)} texts have fewer than {config.min_tokens} tokens and got no scores.")
    if cut:
        folder.note(f"{cut} of {len(rows)} texts are longer than {longest} tokens; their beginning was read.")
    curvatures = [one.curvature for one in detections if one.curvature is not None]
    return {
        "data/texts": len(rows),
        "data/scored": len(rows) - short,
        "data/too_short": short,
        "detect/curvature_mean": sum(curvatures) / len(curvatures) if curvatures else None,
    }


def reading_of(tokenizer: Any, row: AnswerToScore, place: int, config: DetectConfig) -> Reading:
    """Encode a text, after its prompt or alone; the prompt gives way before the text does."""
    longest = settled(config.max_tokens)
    ids, said = encode_pieces(tokenizer, row.text)
    if config.context == "none":
        return Reading(place, [], ids[:longest], said, len(ids) > longest)
    kept = ids[: longest - 1]
    prompt = encode_prompt(tokenizer, row.messages, longest - len(kept))
    return Reading(place, prompt, kept, said, len(ids) > len(kept))


@torch.no_grad()
def signs_of(model: Any, tokenizer: Any, batch: Sequence[Reading]) -> list[TokenSigns]:
    """The signs of every predicted token of each text, from one forward pass."""
    longest = max(reading.length for reading in batch)
    if longest < 2:
        return [_no_signs() for _reading in batch]
    rows = [reading.context + reading.ids for reading in batch]
    # Padding at the right end comes after everything that is read, so no token can see it; positions follow the mask.
    ids, mask = (tensor.to(model.device) for tensor in pad(rows, tokenizer.pad_token_id, "right"))
    padded = not bool(mask.all())
    hidden = hidden_states(model, ids, mask.long() if padded else None, positions(mask) if padded else None)
    found = []
    for row, reading in enumerate(batch):
        end, first = reading.length, reading.length - reading.predicted
        found.append(
            _in_parts(model, hidden[row, first - 1 : end - 1], ids[row, first:end])
            if reading.predicted
            else _no_signs()
        )
    return found


def _in_parts(model: Any, hidden: Tensor, chosen: Tensor) -> TokenSigns:
    """``token_signs`` without the logits of all tokens at once."""
    rows = max(1, LOGITS_AT_ONCE // model.config.get_text_config().vocab_size)
    parts = [
        token_signs(logits_after(model, some), tokens)
        for some, tokens in zip(hidden.split(rows), chosen.split(rows), strict=True)
    ]
    return TokenSigns(
        logprob=torch.cat([part.logprob for part in parts]),
        rank=torch.cat([part.rank for part in parts]),
        entropy=torch.cat([part.entropy for part in parts]),
        variance=torch.cat([part.variance for part in parts]),
    )


def _no_signs() -> TokenSigns:
    nothing = torch.empty(0, dtype=torch.float64)
    return TokenSigns(nothing, nothing.long(), nothing, nothing)


def detection_of(row: AnswerToScore, reading: Reading, signs: TokenSigns, min_tokens: int) -> Detection:
    """What is handed back about a text: its pieces in any case, its scores where it is long enough."""
    check_said({"The language model": torch.stack([signs.logprob, signs.entropy, signs.variance])})
    scores: dict[str, Any] = asdict(text_signs(signs)) if reading.predicted >= min_tokens else {}
    return Detection(
        answer_id=row.answer_id,
        tokens=reading.predicted,
        pieces=pieces_of(row.text, reading, signs.rank.tolist()),
        cut=reading.cut,
        **scores,
    )


def pieces_of(text: str, reading: Reading, ranks: Sequence[int]) -> list[SeenToken]:
    """The text that was read, piece by piece; tokens that say a character only together are one piece.

    Such a piece has the rank of its least expected token.
    """
    known: list[int | None] = [*[None] * (len(reading.ids) - len(ranks)), *ranks]
    found: list[SeenToken] = []
    begun, waiting = 0, list[int]()
    for place, rank in enumerate(known):
        waiting += [] if rank is None else [rank]
        end = reading.said[place]
        if end > begun:
            found.append(SeenToken(text=text[begun:end], rank=max(waiting, default=None)))
            begun, waiting = end, []
    return found
