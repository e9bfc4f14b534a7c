"""The language model: building a small one, loading one, the log-probabilities of tokens, and drawing answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from trainer.contract.chat import PLAIN_TEMPLATE
from trainer.contract.configs import PretrainConfig, TunedConfig
from trainer.data.batches import pad, positions
from trainer.data.chat import end_of_turn
from trainer.loop.device import IN_FULL, Compute
from trainer.loop.finite import check_loaded, check_said
from trainer.models.precision import computing, held_in, set_up
from trainer.models.vocabulary import check_head, hidden_states, logprobs_after

NO_TOKEN = -1
"""Stands for a token that could not be drawn because the logits are no numbers."""


def build_llama(config: PretrainConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """A small Llama with fresh weights from the global generator; embeddings are tied, dropout is nowhere."""
    if config.hidden_size % (2 * config.heads):
        raise ValueError(
            f'Field "hidden_size" ({config.hidden_size}) must be a multiple of twice "heads" ({config.heads}): '
            "each head turns pairs of its channels by position."
        )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            # Two thirds of 4·hidden, as SwiGLU has three matrices instead of two (Shazeer 2020, §2).
            intermediate_size=-(-8 * config.hidden_size // 3 // 32) * 32,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=config.context,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def load_policy(path: Path | str, compute: Compute = IN_FULL, learns: TunedConfig | None = None) -> Any:
    """A causal language model from a local folder.

    Args:
        path: of the folder.
        compute: where it shall be, and in which numbers.
        learns: by which configuration; None = it does not.

    Raises:
        NotFiniteError: a weight is no number.
        ValueError: its head is of a kind that is not known here.
    """
    model = AutoModelForCausalLM.from_pretrained(path, dtype=held_in(compute, learns), local_files_only=True)
    check_loaded(model, path)
    check_head(set_up(model, compute))
    return model


def load_tokenizer(path: Path | str) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, with a chat template and a padding token in any case.

    Its end-of-sequence token is the one that closes an answer in that template: a base model's own ends documents.
    """
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_TEMPLATE
    if closing := end_of_turn(tokenizer):
        tokenizer.eos_token = closing
    if tokenizer.pad_token_id is None:
        # Harmless: what is padding is told by masks, never by the token.
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens at which an answer ends: the one that closes a turn, then those at which the model stopped anyway."""
    known = model.generation_config.eos_token_id if model.generation_config else None
    more = known if isinstance(known, list) else [known]
    return list(dict.fromkeys([tokenizer.eos_token_id, *(token for token in more if token is not None)]))


def agree_on_ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write into a model that is to be saved where its answers end, so that it stops there wherever it is opened."""
    model.generation_config.eos_token_id = end_tokens(model, tokenizer)
    model.generation_config.pad_token_id = tokenizer.pad_token_id


def check_one_language(one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, who: str) -> None:
    """Refuse two models that do not read and write alike.

    Args:
        one: tokenizer of the first.
        other: of the second.
        who: they are, to begin the sentence.

    Raises:
        ValueError: saying in what they differ.
    """
    if one.get_vocab() != other.get_vocab() or one.eos_token_id != other.eos_token_id:
        raise ValueError(f"{who} do not share a tokenizer; they must come from one SFT model.")
    if one.chat_template != other.chat_template:
        raise ValueError(
            f"{who} have different chat templates, so one would read prompts in a form that it has never seen; they "
            "must come from one SFT model."
        )


def check_context(model: PreTrainedModel, tokens: int, fields: str) -> None:
    """Refuse sequences longer than the model has positions for.

    Raises:
        ValueError: naming the configuration fields to lower.
    """
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and tokens > longest:
        raise ValueError(f"{fields} ask for {tokens} tokens, but this model reads at most {longest}. Lower them.")


def token_logprobs(
    model: PreTrainedModel,
    ids: torch.Tensor,
    mask: torch.Tensor,
    temperature: float = 1.0,
    counted: torch.Tensor | None = None,
) -> torch.Tensor:
    """Log-probabilities log π(token t+1 | tokens up to t), divided by the sampling temperature like the rollout (NI).

    Args:
        model: a causal language model.
        ids: (B, T).
        mask: (B, T) bool; padding may stand on either side, positions follow the mask.
        temperature: > 0.
        counted: (B, T-1) bool; the tokens that are asked about, None for all.

    Returns:
        (B, T-1) float32, or float64 of such a model; entry t speaks of ``ids[:, t + 1]``, and is 0 where that token is
        not asked about or either is padding.
    """
    # Without any padding positions are the usual ones, and attention may take its fastest way.
    padded = not bool(mask.all())
    hidden = hidden_states(model, ids, mask.long() if padded else None, positions(mask) if padded else None)
    asked = mask[:, 1:] & mask[:, :-1]
    asked = asked if counted is None else asked & counted
    said = logprobs_after(model, hidden[:, :-1][asked], ids[:, 1:][asked], temperature)
    logprobs = torch.zeros(asked.shape, device=ids.device, dtype=said.dtype)
    logprobs[asked] = said
    return logprobs


@torch.no_grad()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    seeds: Sequence[int],
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> list[list[int]]:
    """Draw one answer per prompt, all together, with cached keys and values.

    Each row has its own stream of uniform numbers, so an answer depends on its prompt and its
    seed and not on its neighbours (up to the rounding of a differently padded batch). Equal
    prompts are read once. Rows that ended leave the batch.

    Args:
        model: a causal language model.
        tokenizer: says which token ends an answer; see ``end_tokens``.
        prompts: token ids, one list per answer wanted; repeat a prompt for several answers.
        max_new_tokens: longest answer, end token included.
        seeds: one integer per row.
        temperature: 0 takes the likeliest token.
        top_p: keep the likeliest tokens whose probabilities reach this sum (nucleus sampling).

    Returns:
        New token ids per row; the last one is an end token if the answer ended by itself.

    Raises:
        NotFiniteError: the model gives a token no probability that is a number.
    """
    if not prompts:
        return []
    device = model.device
    ends = set(end_tokens(model, tokenizer))
    distinct = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
    place = {prompt: row for row, prompt in enumerate(distinct)}
    owner = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=device)

    ids, mask = (tensor.to(device) for tensor in pad(distinct, tokenizer.pad_token_id, "left"))
    cache = DynamicCache(config=model.config)
    with computing(model):
        logits = model(
            input_ids=ids,
            attention_mask=mask.long(),
            position_ids=positions(mask),
            cache=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
    if len(distinct) < len(prompts):
        logits = logits[owner]
        mask = mask[owner]
        cache.batch_select_indices(owner)

    uniform = torch.stack(
        [torch.rand(max_new_tokens, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    ).to(device)
    answers: list[list[int]] = [[] for _ in prompts]
    alive = list(range(len(prompts)))
    position = mask.sum(dim=-1)
    for step in range(max_new_tokens):
        tokens = _draw(logits, uniform[:, step], temperature, top_p)
        drawn = tokens.tolist()
        if NO_TOKEN in drawn:
            check_said({"The language model": logits})
        for row, token in zip(alive, drawn, strict=True):
            answers[row].append(token)
        keep = [i for i, token in enumerate(drawn) if token not in ends]
        if not keep or step == max_new_tokens - 1:
            break
        if len(keep) < len(drawn):
            index = torch.tensor(keep, device=device)
            alive = [alive[i] for i in keep]
            tokens, uniform, mask, position = tokens[index], uniform[index], mask[index], position[index]
            cache.batch_select_indices(index)
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
        with computing(model):
            logits = model(
                input_ids=tokens[:, None],
                attention_mask=mask.long(),
                position_ids=position[:, None],
                cache=cache,
                use_cache=True,
            ).logits[:, -1]
        position = position + 1
    return answers


def _draw(logits: torch.Tensor, uniform: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """One token per row (B,) by inverting the cumulative distribution at ``uniform`` (B,); see ``NO_TOKEN``."""
    if temperature == 0:
        top, choice = logits.max(dim=-1)
        return torch.where(top.isfinite(), choice, NO_TOKEN)
    probabilities = torch.softmax(logits.double() / temperature, dim=-1)
    order = None
    if top_p < 1:
        probabilities, order = probabilities.sort(dim=-1, descending=True)
        before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = torch.where(before < top_p, probabilities, 0.0)
    cumulative = probabilities.cumsum(dim=-1)
    # Scaling by the actual sum keeps rounding (and the nucleus) from pointing behind the last token.
    target = uniform.double()[:, None] * cumulative[:, -1:]
    choice = torch.searchsorted(cumulative, target, right=True).clamp(max=logits.shape[-1] - 1)
    if order is not None:
        choice = order.gather(-1, choice)
    # The whole sum is no number where any logit is none; asked along with the token, it costs no wait of its own.
    return torch.where(cumulative[:, -1].isfinite(), choice.squeeze(-1), NO_TOKEN)
