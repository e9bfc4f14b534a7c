from datetime import UTC, date, datetime, timedelta

import pytest

from app.labeling.my_work import rules
from app.labeling.my_work.rules import Piece, Sum

WEDNESDAY = datetime(2026, 5, 6, 15, 30, tzinfo=UTC)


def piece(ago, seconds=100.0, active=60.0):
    return Piece(WEDNESDAY - ago, 1, seconds, active)


def test_today_begins_at_midnight_and_the_week_on_monday():
    pieces = [
        piece(timedelta(hours=15, minutes=30)),  # this midnight
        piece(timedelta(hours=15, minutes=31)),
        piece(timedelta(days=2, hours=15, minutes=30)),  # Monday's
        piece(timedelta(days=2, hours=15, minutes=31)),
    ]
    assert rules.since(pieces, rules.midnight(WEDNESDAY)).pieces == 1
    assert rules.since(pieces, rules.monday(WEDNESDAY)).pieces == 3
    assert rules.total(pieces) == Sum(4, 240.0, 400.0, 4)


def test_what_was_not_measured_counts_as_work_but_not_as_time():
    assert rules.total([piece(timedelta(), active=None), piece(timedelta(), seconds=None)]) == Sum(2, 60.0, 100.0, 1)
    assert rules.active_total(None) is None
    assert rules.active_total({"prompt": 1.5, "ranking": 2}) == 3.5


def test_the_last_days_show_gaps_and_shares_of_the_longest():
    pieces = [piece(timedelta(days=3), active=30.0), piece(timedelta(days=1), active=90.0), piece(timedelta(days=99))]
    days = rules.last_days(pieces, WEDNESDAY, 5)
    assert [day.day for day in days] == [date(2026, 5, d) for d in range(2, 7)]
    assert [day.sum.pieces for day in days] == [0, 1, 0, 1, 0]
    assert [day.share for day in days] == pytest.approx([0, 1 / 3, 0, 1, 0])


def test_without_any_time_no_bar_has_a_length():
    assert {day.share for day in rules.last_days([piece(timedelta(), active=None)], WEDNESDAY)} == {0.0}
