import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.judging.intervals import share
from trainer.judging.probes import (
    EDITS,
    cut_short,
    edited_answers,
    probe_shares,
    repeated,
    roles_swapped,
    shuffled_words,
)

TEXTS = st.text(alphabet="ab I.you\n她猫。กิ", max_size=40)


def chance(seed=0):
    return random.Random(seed)


@settings(max_examples=200)
@given(text=TEXTS, seed=st.integers(0, 9))
def test_an_edit_differs_or_is_none(text, seed):
    for edit in EDITS.values():
        made = edit(text, chance(seed))
        assert made != text
        assert made is None or made.strip()


@given(text=TEXTS, seed=st.integers(0, 9))
def test_shuffling_keeps_every_character_and_every_gap(text, seed):
    made = shuffled_words(text, chance(seed))
    if made is not None:
        assert Counter(made) == Counter(text)
        assert made.count("\n") == text.count("\n")
        assert sorted(made.split()) == sorted(text.split()) or not text.isascii()


def test_shuffled_words_keep_the_lines():
    made = shuffled_words("one two\nthree four", chance())
    assert [len(line.split()) for line in made.split("\n")] == [2, 2]
    assert sorted(made.split()) == ["four", "one", "three", "two"]
    assert shuffled_words("a a a a a a a a a a a a b", chance()) is not None


def test_what_cannot_be_shuffled_is_none():
    assert [shuffled_words(text, chance()) for text in ("", "one", "one one one", "猫")] == [None] * 4


def test_scripts_without_spaces_are_shuffled_and_cut_by_character():
    made = shuffled_words("我喜欢黑猫", chance())
    assert made != "我喜欢黑猫"
    assert sorted(made) == sorted("我喜欢黑猫")
    assert cut_short("我喜欢黑猫", chance()) == "我喜欢"
    # A Thai vowel above stays on its consonant.
    assert cut_short("กินกิน", chance()) == "กิน"
    made = shuffled_words("กิน", chance())
    assert made == "นกิ"


def test_cut_short_keeps_the_first_half_as_it_stands():
    assert cut_short("One two,\n  three four five.", chance()) == "One two,\n  three"
    assert cut_short("One two three four", chance()) == "One two"
    assert [cut_short(text, chance()) for text in ("", "  ", "one", "one ")] == [None] * 4


def test_a_sentence_is_said_twice():
    text = "Pi is 3.14. Is it? Yes!"
    made = {repeated(text, chance(seed)) for seed in range(30)}
    assert made == {
        "Pi is 3.14. Pi is 3.14. Is it? Yes!",
        "Pi is 3.14. Is it? Is it? Yes!",
        "Pi is 3.14. Is it? Yes! Yes!",
    }
    assert repeated("No full stop", chance()) == "No full stop No full stop"
    assert {repeated("猫。狗。", chance(seed)) for seed in range(9)} == {"猫。猫。狗。", "猫。狗。狗。"}
    assert repeated('He said "No." Then he went', chance(1)).count('"No."') in {1, 2}
    assert {repeated("a\nb", chance(seed)) for seed in range(9)} == {"a a\nb", "a\nb b"}
    assert repeated(" \n", chance()) is None


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("I like your dog.", "You like my dog."),
        ("You like my dog.", "I like your dog."),
        ("So I left. You stayed.", "So you left. I stayed."),
        ("Then you came; I'm glad, you’re late.", "Then I came; you're glad, I’m late."),
        ("I am here and you are there.", "You are here and I am there."),
        ("Give it to you, or to me?", "Give it to me, or to you?"),
        ("It belongs to you now, you know.", "It belongs to me now, I know."),
        ("I MYSELF KNOW HER.", "You YOURSELF KNOW HIM."),
        ("He gave her book to him.", "She gave his book to her."),
        ("She saw him. It is his.", "He saw her. It is hers."),
        ("My husband told his mother.", "Your wife told her father."),
        ("User: hi\nAssistant: Hello", "Assistant: hi\nUser: Hello"),
        ("Human: hi\n\nAssistant: Hello", "Assistant: hi\n\nHuman: Hello"),
    ],
)
def test_roles_are_swapped_and_capitals_kept(text, swapped):
    assert roles_swapped(text) == swapped


def test_words_that_only_contain_a_role_are_left_alone():
    assert roles_swapped("The theory here is mythical; it's user-friendly, hi-fi, Iyou.") is None
    assert roles_swapped("A user called the assistant.") is None
    assert roles_swapped("User stories: none.\nAssistant coach") is None
    assert roles_swapped("猫。") is None


def test_one_answer_of_each_prompt_is_edited_in_every_way():
    prompts = [["I am a cat. You know.", "You are big. I know."], ["My dog barks. It does."], [], [""]]
    made = edited_answers(prompts, seed=3, limit=10)
    by_prompt = {}
    for edit in made:
        by_prompt.setdefault(edit.place[0], {})[edit.name] = edit
    assert set(by_prompt[0]) == set(by_prompt[1]) == {*EDITS, "other_prompt"}
    assert set(by_prompt[3]) == {"other_prompt"}  # an empty answer can only be replaced
    assert 2 not in by_prompt
    for prompt, edits in by_prompt.items():
        assert len({edit.place for edit in edits.values()}) == 1
        assert all(edit.text != prompts[prompt][edit.place[1]] for edit in edits.values())
        assert edits["other_prompt"].text not in prompts[prompt]
        assert edits["other_prompt"].text in {answer for answers in prompts for answer in answers}
    assert edited_answers(prompts, seed=3, limit=10) == made


def test_the_limit_holds_and_the_seed_chooses():
    prompts = [[f"answer number {n} of many"] for n in range(50)]
    places = [{edit.place[0] for edit in edited_answers(prompts, seed, limit=5)} for seed in range(4)]
    assert [len(found) for found in places] == [5] * 4
    assert len(set.union(*places)) > 5


def test_an_empty_answer_replaces_nothing():
    prompts = [["one answer"], ["", " "], ["another"]]
    made = [edit for seed in range(30) for edit in edited_answers(prompts, seed, limit=9)]
    assert all(edit.text.strip() for edit in made)
    assert {edit.place[0] for edit in made} == {0, 1, 2}


def test_equal_answers_everywhere_leave_no_other_prompt():
    names = {edit.name for edit in edited_answers([["same text"], ["same text"]], seed=0, limit=9)}
    assert names == {"shuffled_words", "cut_short", "repeated"}
    assert "other_prompt" not in {edit.name for edit in edited_answers([["only one"]], seed=0, limit=9)}


def test_the_interval_of_an_edit_draws_prompts_with_the_seed():
    scores = np.random.default_rng(0).normal(size=(2, 60))
    for seed in (3, 4):
        (found,) = probe_shares(*scores, ["repeated"] * 60, np.arange(60) // 2, seed)
        assert found.model == share(scores[0] > scores[1], np.ones(60), np.arange(60) // 2, seed)


def test_shares_by_edit_by_hand():
    original, edited = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 2.0, 5.0, 1.0])
    names, clusters = ["cut_short", "cut_short", "repeated", "cut_short"], np.array([0, 1, 1, 2])
    cut, rep = probe_shares(original, edited, names, clusters, seed=5)
    assert (cut.name, cut.model.value, cut.model.n, cut.model.prompts) == ("original_wins:cut_short", 2.5 / 3, 3, 3)
    assert cut.model == share(np.array([1.0, 0.5, 1.0]), np.ones(3), np.arange(3), 5)
    assert (rep.name, rep.model.value, rep.people, rep.correlation) == ("original_wins:repeated", 0.0, None, None)
    assert probe_shares(np.zeros(0), np.zeros(0), [], np.zeros(0, dtype=int), 0) == []
