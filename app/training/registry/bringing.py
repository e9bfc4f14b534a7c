"""Bringing a model from elsewhere: a folder or a repository of a hub is inspected, kept and entered."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database import Database
from app.errors import DomainError, Invalid
from app.language import gettext as _
from app.models import ModelVersion, Person
from app.scratch import scratch
from app.settings import Settings
from app.training.registry import rules, service
from trainer.contract.inspection import INSPECT, Inspection, ModelFacts
from trainer.contract.integrity import Hashes, digest_of, hashes_of

MODELS = "models"
"""Below the data folder: models that were copied, each by the digest of its files."""
SECONDS_TO_INSPECT = 300
KEPT_FILES = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "README.md", "LICENSE*", "NOTICE*")
"""What a model is made of; pickled weights, code and other libraries' formats stay behind."""
TWICE = "consolidated*.safetensors"
"""The same weights once more, as the library of those who made them reads them."""

Say = Callable[[str], None]


def inspect(folder: Path, kind: str) -> ModelFacts:
    """Have the trainer look at a model, in a process of its own, for the web loads none of its libraries.

    Raises:
        Invalid: every reason why it cannot be used.
    """
    command = [sys.executable, "-m", "trainer", INSPECT, str(folder), kind]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=SECONDS_TO_INSPECT, env=environment
        )
        found = Inspection.model_validate_json((done.stdout.splitlines() or [""])[-1])
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise Invalid(_("The model could not be inspected.")) from error
    if found.facts is None:
        sentences = [_(text, **values) for text, values in found.problems]
        raise Invalid(_("This model cannot be used. %(reasons)s", reasons=" ".join(sentences)))
    return found.facts


def add_folder(
    database: Database,
    settings: Settings,
    by: Person | None,
    folder: Path,
    *,
    name: str,
    kind: str,
    copy: bool = False,
    say: Say = lambda _step: None,
) -> ModelVersion:
    """Enter the model in a folder.

    Args:
        database: of the application.
        settings: say where copies lie.
        by: who brings it.
        folder: in Hugging Face's format.
        name: for it; no other model has it.
        kind: base, sft, reward or policy.
        copy: whether to keep its files below the data folder; otherwise it stays where it is, and must.
        say: told what is being done.

    Raises:
        Invalid: a field is wrong, or the model cannot be used; nothing is entered or kept.
        Conflict: the name is taken.
    """
    folder = folder.resolve()
    _check(database, name, kind)
    say(_("Inspecting"))
    facts = inspect(folder, kind)
    if not copy:
        say(_("Hashing"))
        files = hashes_of(folder)
        return _enter(database, facts, Entry(by, name, kind, str(folder)), str(folder), files)
    with scratch(_home(settings)) as partial:
        say(_("Copying"))
        copied = _copied(folder, partial / "model")
        return _keep(database, settings, copied, facts, Entry(by, name, kind, str(folder)), say)


def add_from_hub(
    database: Database,
    settings: Settings,
    by: Person | None,
    repository: str,
    *,
    name: str,
    kind: str,
    say: Say = lambda _step: None,
) -> ModelVersion:
    """Fetch a model from a hub and enter it.

    ``HF_ENDPOINT`` names another hub than huggingface.co, ``HF_TOKEN`` is the key to what is not public.

    Args:
        database: of the application.
        settings: say where it is kept.
        by: who brings it.
        repository: ``ORG/NAME`` or ``ORG/NAME@REVISION``.
        name: for it.
        kind: base, sft, reward or policy.
        say: told what is being done.

    Raises:
        Invalid: it cannot be fetched or used; nothing is entered or kept.
        Conflict: the name is taken.
    """
    _check(database, name, kind)
    if (known := rules.repository_of(repository)) is None:
        raise Invalid(_("A model of a hub is named ORG/NAME or ORG/NAME@REVISION, not “%(text)s”.", text=repository))
    with scratch(_home(settings)) as partial:
        say(_("Fetching"))
        fetched = partial / "model"
        commit = _fetch(*known, fetched)
        say(_("Inspecting"))
        facts = inspect(fetched, kind)
        return _keep(database, settings, fetched, facts, Entry(by, name, kind, f"{known[0]}@{commit}"), say)


def _check(database: Database, name: str, kind: str) -> None:
    with database.reading() as session:
        service.check_new(session, name=name, kind=kind)


def _home(settings: Settings) -> Path:
    home = settings.data_dir.resolve() / MODELS
    home.mkdir(parents=True, exist_ok=True)
    return home


def _fetch(source: str, revision: str | None, target: Path) -> str:
    """Download what a model is made of; returns the commit."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    kept, left = list(KEPT_FILES), [TWICE]
    where = {"repository": source, "revision": revision or "main"}
    try:
        commit = HfApi().model_info(source, revision=revision).sha or ""
        snapshot_download(
            source, revision=commit or revision, local_dir=target, allow_patterns=kept, ignore_patterns=left
        )
    except GatedRepoError as error:
        sentence = _(
            "“%(repository)s” is for those who agreed to its terms. Agree on its page, and set HF_TOKEN to your key.",
            **where,
        )
        raise Invalid(sentence) from error
    except RevisionNotFoundError as error:
        raise Invalid(_("“%(repository)s” has no revision “%(revision)s”.", **where)) from error
    except RepositoryNotFoundError as error:
        sentence = _(
            "There is no model “%(repository)s”, or it is not public. Set HF_TOKEN to a key that may read it.", **where
        )
        raise Invalid(sentence) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        # Below the library lies another for the network, with errors of its own.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Invalid(
            _("“%(repository)s” could not be fetched: %(reason)s", reason=reason, repository=source)
        ) from error
    shutil.rmtree(target / ".cache", ignore_errors=True)
    return commit


def _copied(folder: Path, target: Path) -> Path:
    files = {file for pattern in KEPT_FILES for file in folder.rglob(pattern) if file.is_file()}
    for file in sorted(file for file in files if not file.match(TWICE)):
        place = target / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return target


@dataclass(frozen=True)
class Entry:
    """What a model is to be entered as: by whom, its name and kind, and where it comes from."""

    by: Person | None
    name: str
    kind: str
    source: str


def _keep(
    database: Database, settings: Settings, complete: Path, facts: ModelFacts, entry: Entry, say: Say
) -> ModelVersion:
    """Move a complete copy to its place and enter it; what the registry refuses leaves no files.

    Two models of the same files share one copy.
    """
    say(_("Hashing"))
    files = hashes_of(complete)
    final = _home(settings) / digest_of(files)
    with _alone(settings):
        new = not final.exists()
        if new:
            complete.rename(final)
        try:
            return _enter(database, facts, entry, final.relative_to(settings.data_dir.resolve()).as_posix(), files)
        except DomainError:
            if new:
                shutil.rmtree(final, ignore_errors=True)
            raise


def _enter(database: Database, facts: ModelFacts, entry: Entry, path: str, files: Hashes) -> ModelVersion:
    # Files are hashed before the transaction: a large model takes minutes, and others wait to write.
    told = {"name": entry.name, "kind": entry.kind, "source": entry.source}
    with database.transaction() as session:
        return service.enter(session, entry.by, facts, **told, path=path, files=files)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One at a time, of all processes: of a copy that two models share, nobody adds one while somebody removes it."""
    held = os.open(_home(settings), os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a disk that knows no locks
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def remove(database: Database, settings: Settings, by: Person | None, name: str) -> None:
    """Take a model out, and its copy where no other model has the same; what lies elsewhere is not ours to remove.

    Args:
        database: of the application.
        settings: say where copies lie.
        by: who removes it.
        name: of the model, or its id in digits.

    Raises:
        NotFound: there is no such model.
        Conflict: it is needed.
    """
    with _alone(settings):
        with database.transaction() as session:
            path = service.remove(session, by, service.model_named(session, name))
        folder = (settings.data_dir.resolve() / path).resolve()
        if path and folder.parent == _home(settings):
            shutil.rmtree(folder, ignore_errors=True)


def candidates(settings: Settings) -> list[Path]:
    """Folders below the one that admins name for models to bring, two levels deep, that hold a ``config.json``."""
    root = settings.models_to_bring
    found = sorted({file.parent for pattern in ("*/config.json", "*/*/config.json") for file in root.glob(pattern)})
    return [folder for folder in found if folder.resolve().is_relative_to(root.resolve())]


def candidate_at(settings: Settings, name: str) -> Path:
    """The folder of that name among the candidates.

    Raises:
        Invalid: there is none.
    """
    by_name = {str(folder.relative_to(settings.models_to_bring)): folder for folder in candidates(settings)}
    if name not in by_name:
        raise Invalid(_("Choose a folder."), {"folder": _("Choose a folder.")})
    return by_name[name]
