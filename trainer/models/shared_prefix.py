"""Attention for shared-prefix sequences (``data/packing.py``), for any Hugging Face decoder that lets us bring our own.

On a CPU in two parts: the answers of a prompt attend to the prompt, all together and without a
mask, and each answer attends to itself, causally. Both parts are PyTorch's flash attention; their
results are joined through the logarithms of their softmax sums, which the kernel returns (Rabe
& Staats 2021; Dao et al. 2022, §3.1). No mask is ever built and no token is computed twice. On a
GPU FlexAttention skips the blocks that nobody may see (Dong et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from transformers import AttentionInterface

from trainer.data.packing import Conversation, Packed, Span, pack
from trainer.models.activations import layers_of
from trainer.models.precision import computes_in, computing
from trainer.models.vocabulary import hidden_states

NAME = "prefloop_shared_prefix"
"""How this attention is called among those of the transformers library."""

ATTENTION = ("self_attn", "attn", "attention")
TOKEN_WISE = ("q_proj", "o_proj", "c_proj", "dense")
"""Names in the supported families: of a layer's attention, and in it of what makes queries alone and of the output."""

# Private to PyTorch, for only these tell the log-sums; tests compare them with the public attention.
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # noqa: SLF001
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward  # noqa: SLF001


@dataclass(frozen=True)
class Parts:
    """Who attends to what, as places of queries and places of keys.

    Attributes:
        own: first attention of these queries: a prompt's or an answer's to itself.
        seen: second attention of some of them: answers to their prompt, all of which they see.
        causal: whether queries of ``own`` see the keys up to their own place, or all of them.
    """

    own: list[tuple[slice, slice]]
    seen: list[tuple[slice, slice]]
    causal: bool


def every_token(spans: Sequence[Span]) -> Parts:
    """Every token is a query."""
    own: list[tuple[slice, slice]] = []
    seen: list[tuple[slice, slice]] = []
    for span in spans:
        prompt = slice(span.start, span.split)
        own += [(place, place) for place in (prompt, *(slice(*answer) for answer in span.answers))]
        seen.append((slice(span.split, span.ends[-1]), prompt))
    return Parts(own, seen, causal=True)


def last_tokens(spans: Sequence[Span]) -> Parts:
    """Only the last token of each of the N answers is a query; queries are numbered from 0 to N - 1."""
    own: list[tuple[slice, slice]] = []
    seen: list[tuple[slice, slice]] = []
    for span in spans:
        first = len(own)
        own += [(slice(first + i, first + i + 1), slice(*answer)) for i, answer in enumerate(span.answers)]
        seen.append((slice(first, len(own)), slice(span.start, span.split)))
    return Parts(own, seen, causal=False)


class TwoPartAttention(torch.autograd.Function):
    """softmax(q kᵀ · scale) v where each answer sees its prompt and itself.

    Shapes: q (1, H, Q, d), k (1, H, T, d), v (1, H, T, d); the result is (1, Q, H, d).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, parts: Parts, scale: float) -> Tensor:
        """Attend; keeps the joined log-sums for the way back."""
        _, heads, queries, width = q.shape
        out = q.new_empty(1, queries, heads, width).transpose(1, 2)
        # The kernel tells the log-sums of halved numbers in full.
        full = q.dtype if q.dtype == torch.float64 else torch.float32
        log_sum = q.new_empty(1, heads, queries, dtype=full)

        def part(of: slice, on: slice, *, causal: bool) -> tuple[Tensor, Tensor]:
            return _flash(q[:, :, of], k[:, :, on], v[:, :, on], 0.0, causal, scale=scale)

        for of, on in parts.own:
            out[:, :, of], log_sum[:, :, of] = part(of, on, causal=parts.causal)
        for of, on in parts.seen:
            seen, seen_sum = part(of, on, causal=False)
            # The two softmaxes have different denominators; the prompt's share of the joint one weighs its part.
            own_sum = log_sum[:, :, of]
            out[:, :, of].lerp_(seen, torch.sigmoid(seen_sum - own_sum).unsqueeze(-1).to(seen.dtype))
            log_sum[:, :, of] = torch.logaddexp(own_sum, seen_sum)
        ctx.save_for_backward(q, k, v, out, log_sum)
        ctx.parts, ctx.scale = parts, scale
        return out.transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Each part's ordinary flash backward, given the joint result and the joint log-sums.

        The kernel recomputes probabilities as exp(q kᵀ · scale − log-sum); with the joint log-sum
        those are the joint probabilities, so the two parts' gradients simply add up.
        """
        q, k, v, out, log_sum = ctx.saved_tensors
        gradient = gradients[0].transpose(1, 2)
        # Every query and every answer's key has an own part; only a prompt's keys may have none.
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)

        def part(of: slice, on: slice, *, causal: bool) -> tuple[Tensor, Tensor, Tensor]:
            return _flash_backward(
                gradient[:, :, of],
                q[:, :, of],
                k[:, :, on],
                v[:, :, on],
                out[:, :, of],
                log_sum[:, :, of].contiguous(),
                0.0,
                causal,
                scale=ctx.scale,
            )

        for of, on in ctx.parts.own:
            dq[:, :, of], dk[:, :, on], dv[:, :, on] = part(of, on, causal=ctx.parts.causal)
        for of, on in ctx.parts.seen:
            dq_seen, dk_seen, dv_seen = part(of, on, causal=False)
            dq[:, :, of] += dq_seen
            dk[:, :, on] += dk_seen
            dv[:, :, on] += dv_seen
        return dq, dk, dv, None, None


def block_mask(spans: Sequence[Span], length: int, device: torch.device) -> BlockMask:
    """The same rule for FlexAttention; whole blocks that nobody may see are skipped.

    Args:
        spans: of a packed sequence.
        length: its tokens; those behind the last span are padding and see themselves alone.
        device: where the mask is evaluated.
    """
    conversation = torch.full((length,), -1, dtype=torch.int32)
    answer = torch.zeros(length, dtype=torch.int32)
    for number, span in enumerate(spans):
        conversation[span.start : span.ends[-1]] = number
        for place, (start, end) in enumerate(span.answers, start=1):
            answer[start:end] = place
    conversation, answer = conversation.to(device), answer.to(device)

    def visible(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        together = (conversation[query] == conversation[key]) & (conversation[query] >= 0)
        allowed = (answer[key] == 0) | (answer[key] == answer[query])
        return (query == key) | ((key <= query) & together & allowed)

    return create_block_mask(visible, None, None, length, length, device=str(device))


@dataclass(frozen=True)
class Sequenced:
    """What the attention of each layer is told of a packed sequence: the mask, or else the parts.

    Attributes:
        mask: for FlexAttention.
        every: parts of the layers whose results all matter.
        last: parts of the last layer.
        read: (N,) places of the last token of each answer.
        narrowed: the attention of the last layer, which is computed at ``read`` only.
    """

    mask: BlockMask | None = None
    every: Parts | None = None
    last: Parts | None = None
    read: Tensor | None = None
    narrowed: Any = None


def last_hidden_states(model: Any, packed: Packed) -> Tensor:
    """Run a model's body over a packed sequence, inside ``shared_prefixes``.

    Args:
        model: a reward model.
        packed: T tokens with N answers.

    Returns:
        (N, d) hidden state of the last token of each answer.
    """
    device = model.device
    ids, positions, last = packed.ids, packed.positions, packed.last.to(device)
    with _last_layer_only_at(model, last) as narrowed:
        if device.type == "cpu":
            sequence = Sequenced(None, every_token(packed.spans), last_tokens(packed.spans), last, narrowed)
        else:
            # A few lengths instead of hundreds: FlexAttention is compiled anew for blocks it has not seen.
            fill = -ids.shape[1] % 128
            ids, positions = (torch.nn.functional.pad(x, (0, fill)) for x in (ids, positions))
            sequence = Sequenced(block_mask(packed.spans, ids.shape[1], device))
        with computing(model):
            hidden: Tensor = model.base_model(
                input_ids=ids.to(device),
                position_ids=positions.to(device),
                use_cache=False,
                prefix_sequence=sequence,
            ).last_hidden_state
    return hidden[0, last]


@contextmanager
def _last_layer_only_at(model: Any, places: Tensor) -> Iterator[Any]:
    """Spare the last layer all tokens whose result nobody reads: it needs their keys and values, and nothing more.

    What works token by token (queries, output projection, feed-forward block) is computed at
    ``places`` only, and so is its attention on a CPU. That is three quarters of the layer's
    multiplications, an eighth of a model of six layers. The other tokens' results are meaningless
    afterwards. What is not where it usually is is computed whole.

    Yields:
        The last layer's attention, or None.
    """
    layers = layers_of(model)
    layer = layers[-1] if layers else None
    attention = next((found for name in ATTENTION if (found := getattr(layer, name, None)) is not None), None)
    narrowed = [getattr(layer, "mlp", None), *(getattr(attention, name, None) for name in TOKEN_WISE)]
    lengths: list[int] = []

    def take(_block: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        lengths.append(given[0].shape[1])
        return given[0][:, places], *given[1:]

    def put_back(_block: Any, _given: tuple[Tensor, ...], found: Tensor) -> Tensor:
        return _spread(found, places, lengths[-1])

    handles = []
    for block in narrowed:
        if block is not None:
            handles += [block.register_forward_pre_hook(take), block.register_forward_hook(put_back)]
    try:
        yield attention
    finally:
        for handle in handles:
            handle.remove()


def _spread(found: Tensor, places: Tensor, length: int) -> Tensor:
    """(1, N, …) -> (1, length, …), zero where nothing was computed."""
    whole = found.new_zeros(found.shape[0], length, *found.shape[2:])
    return whole.index_copy(1, places, found)


@contextmanager
def shared_prefixes(model: Any) -> Iterator[None]:
    """Let every attention layer of this model read shared prefixes for a while; the model itself is not changed."""
    before = model.config._attn_implementation  # noqa: SLF001 - the library offers a setter, but no getter
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def obstacle(model: Any, max_tokens: int) -> str | None:
    """Why this model cannot read shared prefixes, or None when it can.

    What the configuration says is believed, what it claims is tried: two small conversations are
    scored both ways, and must agree.

    Args:
        model: a model with a classification head; its attention is as before afterwards.
        max_tokens: longest prompt + answer; a sliding window that is longer than that never slides.
    """
    config = model.config
    if not getattr(model.base_model, "_supports_attention_backend", False):
        return f"{config.model_type} brings an attention of its own"
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    if unknown := kinds - {"full_attention", "sliding_attention"}:
        return f"{config.model_type} has layers of the kind {', '.join(sorted(unknown))}"
    slides = "sliding_attention" in kinds or getattr(config, "layer_types", None) is None
    if window is not None and slides and window < max_tokens:
        return f"its attention sees a sliding window of {window} tokens, fewer than max_tokens = {max_tokens}"
    return _disagreement(model)


@torch.no_grad()
def _disagreement(model: Any) -> str | None:
    """Try it: does a token's hidden state depend on its prompt and its own answer, exactly as alone?"""
    tokens = torch.randint(
        model.config.get_text_config().vocab_size, (2, 4, 5), generator=torch.Generator().manual_seed(0)
    ).tolist()
    conversations = [Conversation(prompt, answers) for prompt, *answers in tokens]
    packed = pack(conversations)
    alone = torch.cat(
        [
            hidden_states(model, torch.tensor([[*c.prompt, *answer]], device=model.device))[:, -1]
            for c in conversations
            for answer in c.answers
        ]
    )
    try:
        with shared_prefixes(model):
            together = last_hidden_states(model, packed)
    except (TypeError, RuntimeError, NotImplementedError, AttributeError, KeyError) as error:
        return f"{model.config.model_type} refused the packed sequence ({type(error).__name__}: {error})"
    difference = ((together - alone).norm() / alone.norm()).item()
    # Rounding is smaller by far, in bfloat16 too, a leak or a wrong position larger.
    rounding = 5e-2 if computes_in(model) == torch.bfloat16 else 1e-3
    return None if difference < rounding else f"packed and single answers differ by {difference:.1%} in a trial"


@cache
def _compiled_flex_attention() -> Any:
    return torch.compile(flex_attention, dynamic=True)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: Tensor | None,
    *,
    prefix_sequence: Sequenced,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What a layer calls: query (1, H, T, d), key and value (1, H or fewer, T, d); gives (1, T, H, d)."""
    if others.get("softcap") is not None or others.get("s_aux") is not None:
        raise NotImplementedError("its attention caps its logits or adds sinks")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    if prefix_sequence.mask is not None:
        attend = _compiled_flex_attention() if query.is_cuda else flex_attention
        grouped = query.shape[1] != key.shape[1]
        out = attend(query, key, value, block_mask=prefix_sequence.mask, scale=scale, enable_gqa=grouped)
        return out.transpose(1, 2).contiguous(), None
    if query.shape[1] != key.shape[1]:
        key, value = (x.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for x in (key, value))
    if module is prefix_sequence.narrowed:
        read = cast("Tensor", prefix_sequence.read)
        out = TwoPartAttention.apply(query[:, :, read], key, value, prefix_sequence.last, scale)
        return _spread(out, read, query.shape[2]), None
    return TwoPartAttention.apply(query, key, value, prefix_sequence.every, scale), None


AttentionInterface.register(NAME, _attention)
