"""Gold from a file: rankings with their labels, which become a bank of items that need no further verdict."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import Invalid, Refusal
from app.instruments import QUALITY
from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.rules.campaigns import BANK
from app.labeling.importing.drafts import Drafts, RankingDraft
from app.labeling.importing.service import source_of
from app.labeling.importing.shapes.rows import DraftReader
from app.labeling.importing.writer import Writer
from app.language import gettext as _
from app.language import mark
from app.material.files.corpora import KEPT_REJECTS
from app.material.files.fields import add_names, most_of, unused_told
from app.material.files.readers import read_rows
from app.material.files.spool import Spool, spooled
from app.material.prompts import queries as pool
from app.material.prompts.rules import length_problem, printable, task_fingerprint
from app.material.schemas.rules import PROMPT, USE_CASE, Schema, schema_of
from app.models import Campaign, GoldItem, Import, Person
from app.people.service import record
from app.quality.gold import queries, rules
from trainer.contract import refused
from trainer.contract.folder import sha256_of

MOST_ITEMS = 3_000
"""Items of one bank: more than published sets of verdicts have, and written in seconds, while others wait to write."""


@dataclass(frozen=True)
class Row:
    """A row that can become gold."""

    line: int
    ranking: RankingDraft
    prompt_labels: dict[str, str]
    reason: str
    topic: str
    unused: Sequence[str]

    @property
    def drafts(self) -> Drafts:
        """What the pool needs of it: the prompt and its answers."""
        prompt = self.ranking.prompt
        return Drafts(prompts=[prompt], candidates=[(prompt, answer) for answer in self.ranking.answers])


@dataclass(frozen=True)
class Imported:
    """The bank that was made, and how many items it has.

    ``refused`` are the first rows that were not taken, with the reasons; ``not_taken`` is how many there were.
    ``unused`` names the fields of the others that were passed over.
    """

    bank: Campaign
    items: int
    refused: Sequence[tuple[int, Refusal]]
    not_taken: int
    unused: str


class NoGoldError(Exception):
    """A row that cannot be gold."""

    def __init__(self, text: str, *place: str | int, **values: object) -> None:
        super().__init__(text)
        self.refusal = Refusal(text, place, values)


def import_gold(
    session: Session, by: Person, path: Path, filename: str, now: datetime, *, name: str, topic: str = ""
) -> Imported:
    """Make a bank of a file's rankings; nobody is asked to judge its items again.

    Each row is a ranking in any shape that rankings are imported in. It may also say ``reason`` (why), ``topic``, and
    ``prompt_labels`` (name -> value); ratings and flags stand with the answers.

    Args:
        session: an open transaction.
        by: who brings the file.
        path: where its bytes lie.
        filename: its own name.
        now: the time of the import.
        name: of the bank.
        topic: of rows that name none.

    Raises:
        Invalid: the file cannot be read, or none of its rows can be gold; nothing is stored.
        Conflict: there is a campaign of that name.
    """
    # Creating the bank takes the lock for which all writers wait on SQLite: the file is read before.
    with spooled(DraftReader(read_rows(path, filename), "rankings")) as rows:
        bank = campaigns.create_campaign(session, by, name=name, purpose=BANK)
        imported = _store(session, by, bank, rows, path, filename, now, topic)
    if not imported.items:
        first = next((refusal.at(line) for line, refusal in imported.refused), "")
        raise Invalid(_("None of the rows can be gold, so nothing was made. %(first)s", first=first))
    record(session, by, "imported gold", bank, {"file": printable(filename, 200), "items": imported.items})
    return imported


def _taken(line: int, drafts: Drafts | Refusal, schema: Schema, topic: str, so_far: int) -> Row | Refusal:
    if isinstance(drafts, Refusal):
        return drafts
    try:
        row = _row(line, drafts, schema, topic)
    except NoGoldError as problem:
        return problem.refusal
    return row if so_far < MOST_ITEMS else Refusal(mark("A set has at most %(most)s items."), (), {"most": MOST_ITEMS})


def _row(line: int, drafts: Drafts, schema: Schema, topic: str) -> Row:
    if len(drafts.rankings) != 1:
        raise NoGoldError(mark("Gold is one ranking; the row has %(count)s."), count=len(drafts.rankings))
    ranking = drafts.rankings[0]
    if ranking.instrument != QUALITY.name:
        raise NoGoldError(mark("The order goes by toxicity; gold goes by overall quality."), "instrument")
    if any(answer.is_empty for answer in ranking.answers) or len({answer.sha256 for answer in ranking.answers}) < 2:
        raise NoGoldError(mark("An answer is empty, or all are the same: nobody can be measured by that."))
    told = ranking.prompt.detail
    row = Row(
        line=line,
        ranking=ranking,
        prompt_labels=_prompt_labels(told.get("prompt_labels", {}), ranking.prompt.use_case, schema),
        reason=_words(told.get("reason", ""), "reason", rules.LONGEST_REASON),
        topic=_words(told.get("topic", ""), "topic", rules.LONGEST_TOPIC) or topic,
        unused=drafts.unused,
    )
    for flag in sorted({name for answer in ranking.answers for name in answer.flags}):
        if problem := labels.answer_flag_told(schema, flag, "yes"):
            raise NoGoldError(problem[0], "flags", **problem[1])
    return row


def _prompt_labels(labels_told: object, use_case: str | None, schema: Schema) -> dict[str, str]:
    if not isinstance(labels_told, dict):
        raise NoGoldError(refused.NAMES, "prompt_labels")
    for name, value in labels_told.items():
        if not isinstance(value, str):
            raise NoGoldError(refused.TEXT, "prompt_labels", name)
        if problem := labels.prompt_label_told(schema, name, value):
            raise NoGoldError(problem[0], "prompt_labels", name, **problem[1])
    tagged = labels.fitting(schema, PROMPT, {USE_CASE: use_case} if use_case else {})
    return {**tagged, **labels_told}


def _words(text: object, field: str, longest: int) -> str:
    if not isinstance(text, str):
        raise NoGoldError(refused.TEXT, field)
    if problem := length_problem(text, longest):
        raise NoGoldError(problem.text, field, **problem.values)
    if field == "topic" and not text.isprintable():
        raise NoGoldError(mark("This has characters that cannot be seen."), field)
    return text.strip()


@dataclass(frozen=True)
class _Item:
    """What is kept of a row until all of them are read; its texts are in the pool by then."""

    row_line: int
    prompt_id: int
    answers: list[int]
    gold: GoldItem


def _store(
    session: Session,
    by: Person,
    bank: Campaign,
    rows: Spool[tuple[int, Drafts | Refusal]],
    path: Path,
    filename: str,
    now: datetime,
    topic: str,
) -> Imported:
    """Prompts, answers, tasks without assignments, and gold; rows whose prompt and answers came before are refused."""
    schema = schema_of(bank.schema_version.content) if bank.schema_version else Schema((), ())
    file_name, file_sha256 = printable(filename, 200), sha256_of(path)
    source = source_of(session, file_name, file_sha256)
    told = {"kind": "gold", "shape": "gold", "file_name": file_name, "file_sha256": file_sha256, "source": source}
    entry = Import(**told, rows=0, person_id=by.id)
    session.add(entry)
    session.flush()
    writer = Writer(session, entry.id, source, by.id)
    items: dict[str, _Item] = {}
    not_good: list[tuple[int, Refusal]] = []
    unused: Counter[str] = Counter()
    read = not_taken = good = 0
    for batch in rows.batches():
        taken: list[Row] = []
        bad: list[tuple[int, Refusal]] = []
        for line, drafts in batch:
            row_or_refusal = _taken(line, drafts, schema, topic, good + len(taken))
            if isinstance(row_or_refusal, Row):
                taken.append(row_or_refusal)
            else:
                bad.append((line, row_or_refusal))
        writer.write([row.drafts for row in taken])
        prompts = pool.prompt_ids(session, {row.ranking.prompt.fingerprint for row in taken})
        for row in taken:
            prompt_id = prompts[row.ranking.prompt.fingerprint]
            ids = [writer.candidate_id(row.ranking.prompt, answer) for answer in row.ranking.answers]
            content = rules.content_of(_verdict(row, ids), schema)
            gold = GoldItem(content=content, reason=row.reason, topic=row.topic, decided_by=by.id, decided_at=now)
            item = _Item(row.line, prompt_id, ids, gold)
            first = items.setdefault(task_fingerprint(prompt_id, ids), item)
            if first is not item:
                text = mark("The same prompt and answers are on line %(line)s already.")
                bad.append((row.line, Refusal(text, (), {"line": first.row_line})))
        add_names(unused, (name for row in taken for name in row.unused))
        read, not_taken, good = read + len(batch), not_taken + len(bad), good + len(taken)
        bad.sort(key=lambda refused: refused[0])
        not_good += bad[: KEPT_REJECTS - len(not_good)]
    entry.rows, entry.rejected, entry.unused = read, not_taken, most_of(unused)
    entry.rejects = [refusal.kept(line) for line, refusal in not_good]
    campaigns.add_tasks(session, bank, [(item.prompt_id, item.answers) for item in items.values()], judged_already=True)
    tasks = queries.tasks_by_fingerprint(session, bank.id)
    for print_, item in items.items():
        item.gold.task_id = tasks[print_]
    session.add_all(item.gold for item in items.values())
    session.flush()
    return Imported(bank, len(items), not_good, not_taken, unused_told(entry.unused))


def _verdict(row: Row, ids: Sequence[int]) -> Submission:
    answers = list(zip(ids, row.ranking.answers, row.ranking.ranks, strict=True))
    return Submission(
        verdicts={id_: Verdict(answer.likert, dict.fromkeys(answer.flags, "yes")) for id_, answer, _rank in answers},
        ranks={id_: rank for id_, _answer, rank in answers},
        prompt_labels=row.prompt_labels,
    )
