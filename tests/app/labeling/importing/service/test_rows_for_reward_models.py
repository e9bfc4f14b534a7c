"""Rankings that teach a reward model nothing, or something wrong: which are taken, and what is said of the others."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from app.labeling.importing import service
from app.models import Annotation, Ranking

MESSAGES = [{"role": "user", "content": "Name a colour."}]


def judged(*answers, **more):
    return {"prompt": "Name a colour.", "candidates": [{"text": t, "rank": r} for t, r in answers]} | more


def identified(key, *ids):
    return {"prompt": "p", "candidates": [{"text": f"t{i}", "rank": i, key: id_} for i, id_ in enumerate(ids, 1)]}


def seen(*places):
    return {"prompt": "p", "candidates": [{"text": f"t{i}", "rank": 1, "shown": p} for i, p in enumerate(places)]}


def native(*ids, **more):
    answers = [{"candidate_id": id_, "text": f"t{i}"} for i, id_ in enumerate(ids)]
    ranks = list(range(1, len(ids) + 1))
    row = {"ranking_id": "1", "prompt_id": "1", "messages": MESSAGES, "answers": answers, "ranks": ranks}
    return row | {"annotator": "ana"} | more


def pair(**more):
    return {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Dog."} | more


def vote(choice, **more):
    ballots = [{"annotator": "w", "choice": choice} | more]
    return {"prompt": "p", "response_a": "a", "response_b": "b", "votes": ballots}


@pytest.fixture
def take(database, settings, tmp_path):
    def take(*rows):
        path = tmp_path / "file.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with database.transaction() as session:
            return service.import_file(session, settings, None, path, path.name)

    return take


@pytest.fixture
def stored(database):
    """(ranks from the best, strength) of each annotation."""

    def stored():
        with database.reading() as session:
            kept = session.execute(select(Annotation.id, Annotation.strength).order_by(Annotation.id)).all()
            ranks = [session.scalars(select(Ranking.rank).where(Ranking.annotation_id == id_)).all() for id_, _ in kept]
        return [(sorted(some), strength) for some, (_, strength) in zip(ranks, kept, strict=True)]

    return stored


ONE = "A ranking compares 2 to 9 answers, not 1."
SCALE = "is no strength: give a number from 0, or significantly better, better, slightly better or negligibly better."
PLACES = "field candidates, shown: The places of the answers on the screen must be 0 to 1, one for each."
REFUSED = {
    "one answer": (judged(("a", 1)), judged(("a", 1), ("b", 2)), ONE),
    "an answer that is missing": (
        judged(("a", 1), (None, 2)),
        judged(("a", 1), ("b", 2)),
        "field candidates, entry 2, text: This is missing.",
    ),
    "ten answers": (
        judged(*((str(i), i) for i in range(1, 11))),
        judged(*((str(i), i) for i in range(1, 10))),
        "A ranking compares 2 to 9 answers, not 10.",
    ),
    "rank 0": (
        judged(("a", 0), ("b", 1)),
        judged(("a", 1), ("b", 2)),
        "field candidates, entry 1, rank: “0” is no rank: give a whole number from 1.",
    ),
    "two answers under one id": (
        identified("id", "x", "y", "x"),
        identified("id", "x", "y", "z"),
        "field candidates, entry 3, id: “x” names answer 1 already.",
    ),
    "two candidates under one id": (
        identified("candidate_id", 7, 7),
        identified("candidate_id", 7, None),
        "field candidates, entry 2, candidate_id: “7” names answer 1 already.",
    ),
    "two native candidates under one id": (
        native("7", "7"),
        native("7", "8"),
        "field answers, entry 2, candidate_id: “7” names answer 1 already.",
    ),
    "two answers at one place": (
        seen(0, 0),
        seen(1, 0),
        PLACES,
    ),
    "a screen of which one place is unknown": (
        seen(0, None),
        seen(None, None),
        PLACES,
    ),
    "places from 1": (seen(1, 2), seen(0, 1), PLACES),
    "a place that is none": (
        seen(0, "top"),
        seen(0, 1),
        "field candidates, entry 2, shown: “top” is no place on the screen: give a whole number from 0.",
    ),
    "a negative strength": (pair(strength=-1), pair(strength=0), f"field strength: “-1” {SCALE}"),
    "a strength that is no word of the scale": (
        pair(strength="enormously better"),
        pair(strength="significantly better"),
        f"field strength: “enormously better” {SCALE}",
    ),
    "a margin without end": (pair(margin="inf"), pair(margin="2.5"), f"field margin: “inf” {SCALE}"),
    "a numeral that is no number": (pair(margin="nan"), pair(margin="1e3"), f"field margin: “nan” {SCALE}"),
    "a margin larger than numbers are": (pair(margin=10**400), pair(margin=10**4), "field margin: “1000000"),
    "a strength that is a switch": (pair(strength=True), pair(strength=1), f"field strength: “true” {SCALE}"),
    "a strength of three answers": (
        judged(("a", 1), ("b", 2), ("c", 3), strength=1),
        judged(("a", 1), ("b", 2), strength=1),
        "field strength: This says how much better one of two answers is; the row ranks 3 answers.",
    ),
    "a strength of a tie": (
        vote("tie", strength=2),
        vote("tie", strength=0),
        "field strength: The answers are tied, so none can be better by 2.",
    ),
    "a native strength below 0": (
        native("7", "8", strength=-0.5),
        native("7", "8", strength=0.5),
        "field strength: “-0.5” is no strength",
    ),
    "a group as long as a sentence": (
        pair(labeler_group="x" * 61),
        pair(labeler_group="x" * 60),
        "field labeler_group: A labeler group has at most 60 characters, all of them visible.",
    ),
    "a group that is a list": (
        pair(annotator_group=["a"]),
        pair(annotator_group="a"),
        'field annotator_group: “["a"]” is no name',
    ),
}


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_line_and_reason_and_its_like_is_taken(take, stored, case):
    bad, good, reason = REFUSED[case]
    entry = take(good, bad)
    assert [reject["line"] for reject in entry.rejects] == [2]
    assert entry.rejects[0]["reason"].startswith(reason)
    assert len(stored()) == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_nan_is_refused_where_a_file_can_hold_it(database, settings, tmp_path, take, stored):
    assert "“NaN” is no value in JSON." in take(pair(strength=1), pair(strength=float("nan"))).rejects[0]["reason"]
    path = tmp_path / "file.parquet"
    rows = [pair(strength=strength, id=str(strength)) for strength in (2.0, float("nan"), float("inf"))]
    pq.write_table(pa.Table.from_pylist(rows), path)
    with database.transaction() as session:
        entry = service.import_file(session, settings, None, path, path.name)
    assert [(reject["line"], reject["reason"]) for reject in entry.rejects] == [
        (2, f"field strength: “NaN” {SCALE}"),
        (3, f"field strength: “Infinity” {SCALE}"),
    ]
    assert [strength for _, strength in stored()] == [1.0, 2.0]


def test_what_looks_odd_but_says_something_is_taken(take, stored):
    """All tied: no pair to learn from, but ties are counted and some likelihoods use them. Equal texts: likewise."""
    tied, copies = judged(("a", 3), ("b", 3), ("c", 3)), judged(("a", 1), ("a", 1), ("b", 2), id="copies")
    entry = take(tied, copies)
    assert entry.rejected == 0
    assert [ranks for ranks, _ in stored()] == [[1, 1, 1], [1, 1, 2]]


@pytest.mark.parametrize(
    ("given", "strength"),
    [
        ("significantly better", 3), ("Better", 2), ("slightly_better", 1), ("negligibly better / unsure", 0),
        (0, 0), (2.5, 2.5), ("1.5", 1.5), (None, None), ("", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["strength", "margin"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_strength_is_a_number_or_a_level_of_llama_2(take, stored, key, given, strength):
    take(pair(**{key: given}))
    assert stored() == [([1, 2], strength)]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_same_pair_with_another_strength_is_another_verdict_and_with_the_same_it_is_not(take, stored):
    one, other, none = (pair(annotator="ann", **more) for more in ({"strength": 1}, {"strength": 3}, {}))
    entry = take(one, other, one, none)
    assert (entry.repeated, [strength for _, strength in stored()]) == (1, [1, 3, None])
