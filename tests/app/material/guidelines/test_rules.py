import pytest

from app.material.guidelines import rules


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
