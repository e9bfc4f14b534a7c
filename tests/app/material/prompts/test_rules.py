import pytest

from app.material.prompts import rules


def test_the_fingerprint_sees_roles_and_contents_only():
    one = rules.prompt_fingerprint([{"role": "user", "content": "Hi"}])
    assert one == rules.prompt_fingerprint([{"content": "Hi", "role": "user", "extra": 1}])
    assert one != rules.prompt_fingerprint([{"role": "system", "content": "Hi"}])


def test_a_task_is_known_by_its_prompt_and_its_answers_in_any_order():
    """The digest stands in databases: SHA-256 of ``[7, [1, 2, 30]]``."""
    digest = "14e0a50a2f5988b77f2b366fde6dc974f3fe83f94d8777ef16b4937cd3c41906"
    assert rules.task_fingerprint(7, [30, 1, 2]) == rules.task_fingerprint(7, (1, 2, 30)) == digest
    others = {rules.task_fingerprint(*other) for other in ((7, [1, 2]), (1, [7, 2, 30]), (8, [1, 2, 30]))}
    assert len(others - {digest}) == 3


@pytest.mark.parametrize(
    ("category", "tag"),
    [("Open QA", "open_qa"), ("closed\xa0qa", "closed_qa"), ("rewriting", "rewrite"), ("math", None)],
)
def test_a_category_names_a_use_case_or_none(category, tag):
    assert rules.use_case_of(category) == tag


@pytest.mark.parametrize(
    ("name", "stem"), [("a/b/wmt.jsonl.gz", "wmt"), ("x.y.parquet", "x.y"), (".jsonl", "file"), ("C:\\d\\e.csv", "e")]
)
def test_the_stem_of_a_file_name(name, stem):
    assert rules.stem_of(name) == stem
