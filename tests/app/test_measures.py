from app import measures as words
from app.language import speak
from trainer.statistics.estimates import Estimate, Undefined


def test_every_code_has_a_sentence_of_its_own_kind():
    assert set(words.WHY) == set(Undefined)
    assert all(
        sentence.startswith(("undefined, because", "no interval, because", "no order"))
        for sentence in words.WHY.values()
    )


def test_reasons_are_said_in_the_language_in_use(monkeypatch):
    monkeypatch.setattr(words, "_", lambda sentence: f"<{sentence}>")
    speak("en")
    none = Estimate(None, undefined=Undefined.ONE_CATEGORY)
    assert words.why(none) == f"<{words.WHY[Undefined.ONE_CATEGORY]}>"
    assert words.why(Estimate(0.5, no_interval=Undefined.ONE_CLUSTER)) == f"<{words.WHY[Undefined.ONE_CLUSTER]}>"
    assert words.why(Estimate(0.5, 0.4, 0.6)) == words.said(None) == words.sentence(None) == ""
    assert words.sentence(none.undefined) == words.WHY[Undefined.ONE_CATEGORY]
