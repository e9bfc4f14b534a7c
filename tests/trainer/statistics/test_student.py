import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trainer.statistics.student import mean_interval, student_quantile, student_tail


@settings(deadline=None)
@given(st.floats(-40, 40), st.floats(0.5, 2000), st.floats(0.501, 0.999999))
def test_tail_and_quantile_are_scipys(t, df, share):
    assert student_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-9, abs=1e-300)
    assert student_quantile(share, df) == pytest.approx(stats.t.ppf(share, df), rel=1e-8)


def test_the_quantiles_that_every_table_prints():
    printed = {1: 12.706, 2: 4.303, 10: 2.228, 30: 2.042, 40: 2.021, 120: 1.980}
    for df, t in printed.items():
        assert student_quantile(0.975, df) == pytest.approx(t, abs=5e-4)
        assert student_tail(t, df) == pytest.approx(0.025, abs=2e-5)


@pytest.mark.parametrize("count", [2, 5, 31, 32, 40, 500])
def test_the_interval_of_a_mean_is_students_however_many_there_are(count):
    values = np.random.default_rng(count).uniform(3, 5, count)
    expected = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert mean_interval(values.tolist()) == pytest.approx(expected, abs=1e-9)


def test_values_that_show_no_spread_have_an_interval_without_width_and_one_value_none():
    assert mean_interval([]) is mean_interval([4.0]) is None
    assert mean_interval([4.0, 4.0, 4.0]) == (4.0, 4.0)
