import pytest

from app.quality.costs import rules
from app.quality.costs.rules import Work
from tests.app.quality.costs.works import demonstration, ranking


def test_a_ranking_takes_its_whole_time_its_ratings_and_its_ordering():
    work = ranking(1, prompt=5, ordering=20, ratings=(8, 12))
    assert list(rules.measured(work)) == [("ranking", 45), ("rating", 8), ("rating", 12), ("ordering", 20)]


def test_scores_of_toxicity_are_no_ratings():
    work = Work("T", "toxicity", 2, "", "2026-05", 1, {"prompt": 1, "answer:1": 4, "answer:2": 6, "ranking": 3})
    assert list(rules.measured(work)) == [("toxicity", 14), ("scoring", 4), ("scoring", 6)]


def test_a_text_takes_the_time_of_all_its_parts():
    assert list(rules.measured(demonstration(1, 90, prompt=10))) == [("demonstration", 100)]


def test_median_and_quartiles_are_those_of_all_times():
    found = rules.spread([10, 20, 30, 40], [1, 1, 2, 2])
    assert (found.observations, found.labelers, found.total) == (4, 2, 100)
    assert (found.lower_quartile, found.median, found.upper_quartile) == (17.5, 25, 32.5)


def test_one_labeler_gives_no_interval_and_nobody_gives_no_median():
    one = rules.spread([10, 20], [7, 7])
    assert (one.median, one.low, one.no_interval) == (15, None, rules.ONE_LABELER)
    none = rules.spread([], [])
    assert (none.median, none.undefined) == (None, rules.NO_TIME)


def test_the_interval_draws_labelers_not_times():
    """A hundred times of two people are two people: the interval reaches from one's median to the other's."""
    found = rules.spread([10.0] * 50 + [90.0] * 50, [1] * 50 + [2] * 50)
    assert (found.low, found.high) == (10, 90)
    many = rules.spread([10.0, 90.0] * 50, list(range(100)))
    assert many.low is not None
    assert 10 <= many.low <= many.high <= 90
    same = rules.spread([30.0] * 100, list(range(100)))
    assert (same.low, same.high) == (30, 30)


def test_comparisons_an_hour_and_their_cost_come_from_sums():
    """Ann: 6 strict pairs of 6 in 60 s; Ben: 2 of 6, four tied, in 180 s. 8 pairs in 240 s are 120 an hour."""
    found = rules.yields([ranking(1, ordering=60, strict=6), ranking(2, ordering=180, strict=2)])
    strict, pairs = found["strict_pair"], found["pair"]
    assert (strict.things, pairs.things, strict.hours) == (8, 12, pytest.approx(240 / 3600))
    assert strict.per_hour == pytest.approx(120)
    assert pairs.per_hour == pytest.approx(180)
    assert strict.cost(18.0) == pytest.approx(0.15)
    assert found["ranking"].cost(18.0) == pytest.approx(0.6)
    assert strict.low == pytest.approx(10 / 3600)  # Ann alone
    assert strict.high == pytest.approx(90 / 3600)  # Ben alone
    assert strict.per_hour_range == (pytest.approx(40), pytest.approx(360))


def test_what_was_never_done_is_undefined_with_a_reason():
    found = rules.yields([ranking(1, ordering=60, strict=0)])
    assert found["demonstration"].undefined == rules.NO_TIME
    assert (found["strict_pair"].undefined, found["strict_pair"].per_hour) == (rules.NO_THING, None)
    assert (found["ranking"].hours_each, found["ranking"].no_interval) == (pytest.approx(1 / 60), rules.ONE_LABELER)


def test_a_text_that_was_rejected_costs_its_time_and_counts_as_none():
    found = rules.yields([demonstration(1, 60), demonstration(1, 60, lost=True)])["demonstration"]
    assert (found.things, found.seconds_each) == (1, pytest.approx(120))


def test_a_budget_buys_many_pairs_or_few_demonstrations():
    """At 36 an hour a second costs 0.01: 300 s for a demonstration are 3, 60 s for a ranking of 6 pairs 0.6."""
    known = rules.yields([demonstration(1, 300), ranking(2, ordering=60, strict=6)])
    assert rules.bought(known, budget=60, wage=36, percent=100) == rules.Bought(100, 20, 0, 0)
    assert rules.bought(known, budget=60, wage=36, percent=50) == rules.Bought(50, 10, 50, 300)
    assert rules.bought(rules.yields([]), budget=60, wage=36, percent=50) == rules.Bought(50, None, None, None)


GOOD = {"hourly_wage": "18.50", "currency": " EUR ", "budget": "1000", "demonstration_percent": "30"}


def test_a_plan_is_read_as_it_was_written():
    assert rules.plan_of(GOOD) == rules.Plan(18.5, "EUR", 1000, 30)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("hourly_wage", text) for text in ("", "0", "-3", "1,50", "nan", "1e3", "12.34567", "2000000000")),
        *(("budget", text) for text in ("", "inf", "0.0")),
        *(("currency", text) for text in (" ", "a currency too long", "E\nR")),
        *(("demonstration_percent", text) for text in ("", "101", "-1", "12.5")),
    ],
)
def test_each_field_of_a_plan_says_what_is_wrong_with_it(field, text):
    problems = rules.plan_of(GOOD | {field: text})
    assert isinstance(problems, dict)
    assert list(problems) == [field]
