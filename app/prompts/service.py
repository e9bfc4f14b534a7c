"""Bringing data in: one file, one transaction, and a record of what was taken and what was refused."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.language import gettext as _
from app.models import Corpus, Import, Person, Prompt
from app.people.service import record
from app.prompts import queries, rules
from app.prompts.importers.corpora import write_corpus
from app.prompts.importers.drafts import Drafts
from app.prompts.importers.readers import Refusal, read_rows
from app.prompts.importers.shapes import read_drafts
from app.prompts.importers.spool import spooled
from app.prompts.importers.writer import BATCH, Writer
from app.settings import Settings
from trainer.contract.folder import sha256_of

KEPT_REJECTS = 1_000


def import_file(
    session: Session,
    settings: Settings,
    by: Person | None,
    path: Path,
    filename: str,
    *,
    kind: str = "detect",
    fmt: str = "auto",
) -> Import:
    """Import one file in the caller's transaction: all its good rows, and a list of the bad ones.

    A row that is already known adds nothing, so the same file twice is harmless, also under another name.

    Args:
        session: an open transaction; a crash in it leaves nothing behind.
        settings: say where corpora are kept.
        by: who brings the file.
        path: where its bytes lie.
        filename: its own name; names the campaign and the origin of what is in it.
        kind: one of ``rules.KINDS``; ``detect`` takes everything that the rows state.
        fmt: one of ``readers.FORMATS``.

    Raises:
        Invalid: the file as a whole cannot be read, or kind or format is unknown.
    """
    if kind not in rules.KINDS:
        raise Invalid(
            _("There is no kind “%(kind)s”. Choose one of %(kinds)s.", kind=kind, kinds=", ".join(rules.KINDS))
        )
    if not path.is_file():
        raise Invalid(_("There is no file %(name)s.", name=filename))
    if path.stat().st_size == 0:
        raise Invalid(_("%(name)s is empty.", name=filename))
    entry = Import(
        kind=kind,
        shape="text" if kind == "corpus" else "unknown",
        file_name=rules.printable(filename, 200),
        file_sha256=sha256_of(path),
        rows=0,
        person_id=by.id if by else None,
    )
    # Reading comes before the session's first statement: on SQLite that one takes the lock for which all writers wait.
    if kind == "corpus":
        session.add(entry)
        _import_corpus(session, settings, entry, path, fmt)
    else:
        shape, lines = read_drafts(read_rows(path, entry.file_name, fmt), kind)
        with spooled(lines) as rows:
            earlier = queries.first_import_of(session, entry.file_sha256)
            session.add(entry)
            session.flush()
            _import_rows(session, entry, shape, rows, rules.stem_of((earlier or entry).file_name))
    record(session, by, "imported", entry, {"file": entry.file_name, "rows": entry.rows, "refused": entry.rejected})
    return entry


def _import_rows(
    session: Session, entry: Import, shape: str, lines: Iterator[tuple[int, Drafts | Refusal]], stem: str
) -> None:
    writer = Writer(session, entry.id, stem, entry.person_id)
    rejects: list[dict[str, object]] = []
    counts = {"rows": 0, "rejected": 0}

    def good() -> Iterator[Drafts]:
        for number, drafts in lines:
            counts["rows"] += 1
            if not isinstance(drafts, Refusal):
                yield drafts
                continue
            counts["rejected"] += 1
            if len(rejects) < KEPT_REJECTS:
                rejects.append({"line": number, "reason": rules.printable(drafts.reason)})

    rows = good()
    while batch := list(islice(rows, BATCH)):
        writer.write(batch)
    entry.shape = shape
    entry.rows, entry.rejected, entry.rejects = counts["rows"], counts["rejected"], rejects
    entry.added = {what: count for what, count in writer.added.items() if count}
    entry.repeated = writer.repeated
    session.flush()


def _import_corpus(session: Session, settings: Settings, entry: Import, path: Path, fmt: str) -> None:
    """Write the documents beside the others; the file is there before the row that names it."""
    folder = settings.data_dir / "corpora"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        written = write_corpus(path, entry.file_name, fmt, Path(scratch) / "corpus.jsonl.gz")
        if not written.documents:
            raise Invalid(
                _(
                    "%(name)s holds no text: none of its %(rows)s rows could be read.",
                    name=entry.file_name,
                    rows=f"{written.rows:,}",
                )
            )
        target = folder / f"{written.digest}.jsonl.gz"
        if queries.corpus_of(session, written.digest) is None:
            written.path.replace(target)
            session.add(
                Corpus(
                    name=rules.stem_of(entry.file_name),
                    digest=written.digest,
                    path=str(target.resolve()),
                    documents=written.documents,
                    characters=written.characters,
                )
            )
            entry.added = {"documents": written.documents}
        else:
            entry.repeated = written.documents
    entry.rows, entry.rejected = written.rows, len(written.rejected)
    entry.rejects = [
        {"line": line, "reason": rules.printable(reason)} for line, reason in written.rejected[:KEPT_REJECTS]
    ]
    session.flush()


def prompt_for(session: Session, *, prompt_id: int) -> Prompt:
    if (prompt := queries.prompt_by_id(session, prompt_id)) is None:
        raise NotFound(_("There is no such prompt."))
    return prompt


def mark_sensitive(session: Session, by: Person, *, prompt_id: int, sensitive: bool) -> Prompt:
    """Say whether labelers are warned before they read a prompt; it holds for tasks that are opened from now on."""
    prompt = prompt_for(session, prompt_id=prompt_id)
    prompt.sensitive = sensitive
    record(session, by, "marked prompt sensitive" if sensitive else "marked prompt not sensitive", prompt)
    return prompt


def mark_high_stakes(session: Session, by: Person, *, prompt_id: int, high_stakes: bool) -> Prompt:
    """Say whether a small mistake in an answer could cost somebody dearly; labelers see it from now on."""
    prompt = prompt_for(session, prompt_id=prompt_id)
    prompt.high_stakes = high_stakes
    record(session, by, "marked prompt high stakes" if high_stakes else "marked prompt not high stakes", prompt)
    return prompt


def import_for(session: Session, *, import_id: int) -> Import:
    if (entry := queries.import_by_id(session, import_id)) is None:
        raise NotFound(_("There is no such import."))
    return entry


def summary_of(entry: Import) -> str:
    """An import as text: what was added, repeated and refused, with every kept reason."""
    added = ", ".join(f"{count:,} {what}" for what, count in entry.added.items()) or "nothing new"
    lines = [
        (
            f"{entry.file_name}: {entry.rows:,} rows ({entry.shape}); added {added}; "
            f"{entry.repeated:,} repeated, {entry.rejected:,} refused"
        )
    ]
    lines += [f"  line {reject['line']}: {reject['reason']}" for reject in entry.rejects]
    if entry.rejected > len(entry.rejects):
        lines.append(f"  and {entry.rejected - len(entry.rejects):,} more")
    return "\n".join(lines)
