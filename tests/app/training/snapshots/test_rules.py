import pytest

from app.training.snapshots.rules import Filters, filters_problem, split_of


def test_the_share_held_out_is_the_share_asked_for():
    held = sum(split_of(f"k{i}", 0.25, 3) == "heldout" for i in range(10_000))
    assert 2300 < held < 2700  # 5.8 standard deviations to each side
    assert all(split_of(f"k{i}", 0.0, 3) == "train" for i in range(1000))


def test_a_larger_share_only_moves_people_from_train_to_heldout():
    for i in range(500):
        if split_of(str(i), 0.1, 0) == "heldout":
            assert split_of(str(i), 0.4, 0) == "heldout"


@pytest.mark.parametrize(
    "filters",
    [
        *(Filters(heldout_share=1.5), Filters(heldout_share=float("nan")), Filters(min_answers=1)),
        *(Filters(phases=("x",)), Filters(prefix_length=9), Filters(prefix_length=-1), Filters(prefix_length=10**9)),
    ],
)
def test_filters_that_make_no_sense_are_refused(filters):
    assert filters_problem(filters)
