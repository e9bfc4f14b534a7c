import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import language
from app.training.runs import forms, rules, setting_words
from trainer.contract import limits, refused
from trainer.contract.configs import CONFIGS

WEIGHTS = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name.strip() and name.isprintable()),
    st.floats(0, 1e300, allow_nan=False),
    max_size=5,
)


def shown(stage, given):
    return {field.name: field for part in forms.form_fields(stage, given) for field in part}


def test_every_stage_has_a_form_whose_fields_are_its_configuration():
    for stage in rules.STAGES:
        first, rest = forms.form_fields(stage, {})
        assert {field.name for field in (*first, *rest)} == set(CONFIGS[stage].model_fields)
        assert tuple(field.name for field in first) == forms.FIRST_FIELDS[stage]


def test_the_values_a_form_shows_are_accepted_when_they_come_back():
    for stage in rules.STAGES:
        values = {name: field.value for name, field in shown(stage, {}).items()}
        assert forms.read_config(stage, values) == (CONFIGS[stage](), {})


def test_every_choice_a_form_offers_is_accepted():
    for stage in rules.STAGES:
        for name, field in shown(stage, {}).items():
            for value in field.choices:
                config, problems = forms.read_config(stage, {name: value})
                assert not problems
                assert value in forms.as_text(getattr(config, name))


def test_the_kinds_of_field_follow_the_kinds_of_setting():
    fields = shown("reward", {})
    assert (fields["share_prefixes"].kind, list(fields["share_prefixes"].choices)) == ("choice", ["True", "False"])
    assert (fields["heads"].kind, list(fields["heads"].choices)) == ("several", ["helpful", "truthful", "harmless"])
    assert fields["prompt_weights"].kind == fields["labeler_weights"].kind == "weights"
    assert (fields["threads"].kind, fields["learning_rate"].kind) == ("number", "number")
    assert shown("pretrain", {})["corpus"].kind == "text"


@given(prompts=WEIGHTS, labelers=WEIGHTS, heads=st.lists(st.sampled_from(["helpful", "harmless"]), unique=True))
def test_the_form_of_a_run_orders_the_same_run_again(prompts, labelers, heads):
    made = CONFIGS["reward"](
        prompt_weights=prompts, labeler_weights=labelers, heads=heads, ties="davidson", share_prefixes=False
    )
    form = forms.form_of_run(made.model_dump(mode="json"), {"sft": 4}, 7, 11, {})
    assert (form["parent-sft"], form["snapshot"], form["seed"]) == ("4", "7", "11")
    given = {name.removeprefix("config-"): value for name, value in form.items() if name.startswith("config-")}
    again = {name: field.value for name, field in shown("reward", given).items()}
    assert forms.read_config("reward", again) == (made, {})


def test_a_run_ordered_again_keeps_its_prompts_and_not_the_name_of_its_campaign():
    purpose = {"prompts": {"split": "heldout", "count": 5}, "campaign": {"name": "Round 1", "overlap": 2}}
    form = forms.form_of_run({}, {}, None, 0, purpose)
    assert form["prompts-split"] == "heldout"
    assert (form["prompts-count"], form["campaign-overlap"], form["snapshot"]) == ("5", "2", "")
    assert "campaign-name" not in form


def test_boxes_ticked_under_one_name_become_one_value():
    sent = [("config-heads", "helpful"), ("seed", "1"), ("config-heads", "harmless"), ("seed", "2"), ("file", object())]
    assert forms.joined(sent) == {"config-heads": "helpful, harmless", "seed": "2"}
    assert forms.read_config("reward", {"heads": "helpful, harmless helpful"})[0].heads == ["helpful", "harmless"]


def test_weights_are_read_from_lines_and_from_json():
    assert forms.read_weights(" w7 = 0.5\n\n a=b = 2e-1 \n") == ({"w7": 0.5, "a=b": 0.2}, [])
    assert forms.read_weights(' {"w7": 0.5, " b=": 3}') == ({"w7": 0.5, " b=": 3.0}, [])
    assert forms.read_weights("") == ({}, [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = 1\nb", "Line 2 is not of the form"),
        ("= 1", "Line 1 is not of the form"),
        ("a = nan", "Line 1: a weight is a number from 0, not “nan”"),
        ("a = inf", "not “inf”"),
        ("a = -0.5", "not “-0.5”"),
        ("a = much", "not “much”"),
        ("a = 1\na = 2", "Line 2: “a” has a weight already"),
        ('{"a": 1, "a": 2}', "“a” has a weight already"),
        ('{"a": NaN}', "“a”: a weight is a number from 0"),
        ('{"a": true}', "not “True”"),
        ('{"a": {"b": 1}}', "a weight is a number"),
        ('{"a": 1' + "0" * 400 + "}", "a weight is a number"),
        ('{"a\\ud800": 1}', "a name has no control characters"),
        ({"a\x00": 1}, "a name has no control characters"),
        ({"a": -1}, "“a”: a weight is a number from 0, not “-1”"),
        ("{not json", "begins like JSON"),
        ("{" * 100_000, "begins like JSON"),
    ],
)
def test_a_line_that_is_no_weight_is_told_with_its_place(text, sentence):
    config, problems = forms.read_config("reward", {"labeler_weights": text})
    assert config is None
    assert sentence in problems["labeler_weights"]


def test_many_wrong_lines_are_counted_instead_of_listed():
    text = "\n".join(f"worker{i}" for i in range(1000))
    problem = forms.read_config("reward", {"prompt_weights": text})[1]["prompt_weights"]
    assert problem.endswith("And 995 more like these.")


def test_all_wrong_settings_are_told_at_once_each_under_its_field():
    config, problems = forms.read_config(
        "reward", {"epochs": "-3", "ties": "maybe", "heads": "helpful, funny", "labeler_weights": "w7"}
    )
    assert config is None
    assert set(problems) == {"epochs", "ties", "heads", "labeler_weights"}


def test_settings_of_a_file_are_plain_values_and_told_by_name():
    fine = {"labeler_weights": {"w7": 0}, "heads": ["helpful"], "share_prefixes": False}
    config, problems = forms.read_config("reward", fine)
    assert problems == {}
    assert (config.labeler_weights, config.heads, config.share_prefixes) == ({"w7": 0.0}, ["helpful"], False)
    assert "“w7”" in forms.read_config("reward", {"labeler_weights": {"w7": -1}})[1]["labeler_weights"]


@pytest.mark.parametrize("value", ["inf", "1e309", "nan"])
def test_a_setting_is_a_number_that_json_can_hold(value):
    assert list(forms.read_config("pretrain", {"weight_decay": value})[1]) == ["weight_decay"]


def test_every_name_and_hint_of_a_setting_can_be_translated():
    fields = [field for config in CONFIGS.values() for field in config.model_fields.items()]
    assert {name.replace("_", " ") for name, _ in fields} == set(setting_words.NAMES)
    assert {info.description for _, info in fields if info.description} == set(setting_words.HINTS)
    assert setting_words.PROBLEMS == limits.TEXTS
    assert setting_words.REFUSALS == refused.TEXTS


def test_a_setting_that_is_refused_is_told_in_the_readers_language():
    language.speak("zh-Hans")
    try:
        problems = forms.read_config("reward", {"epochs": "-3", "heads": "helpful, funny", "epoch": "3"})[1]
    finally:
        language.speak(language.SOURCE)
    assert problems == {
        "epochs": "请输入大于 0 的数。",
        "heads": "“1”: 请从中选择：helpful, truthful, harmless。",
        "epoch": "没有名为“epoch”的设置。是不是“epochs”？",
    }
