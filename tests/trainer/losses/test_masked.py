import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trainer.losses.masked import masked_mean, masked_var, whiten

TOLERANCE = 1e-5  # the epsilon of 1e-8 beside a variance of at least 1e-2, in float64


@st.composite
def masked_values(draw):
    seed = draw(st.integers(0, 10_000))
    rows, columns = draw(st.integers(2, 8)), draw(st.integers(2, 20))
    source = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, columns, generator=source, dtype=torch.float64) * draw(st.floats(0.1, 10)) + draw(
        st.floats(-5, 5)
    )
    mask = torch.rand(rows, columns, generator=source) < 0.7
    mask[0, :2] = True
    assume(masked_var(values, mask) > 1e-2)  # values that are nearly one constant cannot have variance 1
    return values, mask


def test_mean_and_variance_count_only_what_the_mask_counts():
    values = torch.tensor([[1.0, 2.0, 1e9], [3.0, float("nan"), -1e9]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    # mean of 1, 2, 3 = 2; population variance = (1 + 0 + 1)/3
    assert masked_mean(values, mask) == 2
    assert torch.isclose(masked_var(values, mask), torch.tensor(2 / 3))


def test_the_mean_of_nothing_is_zero():
    assert masked_mean(torch.ones(2, 2), torch.zeros(2, 2, dtype=torch.bool)) == 0


@settings(deadline=None, max_examples=50)
@given(masked_values())
def test_whitening_gives_mean_zero_and_variance_one(drawn):
    values, mask = drawn
    white = whiten(values, mask)
    assert abs(masked_mean(white, mask)) < TOLERANCE
    assert abs(masked_var(white, mask) - 1) < TOLERANCE


@settings(deadline=None, max_examples=50)
@given(masked_values())
def test_whitening_without_shift_keeps_the_mean_and_gives_variance_one(drawn):
    values, mask = drawn
    white = whiten(values, mask, shift_mean=False)
    assert abs(masked_mean(white, mask) - masked_mean(values, mask)) < TOLERANCE
    assert abs(masked_var(white, mask) - 1) < TOLERANCE


@settings(deadline=None, max_examples=30)
@given(masked_values(), st.floats(-1e6, 1e6))
def test_masked_values_change_nothing_in_whitening(drawn, junk):
    values, mask = drawn
    assert torch.equal(whiten(values, mask), whiten(torch.where(mask, values, junk), mask))


def test_whitening_a_constant_is_zero_and_not_nan():
    assert torch.equal(whiten(torch.full((2, 3), 4.0), torch.ones(2, 3, dtype=torch.bool)), torch.zeros(2, 3))
