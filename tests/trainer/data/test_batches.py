"""From lists to tensors: what is padding, where a token stands, which items a step takes."""

import pytest

from trainer.data.batches import batch_at, epoch_steps, held_out_groups, pad, positions, shuffled, token_blocks


def test_padding_stands_on_the_named_side():
    ids, mask = pad([[5, 6, 7], [8]], 0, "right")
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[True, True, True], [True, False, False]]

    ids, mask = pad([[5, 6, 7], [8]], 0, "left")
    assert ids.tolist() == [[5, 6, 7], [0, 0, 8]]
    assert mask.tolist() == [[True, True, True], [False, False, True]]


def test_a_token_that_looks_like_padding_still_counts():
    _, mask = pad([[0, 0], [1]], 0, "right")

    assert mask.tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_positions_count_real_tokens_only(side):
    _, mask = pad([[5, 6, 7], [8, 9]], 0, side)

    assert positions(mask)[mask].tolist() == [0, 1, 2, 0, 1]


def test_an_epoch_takes_every_item_once_in_an_order_of_its_own():
    n, size = 10, 4
    steps = epoch_steps(n, size)
    first = [i for step in range(1, steps + 1) for i in batch_at(step, n, size, seed=3)]
    second = [i for step in range(steps + 1, 2 * steps + 1) for i in batch_at(step, n, size, seed=3)]

    assert steps == 3
    assert sorted(first) == sorted(second) == list(range(n))
    assert first != second
    assert first == shuffled(n, 3, 0)


def test_the_order_depends_on_seed_and_epoch_alone():
    assert shuffled(50, 1, 0) == shuffled(50, 1, 0)
    assert len({tuple(shuffled(50, seed, epoch)) for seed in range(5) for epoch in range(5)}) == 25


def test_whole_groups_are_held_out_until_there_are_enough_and_something_is_left():
    groups = [0, 1, 2, 0, 1, 2, 6, 7]
    for seed in range(20):
        held = held_out_groups(groups, 2, seed)
        assert held == held_out_groups(groups, 2, seed)
        assert 2 <= len(held) <= 3
        assert {groups[i] for i in held}.isdisjoint(groups[i] for i in range(8) if i not in held)
    assert held_out_groups([0, 0, 0], 1, 3) == []
    assert len(held_out_groups(range(10), 10, 3)) == 9
    assert held_out_groups(range(10), 4, 3) == shuffled(10, 3, 0)[:4]


def test_blocks_lay_documents_end_to_end():
    assert token_blocks([[1, 2, 3], [4], [5, 6, 7]], 3).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert token_blocks([[1]], 3).shape == (0, 3)
