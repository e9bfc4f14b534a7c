import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import charts
from app.web.charts import Axis, Bar, Frame, Mark

SHARES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8)


def test_a_value_stands_at_its_share_of_the_axis_and_never_beyond_an_end():
    axis = Axis(0.5, 1.0, ())
    assert [axis.at(value) for value in (0.5, 0.625, 1.0, 0.2, 3.0)] == [0.0, 25.0, 100.0, 0.0, 100.0]


def test_an_axis_of_rates_ends_at_whole_tenths_around_them():
    assert charts.share_axis([0.712, 0.683, None]) == Axis(0.5, 0.8, (0.5, 0.6, 0.7, 0.8))
    assert charts.share_axis([0.18, 0.86]) == Axis(0.1, 0.9, (0.25, 0.5, 0.75))
    assert charts.share_axis([0.71, 0.73], also=()) == Axis(0.7, 0.9, (0.7, 0.75, 0.8, 0.85, 0.9))
    assert charts.share_axis([]) == Axis(0.5, 0.7, (0.5, 0.55, 0.6, 0.65, 0.7))
    assert charts.share_axis([1.0], also=()) == Axis(0.8, 1.0, (0.8, 0.85, 0.9, 0.95, 1.0))


@given(SHARES)
def test_an_axis_of_rates_holds_them_all_and_has_few_ticks(shares):
    axis = charts.share_axis(shares)
    known = [share for share in (*shares, 0.5) if share is not None]
    assert 0 <= axis.low <= min(known) + 1e-6
    assert max(known) - 1e-6 <= axis.high <= 1
    assert axis.high - axis.low >= charts.NARROWEST_SHARES - 1e-9
    assert 3 <= len(axis.ticks) <= 7
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)


def test_an_axis_of_numbers_has_round_ticks():
    assert charts.number_axis(-3, 3) == Axis(-3, 3, (-3, -2, -1, 0, 1, 2, 3))
    assert charts.number_axis(0, 0.97).ticks == (0, 0.2, 0.4, 0.6, 0.8)
    assert charts.number_axis(12_000, 31_000).ticks == (15_000, 20_000, 25_000, 30_000)
    assert charts.number_axis(2, 2) == Axis(1.5, 2.5, (1.6, 1.8, 2.0, 2.2, 2.4))


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_an_axis_of_numbers_never_drowns_in_ticks(low, span):
    ticks = charts.number_axis(low, low + span).ticks
    assert len(ticks) <= 8
    assert list(ticks) == sorted(set(ticks))


def test_an_unknown_end_of_an_interval_stays_unknown():
    axis = Axis(0, 1, ())
    assert charts.mark(axis, 0.5, 0.25, 0.75) == Mark(50, 25, 75)
    assert charts.mark(axis, 0.5) == Mark(50, None, None)
    assert charts.mark(axis, None) == Mark(None)


def test_bars_stand_on_the_ground_and_the_tallest_fills_the_height():
    bars = charts.histogram(Axis(0, 4, ()), [0, 1, 2, 4], [0.5, 0.0, 0.25], tallest=0.5)
    assert bars == (Bar(x=0, width=25, y=0, height=100), Bar(x=50, width=50, y=50, height=50))
    assert all(bar.y + bar.height == pytest.approx(100) for bar in bars)


@pytest.mark.parametrize(("edges", "shares"), [([], []), ([0, 1], []), ([0, 1], [1, 1]), ([0, 1], [0.0])])
def test_a_histogram_whose_parts_do_not_fit_draws_nothing(edges, shares):
    assert charts.histogram(Axis(0, 1, ()), edges, shares, tallest=1.0) == ()


def test_in_a_frame_large_values_stand_high():
    frame = Frame(left=50, top=10, width=200, height=100, x=Axis(0.5, 1, ()), y=Axis(0, 1, ()))
    assert [frame.across(0.5), frame.across(0.75), frame.across(1)] == [50, 150, 250]
    assert [frame.down(0), frame.down(0.25), frame.down(1)] == [110, 85, 10]


def test_the_area_of_a_point_grows_with_what_it_counts():
    assert [charts.radius(n, 100) for n in (0, 100)] == [3, 9]
    assert charts.radius(50, 100) ** 2 == pytest.approx((9 + 81) / 2, abs=0.05)
    assert charts.radius(0, 0) == 3
