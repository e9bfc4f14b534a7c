"""Every reason why a row is refused is a sentence in the reader's language, with the place in the file's words."""

import ast
import json
import re
from pathlib import Path

import pytest

import app
from app.errors import Refusal
from app.labeling.importing.shapes.rows import DraftReader
from app.language import SOURCE, gettext, plain_gettext, speaking
from app.material.files import readers
from app.material.files.corpora import write_corpus
from app.material.files.readers import read_rows
from app.material.schemas.rules import Field, Option, Schema
from app.quality.gold import files as gold
from app.training.scoring.items import gather_rows

HERE = Path(app.__file__).parent
ASK = [{"role": "user", "content": "说出一种颜色。"}]
RED, DOG = {"role": "assistant", "content": "红。"}, {"role": "assistant", "content": "狗。"}
PAIR = {"prompt": "说出一种颜色。", "chosen": "红。", "rejected": "狗。"}
TWO = {"prompt": "说出一种颜色。", "response_a": "红。", "response_b": "狗。"}
LABELS = {"prompt": "说出一种颜色。", "response": "红。", "labels": [{"annotator": "甲", "label": "好"}]}
TREE = {"message_tree_id": "树", "prompt": {"role": "prompter", "text": "说出一种颜色。", "replies": []}}
NATIVE = {
    "ranking_id": "1",
    "prompt_id": "1",
    "messages": ASK,
    "answers": [{"candidate_id": "1", "text": "红。"}, {"candidate_id": "2", "text": "狗。"}],
    "ranks": [1, 2],
}


def ranked(*ranks, **more):
    return {
        "prompt": "说出一种颜色。",
        "candidates": [{"text": f"答{i}", "rank": r} | more for i, r in enumerate(ranks)],
    }


BAD_ROWS = [
    b'{"prompt": ',
    b"[1]",
    b'{"prompt": "\xff"}',
    b'{"prompt": NaN}',
    b'{"prompt": 1, "prompt": 2}',
    b'{"prompt": ' + b"9" * 100_000 + b"}",
    b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    {"somebody": "某人"},
    {},
    {"prompt": ""},
    {"prompt": None, "messages": None},
    {"prompt": 7},
    {"prompt": "a\x00b"},
    {"prompt": "\ud800"},
    {"prompt": "长" * 200_001},
    {"prompt": ["不是消息"]},
    {"prompt": [{"role": "巫师", "content": "x"}]},
    {"prompt": [{"role": ["user"], "content": "x"}]},
    {"prompt": [{"role": "user", "content": 5}]},
    {"prompt": [*ASK, RED]},
    {"turns": "不是列表"},
    {"prompt": "p", "sensitive": "也许"},
    {"prompt": "p", "lang": ["zh"]},
    {"prompt": "p", "source": "名" * 201},
    {"prompt": [{"role": "system", "content": "一"}, *ASK], "system": "二"},
    {"prompt": "p", "chosen": "红。"},
    {"prompt": "p", "response": ""},
    {"chosen": "红。", "rejected": "狗。"},
    PAIR | {"chosen": [*ASK]},
    PAIR | {"chosen": [*ASK, RED], "prompt": "另一个问题？"},
    PAIR | {"chosen": [*ASK, RED], "rejected": [{"role": "user", "content": "别的。"}, DOG]},
    PAIR | {"strength": -1},
    PAIR | {"margin": {"a": True}},
    PAIR | {"phase": "以后"},
    PAIR | {"none_acceptable": "也许"},
    PAIR | {"labeler_group": "组" * 61},
    PAIR | {"chosen": "[{'role': 'user' 'content': '红'}]"},
    ranked(1),
    ranked(0, 1),
    ranked(1.5, None),
    ranked(True, 1),
    ranked(1, 2, 3, strength=1) | {"strength": 1},
    ranked(1, 2, likert=8),
    ranked(1, 2, flags="不好"),
    ranked(1, 2, id="同"),
    ranked(1, 2, shown="上"),
    ranked(1, 2, shown=0),
    {"prompt": "p", "candidates": "不是列表"},
    {"prompt": "p", "candidates": [{"text": "a"}], "winner": 1},
    TWO | {"votes": "不是列表"},
    TWO | {"votes": [{"choice": "c"}]},
    TWO | {"votes": [{"choice": "tie", "strength": 2}]},
    TWO | {"winner": {"谁": None}},
    TWO | {"preference_strength": 1.5},
    {"prompt": '["a", "b"]', "response_a": '["c", "d"]', "response_b": '["e", "f"]'},
    LABELS | {"labels": {}},
    LABELS | {"labels": ["好"]},
    LABELS | {"labels": {"甲": 1.5}},
    LABELS | {"labels": {"甲": None}},
    LABELS | {"question": "多 粗鲁？"},
    NATIVE | {"ranks": [1]},
    NATIVE | {"answers": NATIVE["answers"][:1], "ranks": [1]},
    NATIVE | {"ranks": [1, "二"]},
    NATIVE | {"unheard": 1},
    NATIVE | {"phase": "以后"},
    NATIVE | {"weight": -1},
    NATIVE | {"prompt_facts": {"detail": "[]"}},
    TREE | {"prompt": "不是消息"},
    TREE | {"prompt": {"deleted": True}},
    TREE | {"prompt": {"role": "巫师", "text": "x"}},
    TREE | {"prompt": TREE["prompt"] | {"replies": "不是列表"}},
]
NOT_OF_THE_KIND = {
    "detect": [{"prompt": "p", "candidates": []}],
    "demonstrations": [{"prompt": "p"}],
    "candidates": [{"prompt": "p"}],
    "rankings": [{"prompt": "p"}],
    "labels": [{"prompt": "p"}],
}
NO_GOLD = [
    {"prompt": "p"},
    TWO | {"votes": [{"choice": "a"}, {"choice": "b"}]},
    PAIR | {"rejected": "红。"},
    NATIVE | {"instrument": "toxicity"},
    PAIR | {"prompt_labels": ["是"]},
    PAIR | {"prompt_labels": {"nope": "yes"}},
    PAIR | {"prompt_labels": {"use_case": "gossip"}},
    PAIR | {"prompt_labels": {"use_case": 1}},
    PAIR | {"reason": 7},
    PAIR | {"topic": "题" * 61},
    PAIR | {"topic": "a\u200bb"},
    ranked(1, 2, flags=["nope"]),
]
NOT_TO_SCORE = [
    {"prompt": "p", "answer": "a", "response": "b"},
    {"answer": "x"},
    {"prompt": "p"},
    {"prompt": "p", "answer": ""},
    {"prompt": "p", "answers": "x"},
    {"prompt": "p", "answer": "x", "id": [1]},
    {"prompt": "p", "answer": "x", "id": "长" * 300},
    {"prompt": "p", "answer": "x", "id": "good"},
    {"prompt": "p", "answers": ["x"], "id": "1"},
    {"prompt": "p", "answers": [{"text": "x", "id": "a"}, {"text": "y", "id": "a"}]},
]
KEPT_IN_EVERY_LANGUAGE = re.compile(
    r"(?<![A-Za-z])(JSON|CSV|Parquet|UTF-8|NUL|Unicode|MB|Human|Assistant|assistant|user|role|content|annotator|label|true|false"
    r"|system|prompter|training|evaluation|tie|chat|answer|text|response|answers|ranking|toxicity"
    r"|(significantly|slightly|negligibly) better|better)(?![A-Za-z])"
)
"""Names of formats, and what a file has to say in these letters."""
PROGRAMS_WORDS = re.compile(r"\b(None|True|False|NoneType|dict|str|int|float|Error|Exception|NaN)\b|\\x|\\u|'|`|%\(")


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """A refusal of every kind, by whoever found it."""
    folder = tmp_path_factory.mktemp("files")
    found = [refusal for row in BAD_ROWS for refusal in imported(folder, row)]
    found += [
        refusal for kind, rows in NOT_OF_THE_KIND.items() for row in rows for refusal in imported(folder, row, kind)
    ]
    schema = Schema((Field("use_case", "用途", "", "prompt", "choice", (Option("chat", "闲聊"),)),), ())
    for row in NO_GOLD:
        (_, drafts), *_ = DraftReader(read_rows(written(folder, row), "a.jsonl"), "rankings")
        taken = gold._taken(1, drafts, schema, "", 0)
        assert isinstance(taken, Refusal), row
        found.append(taken)
    found.append(gold._taken(1, next(iter(DraftReader([(1, PAIR)], "rankings")))[1], schema, "", gold.MOST_ITEMS))
    good = json.dumps({"prompt": "p", "answer": "a", "id": "good"}).encode()
    for row in NOT_TO_SCORE:
        gathered = gather_rows(read_rows(written(folder, good, row, good), "a.jsonl"))
        assert gathered.refused == 2, row
        found += [Refusal.of(kept) for kept in gathered.refusals]
    found += tables(folder)
    found += [one for row in ({"text": " "}, {"text": 5}, {"text": "a\x00"}) for one in of_a_corpus(folder, row)]
    return found


def as_line(row):
    return row if isinstance(row, bytes) else json.dumps(row).encode()


def written(folder, *rows):
    path = folder / "a.jsonl"
    path.write_bytes(b"\n".join(map(as_line, rows)))
    return path


def imported(folder, row, kind="detect"):
    found = [drafts for _, drafts in DraftReader(read_rows(written(folder, row), "a.jsonl"), kind)]
    assert all(isinstance(one, Refusal) for one in found), row if not isinstance(row, bytes) else row[:40]
    return found


def tables(folder):
    path, found = folder / "a.csv", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "LONGEST_LINE", 60)
        patch.setattr(readers, "MOST_VALUES", 9)
        for row in (b"p,a", b"p,\xff,b", b'p,"a"b,c', b"p" * 70 + b",a,b", b"p," * 11, b"p,a," + b"[" * 12):
            path.write_bytes(b"prompt,chosen,rejected\n" + row + b"\n")
            found += [one for _, one in read_rows(path, "a.csv")]
        path.write_bytes(b"x" * 70 + b"\n")
        found += [one for _, one in read_rows(path, "a.jsonl")]
    assert all(isinstance(one, Refusal) for one in found), found
    return found


def of_a_corpus(folder, row):
    return [one for _, one in write_corpus(written(folder, row), "a.jsonl", "auto", folder / "c.gz").rejects]


def test_every_reason_is_said_in_chinese_without_a_word_of_a_program(refusals):
    with speaking("zh-Hans"):
        for refusal in refusals:
            said = re.sub("“[^”]*”", "", refusal.sentence)
            assert plain_gettext(refusal.text) != refusal.text, refusal
            assert not PROGRAMS_WORDS.search(said), said
            rest = KEPT_IN_EVERY_LANGUAGE.sub("", said.split("字段：")[0] if "字段：" in said else said)
            assert not re.search("[A-Za-z]{2,}", rest), said
            assert re.search("。$", said), said
            assert str(refusal).startswith("字段 ") == bool(refusal.place)


def test_in_english_every_reason_is_one_sentence_of_ours(refusals):
    for refusal in refusals:
        assert not PROGRAMS_WORDS.search(re.sub("“[^”]*”", "", refusal.sentence)), refusal.sentence
        assert re.match("[A-Z“]", refusal.sentence), refusal.sentence
        assert refusal.sentence.endswith("."), refusal.sentence
        assert len(refusal.reason) < 600
        assert refusal.reason.isprintable()


def test_a_reason_is_kept_in_its_parts_and_read_in_any_language(refusals):
    for refusal in refusals:
        kept = json.loads(json.dumps(refusal.kept(12)))
        with speaking("zh-Hans"):
            assert str(Refusal.of(kept)) == str(refusal)
        assert (kept["line"], kept["reason"]) == (12, refusal.reason)
    older = Refusal.of({"line": 3, "reason": "the prompt is missing"})
    assert (older.at(3), older.where) == ("line 3: the prompt is missing", "")
    assert Refusal("This is missing.", ("answers", 2, "text")).at(1234) == (
        "line 1,234, field answers, entry 2, text: This is missing."
    )


def test_no_reason_was_forgotten_here(refusals):
    """Whoever adds a reason adds a row that meets it."""
    met = {refusal.text for refusal in refusals}
    paths = [*(HERE / "labeling/importing/shapes").glob("*.py"), *(HERE / "material/files").glob("*.py")]
    paths += [HERE / "material/prompts/rules.py", HERE / "quality/gold/files.py", HERE / "training/scoring/items.py"]
    marked = {
        node.args[0].value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "mark"
    }
    others = {text for text in marked if not text.endswith(".")}  # names of labels and marks
    assert marked - others - met == {
        "The same prompt and answers are on line %(line)s already.",  # needs a database
        "The row holds no prompt.",  # every shape has one
        "The row holds nothing that can be imported.",  # likewise
    }


def test_the_language_in_use_comes_back():
    with speaking("zh-Hans"):
        assert Refusal("This is missing.").reason == "This is missing."
        assert gettext("This is missing.") != "This is missing."
    assert gettext("This is missing.") == "This is missing."
    assert SOURCE == "en"
