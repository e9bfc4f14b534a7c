from trainer.statistics.estimates import Counts, Estimate, Undefined


def test_why_says_what_is_missing_the_value_before_the_interval():
    assert Estimate(0.5, 0.4, 0.6).why is None
    assert Estimate(0.5, no_interval=Undefined.ONE_CLUSTER).why == Undefined.ONE_CLUSTER
    both = Estimate(None, undefined=Undefined.NO_PAIRS, no_interval=Undefined.ONE_CLUSTER)
    assert both.why == Undefined.NO_PAIRS


def test_n_is_what_was_counted():
    assert Estimate(0.5, counts=Counts(items=1, raters=2, pairs=3, prompts=4)).n == 3
    assert Estimate(None).n == 0


def test_codes_are_for_programs():
    assert all(code.value.isidentifier() and code.value == code.name.lower() for code in Undefined)
