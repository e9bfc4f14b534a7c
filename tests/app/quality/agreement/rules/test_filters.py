"""Who stands beside whom in the matrix, and what a month is."""

import numpy as np

from app.quality.agreement.rules.filters import group_of_role, month_names, order_by_agreement


def test_people_who_agree_stand_side_by_side():
    camps = [0, 2, 4], [1, 3, 5]
    pairs = {(one, other): 0.9 if one % 2 == other % 2 else 0.4 for one in range(6) for other in range(one + 1, 6)}
    order = order_by_agreement(6, pairs)
    assert sorted(sorted(half) for half in (order[:3], order[3:])) == [*camps]


def test_the_order_of_few_people_or_without_a_pair_is_their_own():
    assert order_by_agreement(2, {(0, 1): 0.5}) == [0, 1]
    assert order_by_agreement(3, {}) == [0, 1, 2]


def test_people_with_nothing_in_common_have_their_place_all_the_same():
    assert sorted(order_by_agreement(4, {(0, 1): 0.9, (2, 3): 0.8})) == [0, 1, 2, 3]


def test_months_without_anything_keep_their_place_on_the_line():
    seconds = np.array(["2026-01-31T23:59:59", "2026-02-01T00:00:00", "2026-04-01"], dtype="datetime64[s]")
    names, places = month_names(seconds.astype(np.int64))
    assert names == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert places.tolist() == [0, 1, 3]
    assert month_names(np.zeros(0, dtype=np.int64))[0] == []


def test_whoever_is_no_labeler_counts_as_a_researcher_and_nobody_as_imported():
    roles = ("labeler", "researcher", "admin", "applicant", None)
    groups = ["labelers", "researchers", "researchers", "applicants", "imported annotators"]
    assert [group_of_role(role) for role in roles] == groups
