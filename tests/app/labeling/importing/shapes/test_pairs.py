"""Two answers and which of them is better."""

import pytest

from app.labeling.importing.shapes.rows import draft_of, shape_of


@pytest.mark.parametrize(
    ("steps", "said"),
    [(-3, ([1, 2], 3)), (-1, ([1, 2], 1)), (0, ([1, 1], None)), ("2", ([2, 1], 2)), (4.0, ([2, 1], 4))],
)
@pytest.mark.parametrize("sides", ["12", "ab"])
def test_steps_from_the_middle_are_an_order_and_a_strength(steps, said, sides):
    """As HelpSteer2-preference has them: below 0 the first of the two answers is better."""
    first, second = (f"response_{side}" for side in sides)
    row = {"prompt": "p", first: "a", second: "b", "preference_strength": steps, "preference_statement": "why"}
    drafts = draft_of(shape_of(row), row, "detect")
    (ranking,) = drafts.rankings
    assert ([*ranking.ranks], ranking.strength) == said
    assert [answer.text for answer in ranking.answers] == ["a", "b"]
    assert ranking.prompt.detail == {"preference_statement": "why"}


@pytest.mark.parametrize("steps", [5, -5, 0.5, "much", True, [1], 10**400])
def test_steps_that_are_none_are_refused(steps):
    row = {"prompt": "p", "response_1": "a", "response_2": "b", "preference_strength": steps}
    refusal = draft_of(shape_of(row), row, "detect")
    assert refusal.place == ("preference_strength",)
    assert "give a whole number from −4 (the first answer) to 4." in refusal.sentence
