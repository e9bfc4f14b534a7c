import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.material.guidelines import rules


def told(before, after):
    """The difference in a line of text: ``[-old-]``, ``{+new+}``, and (n) for n lines left out."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "|".join(
        f"({passage.left_out})"
        if passage.left_out
        else "".join(marks[piece.kind].format(piece.text) for piece in passage.pieces)
        for passage in rules.difference(before, after)
    )


def test_a_rewritten_line_shows_the_words_that_were_exchanged():
    assert told("Put the helpful answer first.", "Put the truthful answer first.") == (
        "Put the [-helpful -]{+truthful +}answer first."
    )


def test_lines_that_came_and_went_stand_between_the_lines_around_them():
    assert told("one\ntwo\nthree", "one\ntwo\nand\nthree") == "one\ntwo|{+and+}|three"
    assert told("one\ntwo\nthree", "one\nthree") == "one|[-two-]|three"


def test_lines_far_from_a_change_are_only_counted():
    before = "\n".join(f"line {i}" for i in range(20))
    assert told(before, before.replace("line 9", "line nine")) == ("(8)|line 8|line [-9-]{+nine+}|line 10|(9)")


def test_equal_texts_do_not_differ():
    assert rules.difference("the same\ntext", "the same\ntext") == []


LINES = st.lists(st.text("ab \t", max_size=12), max_size=12).map("\n".join)


@given(LINES, LINES)
def test_no_word_is_lost_none_invented_and_each_is_on_its_side(before, after):
    passages = rules.difference(before, after, around=99)
    for whole, other in ((before, "added"), (after, "removed")):
        shown = " ".join("".join(p.text for p in passage.pieces if p.kind != other) for passage in passages)
        assert shown.split() == ([] if before == after else whole.split())


def test_a_long_rewritten_passage_is_shown_as_replaced_as_a_whole():
    before = " ".join(f"old{i} and" for i in range(500))
    after = before.replace("old", "new")
    [passage] = rules.difference(before, after)
    assert [piece.kind for piece in passage.pieces] == ["removed", "added"]


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (rules.text_problem(""), "has no text yet"),
        (rules.text_problem("x" * 100_000), "has 100,000 characters; 60,000 fit"),
        (rules.changes_problem(""), "Say in a sentence what changes"),
        (rules.changes_problem("x" * 100_000), "100,000 characters; 1,000 fit"),
        (rules.guideline_problem("", "training"), "Give the guideline a name"),
        (rules.guideline_problem("a\u202eb", "training"), "visible characters"),
        (rules.guideline_problem("House rules", "testing"), "not “testing”"),
        (rules.post_problem("", "question"), "question is empty"),
        (rules.post_problem("x" * 4_001, "answer"), "answer has 4,001 characters; 4,000 fit"),
    ],
)
def test_a_text_that_will_not_do_is_refused_in_a_sentence(problem, told):
    assert told in problem


def test_the_longest_texts_are_taken():
    assert rules.text_problem("x" * rules.LONGEST_TEXT) is None
    assert rules.post_problem("x" * rules.LONGEST_POST, "question") is None
    assert rules.guideline_problem("x" * rules.LONGEST_NAME, "evaluation") is None


def test_a_text_is_kept_with_the_line_ends_of_unix_and_nothing_around_it():
    assert rules.tidy("\r\n one\r\ntwo\rthree \n\n") == "one\ntwo\nthree"


def test_a_reader_gets_their_language_or_the_original():
    texts = ("Judge well.", {"zh-Hans": "好好评判。"})
    assert rules.in_language(*texts, "zh-Hans") == ("好好评判。", "zh-Hans")
    assert rules.in_language(*texts, "en") == ("Judge well.", "en")
    assert rules.in_language(texts[0], {}, "zh-Hans") == ("Judge well.", "en")


def test_only_translations_into_our_languages_that_say_something_are_kept():
    given = {"zh-Hans": " 好\r\n好 ", "en": "the original stands elsewhere", "tlh": "Qapla", "zh-Hant": "  "}
    assert rules.tidy_translations(given) == {"zh-Hans": "好\n好"}
    assert rules.tidy_translations({"zh-Hans": " \n"}) == {}
