import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.contract.judging import Fold, Share
from trainer.judging.folds import labeler_folds, named_groups, summary


@given(counts=st.dictionaries(st.text(max_size=4), st.integers(0, 500), min_size=2, max_size=40), data=st.data())
def test_everybody_is_in_one_fold_none_is_empty_and_loads_differ_by_one_person_at_most(counts, data):
    folds, seed = data.draw(st.integers(2, min(len(counts), 7))), data.draw(st.integers(0, 5))
    groups = labeler_folds(counts, folds, seed)
    assert len(groups) == folds
    assert all(groups)
    assert sorted(name for group in groups for name in group) == sorted(counts)
    loads = [sum(counts[name] for name in group) for group in groups]
    # Whoever came last to the fullest group found it the lightest.
    assert max(loads) - min(loads) <= max(counts.values())


def test_five_folds_by_hand():
    counts = {"a": 70, "b": 60, "c": 50, "d": 40, "e": 30, "f": 30, "g": 20}
    groups = labeler_folds(counts, 3, seed=0)
    assert sorted(sum(counts[n] for n in group) for group in groups) == [90, 100, 110]
    # Each of the three largest begins a group of its own.
    assert sorted(len({"a", "b", "c"} & set(group)) for group in groups) == [1, 1, 1]


def test_the_seed_decides_among_equals_and_the_order_of_the_rows_does_not():
    counts = {f"p{n}": 10 for n in range(12)}
    back = dict(reversed(counts.items()))
    assert labeler_folds(counts, 4, seed=1) == labeler_folds(back, 4, seed=1)
    assert labeler_folds(counts, 4, seed=1) != labeler_folds(counts, 4, seed=2)
    assert sorted(map(len, labeler_folds(counts, 4, seed=1))) == [3, 3, 3, 3]


def test_named_groups_are_those_people_belong_to():
    groups = named_groups({"bob": "south", "ann": "north", "dan": None, "cat": "north"})
    assert list(groups.items()) == [("north", ["ann", "cat"]), ("south", ["bob"])]


@pytest.mark.parametrize(
    ("belongs", "why"),
    [
        ({"ann": "north", "bob": "north"}, "have only the labeler group “north”"),
        ({"ann": None}, "have no labeler group"),
    ],
)
def test_leaving_the_only_group_out_is_refused(belongs, why):
    with pytest.raises(ValueError, match=why):
        named_groups(belongs)


def test_too_few_people_are_named():
    with pytest.raises(ValueError, match="Only 2 labelers ranked here, too few for 5 groups"):
        labeler_folds({"a": 3, "b": 4}, 5, seed=0)
    with pytest.raises(ValueError, match="Only one labeler "):
        labeler_folds({"a": 3}, 5, seed=0)


def fold(number, seed, seen, unseen):
    return Fold(fold=number, seed=seed, labelers=["x"], seen=Share(value=seen), unseen=Share(value=unseen))


def test_the_summary_is_mean_and_deviation_over_trainings():
    seen, unseen = [0.72, 0.73, 0.71, 0.74], [0.69, None, 0.70, 0.65]
    found = summary([fold(n // 2, n % 2, a, b) for n, (a, b) in enumerate(zip(seen, unseen, strict=True))])
    assert found.seen_mean == pytest.approx(statistics.mean(seen))
    assert found.seen_deviation == pytest.approx(statistics.stdev(seen))
    counted = [value for value in unseen if value is not None]
    assert found.unseen_mean == pytest.approx(statistics.mean(counted))
    assert found.unseen_deviation == pytest.approx(statistics.stdev(counted))
    assert len(found.folds) == 4


def test_one_training_has_no_deviation_and_none_has_no_mean():
    one = summary([fold(0, 0, 0.7, None)])
    assert (one.seen_mean, one.seen_deviation, one.unseen_mean, one.unseen_deviation) == (0.7, None, None, None)
