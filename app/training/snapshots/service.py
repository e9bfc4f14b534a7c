"""Freezing the pool into an immutable folder, named after the hash of its content."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.language import gettext as _
from app.models import Person, Snapshot
from app.models.base import utc_now
from app.people.service import record
from app.quality.consensus import service as consensus
from app.scratch import scratch
from app.settings import Settings
from app.training.snapshots import exports, queries, rules, splitting
from app.training.snapshots.rows import demonstrations_of, merged_rankings, prompts_of, rankings_of, weighed_rankings
from app.training.snapshots.rules import Filters, Weighed
from app.training.snapshots.splitting import PoolPrompt, Sides
from trainer.contract.folder import (
    DEMONSTRATIONS,
    MANIFEST,
    PROMPTS,
    RANKINGS,
    SnapshotManifest,
    SplitReport,
    sha256_of,
    write_json,
)
from trainer.contract.integrity import digest_of, snapshot_differences
from trainer.contract.records import (
    Demonstration,
    Prompt,
    Ranking,
    read_sides,
    write_rows,
)

# What pages read as it is stored.
campaign_ids = queries.campaign_ids
campaigns = queries.campaigns
counts = queries.counts
sources = queries.sources

SHOWN_TEMPLATES = 5


@dataclass(frozen=True)
class Frozen:
    """A folder that is written and closed; ``digest`` is its name."""

    digest: str
    counts: dict[str, int]


def create_snapshot(
    session: Session, settings: Settings, by: Person | None, name: str, filters: Filters | None = None
) -> Snapshot:
    """Freeze what the filters take and enter it under a name.

    The same content twice is one folder under two names.

    Raises:
        Invalid: the filters make no sense, or nothing matches them.
        Conflict: the name is taken.
    """
    filters = filters or Filters()
    check(session, name, filters)
    return add_snapshot(session, by, name, filters, freeze(session, settings, filters))


def check(session: Session, name: str, filters: Filters) -> None:
    """Say what is wrong before the long work of freezing begins."""
    if problem := rules.name_problem(name) or rules.filters_problem(filters):
        raise Invalid(problem)
    if queries.snapshot_named(session, name.strip()):
        raise Conflict(
            _(
                "There is a snapshot “%(name)s” already. Snapshots never change; choose another name.",
                name=name.strip(),
            )
        )


def add_snapshot(session: Session, by: Person | None, name: str, filters: Filters, frozen: Frozen) -> Snapshot:
    """Enter a frozen folder under a name."""
    snapshot = Snapshot(
        name=name.strip(),
        digest=frozen.digest,
        filters=filters.as_json(),
        counts=frozen.counts,
        created_by=by.id if by else None,
    )
    session.add(snapshot)
    try:
        session.flush()
    except IntegrityError:
        taken = _("There is a snapshot “%(name)s” already. Choose another name.", name=name.strip())
        raise Conflict(taken) from None
    record(session, by, "froze snapshot", snapshot, {"name": snapshot.name, "digest": snapshot.digest})
    return snapshot


def freeze(session: Session, settings: Settings, filters: Filters) -> Frozen:
    """Write the folder: rows in the order of their ids, the manifest last, then one rename.

    Nothing in the database changes, so a session for reading is enough. Prompts are written after what
    refers to them: one that arrives meanwhile may be there without its rankings, never the other way round.
    """
    root = settings.data_dir.resolve() / "snapshots"
    root.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter(dict.fromkeys(_all_counts(), 0))
    with scratch(root) as folder:
        pool = [splitting.pool_prompt(*row) for row in queries.pool(session)]
        held_before = _held_before(session, settings, filters)
        sides = splitting.sides_of(pool, filters.heldout_share, filters.split_seed, filters.prefix_length, held_before)
        rankings = rankings_of
        if filters.weighs_labelers:
            fitted = consensus.consensus(session, filters.scope, filters.settings)
            counts.update(rules.weighed(list(fitted.labelers.values()), fitted.tasks, filters).counts(filters))
            rankings = partial(merged_rankings if filters.labels == rules.CONSENSUS else weighed_rankings, fitted)
        write_rows(folder / RANKINGS, Ranking, rankings(session, filters, sides, counts))
        write_rows(folder / DEMONSTRATIONS, Demonstration, demonstrations_of(session, filters, sides, counts))
        write_rows(folder / PROMPTS, Prompt, prompts_of(session, filters, sides, counts))
        if not counts["prompts"]:
            raise Invalid(
                _("Nothing matches these filters: the snapshot would be empty. Import prompts or widen them.")
            )
        return _close(folder, root, filters, dict(counts), _split_report(folder, pool, sides, filters))


def _held_before(session: Session, settings: Settings, filters: Filters) -> set[int]:
    """Prompts that snapshots split by groups held out, with this seed and no larger share, where they are as frozen."""
    earlier = {
        snapshot.digest: snapshot
        for snapshot in queries.snapshots(session)
        if "prefix_length" in snapshot.filters
        and snapshot.filters.get("split_seed") == filters.split_seed
        and snapshot.filters.get("heldout_share", 1) <= filters.heldout_share
    }
    held: set[int] = set()
    for snapshot in earlier.values():
        folder = folder_of(settings, snapshot)
        if not (folder / MANIFEST).exists() or not (folder / PROMPTS).exists():
            continue
        if manifest_of(settings, snapshot).files.get(PROMPTS) == sha256_of(folder / PROMPTS):
            held.update(int(prompt_id) for prompt_id, split in read_sides(folder / PROMPTS) if split == "heldout")
    return held


def _split_report(folder: Path, pool: list[PoolPrompt], sides: Sides, filters: Filters) -> SplitReport:
    """Read back what was written: a leak that the files hold is told, whatever made it."""
    written = {int(prompt_id): split for prompt_id, split in read_sides(folder / PROMPTS)}
    apart = sum(
        written.get(int(prompt_id), split) != split
        for name in (RANKINGS, DEMONSTRATIONS)
        for prompt_id, split in read_sides(folder / name)
    )
    return splitting.report(pool, sides, filters.prefix_length, written, apart)


def _close(scratch: Path, root: Path, filters: Filters, counts: dict[str, int], split: SplitReport) -> Frozen:
    files = {name: sha256_of(scratch / name) for name in (PROMPTS, DEMONSTRATIONS, RANKINGS)}
    digest = digest_of(files)
    target = root / digest
    if (target / MANIFEST).exists():
        return Frozen(digest, counts)
    manifest = SnapshotManifest(
        filters=filters.as_json(),
        counts=counts,
        split=split,
        files=files,
        created=utc_now().isoformat(timespec="seconds"),
        app_version=version("prefloop"),
    )
    write_json(scratch / MANIFEST, manifest)
    for file in scratch.iterdir():
        file.chmod(0o444)
    scratch.chmod(0o755)
    try:
        scratch.rename(target)
    except OSError:
        if not (target / MANIFEST).exists():  # another process froze the same content in the meantime
            raise
    return Frozen(digest, counts)


def _all_counts() -> Iterator[str]:
    for name in rules.count_names():
        yield from (name, f"{name}_train", f"{name}_heldout")


def weighed(session: Session, filters: Filters) -> Weighed:
    """What putting the rankings together would take and leave out now."""
    fitted = consensus.consensus(session, filters.scope, filters.settings)
    return rules.weighed(list(fitted.labelers.values()), fitted.tasks, filters)


def campaigns_named(session: Session, names: list[str]) -> tuple[int, ...]:
    """Campaigns by id or name.

    Raises:
        NotFound: there is no such campaign.
    """
    known = queries.campaign_ids(session)
    ids = set(known.values())
    campaign_ids = []
    for name in names:
        if name in known:
            campaign_ids.append(known[name])
        elif name.isdecimal() and int(name) in ids:
            campaign_ids.append(int(name))
        else:
            listing = ", ".join(sorted(known)) or _("none yet")
            raise NotFound(_("There is no campaign “%(name)s”. Known are: %(names)s.", name=name, names=listing))
    return tuple(sorted(set(campaign_ids)))


def snapshots(session: Session) -> Sequence[Snapshot]:
    """All snapshots, newest first."""
    return queries.snapshots(session)


def snapshot_for(session: Session, which: int | str) -> Snapshot:
    """A snapshot by id, name or digest."""
    text = str(which)
    snapshot = queries.snapshot_by_id(session, int(text)) if text.isdecimal() and len(text) < 16 else None
    snapshot = snapshot or queries.snapshot_named(session, text) or queries.snapshot_of_digest(session, text)
    if snapshot is None:
        raise NotFound(_("There is no snapshot %(which)s.", which=which))
    return snapshot


def folder_of(settings: Settings, snapshot: Snapshot) -> Path:
    """Where a snapshot lies."""
    return settings.data_dir.resolve() / "snapshots" / snapshot.digest


def manifest_of(settings: Settings, snapshot: Snapshot) -> SnapshotManifest:
    """The closing page of a snapshot's folder.

    Raises:
        NotFound: the folder is gone from the data folder.
    """
    path = folder_of(settings, snapshot) / MANIFEST
    if not path.exists():
        raise NotFound(
            _("The files of the snapshot “%(name)s” are not in the data folder any more.", name=snapshot.name)
        )
    return SnapshotManifest.model_validate_json(path.read_text())


def changed_files(settings: Settings, snapshot: Snapshot) -> list[str]:
    """Files that are not as they were frozen; empty when all is as it was.

    Raises:
        NotFound: the folder is gone from the data folder.
    """
    manifest_of(settings, snapshot)
    return list(snapshot_differences(folder_of(settings, snapshot)))


def file_of(settings: Settings, snapshot: Snapshot, name: str) -> Path:
    """A file of a snapshot to hand out.

    Raises:
        NotFound: it has no such file.
        Conflict: it is not what was frozen.
    """
    path = folder_of(settings, snapshot) / name
    files = manifest_of(settings, snapshot).files
    if name not in {MANIFEST, *files} or not path.is_file():
        raise NotFound(_("The snapshot has no such file."))
    if name in files and sha256_of(path) != files[name]:
        raise Conflict(
            _(
                "“%(file)s” has changed since the snapshot was frozen, so it cannot be downloaded. "
                "Restore it from a backup.",
                file=name,
            )
        )
    return path


def export_snapshot(settings: Settings, snapshot: Snapshot, fmt: str, out: Path) -> exports.Report:
    """Write a snapshot in another tool's format into the folder ``out``; files of the same names are replaced.

    Raises:
        Invalid: there is no such format.
        Conflict: the snapshot's files are not what was frozen.
    """
    if fmt not in rules.FORMATS:
        formats = ", ".join(rules.FORMATS)
        raise Invalid(_("There is no format “%(format)s”. Choose one of %(formats)s.", format=fmt, formats=formats))
    if changed := changed_files(settings, snapshot):
        raise Conflict(
            _(
                "These files are no longer what was frozen: %(files)s. Nothing was exported.",
                files=", ".join(changed),
            )
        )
    out.mkdir(parents=True, exist_ok=True)
    return exports.WRITERS[fmt](folder_of(settings, snapshot), out)


def _split_lines(split: SplitReport | None) -> list[str]:
    """What the manifest says of the split, for the terminal."""
    if split is None:
        return ["split: by user or prompt alone; no check for leaks was made"]
    largest, share = f"the largest of {split.largest_group:,} prompts", f"{split.heldout_share:.1%} of prompts held out"
    lines = [
        f"split: {split.groups:,} groups, {largest}; {share}",
        f"leaks: {split.leaks.all}" + (f" {split.leaks.model_dump()}" if split.leaks.all else ""),
    ]
    if split.kept:
        lines.append(f"held out as in an earlier snapshot: {split.kept:,} prompts")
    lines += [
        f"template, left out of the grouping: {template.prompts:,} prompts begin “{template.text}”"
        for template in split.templates[:SHOWN_TEMPLATES]
    ]
    if split.apart:
        common = ", ".join(
            f"“{template.text}” ({template.users:,} users)" for template in split.common[:SHOWN_TEMPLATES]
        )
        lines.append(f"apart from their users: {split.apart:,} prompts that many sent, most of all {common}")
    if (more := split.templates_left_out - SHOWN_TEMPLATES) > 0:
        lines.append(f"{more:,} more templates")
    return lines


def summary_of(settings: Settings, snapshot: Snapshot) -> str:
    """A snapshot as text: counts by split, filters, and whether the files are what was frozen."""
    lines = [f"snapshot {snapshot.id} “{snapshot.name}” {snapshot.digest}", str(folder_of(settings, snapshot)), ""]
    lines.append(f"{'':16}{'all':>10}{'train':>10}{'held out':>10}")
    for name in rules.count_names():
        numbers = [snapshot.counts.get(key, 0) for key in (name, f"{name}_train", f"{name}_heldout")]
        lines.append(f"{name.replace('_', ' '):16}" + "".join(f"{number:>10,}" for number in numbers))
    left_out = {words: snapshot.counts[key] for key, words in rules.LEFT_OUT.items() if key in snapshot.counts}
    lines += [f"left out: {number:,} {_(words)}" for words, number in left_out.items()]
    if merged := snapshot.counts.get(rules.MADE_OF):
        lines.append(f"each ranking is a consensus; {merged:,} rankings of labelers are merged in them")
    lines += [
        "",
        *_split_lines(manifest_of(settings, snapshot).split),
        "filters: " + json.dumps(snapshot.filters, ensure_ascii=False),
    ]
    changed = changed_files(settings, snapshot)
    lines.append(f"CHANGED since it was frozen: {', '.join(changed)}" if changed else "files: as they were frozen")
    return "\n".join(lines)
