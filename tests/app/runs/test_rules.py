import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runs import rules
from trainer.contract.configs import CONFIGS


def test_every_stage_has_a_form_whose_fields_are_its_configuration():
    for stage in rules.STAGES:
        first, rest = rules.form_fields(stage, {})
        assert {field.name for field in (*first, *rest)} == set(CONFIGS[stage].model_fields)
        assert len(first) == len(rules.FIRST_FIELDS[stage])


def test_the_values_a_form_shows_are_accepted_when_they_come_back():
    for stage in rules.STAGES:
        shown = {field.name: field.value for part in rules.form_fields(stage, {}) for field in part}
        config, problems = rules.read_config(stage, shown)
        assert (config, problems) == (CONFIGS[stage](), {})


def test_a_wrong_setting_is_named_with_its_reason():
    config, problems = rules.read_config("sft", {"epochs": "-3", "learning_rate": "fast"})
    assert config is None
    assert set(problems) == {"epochs", "learning_rate"}


@pytest.mark.parametrize(
    ("stage", "parents", "snapshot", "missing"),
    [
        ("pretrain", {}, None, []),
        ("sft", {}, None, ["a base model as “base”", "a snapshot"]),
        ("sft", {"base": 1}, 1, []),
        ("ppo", {"sft": 1}, 1, ["a reward model as “reward”"]),
        ("sample", {"policy": 1}, None, ["a snapshot"]),
    ],
)
def test_what_a_run_still_needs_is_said(stage, parents, snapshot, missing):
    assert rules.missing_parts(stage, parents, snapshot) == missing


def test_names_count_on_from_the_highest_number():
    assert rules.next_name("sft", []) == "sft-1"
    assert rules.next_name("sft", ["sft-2", "my favourite", "sft-10"]) == "sft-11"


@given(st.lists(st.integers(), max_size=3000), st.integers(2, 700))
def test_a_thinned_curve_is_short_and_keeps_both_ends(points, most):
    kept = rules.thinned(points, most)
    assert len(kept) <= most + 1
    assert kept[:1] == points[:1]
    assert kept[-1:] == points[-1:]


@given(st.permutations([str(i) for i in range(30)]), st.integers(1, 30))
def test_the_drawn_prompts_do_not_depend_on_their_order(ids, count):
    drawn = rules.chosen_prompts(ids, count, seed=3)
    assert set(drawn) == set(rules.chosen_prompts(sorted(ids), count, seed=3))
    assert len(drawn) == count


def test_another_seed_draws_other_prompts():
    ids = [str(i) for i in range(100)]
    assert rules.chosen_prompts(ids, 10, seed=1) != rules.chosen_prompts(ids, 10, seed=2)


def test_time_left_follows_the_pace_so_far():
    assert rules.seconds_left(25, 100, 50.0) == 150.0
    assert rules.seconds_left(0, 100, 50.0) is None
    assert rules.seconds_left(5, None, 50.0) is None


def test_a_name_that_ends_in_strange_digits_does_not_stop_the_counting():
    taken = ["sft-2", "sft-²", "sft-" + "9" * 5000, "sft-1-backup-77", "other-99", "sft-٣"]
    assert rules.next_name("sft", taken) == "sft-3"


@pytest.mark.parametrize("value", ["inf", "1e309", "nan"])
def test_a_setting_is_a_number_that_json_can_hold(value):
    assert list(rules.read_config("pretrain", {"weight_decay": value})[1]) == ["weight_decay"]


def test_the_browser_names_the_built_in_text_and_imported_corpora_only(tmp_path):
    folder = tmp_path / "corpora"
    folder.mkdir()
    (folder / "way-out.txt").symlink_to("/etc/hostname")
    fine = ["stdlib-docstrings", str(folder / "abc.jsonl.gz")]
    assert [rules.corpus_problem(corpus, folder) for corpus in fine] == [None, None]
    for corpus in ("/etc/passwd", "../secret.txt", f"{folder}/../prefloop.db", f"{folder}/way-out.txt", "", "~"):
        assert "imported corpus" in rules.corpus_problem(corpus, folder), corpus
