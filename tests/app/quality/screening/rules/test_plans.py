"""Forms are drawn by seed, evenly over topics, and what a screening needs is said in sentences."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.plans import DEMONSTRATIONS, FLAGS, RANKINGS, Decision, Plan

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ITEMS = {item: ("war", "religion", "sex", "politics")[item % 4] for item in range(1, 41)}
PLAN = Plan(
    name="Spring",
    banks={FLAGS: [1], RANKINGS: [1], DEMONSTRATIONS: [2]},
    items={FLAGS: 10, RANKINGS: 10, DEMONSTRATIONS: 3},
    sensitive_flags=["answer:violent_content"],
    topics=["war"],
    seed=1,
    minutes=60,
    ends_at=NOW + timedelta(days=7),
)
ENOUGH = {FLAGS: 20, RANKINGS: 20, DEMONSTRATIONS: 5}


def drawn(items=ITEMS, count=12, **changed):
    return rules.draw(items, count, **{"seed": 1, "person_id": 5, "attempt": 1, **changed})


def test_the_same_person_always_gets_the_same_form_and_others_another():
    assert drawn() == drawn(dict(reversed(ITEMS.items())))
    assert len(set(drawn())) == 12
    others = [drawn(person_id=6), drawn(attempt=2), drawn(seed=2)]
    assert all(set(other) != set(drawn()) for other in others)


def test_a_form_is_spread_evenly_over_the_topics():
    for person in range(30):
        assert set(Counter(ITEMS[item] for item in drawn(count=8, person_id=person)).values()) == {2}
    scarce = dict.fromkeys(range(100, 140), "common") | {1: "rare"}
    assert 1 in drawn(scarce, 2)


def test_every_item_is_drawn_about_as_often():
    times = Counter(item for person in range(400) for item in drawn(count=8, person_id=person))
    assert set(times) == set(ITEMS)
    assert max(times.values()) < 2 * min(times.values())


def test_a_bank_that_has_grown_gives_the_same_items_but_for_new_ones():
    before = drawn(dict.fromkeys(range(1, 31), ""), 10)
    after = drawn(dict.fromkeys(range(1, 34), ""), 10)
    assert set(after) - set(before) <= {31, 32, 33}


def test_what_is_not_there_is_not_drawn():
    assert sorted(drawn({1: "", 2: ""}, 5)) == [1, 2]
    assert drawn({}, 5) == []


def test_a_form_ends_with_its_time_or_with_the_screening():
    assert rules.deadline(NOW, 60, NOW + timedelta(days=1)) == NOW + timedelta(hours=1)
    assert rules.deadline(NOW, 60, NOW + timedelta(minutes=5)) == NOW + timedelta(minutes=5)


def test_texts_come_to_each_researcher_in_another_order():
    orders = {tuple(rules.order_for(range(6), seed=1, person_id=person)) for person in range(8)}
    assert len(orders) > 6
    assert all(sorted(order) == list(range(6)) for order in orders)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"items": {FLAGS: 21}}, "items-flags"),
        ({"items": {FLAGS: -1}}, "items-flags"),
        ({"items": {RANKINGS: 201}}, "items-rankings"),
        ({"items": {}}, "items-flags"),
        ({"banks": {RANKINGS: [1], DEMONSTRATIONS: [2]}}, "items-flags"),
        ({"sensitive_flags": []}, "sensitive_flags"),
        ({"topics": ["x" * 61]}, "topics"),
        ({"topics": [str(n) for n in range(41)]}, "topics"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 10_081}, "minutes"),
        ({"ends_at": None}, "ends_at"),
        ({"ends_at": NOW}, "ends_at"),
        ({"ends_at": NOW + timedelta(days=400)}, "ends_at"),
    ],
)
def test_a_plan_that_will_not_do_is_told_beside_the_field(changed, field):
    assert rules.plan_problems(PLAN, NOW, ENOUGH) == {}
    assert set(rules.plan_problems(replace(PLAN, **changed), NOW, ENOUGH)) == {field}


def test_a_screening_without_flags_needs_none_that_count():
    plan = replace(PLAN, items={RANKINGS: 5}, sensitive_flags=[])
    assert rules.plan_problems(plan, NOW, ENOUGH) == {}


@pytest.mark.parametrize(
    ("decision", "fields"),
    [
        (Decision("accepted", "Sound."), set()),
        (Decision("accepted", ""), {"reason"}),
        (Decision("burn", "Why not."), {"verdict"}),
        (Decision("declined", "x" * 4_001), {"reason"}),
    ],
)
def test_a_decision_needs_a_reason(decision, fields):
    assert set(rules.decision_problems(decision)) == fields


def test_codes_and_secrets_tell_nothing():
    codes = {rules.new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 7 and code[3] == "-" for code in codes)
    assert len(rules.new_secret()) >= 43


@pytest.mark.parametrize(("uses", "days", "fine"), [(1, 1, True), (1_000, 90, True), (0, 7, False), (5, 3, False)])
def test_a_link_serves_some_people_for_some_days(uses, days, fine):
    assert (rules.invitation_problem(uses, days) is None) == fine


def test_topics_are_typed_one_a_line():
    assert rules.topics_of("war\n\n religion \nwar\r\n") == ["war", "religion"]
