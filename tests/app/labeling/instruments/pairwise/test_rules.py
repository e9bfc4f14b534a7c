import pytest

from app.labeling.instruments.pairwise.rules import BARS, step_problem

EIGHT, SEVEN = BARS["8"], BARS["7"]


def test_strength_counts_from_the_middle_and_the_first_answer_stands_on_the_left():
    assert [EIGHT.strength_of(step) for step in EIGHT.steps] == [4, 3, 2, 1, -1, -2, -3, -4]
    assert [SEVEN.strength_of(step) for step in SEVEN.steps] == [3, 2, 1, 0, -1, -2, -3]


@pytest.mark.parametrize("bar", [EIGHT, SEVEN])
def test_a_step_is_found_again_by_its_strength_and_says_who_is_better(bar):
    assert [bar.step_of(bar.strength_of(step)) for step in bar.steps] == list(bar.steps)
    words = [bar.told(step) for step in bar.steps]
    assert len(set(words)) == len(words)
    assert words[0].startswith("A is ")
    assert words[-1] == words[0].replace("A is", "B is")


def test_only_the_bar_with_a_middle_says_that_both_are_alike():
    assert SEVEN.told(4) == "A and B are about the same"
    assert not any("same" in EIGHT.told(step) for step in EIGHT.steps)


def test_no_step_and_a_step_beyond_the_bar_are_refused():
    assert "Nothing is chosen yet" in step_problem(None, EIGHT)
    assert "1 to 7, not 8" in step_problem(8, SEVEN)
    assert step_problem(8, EIGHT) is None
