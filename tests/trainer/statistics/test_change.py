import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.diagnostic import breaks_cusumolsresid

from trainer.statistics.change import LINE, change


def test_a_step_by_hand():
    """1, 1, 0, 0: deviations ½, ½, -½, -½, σ = ½, so the path is ½, 1, ½, 0 and turns after the second."""
    found = change(np.array([1.0, 1, 0, 0]))
    assert found.path.tolist() == [0.5, 1, 0.5, 0]
    assert (found.turn, found.shift) == (1, -1)
    assert found.p == pytest.approx(stats.kstwobign.sf(1))


def test_the_statistic_is_that_of_statsmodels():
    values = np.random.default_rng(0).random(50)
    found = change(values)
    theirs, p, _lines = breaks_cusumolsresid(values - values.mean(), ddof=0)
    assert np.abs(found.path).max() == pytest.approx(theirs)
    assert found.p == pytest.approx(p)


def test_a_rise_at_the_last_value_is_found():
    found = change(np.array([0.0, 0, 0, 1]))
    assert (found.turn, found.shift) == (2, 1)


def test_two_values_may_differ():
    found = change(np.array([0.25, 1]))
    assert (found.turn, found.shift) == (0, 0.75)


def test_what_cannot_change_has_no_moment():
    assert change(np.zeros(0)) is change(np.array([1.0])) is change(np.full(4, 0.5)) is None


def test_the_line_is_crossed_by_chance_in_one_of_twenty():
    assert stats.kstwobign.sf(LINE) == pytest.approx(0.05, abs=1e-4)
    random = np.random.default_rng(1)
    crossed = np.mean([np.abs(change(random.random(300)).path).max() > LINE for _ in range(400)])
    assert 0.02 <= crossed <= 0.07
