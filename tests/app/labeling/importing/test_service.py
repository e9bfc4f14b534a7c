"""Imports: what each shape becomes, what is refused, and that the same again adds nothing."""

import csv
import gzip
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.errors import Invalid, Refusal
from app.labeling.importing import service
from app.labeling.importing.drafts import Drafts
from app.labeling.importing.shapes.rows import SHAPES, draft_of
from app.models import Annotation, Campaign, Candidate, Corpus, Demonstration, Import, Prompt, Ranking, Rating, Task
from app.training.snapshots import service as snapshots
from app.training.snapshots.rules import Filters

KEYS = (
    *("prompt", "messages", "turns", "candidates", "votes", "chosen", "rejected", "response", "input", "text", "rank"),
    *("response_a", "response_b", "choice", "annotator", "role", "content", "replies", "message_tree_id", "user", "id"),
    *("category", "lang", "likert", "flags", "ranks", "answers", "ranking_id", "prompt_id", "phase", "seconds"),
    *("labels", "label", "value", "question", "completion"),
    *("strength", "margin", "shown", "labeler_group", "annotator_group", "candidate_id", "use_case"),
)
ASK = [{"role": "user", "content": "Name a colour."}]


@pytest.fixture
def take(database, settings, tmp_path):
    """Import rows (or bytes) as a file; returns the Import row."""

    def take(rows, kind="detect", name="file.jsonl", fmt="auto"):
        path = tmp_path / f"upload-{name}"
        content = rows if isinstance(rows, bytes) else "".join(json.dumps(r) + "\n" for r in rows).encode()
        path.write_bytes(content)
        with database.transaction() as session:
            return service.import_file(session, settings, None, path, name, kind=kind, fmt=fmt)

    return take


@pytest.fixture
def count(database):
    def count(model):
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(model))

    return count


def everything(database, model):
    with database.reading() as session:
        rows = session.scalars(select(model).order_by(*model.__table__.primary_key)).all()
        session.expunge_all()
    return rows


def k_wise(*ranks, **more):
    return {
        "prompt": "Name a colour.",
        "candidates": [{"text": f"answer {i}", "rank": r} for i, r in enumerate(ranks)],
    } | more


def test_a_k_wise_ranking_keeps_ties_and_loses_gaps(database, take):
    entry = take([k_wise(7, 2, 7, 3, annotator="ana", seconds=4.5, id="r1")], name="wise.jsonl")
    assert entry.added == {"prompts": 1, "candidates": 4, "tasks": 1, "rankings": 1}
    assert [r.rank for r in everything(database, Ranking)] == [3, 1, 3, 2]
    (annotation,) = everything(database, Annotation)
    assert (annotation.annotator, annotation.seconds, annotation.person_id) == ("wise:ana", 4.5, None)
    (campaign,) = everything(database, Campaign)
    assert (campaign.name, campaign.phase, campaign.status, campaign.imported) == (
        "import: wise",
        "training",
        "closed",
        True,
    )


def test_the_same_file_twice_adds_nothing_even_under_another_name(take, count):
    rows = [k_wise(1, 2, id="a"), k_wise(2, 1, id="b"), {"prompt": "Hi", "chosen": "x", "rejected": "y"}]
    first = take(rows[:2])
    sizes = {m: count(m) for m in (Prompt, Candidate, Task, Annotation, Ranking)}
    again = take(rows[:2], name="renamed.jsonl")
    assert (first.repeated, again.repeated, again.added) == (0, 2, {})
    assert {m: count(m) for m in sizes} == sizes


def test_rows_repeated_inside_one_file_are_counted_once(take, count):
    entry = take([k_wise(1, 2, annotator="ana")] * 3 + [k_wise(2, 1, annotator="ana")])
    assert (entry.repeated, entry.added["rankings"], entry.added["tasks"]) == (2, 2, 1)
    assert count(Annotation) == 2


def test_a_bad_line_is_refused_with_its_number_and_reason_and_the_rest_is_taken(take, count):
    bad = {
        2: (b"{broken", "not valid JSON: see column 2"),
        3: (b"[1, 2]", "JSON, but no object"),
        4: (b'{"prompt": "caf\xe9"}', "not valid UTF-8: see byte 16"),
        5: (json.dumps({"prompt": " "}).encode(), "field prompt: This cannot be empty."),
        6: (json.dumps({"prompt": 7}).encode(), "a list of messages"),
        7: (json.dumps({"prompt": "a\x00b"}).encode(), "NUL"),
        8: (
            json.dumps({"prompt": [{"role": "wizard", "content": "x"}]}).encode(),
            "field prompt, entry 1, role: “wizard” is no known role",
        ),
        9: (json.dumps({"prompt": [*ASK, {"role": "assistant", "content": "Red."}]}).encode(), "must be the user’s"),
        10: (json.dumps({"prompt": "x" * 200_001}).encode(), "200,001 characters"),
        11: (b'{"prompt": "half \\ud800"}', "surrogate"),
        12: (b'{"prompt": NaN}', "NaN"),
        13: (json.dumps({"prompt": [{"role": "user", "content": None}]}).encode(), "content: This is missing."),
    }
    lines = [
        json.dumps({"prompt": "good"}).encode(),
        *(line for line, _ in bad.values()),
        b"",
        b'{"prompt": "good too"}',
    ]
    entry = take(b"\n".join(lines))
    assert {r["line"] for r in entry.rejects} == set(bad)
    for reject in entry.rejects:
        assert bad[reject["line"]][1] in reject["reason"], reject
    assert (entry.rows, entry.rejected, count(Prompt)) == (14, 12, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (k_wise(1), "compares 2 to 9 answers, not 1"),
        (k_wise(*range(1, 11)), "2 to 9 answers, not 10"),
        (k_wise(0, 1), "field candidates, entry 1, rank: “0” is no rank: give a whole number from 1."),
        (k_wise(1.5, 1), "give a whole number"),
        (k_wise(True, 1), "give a whole number"),
        (k_wise("1", 2), "give a whole number"),
        (k_wise(None, 2), "give a whole number"),
        ({"prompt": "p", "candidates": "no list"}, "Give a list of answers."),
        ({"prompt": "p", "candidates": [{"text": "a", "rank": 1, "likert": 8}, {"text": "b", "rank": 2}]}, "1 to 7"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_ranking_that_is_none_is_refused(take, count, row, reason):
    entry = take([row, k_wise(1, 2)])
    assert [r["line"] for r in entry.rejects] == [1]
    assert reason in entry.rejects[0]["reason"]
    assert count(Annotation) == 1


@pytest.mark.parametrize("k", [2, 9])
def test_two_to_nine_answers_are_a_ranking(take, count, k):
    take([k_wise(*range(1, k + 1))])
    assert count(Ranking) == k


def test_identical_answers_of_equal_rank_stay_apart_so_that_their_tie_counts(database, take):
    texts = [("red", 2), ("blue", 1), ("red", 2), ("green", 4)]
    take([{"prompt": "p", "candidates": [{"text": t, "rank": r} for t, r in texts]}])
    assert sorted(r.rank for r in everything(database, Ranking)) == [1, 2, 2, 3]
    assert sorted(c.origin for c in everything(database, Candidate) if c.text == "red") == [
        "import:file",
        "import:file#2",
    ]


def test_each_vote_of_a_pair_is_one_ranking_by_its_annotator(database, take):
    votes = [
        {"annotator": "w1", "choice": "a"},
        {"annotator": "w2", "choice": "b"},
        {"annotator": "w3", "choice": "tie"},
    ]
    take(
        [{"id": "u", "prompt": "p", "response_a": "A", "response_b": "B", "votes": votes, "gold": "a"}], name="v.jsonl"
    )
    orders = [
        tuple(r.rank for r in everything(database, Ranking) if r.annotation_id == a.id)
        for a in everything(database, Annotation)
    ]
    assert orders == [(1, 2), (2, 1), (1, 1)]
    assert [a.annotator for a in everything(database, Annotation)] == ["v:w1", "v:w2", "v:w3"]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Dog."},
        {
            "prompt": ASK,
            "chosen": [{"role": "assistant", "content": "Red."}],
            "rejected": [{"role": "assistant", "content": "Dog."}],
        },
        {
            "chosen": [*ASK, {"role": "assistant", "content": "Red."}],
            "rejected": [*ASK, {"role": "assistant", "content": "Dog."}],
        },
        {
            "chosen": "\n\nHuman: Name a colour.\n\nAssistant: Red.",
            "rejected": "\n\nHuman: Name a colour.\n\nAssistant: Dog.",
        },
    ],
)
def test_a_pair_in_any_of_its_forms_prefers_the_chosen_answer(database, take, row):
    take([row])
    assert everything(database, Prompt)[0].messages == ASK
    ranks = {r.candidate_id: r.rank for r in everything(database, Ranking)}
    assert {c.text: ranks[c.id] for c in everything(database, Candidate)} == {"Red.": 1, "Dog.": 2}


def test_a_demonstration_brings_its_input_below_the_prompt(database, take):
    take(
        [{"prompt": "Translate.", "input": "Hund", "response": "dog"}, {"prompt": "Bare", "input": "", "response": "x"}]
    )
    assert [p.messages[0]["content"] for p in everything(database, Prompt)] == ["Translate.\n\nHund", "Bare"]
    assert [d.text for d in everything(database, Demonstration)] == ["dog", "x"]


def test_a_prompt_brings_user_use_case_and_language(database, take):
    take([{"turns": ["First?", "Second?"], "user": "u7", "category": "closed\xa0qa", "lang": "zh", "source": "belle"},
          {"prompt": "Roll a die", "category": "roleplay"}])  # fmt: skip
    first, second = everything(database, Prompt)
    assert first.messages == [{"role": "user", "content": "First?"}]
    assert (first.user_key, first.use_case, first.language, first.source) == ("u7", "closed_qa", "zh", "belle")
    assert (second.use_case, second.detail) == (None, {"category": "roleplay"})


def tree():
    def reply(text, rank=None, replies=(), **more):
        return {"message_id": text, "text": text, "role": "assistant", "rank": rank, "replies": list(replies)} | more

    second = {"message_id": "q2", "text": "q2", "role": "prompter", "replies": [reply("only")]}
    replies = [reply("best", 0, [second]), reply("worst", 2, synthetic=True), reply("middle", 1), reply("unranked")]
    root = {"message_id": "q1", "text": "q1", "role": "prompter", "lang": "en", "replies": replies}
    return {"message_tree_id": "t", "prompt": root}


def test_a_tree_gives_prompts_with_context_candidates_and_the_ranking_of_siblings(database, take):
    take([tree()])
    assert [[m["content"] for m in p.messages] for p in everything(database, Prompt)] == [["q1"], ["q1", "best", "q2"]]
    ranks = {r.candidate_id: r.rank for r in everything(database, Ranking)}
    of = {c.text: ranks.get(c.id) for c in everything(database, Candidate)}
    assert of == {"best": 1, "worst": 3, "middle": 2, "unranked": None, "only": None}
    assert everything(database, Demonstration) == []


def test_a_tree_gives_its_best_and_unranked_human_replies_as_demonstrations_on_demand(database, take):
    take([tree()], kind="demonstrations")
    assert {d.text for d in everything(database, Demonstration)} == {"best", "unranked", "only"}


def test_a_kind_takes_only_its_own_part(take, count):
    assert take([k_wise(1, 2)], kind="prompts").added == {"prompts": 1}
    assert take([k_wise(1, 2)], kind="candidates").added == {"candidates": 2}
    entry = take([k_wise(1, 2)], kind="demonstrations")
    assert (entry.rejected, entry.rejects[0]["reason"]) == (1, "The row holds no demonstration.")
    assert count(Annotation) == 0


def test_evaluation_labels_of_a_native_file_stay_out_of_training(database, take):
    answers = [
        {"candidate_id": "1", "text": "a", "likert": 6, "flags": ["hallucination"]},
        {"candidate_id": "2", "text": "b"},
    ]
    row = {"ranking_id": "9", "prompt_id": "3", "messages": ASK, "answers": answers, "ranks": [1, 2], "annotator": "x"}
    take([row | {"phase": "evaluation"}], name="n.jsonl")
    assert [(c.name, c.phase) for c in everything(database, Campaign)] == [("import: n (evaluation)", "evaluation")]
    assert [r.likert for r in everything(database, Rating)] == [6]


def test_csv_and_parquet_carry_lists_as_json_or_as_lists(take, tmp_path, count):
    row = k_wise(2, 1, annotator="ana")
    table = tmp_path / "t.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "annotator", "candidates"])
        writer.writerow(["two\nlines", "ana", json.dumps(row["candidates"])])
        writer.writerow(["short row"])
        writer.writerow(["[not json", "ana", json.dumps(row["candidates"])])
        writer.writerow(["broken cell", "ana", "[{"])
    entry = take(table.read_bytes(), name="t.csv")
    assert (entry.added["rankings"], [r["line"] for r in entry.rejects]) == (2, [4, 6])
    for name, value in (("a", row["candidates"]), ("b", json.dumps(row["candidates"]))):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist([{"prompt": name, "candidates": value, "annotator": "ana"}]), path)
        assert take(path.read_bytes(), name=f"{name}.parquet").added["rankings"] == 1
    assert count(Annotation) == 4


def test_a_damaged_archive_leaves_nothing_behind(take, count):
    whole = gzip.compress(b"".join(json.dumps({"prompt": f"p{i} {'x' * 500}"}).encode() + b"\n" for i in range(5000)))
    with pytest.raises(Invalid, match="damaged"):
        take(whole[: len(whole) // 2], name="cut.jsonl.gz")
    assert (count(Prompt), count(Import)) == (0, 0)


def test_a_corpus_is_kept_once_as_documents(take, count, settings, database):
    text = b"First document,\ntwo lines.\n\n\nSecond.\n"
    entry = take(text, kind="corpus", name="c.txt")
    assert entry.added == {"documents": 2}
    again = take(b'{"text": "First document,\\ntwo lines."}\n{"content": "Second."}\n', kind="corpus", name="c2.jsonl")
    assert (again.added, again.repeated, count(Corpus)) == ({}, 2, 1)
    (corpus,) = everything(database, Corpus)
    with gzip.open(corpus.path, "rt") as file:
        assert [json.loads(line)["text"] for line in file] == ["First document,\ntwo lines.", "Second."]


@pytest.mark.parametrize("engine_name", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_the_wmt_rankings_give_exactly_the_pairs_of_the_file(database, settings, shared_data):
    """27 rows of the file hold a single answer, which is no ranking; every other row and every pair is there."""
    path = shared_data / "rankings_wmt15.jsonl.gz"
    expected = Counter()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            ranks = [candidate["rank"] for candidate in json.loads(line)["candidates"]]
            expected["rankings" if len(ranks) > 1 else "refused"] += 1
            for i in range(len(ranks)):
                for j in range(i):
                    expected["tied_pairs" if ranks[i] == ranks[j] else "strict_pairs"] += 1
    with database.transaction() as session:
        entry = service.import_file(session, settings, None, path, path.name, kind="rankings")
    with database.transaction() as session:
        snapshot = snapshots.create_snapshot(session, settings, None, "wmt", Filters(heldout_share=0.2))
    counted = {name: snapshot.counts[name] for name in ("rankings", "strict_pairs", "tied_pairs")}
    assert counted | {"refused": entry.rejected} == dict(expected)
    assert expected["rankings"] + expected["refused"] == 5_896


OTHERS = (
    *("pairs_hh_harmless_train.jsonl.gz", "pairs_hh_harmless_test.jsonl", "pairs_dpo_zh.jsonl"),
    *("rankings_finegrained_qa.jsonl.gz", "oasst_trees_en.jsonl", "prompts_by_user.jsonl", "prompts_categories.jsonl"),
    *("demos_belle_zh_seed.jsonl", "demos_gsm8k_train.jsonl.gz", "demos_oasst_best.jsonl"),
    "demos_selfinstruct_seed.jsonl",
)


def test_the_real_files_are_taken_without_a_refusal(database, settings, shared_data):
    for name in OTHERS:
        with database.transaction() as session:
            entry = service.import_file(session, settings, None, shared_data / name, name)
        assert (entry.rejected, bool(entry.added)) == (0, True), name


@pytest.mark.slow
def test_the_votes_of_five_annotators_are_taken(database, settings, shared_data):
    path = shared_data / "pairs_ukpconvarg_votes.jsonl.gz"
    with database.transaction() as session:
        entry = service.import_file(session, settings, None, path, path.name)
    assert (entry.added["rankings"], entry.rejected) == (63_821, 0)
    assert entry.marked == {"identical": 70}  # votes on 14 pairs


@examples(deadline=None)  # a busy machine is no finding
@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=3)
            | st.sampled_from(["a", "tie"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
            max_leaves=12,
        ),
    )
)
def test_no_row_of_any_make_breaks_an_import(row):
    for shape in (*SHAPES, None):
        assert isinstance(draft_of(shape, dict(row), "detect"), Drafts | Refusal)


@pytest.mark.parametrize("seconds", [10**400, -1, "soon", True])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_time_that_is_none_costs_no_ranking(take, count, seconds):
    take([{**k_wise(1, 2), "seconds": seconds}])
    assert count(Annotation) == 1
