from app.demo.world import WORDS_OF_A_SENTENCE, lessons


def test_every_lesson_has_its_own_name_and_one_clean_sentence():
    found = lessons(seed=1, count=600)
    assert len(found) == 600
    assert len({lesson.name for lesson in found}) == 600
    for lesson in found:
        assert len(lesson.sentence.split()) in WORDS_OF_A_SENTENCE
        assert lesson.sentence[0].isupper()
        assert lesson.sentence.endswith(".")
        assert "\n" not in lesson.sentence
        assert lesson.name in lesson.prompt


def test_the_seed_decides_which():
    assert lessons(1, 50) == lessons(1, 50)
    assert lessons(1, 50) != lessons(2, 50)
