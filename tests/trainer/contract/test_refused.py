"""Whatever pydantic refuses is told in our own words."""

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from trainer.contract import refused
from trainer.contract.limits import Surroundings, checked, refusals


def sentence(stage, **given):
    """What is said of the one thing that is wrong."""
    (problem,) = checked(stage, given, Surroundings())[1]
    return str(problem)


@pytest.mark.parametrize(
    ("stage", "given", "words"),
    [
        ("sft", {"epoch": 3}, "Unknown setting “epoch”. Did you mean “epochs”?"),
        ("sft", {"%s": 3}, "Unknown setting “%s”."),
        ("sft", {"learning_rate": 0}, "Enter a number above 0."),
        ("sft", {"learning_rate": "1.5"}, "Enter 1 or less."),
        ("sft", {"epochs": 2**31}, "Enter 2,147,483,647 or less."),
        ("sft", {"epochs": "many"}, "Enter a whole number."),
        ("sft", {"epochs": 1.5}, "Enter a whole number."),
        ("sft", {"epochs": "9" * 5000}, "Enter a whole number."),
        ("sft", {"max_tokens": 1}, "Enter 2 or more."),
        ("sft", {"adam_beta1": 1}, "Enter a number below 1."),
        ("sft", {"weight_decay": "much"}, "Enter a number."),
        ("sft", {"weight_decay": "inf"}, "Enter a finite number."),
        ("pretrain", {"corpus": 3}, "Enter text."),
        ("reward", {"share_prefixes": "perhaps"}, "Choose yes or no."),
        ("reward", {"ties": "maybe"}, "Choose one of these: drop, soft, davidson, rao_kupper."),
        ("reward", {"heads": ["helpful", "funny"]}, "Choose one of these: helpful, truthful, harmless."),
        ("reward", {"heads": 3}, "Give a list."),
        ("reward", {"prompt_weights": 3}, "Give names with their values."),
    ],
)
def test_a_setting_that_is_refused_is_told_what_to_enter(stage, given, words):
    assert sentence(stage, **given) == words


def test_what_is_wrong_inside_a_field_says_where():
    (problem,) = checked("reward", {"heads": ["helpful", "funny"]}, Surroundings())[1]
    assert (problem.fields, problem.inside) == (("heads",), ("1",))


def test_every_kind_of_error_has_a_sentence_of_ours():
    context = {"gt": 2, "expected": "'a' or 'b'", "error": ValueError("Ours already.")}
    for kind in get_args(ErrorType):
        text, values = refused.told({"type": kind, "loc": ("field",), "input": 1, "ctx": context})
        assert text in refused.TEXTS or text % values == "Ours already."
        assert text % values


def test_a_length_of_one_is_told_as_what_it_means():
    found = {"type": "string_too_short", "loc": ("name",), "input": "", "ctx": {"min_length": 1}}
    assert refused.told(found)[0] == refused.EMPTY
    assert refused.told(found | {"ctx": {"min_length": 3}}) == (refused.LETTERS_AT_LEAST, {"limit": "3"})


def test_names_inside_a_field_are_not_held_against_those_outside():
    class Order(BaseModel, extra="forbid"):
        config: dict[str, int]

    with pytest.raises(ValidationError) as wrong:
        Order.model_validate({"config": {"a": "b"}, "confi": 1})
    assert [(p.fields, p.inside, str(p)) for p in refusals(wrong.value, Order.model_fields)] == [
        (("config",), ("a",), "Enter a whole number."),
        (("confi",), (), "Unknown setting “confi”. Did you mean “config”?"),
    ]
