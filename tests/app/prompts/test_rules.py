import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompts import rules


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9))
def test_dense_ranks_keep_the_order_and_skip_none(ranks):
    dense = rules.dense_ranks(ranks)
    assert set(dense) == set(range(1, len(set(ranks)) + 1))
    for i in range(len(ranks)):
        for j in range(len(ranks)):
            assert (ranks[i] < ranks[j]) == (dense[i] < dense[j])


def test_a_weak_order_is_written_best_first_with_ties():
    assert rules.weak_order("ABCD", [2, 3, 1, 2]) == "C > A = D > B"


def test_the_fingerprint_sees_roles_and_contents_only():
    one = rules.prompt_fingerprint([{"role": "user", "content": "Hi"}])
    assert one == rules.prompt_fingerprint([{"content": "Hi", "role": "user", "extra": 1}])
    assert one != rules.prompt_fingerprint([{"role": "system", "content": "Hi"}])


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
