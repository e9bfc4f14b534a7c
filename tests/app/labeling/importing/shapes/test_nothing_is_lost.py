"""Every field of every row is used, kept as detail or named in the report; what is not understood is refused."""

import gc
import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from typer.testing import CliRunner

from app import cli
from app.errors import Invalid, Refusal
from app.labeling.importing.drafts import Drafts
from app.labeling.importing.shapes.rows import draft_of, shape_of
from app.material.files import opening, readers, unpack
from app.material.files.fields import Fields
from app.material.files.readers import read_rows
from app.models import Annotation, Candidate, Demonstration, Prompt, Ranking
from tests.app.labeling.importing.test_service import count, everything, take

__all__ = ["count", "take"]
ASK = [{"role": "user", "content": "Name a colour."}]
RED, DOG = {"role": "assistant", "content": "Red."}, {"role": "assistant", "content": "Dog."}
PAIR = {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Dog."}
TWO = {"prompt": "Name a colour.", "response_a": "Red.", "response_b": "Dog."}
VOTES = {**TWO, "votes": [{"annotator": "ann", "choice": "a"}, {"annotator": "ben", "choice": "b"}]}
RANKED = {"prompt": "Name a colour.", "candidates": [{"text": "Red.", "rank": 1}, {"text": "Dog.", "rank": 2}]}
LABELS = {"prompt": "Name a colour.", "response": "Red.", "labels": [{"annotator": "ann", "label": "full"}]}
REPLY = {"message_id": "m1", "text": "Red.", "role": "assistant", "rank": 0, "replies": []}
TREE = {
    "message_tree_id": "t",
    "prompt": {
        "message_id": "q",
        "text": "Name a colour.",
        "role": "prompter",
        "replies": [REPLY, {**REPLY, "message_id": "m2", "text": "Dog.", "rank": 1}],
    },
}
ROWS = {
    "tree": TREE,
    "k-wise": RANKED,
    "votes": VOTES,
    "labels": LABELS,
    "pair": PAIR,
    "verdict": {**TWO, "winner": "a"},
    "response": {"prompt": "Name a colour.", "response": "Red."},
    "prompt": {"prompt": "Name a colour."},
}
# What each shape has inside of it, as a way to the object in the row.
INNER = {
    "k-wise": [("candidates", 0)],
    "votes": [("votes", 1)],
    "labels": [("labels", 0)],
    "tree": [("prompt",), ("prompt", "replies", 1)],
}
PLACES = [(shape, way) for shape in ROWS for way in [(), *INNER.get(shape, [])]]
# Fields that some shape reads, and a value that says something; a mark in it makes it findable.
KNOWN = {
    "system": "MARK system",
    "system_prompt": "MARK system",
    "input": "MARK input",
    "user": "MARK-user",
    "user_id": "MARK-user",
    "user_key": "MARK-user",
    "lang": "MARK",
    "language": "MARK",
    "source": "MARK",
    "model": "MARK",
    "category": "MARK",
    "use_case": "MARK",
    "id": "MARK",
    "annotator": "MARK",
    "author": "MARK",
    "seconds": "MARK",
    "phase": "MARK",
    "split": "MARK",
    "gold": "MARK",
    "reference": "MARK " * 2_000,
    "in_strict": "MARK",
    "turns": ["MARK one", "MARK two"],
    "messages": [{"role": "user", "content": "MARK"}],
    "message_id": "MARK",
    "likert": "MARK",
    "flags": ["MARK"],
    "shown": "MARK",
    "rank": "MARK",
    "text": "MARK",
    "labeler_group": "MARK",
    "annotator_group": "MARK",
    "strength": "MARK",
    "margin": "MARK",
    "none_acceptable": "MARK",
    "sensitive": "MARK",
    "high_stakes": "MARK",
    "question": "mark",
    "demonstration": "MARK",
    "response": "MARK",
    "completion": "MARK",
    "chosen": "MARK",
    "rejected": "MARK",
    "candidates": [{"text": "MARK"}],
    "responses": ["MARK"],
    "votes": [{"choice": "MARK"}],
    "labels": {"MARK": "MARK"},
    "label": "MARK",
    "value": "MARK",
    "answers": ["MARK"],
    "ranks": ["MARK"],
    "choice": "MARK",
    "winner": "MARK",
    "preference": "MARK",
    "synthetic": "MARK",
    "deleted": "MARK",
    "tree_state": "MARK",
}


def with_field(shape, way, name, value):
    """The row of a shape with one more field, at the top or inside; nothing where that would replace one."""
    row = json.loads(json.dumps(ROWS[shape]))
    place = row
    for step in way:
        place = place[step]
    if name in place:
        return None
    place[name] = value
    return row


def said_of(drafts):
    """All that is kept of a row, as one text."""
    parts = [drafts.prompts, drafts.candidates, drafts.rankings, drafts.labels, drafts.demonstrations]
    return repr([*parts, drafts.unused])


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_field_that_some_shape_knows_is_lost_in_none(name):
    for shape, way in PLACES:
        row = with_field(shape, way, name, KNOWN[name])
        if row is None:
            continue
        result = draft_of(shape_of(row), row, "detect")
        if isinstance(result, Refusal):
            told = (name.split("_")[0].rstrip("s"), "MARK", *row)  # another field, where this one changes the shape
            assert any(word in result.reason for word in told), (shape, way, result)
        else:
            assert "mark" in said_of(result).lower() or any(name in one for one in result.unused), (shape, way)


NAMES = st.text(min_size=1, max_size=8) | st.sampled_from([*KNOWN, "score_x", "rank_1", "answer_a", "winner_b", "note"])
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(min_size=1, max_size=5),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=3), inner, min_size=1),
    max_leaves=4,
)


@examples(deadline=None, max_examples=150)  # a busy machine is no finding
@given(st.sampled_from(PLACES), NAMES.filter(lambda name: name not in KNOWN), VALUES)
def test_a_field_of_any_name_is_in_the_detail_or_in_the_report(place, name, value):
    shape, way = place
    row = with_field(shape, way, name, value)
    if row is None:
        return
    result = draft_of(shape_of(row), row, "detect")
    if isinstance(result, Refusal):
        assert readable(name) in result.reason
        return
    kept = any(name in detail and detail[name] == value for detail in result.details())
    named = any(one.endswith(readable(name)) for one in result.unused)
    assert kept or named


def readable(name):
    return "".join(c if c.isprintable() else "�" for c in name)


@pytest.mark.parametrize("kind", ["prompts", "candidates", "rankings", "demonstrations", "labels"])
def test_what_a_kind_leaves_out_with_its_answer_or_vote_is_named(kind):
    for shape, way in PLACES:
        row = with_field(shape, way, "remark", "kept?")
        result = draft_of(shape, row, kind)
        if isinstance(result, Drafts):
            kept = any(detail.get("remark") == "kept?" for detail in result.details())
            assert kept or any(name.endswith("remark") for name in result.unused), (shape, way, kind)


def test_what_a_kind_does_not_take_is_named():
    assert draft_of("pair", PAIR, "prompts").unused == [
        "candidates (only prompts were asked for)",
        "rankings (only prompts were asked for)",
    ]
    assert draft_of("pair", PAIR, "rankings").unused == []
    row = RANKED | {"demonstration": "Blue."}
    assert draft_of("k-wise", row, "rankings").unused == ["demonstrations (only rankings were asked for)"]


@pytest.mark.parametrize("shape", [shape for shape in ROWS if shape != "tree"])
def test_every_shape_has_its_input_below_the_prompt_and_its_system_before_it(shape):
    result = draft_of(shape, ROWS[shape] | {"input": "Not blue.", "system": "Be terse."}, "detect")
    assert {json.dumps(prompt.messages) for prompt in [*result.prompts, *(r.prompt for r in result.rankings)]} == {
        json.dumps([
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "Name a colour.\n\nNot blue."},
        ])
    }  # fmt: skip
    again = [{"role": "system", "content": "Be long."}, *ASK]
    assert (
        "begins with another system message"
        in draft_of(shape, ROWS[shape] | {"prompt": again, "system": "Be terse."}, "detect").reason
    )


TALK = [*ASK, {"role": "assistant", "content": "Which?"}, {"role": "user", "content": "A warm one."}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Name a colour.", "chosen": [*TALK, RED], "rejected": [*TALK, DOG]},
        {"prompt": "A warm one.", "chosen": [*TALK, RED], "rejected": [*TALK, DOG]},
        {"prompt": TALK, "chosen": [*TALK, RED], "rejected": [*TALK, DOG]},
        {"prompt": TALK, "chosen": [RED], "rejected": [DOG]},
        {"prompt": ASK, "chosen": [*TALK[1:], RED], "rejected": [*TALK[1:], DOG]},
        {"prompt": "A warm one.", "messages": TALK, "chosen": "Red.", "rejected": "Dog."},
        {
            "prompt": "Name a colour.",
            "chosen": "\n\nHuman: Name a colour.\n\nAssistant: Which?\n\nHuman: A warm one.\n\nAssistant: Red.",
            "rejected": "\n\nHuman: Name a colour.\n\nAssistant: Which?\n\nHuman: A warm one.\n\nAssistant: Dog.",
        },
        {
            "prompt": "\n\nHuman: Name a colour.\n\nAssistant: Which?\n\nHuman: A warm one.\n\nAssistant:",
            "chosen": "Red.",
            "rejected": "Dog.",
        },
    ],
)
def test_a_talk_that_an_answer_repeats_becomes_the_prompt_and_no_part_of_the_answer(row):
    (ranking,) = draft_of("pair", row, "detect").rankings
    assert ranking.prompt.messages == TALK
    assert [answer.text for answer in ranking.answers] == ["Red.", "Dog."]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            PAIR | {"chosen": [*TALK, RED], "prompt": "Another thing?"},
            "field prompt: This is not part of the conversation in “chosen”.",
        ),
        ({"prompt": "p", "chosen": "only one"}, "field chosen: This holds an answer or a judgement in a form"),
        (TWO | {"preference": 2}, "field preference: “2” is not understood. Say a, b or tie."),
        (TWO | {"score_a": 2, "score_b": 1}, "field score_a, score_b: This holds an answer or a judgement"),
        ({"prompt": "p", "response": "r", "rejected": "x"}, "field rejected: This holds an answer or a judgement"),
        ({"prompt": "p", "response_1": "r", "response_2": "x"}, "field response_1, response_2: This holds an answer"),
        ({"prompt": "p", "candidates": ["a", "b"], "winner": 1}, "field winner: This holds an answer or a judgement"),
        (LABELS | {"chosen": "a", "rejected": "b"}, "field chosen, rejected: This holds an answer or a judgement"),
        ({"prompt": '["a", "b"]', "response_a": '["c", "d"]', "response_b": '["e", "f"]'}, "differ before their last"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_name_and_taken_as_prompts(row, reason):
    assert reason in draft_of(shape_of(row), row, "detect").reason
    if "form that" in reason:
        assert isinstance(draft_of(shape_of(row), row, "prompts"), Drafts)


def test_a_row_with_scores_is_a_candidate_and_to_learn_from_only_on_demand(database, take):
    row = {"prompt": "p", "response": "r", "helpfulness": 0, "note": "n"}
    take([row, row | {"response": "s", "helpfulness": 4}])
    assert [(c.text, c.detail) for c in everything(database, Candidate)] == [
        ("r", {"helpfulness": 0}),
        ("s", {"helpfulness": 4}),
    ]
    assert everything(database, Demonstration) == []
    assert take([row], kind="demonstrations").added == {"demonstrations": 1}


def test_each_row_has_its_own_shape_however_late_it_comes(take):
    entry = take([{"prompt": f"p{i}"} for i in range(60)] + [PAIR, {"prompt": "q", "completion": "a"}])
    assert (entry.shape, entry.rejected) == ("prompt + pair + response", 0)
    assert {what: entry.added[what] for what in ("prompts", "rankings", "demonstrations")} == {
        "prompts": 62,
        "rankings": 1,
        "demonstrations": 1,
    }


def test_what_a_vote_says_beside_its_choice_stays_with_it(database, take):
    take([VOTES | {"votes": [{"annotator": "ann", "choice": "a", "reason": "It is one."}], "topic": "hues"}])
    assert [one.detail for one in everything(database, Annotation)] == [{"told": {"reason": "It is one."}}]
    assert [one.detail for one in everything(database, Prompt)] == [{"topic": "hues"}]


def test_what_is_said_otherwise_of_a_known_prompt_stays_with_the_verdict_or_is_named(database, take):
    first = take([{"prompt": "Name a colour.", "id": "1"}])
    pair = PAIR | {"id": "2", "lang": "en", "topic": "hues"}
    second = take([pair, {"prompt": "Name a colour.", "id": "3"}], name="other.jsonl")
    (prompt,) = everything(database, Prompt)
    assert (prompt.language, prompt.detail) == ("en", {"id": "1", "topic": "hues"})
    assert [one.detail for one in everything(database, Annotation)] == [{"told": {"id": "2"}}]
    assert (first.unused, second.unused) == ({}, {"id": 1})
    dog = {"text": "Dog.", "rank": 2}
    take(
        [
            {"prompt": "q", "annotator": why, "candidates": [{"text": "Red.", "rank": 1, "why": why}, dog]}
            for why in ("hue", "word")
        ]
    )
    told = [one.detail for one in everything(database, Annotation)][1:]
    assert told == [None, {"told": {"of_answers": {"0": {"why": "word"}}}}]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_deleted_message_is_no_candidate_and_is_named(take, database):
    gone = {**REPLY, "message_id": "m3", "text": "Buy!", "rank": 2, "deleted": True, "replies": [REPLY]}
    tree = json.loads(json.dumps(TREE))
    tree["prompt"]["replies"].insert(0, gone)
    entry = take([tree])
    assert {one.text for one in everything(database, Candidate)} == {"Red.", "Dog."}
    assert [one.rank for one in everything(database, Ranking)] == [1, 2]
    assert entry.unused == {"prompt.replies[] that were deleted": 1}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_cells_hold_numerals_and_lists_as_python_writes_them(take, database):
    talk = repr([*ASK, RED])
    cells = [["prompt", "chosen", "rejected", "seconds"], ["Name a colour.", talk, repr([*ASK, DOG]), "12.5"]]
    cells += [["Name a colour.", talk, "[{'role': 'user' 'content': 'Dog.'}]", "1"]]
    cells += [["Name a colour.", talk, json.dumps([{"from": "human", "value": "Dog."}]), "1"]]
    entry = take(
        "\n".join(",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in cells).encode(),
        name="t.csv",
    )
    assert {one.text for one in everything(database, Candidate)} == {"Red.", "Dog."}
    assert [one.seconds for one in everything(database, Annotation)] == [12.5]
    assert [reject["line"] for reject in entry.rejects] == [3, 4]
    assert all("field rejected: This is a list of messages in a form" in reject["reason"] for reject in entry.rejects)


@pytest.mark.parametrize("begin", ["p" * 90 + ",a,b", "p,a,b" + "," * 90, 'p,a,"' + "b\n" * 20 + "b" * 30])
def test_a_row_of_csv_that_no_memory_should_hold_is_refused_and_the_next_one_read(tmp_path, monkeypatch, begin):
    monkeypatch.setattr(readers, "LONGEST_LINE", 60)
    file = tmp_path / "t.csv"
    file.write_text(f"prompt,chosen,rejected\n{begin}\nq,a,b\n")
    last = file.read_text().count("\n")
    assert list(read_rows(file, "t.csv")) == [
        (2, Refusal(readers.LONG_ROW, (), {"most": 0})),
        (last, {"prompt": "q", "chosen": "a", "rejected": "b"}),
    ]


def test_rows_leave_memory_when_they_were_read_and_not_when_somebody_tidies_up():
    gc.collect()
    gc.disable()
    try:
        for shape, row in ROWS.items():
            draft_of(shape, row, "detect")
        Fields({"text": "of a corpus"}).settle(())
        assert not [one for one in gc.get_objects() if type(one) is Fields]
    finally:
        gc.enable()


def test_a_name_that_stands_twice_is_found_among_very_many():
    names = list(map(str, range(100_000)))
    assert readers.named_twice([*names, "x", "x"]) == "x"
    assert readers.named_twice(names) is None
    row = readers.parse_object(json.dumps({"k" * 10_000: 1}).encode())
    assert len(draft_of(None, row, "detect").reason) < 200


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_name_that_stands_twice_is_refused(take, count):
    with pytest.raises(Invalid, match="Two columns of the file are called “chosen”"):
        take(b"prompt,chosen,chosen,rejected\np,a,b,c\n", name="t.csv")
    entry = take(b'{"prompt": "p", "chosen": "a", "chosen": "b", "rejected": "c"}\n')
    assert "“chosen” stands twice" in entry.rejects[0]["reason"]
    assert (count(Prompt), count(Ranking)) == (0, 0)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_corpus_names_the_fields_that_it_drops(take):
    entry = take([{"text": "Words.", "title": "One"}, {"text": "More.", "title": "Two", "by": ""}], kind="corpus")
    assert entry.unused == {"title": 2}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_command_tells_programs_what_became_of_a_file_and_keeps_nothing_in_a_trial(
    database, settings, monkeypatch, tmp_path, count
):
    monkeypatch.setattr(cli, "database", lambda: database)
    monkeypatch.setattr(cli, "load_settings", lambda: settings)
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.json"
    file.write_text("\n".join(json.dumps(row) for row in [PAIR, {"prompt": "p", "winner": "x"}, {"prompt": "q"}]))
    result = CliRunner().invoke(cli.cli, ["import", "detect", str(file), "--dry-run", "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert "nothing was kept" in result.output
    assert count(Prompt) == 0
    (told,) = json.loads(out.read_text())
    assert told == {
        "file": "rows.jsonl",
        "container": "jsonl",
        "shape": "prompt + pair",
        "rows": 3,
        "refused": 1,
        "repeated": 0,
        "added": {"prompts": 2, "candidates": 2, "tasks": 1, "rankings": 1},
        "unused": [],
        "first_reasons": [told["first_reasons"][0]],
    }
    assert told["first_reasons"][0].startswith("line 2, field winner: This holds an answer or a judgement")
    file.write_text("a,a\n1,2\n")
    result = CliRunner().invoke(cli.cli, ["import", "detect", str(file), "--format", "csv", "--json", str(out)])
    assert result.exit_code == 1
    assert "Two columns" in json.loads(out.read_text())[0]["first_reasons"][0]
    file.write_text(json.dumps(PAIR))
    assert CliRunner().invoke(cli.cli, ["import", "detect", str(file)]).exit_code == 0
    assert count(Prompt) == 1


# Parquet -------------------------------------------------------------------------------------------------------------


def bomb(path: Path, letters: int, rows: int) -> Path:
    """One text that many rows have: a few hundred bytes of file."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * letters]))
    pq.write_table(pa.table({"prompt": texts}), path, compression="zstd")
    return path


@pytest.mark.parametrize(
    ("letters", "rows", "problem"),
    [
        (1 << 16, 5_000, ["size", 32]),
        (32 << 20, 256, ["memory"]),
        (1, 2_000_000, ["rows", 2_000_000]),
    ],
)
def test_a_parquet_file_takes_no_more_memory_than_it_may(tmp_path, letters, rows, problem):
    path = bomb(tmp_path / "bomb.parquet", letters, rows)
    assert path.stat().st_size < 10_000
    program = [sys.executable, "-I", unpack.__file__, str(path), "128"]
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    held = 0
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=environment, text=True) as running:
        last = ""
        for line in running.stdout:
            last, held = line, max(held, held_by(running.pid))
    assert json.loads(last) == {"problem": problem}
    assert held < 300  # with Python and Arrow themselves


def held_by(pid: int) -> int:
    """The most memory that a process has held, in MB."""
    try:
        told = Path(f"/proc/{pid}/status").read_text().split("VmHWM:")
    except OSError:
        pytest.skip("the system does not tell what a process holds")
    return int(told[1].split()[0]) >> 10 if len(told) > 1 else 0


def test_a_parquet_bomb_is_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "UNPACKING_MB", 128)
    with pytest.raises(Invalid, match="takes more than 128 MB of memory to unpack"):
        list(read_rows(bomb(tmp_path / "b.parquet", 32 << 20, 256), "b.parquet"))
    (tmp_path / "c.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(Invalid, match="cannot be read as Parquet"):
        list(read_rows(tmp_path / "c.parquet", "c.parquet"))


@pytest.mark.parametrize(
    ("name", "row"), [("b.jsonl.gz", b'{"prompt": "a"}\n'), ("b.csv.gz", b"prompt,answer\na,b\n" * 2)]
)
def test_a_gzipped_file_holds_no_more_than_it_may_and_is_refused_as_a_whole(tmp_path, monkeypatch, name, row):
    monkeypatch.setattr(opening, "UNPACKED", 1 << 20)
    (tmp_path / name).write_bytes(gzip.compress(row[: row.index(b"\n") + 1] + row * 90_000))
    monkeypatch.setattr(opening, "MOST_GROWTH", 1_000)
    assert sum(1 for _ in read_rows(tmp_path / name, name)) > 50_000
    monkeypatch.setattr(opening, "MOST_GROWTH", 10)
    with pytest.raises(Invalid, match="unpacks to more than 1 MB"):
        list(read_rows(tmp_path / name, name))


def test_parquet_keeps_dates_amounts_and_bytes_and_refuses_what_is_no_text_alone(tmp_path):
    columns = {
        "prompt": pa.array([b"one", b"\xff", b"three"]).cast(pa.string(), safe=False),
        "at": pa.array([datetime(2026, 3, 1, tzinfo=UTC)] * 3),
        "cost": pa.array([Decimal("1.50")] * 3),
        "raw": pa.array([b"as is", b"as is", b"\xff\xfe"]),
        "pairs": pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
    }
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    rows = [row for _, row in read_rows(path, path.name)]
    assert rows[1] == Refusal(readers.NO_UTF8)
    told = {"at": "2026-03-01T00:00:00+00:00", "cost": "1.50", "pairs": [["a", 1]]}
    assert (rows[0], rows[2]) == ({"prompt": "one", "raw": "as is", **told}, {"prompt": "three", "raw": "//4=", **told})


# Files of the field ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cases():
    folder = Path(__file__).resolve().parents[6] / "shared/cases/import"
    if not folder.is_dir():
        pytest.skip(f"the cases are not at {folder}")
    return folder


@pytest.mark.parametrize(
    ("name", "kind", "added"),
    [
        ("prompt_completion_detect.jsonl", "detect", {"prompts": 3, "demonstrations": 3}),
        ("prompt_completion.jsonl", "demonstrations", {"prompts": 3, "demonstrations": 3}),
        ("helpsteer.jsonl", "detect", {"prompts": 3, "candidates": 6}),
        ("saferlhf.jsonl", "detect", {"prompts": 3, "candidates": 6, "rankings": 3}),
        ("arena_kaggle.csv", "detect", {"prompts": 3, "candidates": 6, "rankings": 3}),
        ("potato.jsonl", "detect", {"prompts": 3, "candidates": 6}),
        ("mixed_late_pairs.jsonl", "detect", {"prompts": 65, "candidates": 10, "rankings": 5}),
        ("dpo_system_prompt.jsonl", "rankings", {"prompts": 3, "candidates": 6, "rankings": 3}),
        ("multiturn_prompt_text.jsonl", "rankings", {"prompts": 3, "candidates": 6, "rankings": 3}),
        ("python_repr_messages.csv", "rankings", {"prompts": 1, "candidates": 2, "rankings": 1}),
        ("seconds.csv", "rankings", {"prompts": 1, "candidates": 2, "rankings": 1}),
        ("oasst_deleted.jsonl", "detect", {"prompts": 1, "candidates": 2, "rankings": 1}),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_cases_become_what_they_are(database, take, cases, name, kind, added):
    content = (cases / name).read_bytes()
    entry = take(content, kind=kind, name=name)
    assert (entry.rejected, {what: entry.added.get(what) for what in added}) == (0, added)
    assert entry.added.keys() <= {*added, "tasks"}
    prompts, answers = everything(database, Prompt), {one.text for one in everything(database, Candidate)}
    if name == "dpo_system_prompt.jsonl":
        assert {prompt.messages[0]["role"] for prompt in prompts} == {"system"}
    if name == "multiturn_prompt_text.jsonl":
        assert [len(prompt.messages) for prompt in prompts] == [3, 3, 3]
    if name == "python_repr_messages.csv":
        assert answers == {"A1", "B1"}
    if name == "seconds.csv":
        assert [one.seconds for one in everything(database, Annotation)] == [12.5]
    if name == "oasst_deleted.jsonl":
        assert "BUY PILLS" not in answers
    if name == "helpsteer.jsonl":
        assert [one.detail["helpfulness"] for one in everything(database, Candidate)] == [4, 0] * 3


ROLES = ("prompter", "tie")  # which we call otherwise


def texts_in(value, above=""):
    """Every text and number of a row, and the field at the top that it stands in."""
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts_in(one, above or str(name))
    elif value not in (None, ""):
        yield above, value


def test_the_real_files_lose_no_word(shared_data):
    for path in sorted(shared_data.glob("*.jsonl*")):
        lost = set()
        for number, row in read_rows(path, path.name):
            if number > 60:
                break
            given = json.loads(json.dumps(row))
            result = draft_of(shape_of(row), row, "detect")
            if isinstance(result, Drafts):
                kept = said_of(result)
                words = ((name, repr(value)[1:-1].strip()) for name, value in texts_in(given) if isinstance(value, str))
                lost |= {name for name, word in words if word not in kept and word not in ROLES}
        assert lost == set(), path.name
