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
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from transformers import AttentionInterface

from trainer.data.packing import Conversation, Packed, Span, pack

NAME = "prefloop_shared_prefix"
"""How this attention is called among those of the transformers library."""

# Private to PyTorch, for only these tell the log-sums; tests compare them with the public attention.
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # noqa: SLF001
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward  # noqa: SLF001


class TwoPartAttention(torch.autograd.Function):
    """softmax(q kᵀ · scale) v where each answer sees its prompt and itself.

    Shapes: q, k (1, H, T, d), v (1, H, T, d); the result is (1, T, H, d).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, spans: Sequence[Span], scale: float) -> Tensor:
        """Attend; keeps the joined log-sums for the way back."""
        _, heads, length, width = q.shape
        out = q.new_empty(1, length, heads, width).transpose(1, 2)
        log_sum = q.new_empty(1, heads, length)
        for span in spans:
            prompt, answers = slice(span.start, span.split), slice(span.split, span.ends[-1])
            for own in (prompt, *(slice(*answer) for answer in span.answers)):
                out[:, :, own], log_sum[:, :, own] = _flash(
                    q[:, :, own], k[:, :, own], v[:, :, own], 0.0, True, scale=scale
                )
            seen, seen_sum = _flash(q[:, :, answers], k[:, :, prompt], v[:, :, prompt], 0.0, False, scale=scale)
            # The two softmaxes have different denominators; the prompt's share of the joint one weighs its part.
            own_sum = log_sum[:, :, answers]
            out[:, :, answers].lerp_(seen, torch.sigmoid(seen_sum - own_sum).unsqueeze(-1).to(seen.dtype))
            log_sum[:, :, answers] = torch.logaddexp(own_sum, seen_sum)
        ctx.save_for_backward(q, k, v, out, log_sum)
        ctx.spans, ctx.scale = spans, scale
        return out.transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Each part's ordinary flash backward, given the joint result and the joint log-sums.

        The kernel recomputes probabilities as exp(q kᵀ · scale − log-sum); with the joint log-sum
        those are the joint probabilities, so the two parts' gradients simply add up.
        """
        q, k, v, out, log_sum = ctx.saved_tensors
        gradient = gradients[0].transpose(1, 2)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)

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

        for span in ctx.spans:
            prompt, answers = slice(span.start, span.split), slice(span.split, span.ends[-1])
            for own in (prompt, *(slice(*answer) for answer in span.answers)):
                dq[:, :, own], dk[:, :, own], dv[:, :, own] = part(own, own, causal=True)
            dq_seen, dk_seen, dv_seen = part(answers, prompt, causal=False)
            dq[:, :, answers] += dq_seen
            dk[:, :, prompt] += dk_seen
            dv[:, :, prompt] += dv_seen
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
    mask = None
    if device.type != "cpu":
        # A few lengths instead of hundreds: FlexAttention is compiled anew for blocks it has not seen.
        fill = -ids.shape[1] % 128
        ids, positions = (torch.nn.functional.pad(x, (0, fill)) for x in (ids, positions))
        mask = block_mask(packed.spans, ids.shape[1], device)
    with _last_mlp_only_at(model, last):
        hidden: Tensor = model.base_model(
            input_ids=ids.to(device),
            position_ids=positions.to(device),
            use_cache=False,
            prefix_spans=packed.spans,
            prefix_mask=mask,
        ).last_hidden_state
    return hidden[0, last]


@contextmanager
def _last_mlp_only_at(model: Any, places: Tensor) -> Iterator[None]:
    """Spare the last layer's feed-forward block all tokens whose result nobody reads; the block works token by token.

    That is two thirds of the last layer, a tenth of a model of six layers. The other tokens' results
    are meaningless afterwards. A model whose last block is not where it usually is computes it whole.
    """
    layers = getattr(model.base_model, "layers", None) or getattr(model.base_model, "h", None)
    block = getattr(layers[-1], "mlp", None) if layers else None
    if block is None:
        yield
        return
    lengths: list[int] = []

    def take(_block: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        lengths.append(given[0].shape[1])
        return given[0][:, places], *given[1:]

    def put_back(_block: Any, _given: tuple[Tensor, ...], found: Tensor) -> Tensor:
        whole = found.new_zeros(found.shape[0], lengths[-1], found.shape[2])
        return whole.index_copy(1, places, found)

    handles = [block.register_forward_pre_hook(take), block.register_forward_hook(put_back)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


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
            model.base_model(
                input_ids=torch.tensor([[*c.prompt, *answer]], device=model.device), use_cache=False
            ).last_hidden_state[:, -1]
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
    # Rounding is a hundred times smaller, a leak or a wrong position a hundred times larger.
    return None if difference < 1e-3 else f"packed and single answers differ by {difference:.1%} in a trial"


@cache
def _compiled_flex_attention() -> Any:
    return torch.compile(flex_attention, dynamic=True)


def _attention(
    _module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: Tensor | None,
    *,
    prefix_spans: Sequence[Span],
    prefix_mask: BlockMask | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_others: Any,
) -> tuple[Tensor, None]:
    """What a layer calls: query (1, H, T, d), key and value (1, H or fewer, T, d); gives (1, T, H, d)."""
    if softcap is not None or s_aux is not None:
        raise NotImplementedError("its attention caps its logits or adds sinks")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    if prefix_mask is not None:
        attend = _compiled_flex_attention() if query.is_cuda else flex_attention
        grouped = query.shape[1] != key.shape[1]
        out = attend(query, key, value, block_mask=prefix_mask, scale=scale, enable_gqa=grouped)
        return out.transpose(1, 2).contiguous(), None
    if query.shape[1] != key.shape[1]:
        key, value = (x.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for x in (key, value))
    return TwoPartAttention.apply(query, key, value, prefix_spans, scale), None


AttentionInterface.register(NAME, _attention)
