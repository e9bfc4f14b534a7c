"""Gold from a file: rankings with their labels, which become a bank of items that need no further verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from app.annotations import campaigns
from app.annotations.rules import labels
from app.annotations.rules.campaigns import BANK
from app.annotations.rules.submission import Submission, Verdict
from app.errors import Invalid
from app.gold import queries, rules
from app.language import gettext as _
from app.models import Campaign, GoldItem, Import, Person
from app.people.service import record
from app.prompts import queries as pool
from app.prompts.importers.drafts import Drafts, RankingDraft
from app.prompts.importers.readers import Refusal, read_rows
from app.prompts.importers.shapes import DraftReader
from app.prompts.importers.writer import Writer
from app.prompts.rules import printable, task_fingerprint
from app.prompts.service import source_of
from app.schemas.rules import PROMPT, USE_CASE, Schema, schema_of
from trainer.contract.folder import sha256_of

MOST_ITEMS = 10_000


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
    """The bank that was made, how many items it has, and each row that was not taken, with the reason."""

    bank: Campaign
    items: int
    refused: Sequence[tuple[int, str]]


class NoGoldError(Exception):
    """A row that cannot be gold; the message tells why."""


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
    bank = campaigns.create_campaign(session, by, name=name, purpose=BANK)
    schema = schema_of(bank.schema_version.content) if bank.schema_version else Schema((), ())
    rows: list[Row] = []
    refused: list[tuple[int, str]] = []
    for line, found in _rows(path, filename, schema, topic):
        if isinstance(found, Row) and len(rows) < MOST_ITEMS:
            rows.append(found)
        else:
            reason = f"more than {MOST_ITEMS:,} items" if isinstance(found, Row) else found.reason
            refused.append((line, printable(reason)))
    items = _store(session, by, bank, rows, path, filename, schema, now, refused)
    if not items:
        first = _("line %(line)s: %(reason)s", line=refused[0][0], reason=refused[0][1]) if refused else ""
        raise Invalid(_("None of the rows can be gold, so nothing was made. %(first)s", first=first))
    record(session, by, "imported gold", bank, {"file": printable(filename, 200), "items": items})
    return Imported(bank, items, refused)


def _rows(path: Path, filename: str, schema: Schema, topic: str) -> Iterator[tuple[int, Row | Refusal]]:
    for line, drafts in DraftReader(read_rows(path, filename), "rankings"):
        if isinstance(drafts, Refusal):
            yield line, drafts
            continue
        try:
            yield line, _row(line, drafts, schema, topic)
        except NoGoldError as problem:
            yield line, Refusal(str(problem))


def _row(line: int, drafts: Drafts, schema: Schema, topic: str) -> Row:
    if len(drafts.rankings) != 1:
        raise NoGoldError(f"gold is one verdict, and the row has {len(drafts.rankings)}")
    ranking = drafts.rankings[0]
    if ranking.instrument != "ranking":
        raise NoGoldError("its order goes by toxicity; gold goes by overall quality")
    if any(answer.is_empty for answer in ranking.answers) or len({answer.sha256 for answer in ranking.answers}) < 2:
        raise NoGoldError("an answer is empty, or all are the same: nobody can be measured by that")
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
        if problem := labels.answer_flag_problem(schema, flag, "yes"):
            raise NoGoldError(f"an answer has the flag {flag!r}: {problem}")
    return row


def _prompt_labels(given: object, use_case: str | None, schema: Schema) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise NoGoldError("prompt_labels are names with their values, all of them texts")
    for name, value in given.items():
        if problem := labels.prompt_label_problem(schema, name, value):
            raise NoGoldError(f"prompt_labels, {name!r}: {problem}")
    tagged = labels.fitting(schema, PROMPT, {USE_CASE: use_case} if use_case else {})
    return {**tagged, **given}


def _words(given: object, what: str, longest: int) -> str:
    if not isinstance(given, str):
        raise NoGoldError(f"the {what} is no text")
    if len(given) > longest:
        raise NoGoldError(f"the {what} has {len(given):,} characters; {longest:,} fit")
    if what == "topic" and not given.isprintable():
        raise NoGoldError("the topic has characters that cannot be seen")
    return given.strip()


def _store(
    session: Session,
    by: Person,
    bank: Campaign,
    rows: Sequence[Row],
    path: Path,
    filename: str,
    schema: Schema,
    now: datetime,
    refused: list[tuple[int, str]],
) -> int:
    """Prompts, answers, tasks without slots, and gold; rows whose prompt and answers came before are refused."""
    file_name, file_sha256 = printable(filename, 200), sha256_of(path)
    source = source_of(session, file_name, file_sha256)
    entry = Import(
        kind="gold",
        shape="gold",
        file_name=file_name,
        file_sha256=file_sha256,
        source=source,
        rows=len(rows) + len(refused),
        rejected=len(refused),
        rejects=[{"line": line, "reason": reason} for line, reason in refused],
        unused=Counter(name for row in rows for name in row.unused),
        person_id=by.id,
    )
    session.add(entry)
    session.flush()
    writer = Writer(session, entry.id, source, by.id)
    writer.write([row.drafts for row in rows])
    prompts = pool.prompt_ids(session, {row.ranking.prompt.fingerprint for row in rows})
    by_print: dict[str, tuple[Row, int, list[int]]] = {}
    for row in rows:
        prompt_id = prompts[row.ranking.prompt.fingerprint]
        ids = [writer.candidate_id(row.ranking.prompt, answer) for answer in row.ranking.answers]
        first = by_print.setdefault(task_fingerprint(prompt_id, ids), (row, prompt_id, ids))[0]
        if first is not row:
            refused.append((row.line, f"the same prompt and answers stand in line {first.line}"))
    specs = [(prompt_id, ids) for _row_, prompt_id, ids in by_print.values()]
    campaigns.add_tasks(session, bank, specs, judged_already=True)
    tasks = queries.tasks_by_fingerprint(session, bank.id)
    session.add_all(
        GoldItem(
            task_id=tasks[print_],
            content=rules.content_of(_verdict(row, ids), schema),
            reason=row.reason,
            topic=row.topic,
            decided_by=by.id,
            decided_at=now,
        )
        for print_, (row, _prompt_id, ids) in by_print.items()
    )
    session.flush()
    return len(by_print)


def _verdict(row: Row, ids: Sequence[int]) -> Submission:
    answers = list(zip(ids, row.ranking.answers, row.ranking.ranks, strict=True))
    return Submission(
        verdicts={id_: Verdict(answer.likert, dict.fromkeys(answer.flags, "yes")) for id_, answer, _rank in answers},
        ranks={id_: rank for id_, _answer, rank in answers},
        prompt_labels=row.prompt_labels,
    )
