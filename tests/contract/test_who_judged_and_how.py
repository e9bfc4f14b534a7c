"""Place on the screen, use case, labeler group and strength: from the person or the file, frozen, and back again."""

import csv
import json
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete

from app.database import Database
from app.labeling.annotations import assigning, reservation
from app.labeling.annotations import service as annotations
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.labeling.campaigns import service as campaigns
from app.labeling.importing import service as prompts
from app.material.prompts import rules as prompt_rules
from app.models import Candidate, Flag, Prompt
from app.people import service as people
from app.settings import Settings
from app.training.snapshots import service
from app.training.snapshots.rules import Filters
from tests.factories import LABELLED
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking, read_rows

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def pair(prompt, **more):
    return {"prompt": prompt, "chosen": "yes", "rejected": "no"} | more


def judged(prompt, *answers, **more):
    """A K-wise row; an answer is (text, rank) or (text, rank, place on the screen)."""
    keys = ("text", "rank", "shown")
    return {"prompt": prompt, "candidates": [dict(zip(keys, a, strict=False)) for a in answers]} | more


def bring(database, settings, path, rows=None):
    if rows is not None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with database.transaction() as session:
        return prompts.import_file(session, settings, None, path, path.name)


def freeze(database, settings, name="one"):
    with database.transaction() as session:
        return service.create_snapshot(session, settings, None, name, Filters())


def frozen(database, settings, name="one"):
    """The rankings of a new snapshot by the text of their prompt."""
    folder = service.folder_of(settings, freeze(database, settings, name))
    return {ranking.messages[-1].content: ranking for ranking in read_rows(folder / RANKINGS, Ranking)}


@pytest.fixture
def work(database):
    """Prompts tagged "chat" with four answers each, in an open campaign that asks two people about each."""
    with database.transaction() as session:
        tasks = []
        for text in ("first", "second"):
            messages = [{"role": "user", "content": text}]
            prompt = Prompt(
                fingerprint=prompt_rules.prompt_fingerprint(messages), messages=messages, use_case="chat", source="t"
            )
            session.add(prompt)
            session.flush()
            answers = [
                Candidate(
                    prompt_id=prompt.id, text=f"{text} {i}", text_sha256=prompt_rules.text_sha256(f"{text} {i}"),
                    origin="import:t",
                )
                for i in range(4)
            ]  # fmt: skip
            session.add_all(answers)
            session.flush()
            tasks.append((prompt.id, [answer.id for answer in answers]))
        campaigns.create_campaign(session, None, name="Round 1", overlap=2, tasks=tasks)


@pytest.fixture
def judge(database, work):
    """Let a person rate and rank the next task as it is shown; gives the shown order."""

    def judge(person, **prompt_labels):
        with database.transaction() as session:
            task_id = assigning.take_next(session, person, NOON).assignment.task_id
            order = reservation.work_for(session, person, task_id).order
            verdicts = {candidate: Verdict(likert=4) for candidate in order}
            ranks = {candidate: rank for rank, candidate in enumerate(order, 1)}
            labels = LABELLED | prompt_labels
            annotations.submit(session, person, task_id, NOON, Submission(verdicts, ranks, labels))
        return order

    return judge


def test_the_place_on_the_screen_is_frozen_for_each_answer(database, settings, judge, factory):
    orders = {person.id: judge(person) for person in (factory.person(), factory.person())}
    folder = service.folder_of(settings, freeze(database, settings))
    rankings = list(read_rows(folder / RANKINGS, Ranking))
    screens = [sorted(r.answers, key=lambda answer: answer.shown) for r in rankings]
    assert [[int(answer.candidate_id) for answer in screen] for screen in screens] == list(orders.values())
    assert [[a.shown + 1 for a in r.answers] for r in rankings] == [r.ranks for r in rankings]
    assert orders[min(orders)] != orders[max(orders)]  # else the test could not tell two people's screens apart


def test_the_labelers_own_use_case_goes_before_the_prompts(database, settings, judge, factory):
    ana = factory.person()
    judge(ana, use_case="open_qa")
    judge(ana, use_case="extract")
    with database.transaction() as session:  # the work of somebody who was not asked for a use case
        session.execute(delete(Flag).where(Flag.value == "extract"))
    assert {text: r.use_case for text, r in frozen(database, settings).items()} == {
        "first": "open_qa",
        "second": "chat",
    }


def test_the_group_is_the_one_at_the_freeze(database, settings, judge, factory):
    ana, noise = factory.person(), factory.person()
    judge(ana)
    assert frozen(database, settings)["first"].labeler_group is None
    for number, group in enumerate(("training", "held-out", "")):
        with database.transaction() as session:
            people.set_group(session, None, ana.id, group)
            people.set_group(session, None, noise.id, "noise")
        assert frozen(database, settings, f"after {number}")["first"].labeler_group == (group or None)


PAIRS = [
    pair("strong", strength=3, labeler_group="agency B", annotator="ana", use_case="rewrite"),
    pair("weak", margin=0.5, annotator_group="training", annotator="bob"),
    pair("words", strength="Slightly better"),
    pair("least", strength="negligibly better/ unsure"),
    pair("silent"),
]
K_WISE = [
    judged("screen", ("a", 2, 1), ("b", 1, 2), ("c", 2, 0), labeler_group="training", none_acceptable=True),
    judged("no screen", ("a", 1), ("b", 1), ("c", 2), ("d", 2)),
]
VOTE = {"annotator": "w", "choice": "b", "strength": 2, "annotator_group": "crowd"}
VOTES = [{"prompt": "votes", "response_a": "x", "response_b": "y", "votes": [VOTE]}]


@pytest.fixture
def full(database, settings, tmp_path):
    """A pool with everything that files can tell."""
    for name, rows in {"pairs": PAIRS, "k-wise": K_WISE, "votes": VOTES}.items():
        entry = bring(database, settings, tmp_path / f"{name}.jsonl", rows)
        assert (entry.rejected, entry.added["rankings"]) == (0, len(rows))


def test_a_file_tells_group_strength_and_screen(database, settings, full):
    found = frozen(database, settings)
    assert {text: (r.strength, r.labeler_group) for text, r in found.items()} == {
        "strong": (3.0, "agency B"),
        "weak": (0.5, "training"),
        "words": (1.0, None),
        "least": (0.0, None),
        "silent": (None, None),
        "screen": (None, "training"),
        "no screen": (None, None),
        "votes": (2.0, "crowd"),
    }
    assert found["strong"].use_case == "rewrite"
    assert {a.text: a.shown for a in found["screen"].answers} == {"a": 1, "b": 2, "c": 0}
    assert {a.shown for text, r in found.items() if text != "screen" for a in r.answers} == {None}


def test_a_file_tells_that_none_is_acceptable_and_silence_is_not_no(database, settings, full, judge, factory):
    judge(factory.person())
    found = {text: ranking.none_acceptable for text, ranking in frozen(database, settings).items()}
    assert found.pop("screen") is True
    assert found.pop("first") is False  # a person of ours was asked
    assert set(found.values()) == {None}


def test_a_word_that_is_neither_true_nor_false_is_refused(database, settings, tmp_path):
    rows = [pair("fine", none_acceptable="No"), pair("odd", none_acceptable="perhaps")]
    entry = bring(database, settings, tmp_path / "rows.jsonl", rows)
    assert (entry.rejected, entry.added["rankings"]) == (1, 1)


def test_snapshots_from_before_it_was_asked_still_load(database, settings, full, tmp_path):
    folder = service.folder_of(settings, freeze(database, settings))
    table = pq.read_table(folder / RANKINGS)
    pq.write_table(table.drop_columns(["none_acceptable"]), tmp_path / RANKINGS)
    rows = list(read_rows(tmp_path / RANKINGS, Ranking))
    assert len(rows) == table.num_rows
    assert {row.none_acceptable for row in rows} == {None}


def lasting(ranking):
    """A ranking without what another installation must name anew: its numbers."""
    told = ranking.model_dump(exclude={"ranking_id", "prompt_id"})
    pairs = sorted(
        zip((a | {"candidate_id": ""} for a in told.pop("answers")), told.pop("ranks"), strict=True), key=str
    )
    return told | {"answers": pairs}


def test_a_native_export_brings_everything_to_another_installation(
    database, settings, full, judge, factory, tmp_path, migrated_sqlite
):
    for use_case in ("extract", "open_qa"):
        judge(factory.person(), use_case=use_case)  # two people see one prompt differently
    service.export_snapshot(settings, freeze(database, settings), "native", tmp_path / "out")
    here = list(read_rows(tmp_path / "out" / RANKINGS, Ranking))

    data = tmp_path / "elsewhere"
    data.mkdir()
    (data / "prefloop.db").write_bytes(migrated_sqlite.read_bytes())
    elsewhere = Settings(data_dir=data, database_url=f"sqlite:///{data / 'prefloop.db'}", secret_key="for tests only")
    other = Database(elsewhere.database)
    for _ in range(2):  # the second time adds nothing
        for name in ("prompts.parquet", "demonstrations.parquet", RANKINGS):
            assert bring(other, elsewhere, tmp_path / "out" / name).rejected == 0
    folder = service.folder_of(elsewhere, freeze(other, elsewhere))
    there = list(read_rows(folder / RANKINGS, Ranking))
    assert [lasting(r) for r in there] == [lasting(r) for r in here]
    assert {r.use_case for r in there if r.messages[0].content == "first"} == {"extract", "open_qa"}
    assert len(there) == len(PAIRS) + len(K_WISE) + len(VOTES) + 2
    other.dispose()


def export(database, settings, tmp_path, fmt):
    snapshot = freeze(database, settings)
    return service.export_snapshot(settings, snapshot, fmt, tmp_path / fmt)


def lines(folder):
    return [json.loads(line) for file in sorted(folder.glob("pref*.jsonl")) for line in file.read_text().splitlines()]


def test_trl_gets_a_margin_for_every_pair_where_any_has_a_strength(database, settings, full, tmp_path):
    report = export(database, settings, tmp_path, "trl")
    margins = {}
    for row in lines(tmp_path / "trl"):
        margins.setdefault(row["prompt"][-1]["content"], set()).add(row["margin"])
    nothing_said = {text: {0.0} for text in ("least", "silent", "screen", "no screen")}
    assert margins == {"strong": {3.0}, "weak": {0.5}, "words": {1.0}, "votes": {2.0}} | nothing_said
    assert "7 pairs tell no strength; their margin is 0" in report.lines()  # 1 silent, 2 of "screen", 4 of the other


def test_without_any_strength_no_export_has_a_margin(database, settings, tmp_path):
    bring(database, settings, tmp_path / "plain.jsonl", [pair("silent"), judged("k", ("a", 1), ("b", 2), ("c", 3))])
    report = export(database, settings, tmp_path, "trl")
    assert {tuple(row) for row in lines(tmp_path / "trl")} == {("prompt", "chosen", "rejected")}
    assert not [line for line in report.lines() if "margin" in line]


def test_other_exports_keep_their_rows_and_csv_tells_the_rest(database, settings, full, tmp_path):
    export(database, settings, tmp_path, "csv")
    with (tmp_path / "csv" / "comparisons.csv").open(newline="") as file:
        rows = {json.loads(row["prompt"])[-1]["content"]: row for row in csv.DictReader(file)}
    assert (rows["screen"]["none_acceptable"], rows["strong"]["none_acceptable"]) == ("True", "")
    told = [rows["strong"][key] for key in ("strength", "labeler_group", "use_case")]
    assert told == ["3.0", "agency B", "rewrite"]
    assert (rows["screen"]["chosen_shown"], rows["screen"]["rejected_shown"]) in {("2", "1"), ("2", "0")}
    assert (rows["silent"]["strength"], rows["silent"]["chosen_shown"]) == ("", "")
    with database.reading() as session:
        snapshot = service.snapshot_for(session, "one")
    service.export_snapshot(settings, snapshot, "openrlhf", tmp_path / "openrlhf")
    assert {tuple(row) for row in lines(tmp_path / "openrlhf")} == {("prompt", "chosen", "rejected")}
