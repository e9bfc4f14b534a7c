import pytest

from app.demo.visitor import is_one_sentence


@pytest.mark.parametrize("text", ["Return x.", "Is x.y a path? ".strip(), " Return os.path as it is.\n"])
def test_one_sentence_is_one_with_its_end(text):
    assert is_one_sentence(text)


@pytest.mark.parametrize("text", ["", " ", ".", "Return x", "Return x. And y.", "Return x. And y", "What? No."])
def test_less_or_more_than_one_sentence_is_none(text):
    assert not is_one_sentence(text)
