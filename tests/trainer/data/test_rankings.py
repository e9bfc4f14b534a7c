"""Rankings in flat arrays: what a selection keeps, and what each of them weighs."""

import numpy as np
import pytest

from tests.trainer.data.conftest import ranking


def test_a_selection_keeps_no_prompt_and_no_answer_that_nobody_ranks_any_more(read):
    rows = [
        ranking(0, ["red", "blue", "green"], [1, 2, 3], prompt="p", annotator="bob"),
        ranking(1, ["red", "green"], prompt="p", ids=["p-0", "p-2"]),
        ranking(2, prompt="q", annotator="bob"),
        ranking(3, prompt="s"),
    ]
    kept, _ = read(rows)
    left = kept.select(np.array([True, True, False, True]) & (np.array(kept.labelers) == "ann"))
    assert left.prompt_ids == ["p", "s"]
    assert [numbers.tolist() for numbers in left.answers_of] == [[0, 2], [5, 6]]
    assert left.owners.tolist() == [-1, 0, -1, 1]
    assert left.size(0).answers == 2


def test_a_ranking_weighs_the_product_of_prompt_and_labeler_and_the_mean_is_one(read):
    rows = [
        ranking(0, prompt="p"),
        ranking(1, prompt="p", annotator="bob"),
        ranking(2, prompt="q"),
        ranking(3, prompt="q", annotator="bob"),
    ]
    kept, _ = read(rows)
    given = {"p": 3.0}, {"bob": 0.5}
    assert kept.weighted(*given).weights.tolist() == pytest.approx([x * 4 / 6 for x in (3, 1.5, 1, 0.5)])
    # What a selection leaves out has no part in the mean.
    left = kept.select(np.array([True, True, False, True])).weighted(*given)
    assert left.weights[left.all_rankings].tolist() == pytest.approx([x * 3 / 5 for x in (3, 1.5, 0.5)])
    with pytest.raises(ValueError, match="Every training ranking has weight 0"):
        kept.weighted({}, {"ann": 0, "bob": 0})
