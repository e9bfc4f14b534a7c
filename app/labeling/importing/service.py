"""Bringing data in: one file, one transaction, and a record of what was taken and what was refused."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound, Refusal
from app.labeling.importing.drafts import Drafts
from app.labeling.importing.queries import rows as queries
from app.labeling.importing.queries.beside import ANY_IMPORT, staged
from app.labeling.importing.shapes.rows import DraftReader
from app.labeling.importing.writer import Writer
from app.language import gettext as _
from app.material.files.corpora import KEPT_REJECTS, write_corpus
from app.material.files.fields import add_names, most_of
from app.material.files.readers import FORMATS, format_of, read_rows
from app.material.files.spool import Spool, spooled
from app.material.prompts import rules
from app.models import Corpus, Import, Person
from app.people.service import record
from app.scratch import scratch
from app.settings import Settings
from trainer.contract.folder import sha256_of

# What pages read as it is stored.
corpora = queries.corpora
imports = queries.imports

FIRST_REASONS = 20
TIMES_BESIDE = 3
"""How often rows are made beside the database, before everybody waits for them."""


def import_file(
    session: Session,
    settings: Settings,
    by: Person | None,
    path: Path,
    filename: str,
    *,
    kind: str = "detect",
    fmt: str = "auto",
    trial: bool = False,
) -> Import:
    """Import one file in the caller's transaction: all its good rows, and a list of the bad ones.

    A row that is already known adds nothing, so the same file twice is harmless, also under another name. A file is
    known by its content: another one of the same name is a source of its own.

    Args:
        session: an open transaction; a crash in it leaves nothing behind.
        settings: say where corpora are kept.
        by: who brings the file.
        path: where its bytes lie.
        filename: its own name; names the campaign and the origin of what is in it.
        kind: one of ``rules.KINDS``; ``detect`` takes everything that the rows state.
        fmt: one of ``readers.FORMATS``.
        trial: the caller will roll back, so no file may stay behind.

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
        _import_corpus(session, settings, entry, path, fmt, trial=trial)
    else:
        lines = DraftReader(read_rows(path, entry.file_name, fmt), kind)
        with spooled(lines) as rows:
            entry.shape = lines.shape
            _import_rows(session, entry, rows)
    record(session, by, "imported", entry, {"file": entry.file_name, "rows": entry.rows, "refused": entry.rejected})
    return entry


def source_of(session: Session, file_name: str, file_sha256: str) -> str:
    """The name under which what a file brings stands: that of the first import of its content, else a free one.

    Content and names are held, so that of two imports at the same moment the second sees what the first one took.
    """
    queries.hold_name(session, file_sha256)
    if earlier := queries.first_import_of(session, file_sha256):
        return earlier.source or rules.stem_of(earlier.file_name)
    name = stem = rules.stem_of(file_name)
    number = 1
    queries.hold_name(session, name)
    while queries.source_is_taken(session, name):
        number += 1
        name = f"{stem} {number}"
        queries.hold_name(session, name)
    return name


def _import_rows(session: Session, entry: Import, rows: Spool[tuple[int, Drafts | Refusal]]) -> None:
    """Write the rows beside the database where others would have to wait otherwise, then bring them in at once.

    Where somebody has brought the same meanwhile, they are made anew; in the transaction itself only where that
    happens in the moment before it begins.
    """
    written = None
    for _time in range(TIMES_BESIDE):
        with staged(session) as beside:
            if beside is None:
                break
            source = source_of(beside.session, entry.file_name, entry.file_sha256)
            made = _write(Writer(beside.session, ANY_IMPORT, source, entry.person_id), rows)
            beside.finish()
            with beside.looking(session) as now:
                fits = source_of(now, entry.file_name, entry.file_sha256) == source and beside.fits(now)
            if not fits:
                continue
            beside.attach_to(session)
            if _enter(session, entry) == source and beside.copy(session, entry.id):
                written = made
            break
    if written is None:
        source = _enter(session, entry)
        written = _write(Writer(session, entry.id, source, entry.person_id), rows)
    entry.rows, entry.rejected, entry.rejects = written.rows, written.rejected, written.rejects
    entry.unused = most_of(written.unused)
    entry.added = {what: count for what, count in written.writer.added.items() if count}
    entry.repeated = written.writer.repeated
    entry.marked = {what: count for what, count in written.writer.marked.items() if count}
    session.flush()


def _enter(session: Session, entry: Import) -> str:
    """Add the import itself, unless that was done; returns its name."""
    source = entry.source
    if source is None:
        source = entry.source = source_of(session, entry.file_name, entry.file_sha256)
        session.add(entry)
        session.flush()
    return source


@dataclass
class _Written:
    """What became of the rows of a file."""

    writer: Writer
    rows: int = 0
    rejected: int = 0
    rejects: list[dict[str, object]] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


def _write(writer: Writer, rows: Spool[tuple[int, Drafts | Refusal]]) -> _Written:
    written = _Written(writer)
    for batch in rows.batches():
        refused = [(number, drafts) for number, drafts in batch if isinstance(drafts, Refusal)]
        good = [drafts for _, drafts in batch if not isinstance(drafts, Refusal)]
        writer.write(good)
        add_names(written.unused, (name for drafts in good for name in dict.fromkeys(drafts.unused)))
        written.rows, written.rejected = written.rows + len(batch), written.rejected + len(refused)
        first_refused = refused[: KEPT_REJECTS - len(written.rejects)]
        written.rejects += [refusal.kept(number) for number, refusal in first_refused]
    return written


def _import_corpus(session: Session, settings: Settings, entry: Import, path: Path, fmt: str, *, trial: bool) -> None:
    """Write the documents beside the others; the file is there before the row that names it."""
    folder = settings.data_dir / "corpora"
    folder.mkdir(parents=True, exist_ok=True)
    with scratch(folder) as beside:
        written = write_corpus(path, entry.file_name, fmt, beside / "corpus.jsonl.gz")
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
            if not trial:
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
    entry.rows, entry.rejected = written.rows, written.rejected
    entry.unused = most_of(written.unused)
    entry.rejects = [refusal.kept(line) for line, refusal in written.rejects]
    session.flush()


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
    lines += [f"  not used: {name} ({count:,} rows)" for name, count in entry.unused.items()]
    lines += [f"  {count:,} {rules.MARKS[what]}" for what, count in entry.marked.items()]
    lines += [f"  {Refusal.of(reject).at(reject['line'])}" for reject in entry.rejects]
    if entry.rejected > len(entry.rejects):
        lines.append(f"  and {entry.rejected - len(entry.rejects):,} more")
    return "\n".join(lines)


def container_of(path: Path, fmt: str) -> str:
    """The format in which a file would be read; nothing for one that is not there."""
    return format_of(path, path.name, fmt) if path.is_file() and fmt in FORMATS else ""


def told_of(entry: Import, container: str) -> dict[str, object]:
    """An import for programs."""
    return {
        "file": entry.file_name,
        "container": container,
        "shape": entry.shape,
        "rows": entry.rows,
        "refused": entry.rejected,
        "repeated": entry.repeated,
        "added": entry.added,
        "unused": list(entry.unused),
        "first_reasons": [Refusal.of(reject).at(reject["line"]) for reject in entry.rejects[:FIRST_REASONS]],
    }


def refused_whole(filename: str, container: str, reason: str) -> dict[str, object]:
    """The same of a file that could not be read at all."""
    entry = Import(file_name=rules.printable(filename, 200), shape="unknown", rows=0, rejected=0, repeated=0)
    entry.added, entry.unused, entry.rejects = {}, {}, []
    return told_of(entry, container) | {"first_reasons": [reason]}
