"""A snapshot for other tools: only strict preferences can be written there, so ties are counted and told."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from app.web.tables import csv_line
from trainer.contract.folder import DEMONSTRATIONS, MANIFEST, PROMPTS, RANKINGS
from trainer.contract.records import Demonstration, LabelerScore, Message, Ranking, comparisons, read_rows

SPLITS = ("train", "heldout")
SIDES = ("chosen", "rejected")
OF_RANKING = ("use_case", "labeler_group", "strength", "none_acceptable")
NATIVE = (".parquet", MANIFEST)


@dataclass
class Report:
    """What an export wrote.

    Attributes:
        files: file name -> number of rows (0 for files that were copied).
        ties: tied pairs that the format cannot hold and that were therefore left out.
        identical: pairs of which one of two equal texts was preferred: nothing can be learned from them, so they are
            left out too.
        empty: pairs with an empty answer, which are written like the others.
        without_strength: pairs that got the margin 0 because nobody said how much better the better answer is.
    """

    files: dict[str, int] = field(default_factory=dict)
    ties: int = 0
    identical: int = 0
    empty: int = 0
    without_strength: int = 0

    def lines(self) -> list[str]:
        """The report as text, one line a file."""
        told = [
            f"{name}: {rows:,} rows" if rows or not name.endswith(NATIVE) else name for name, rows in self.files.items()
        ]
        if self.ties:
            told.append(f"{self.ties:,} tied pairs state no preference and were left out")
        if self.identical:
            told.append(f"{self.identical:,} pairs are of two answers with the same text and were left out")
        if self.empty:
            told.append(f"{self.empty:,} pairs have an empty answer")
        if self.without_strength:
            told.append(f"{self.without_strength:,} pairs tell no strength; their margin is 0")
        return told


def native(folder: Path, out: Path) -> Report:
    """The snapshot itself, file by file; the manifest last."""
    report = Report()
    for name in (PROMPTS, DEMONSTRATIONS, RANKINGS, MANIFEST):
        (out / name).unlink(missing_ok=True)
        shutil.copyfile(folder / name, out / name)
        report.files[name] = 0
    return report


def csv_tables(folder: Path, out: Path) -> Report:
    """``comparisons.csv``, a row per strict pair, and ``demonstrations.csv``; conversations and scores as JSON text."""
    report = Report()
    columns = ("ranking_id", "prompt_id", "split", "campaign", "phase", "annotator", "prompt", "chosen", "rejected")
    with (out / "comparisons.csv").open("w", encoding="utf-8", newline="") as file:
        of_answers = [f"{side}_{what}" for what in ("source", "shown", "scores") for side in SIDES]
        file.write(csv_line([*columns, *of_answers, *OF_RANKING, "instrument", "prompt_scores"]))
        report.files["comparisons.csv"] = 0
        for ranking, chosen, rejected in _pairs(folder, report):
            of = [ranking.ranking_id, ranking.prompt_id, ranking.split, ranking.campaign, ranking.phase]
            a, b = ranking.answers[chosen], ranking.answers[rejected]
            talk = json.dumps(_talk(ranking.messages), ensure_ascii=False)
            told = [a.source, b.source, a.shown, b.shown, _scores(a.scores), _scores(b.scores)]
            told += [
                *(getattr(ranking, what) for what in OF_RANKING),
                ranking.instrument,
                _scores(ranking.prompt_scores),
            ]
            file.write(csv_line([*of, ranking.annotator, talk, a.text, b.text, *told]))
            report.files["comparisons.csv"] += 1
    with (out / "demonstrations.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line(["demonstration_id", "prompt_id", "split", "author", "prompt", "response"]))
        report.files["demonstrations.csv"] = 0
        for row in read_rows(folder / DEMONSTRATIONS, Demonstration):
            talk = json.dumps(_talk(row.messages), ensure_ascii=False)
            cells = [row.demonstration_id, row.prompt_id, row.split, row.author, talk, row.response]
            file.write(csv_line(cells))
            report.files["demonstrations.csv"] += 1
    return report


def trl(folder: Path, out: Path) -> Report:
    """TRL's conversational datasets: preferences with an explicit prompt, and ``messages`` for SFT.

    Where any ranking has a strength, every pair has a ``margin``, as TRL's collator asks of all rows or of none.
    """

    def conversation(demonstration: Demonstration) -> dict[str, Any]:
        return {"messages": [*_talk(demonstration.messages), _said(demonstration.response)]}

    return _jsonl(folder, out, conversation, margins=_any_strength(folder / RANKINGS))


def openrlhf(folder: Path, out: Path) -> Report:
    """OpenRLHF's rows for ``--apply_chat_template``: keys prompt, chosen, rejected; prompt and response for SFT."""
    return _jsonl(folder, out, lambda d: {"prompt": _talk(d.messages), "response": d.response})


WRITERS: dict[str, Callable[[Path, Path], Report]] = {
    "native": native,
    "csv": csv_tables,
    "trl": trl,
    "openrlhf": openrlhf,
}


def _any_strength(rankings: Path) -> bool:
    """Whether a ranking tells how much better one answer is, by that column alone; older snapshots have none."""
    with pq.ParquetFile(rankings) as file:
        if "strength" not in file.schema_arrow.names:
            return False
        return any(len(batch[0]) > batch[0].null_count for batch in file.iter_batches(columns=["strength"]))


def _jsonl(folder: Path, out: Path, sft: Callable[[Demonstration], dict[str, Any]], *, margins: bool = False) -> Report:
    report = Report()
    names = [f"{part}-{split}.jsonl" for part in ("preferences", "sft") for split in SPLITS]
    with ExitStack() as stack:
        files = {name: stack.enter_context((out / name).open("w", encoding="utf-8")) for name in names}
        report.files = dict.fromkeys(names, 0)

        def write(name: str, row: dict[str, Any]) -> None:
            files[name].write(json.dumps(row, ensure_ascii=False) + "\n")
            report.files[name] += 1

        for ranking, chosen, rejected in _pairs(folder, report):
            both = (ranking.answers[chosen], ranking.answers[rejected])
            row: dict[str, Any] = {"prompt": _talk(ranking.messages)}
            row |= {side: [_said(answer.text)] for side, answer in zip(SIDES, both, strict=True)}
            if margins:
                row["margin"] = ranking.strength or 0.0
                report.without_strength += ranking.strength is None
            write(f"preferences-{ranking.split}.jsonl", row)
        for demonstration in read_rows(folder / DEMONSTRATIONS, Demonstration):
            write(f"sft-{demonstration.split}.jsonl", sft(demonstration))
    return report


def _pairs(folder: Path, report: Report) -> Iterator[tuple[Ranking, int, int]]:
    """Every strict pair of different texts as (ranking, better, worse); the others are added to the report."""
    for ranking in read_rows(folder / RANKINGS, Ranking):
        strict, tied = comparisons(ranking.ranks)
        report.ties += tied
        for pair in strict:
            texts = [ranking.answers[number].text for number in (pair.winner, pair.loser)]
            if texts[0] == texts[1]:
                report.identical += 1
                continue
            report.empty += not all(text.strip() for text in texts)
            yield ranking, pair.winner, pair.loser


def _talk(messages: list[Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def _scores(scores: list[LabelerScore]) -> str:
    """What was given on scales as JSON text; empty where there was no scale."""
    return json.dumps({score.name: score.value for score in scores}) if scores else ""


def _said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
