"""Streams depend on seed and names, not on what was drawn before."""

import torch

from trainer.loop.seed import derived, generator, random_state, restore_random_state, seed_everything


def test_equal_names_give_equal_streams_and_others_others():
    draws = {names: torch.rand(3, generator=generator(7, *names)).tolist() for names in [("a", 1), ("a", 2), ("b", 1)]}

    assert torch.rand(3, generator=generator(7, "a", 1)).tolist() == draws["a", 1]
    assert len({tuple(d) for d in draws.values()}) == 3
    assert torch.rand(3, generator=generator(8, "a", 1)).tolist() != draws["a", 1]


def test_names_are_kept_apart():
    assert derived(1, "ab", "c") != derived(1, "a", "bc")
    assert derived(1, 23) != derived(12, 3)
    assert 0 <= derived(-5, "x") < 2**63


def test_the_global_stream_can_be_put_back():
    seed_everything(3)
    state = random_state()
    first = torch.rand(4)

    restore_random_state(state)

    assert torch.equal(torch.rand(4), first)
