import math

import pytest
import torch

from trainer.losses.detection import text_signs, token_signs


def by_hand(logits, chosen):
    """The same from Python's floats, one token at a time."""
    found = []
    for row, token in zip(logits.tolist(), chosen.tolist(), strict=True):
        top = max(row)
        weights = [math.exp(value - top) for value in row]
        probabilities = [weight / sum(weights) for weight in weights]
        logs = [math.log(p) if p else -math.inf for p in probabilities]
        mean = sum(p * log for p, log in zip(probabilities, logs, strict=True) if p)
        variance = sum(p * (log - mean) ** 2 for p, log in zip(probabilities, logs, strict=True) if p)
        rank = 1 + sum(value > row[token] for value in row)
        found.append((logs[token], rank, -mean, variance))
    return found


def test_signs_of_tokens_are_those_by_hand():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(20, 50, generator=generator) * 3
    logits[4, 7] = -math.inf  # a token that cannot come does not disturb the others
    chosen = torch.randint(50, (20,), generator=generator)
    chosen[4] = 8
    signs = token_signs(logits, chosen)
    rows = zip(signs.logprob, signs.rank, signs.entropy, signs.variance, strict=True)
    for one, expected in zip(rows, by_hand(logits, chosen), strict=True):
        assert [value.item() for value in one] == pytest.approx(expected, abs=1e-6)


def test_equally_likely_tokens_share_the_better_rank():
    signs = token_signs(torch.tensor([[1.0, 2.0, 2.0, 0.0]] * 4), torch.arange(4))
    assert signs.rank.tolist() == [3, 1, 1, 4]


def test_curvature_counts_standard_deviations_above_what_redrawn_tokens_would_have():
    """Against a hundred thousand texts whose tokens are really drawn anew."""
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(12, 9, generator=generator) * 2
    chosen = logits.argmax(dim=-1)
    found = text_signs(token_signs(logits, chosen))
    logprobs = logits.double().log_softmax(-1)
    redrawn = torch.multinomial(logprobs.exp(), 100_000, replacement=True, generator=generator)
    totals = logprobs.gather(1, redrawn).sum(0)
    own = logprobs.gather(1, chosen[:, None]).sum()
    assert found.curvature == pytest.approx(((own - totals.mean()) / totals.std()).item(), abs=0.02)
    assert found.rank == 1
    assert found.log_rank == 0


def test_where_everything_is_certain_there_is_no_curvature():
    logits = torch.full((3, 4), -math.inf)
    logits[:, 2] = 0
    found = text_signs(token_signs(logits, torch.tensor([2, 2, 2])))
    assert found.curvature is None
    assert (found.likelihood, found.rank, found.entropy) == (0, 1, 0)
