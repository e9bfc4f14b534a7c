import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.training.runs import rules


@pytest.mark.parametrize(
    ("stage", "parents", "snapshot", "missing"),
    [
        ("pretrain", {}, None, {}),
        ("sft", {}, None, {"parent-base": "Choose a base model.", "snapshot": "Choose a snapshot."}),
        ("sft", {"base": 1}, 1, {}),
        ("ppo", {"sft": 1}, 1, {"parent-reward": "Choose a reward model."}),
        ("sample", {"policy": 1}, None, {"snapshot": "Choose a snapshot."}),
        ("detect", {"policy": 1}, None, {"texts-campaign": "Choose a campaign whose texts it reads."}),
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
    assert rules.seconds_left(5, 100, None) is None


def test_a_name_that_ends_in_strange_digits_does_not_stop_the_counting():
    taken = ["sft-2", "sft-²", "sft-" + "9" * 5000, "sft-1-backup-77", "other-99", "sft-٣"]
    assert rules.next_name("sft", taken) == "sft-3"


def test_the_browser_names_the_built_in_text_and_imported_corpora_only(tmp_path):
    folder = tmp_path / "corpora"
    folder.mkdir()
    (folder / "way-out.txt").symlink_to("/etc/hostname")
    fine = ["stdlib-docstrings", str(folder / "abc.jsonl.gz")]
    assert [rules.corpus_problem(corpus, folder) for corpus in fine] == [None, None]
    for corpus in ("/etc/passwd", "../secret.txt", f"{folder}/../prefloop.db", f"{folder}/way-out.txt", "", "~"):
        assert "imported corpus" in rules.corpus_problem(corpus, folder), corpus
