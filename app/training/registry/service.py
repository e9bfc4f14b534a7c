"""Model versions: entering the result of a run, finding parents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.language import gettext as _
from app.language import ngettext
from app.models import ModelParent, ModelVersion, Person
from app.people import service as people
from app.training.registry import queries, rules
from trainer.contract.inspection import ModelFacts
from trainer.contract.integrity import differences

# What pages read as it is stored.
candidate_counts = queries.candidate_counts
children = queries.children


@dataclass(frozen=True)
class TrainedModel:
    """What a finished run left: a model of some ``kind``, and all that is known of how it came about.

    ``path`` is its folder below the data folder, ``parents`` role -> id, ``files`` file -> SHA-256 as the run noted
    them; ``metrics`` and ``provenance`` are those of the run.
    """

    name: str
    kind: str
    path: str
    run_id: int
    snapshot_id: int | None
    parents: Mapping[str, int]
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    files: Mapping[str, str]


def register(session: Session, left: TrainedModel, lying: Mapping[str, str]) -> ModelVersion:
    """Enter the model of a finished run; a run has one model, so entering it again returns the first.

    Its files go into the provenance, so that later runs can tell whether they are still these.

    Args:
        session: of the database.
        left: what the run left.
        lying: the hashes of what lies there now; made before the transaction, for a large model takes minutes.

    Raises:
        Conflict: what lies there is not what the run left.
    """
    if known := queries.model_of_run(session, left.run_id):
        return known
    if changed := differences(left.files, lying):
        raise Conflict(
            _(
                "The model was not registered because its files have changed since the run wrote them: %(files)s. "
                "Restore them, then continue the run.",
                files=", ".join(changed),
            )
        )
    model = ModelVersion(
        name=left.name,
        kind=left.kind,
        path=left.path,
        run_id=left.run_id,
        snapshot_id=left.snapshot_id,
        metrics=dict(left.metrics),
        provenance={**left.provenance, "files": dict(left.files)},
        parents=[ModelParent(role=role, parent_id=parent_id) for role, parent_id in sorted(left.parents.items())],
    )
    session.add(model)
    people.record(session, None, "registered model", model, {"name": left.name, "run": left.run_id})
    return model


def check_new(session: Session, *, name: str, kind: str) -> None:
    """Say whether a model could be entered under a name, before the work that ends in entering it.

    Raises:
        Invalid: the name or the kind cannot be.
        Conflict: a model or a run has the name.
    """
    problems = {"name": rules.name_problem(name), "kind": rules.kind_problem(kind)}
    if wrong := {field: sentence for field, sentence in problems.items() if sentence}:
        raise Invalid(" ".join(wrong.values()), wrong)
    if queries.name_taken(session, name.strip()):
        raise Conflict(_("There is a model or a run named “%(name)s” already. Choose another name.", name=name.strip()))


def enter(
    session: Session,
    by: Person | None,
    facts: ModelFacts,
    *,
    name: str,
    kind: str,
    path: str,
    source: str,
    files: Mapping[str, str],
) -> ModelVersion:
    """Enter a model that was brought from elsewhere.

    Args:
        session: an open transaction.
        by: who brings it.
        facts: what its inspection found.
        name: for it.
        kind: base, sft, reward or policy.
        path: of its folder, below the data folder or absolute.
        source: where it comes from.
        files: file -> SHA-256, so that later runs can tell whether the files are still these.

    Raises:
        Invalid: the name or the kind cannot be.
        Conflict: a model or a run has the name.
    """
    check_new(session, name=name, kind=kind)
    told = {"source": source, **facts.model_dump(exclude={"memory"}), "memory": facts.memory, "files": dict(files)}
    model = ModelVersion(name=name.strip(), kind=kind, path=path, metrics={}, provenance=told)
    session.add(model)
    people.record(session, by, "added model", model, {"name": model.name, "kind": kind, "source": source})
    return model


def rename(session: Session, by: Person | None, model: ModelVersion, name: str) -> None:
    """Call a model otherwise; what was made from it or refers to it follows.

    Raises:
        Invalid: it cannot be called so.
        Conflict: a model or a run has the name.
    """
    before = model.name
    if name.strip() == before:
        return
    check_new(session, name=name, kind=model.kind)
    model.name = name.strip()
    people.record(session, by, "renamed model", model, {"before": before, "after": model.name})


def remove(session: Session, by: Person | None, model: ModelVersion) -> str:
    """Take a model that was brought from elsewhere out of the registry.

    Returns:
        Its path, if no other model has the same one: then nothing needs its files any more.

    Raises:
        Conflict: a run made it, or something was made with it; that says where it comes from as long as it is there.
    """
    if model.run_id is not None:
        raise Conflict(_("“%(name)s” was made by a run, which tells how. It stays.", name=model.name))
    runs, answers = queries.uses_of(session, model.id)
    if runs or answers:
        uses = {
            "runs": ngettext("%(num)s run", "%(num)s runs", runs),
            "answers": ngettext("%(num)s answer", "%(num)s answers", answers),
        }
        raise Conflict(
            _("“%(name)s” stays: %(runs)s started from it, %(answers)s came from it.", name=model.name, **uses)
        )
    people.record(session, by, "removed model", model, {"name": model.name, "path": model.path})
    session.delete(model)
    session.flush()
    return "" if queries.path_is_used(session, model.path) else model.path


def models(session: Session, kinds: Sequence[str] = ()) -> Sequence[ModelVersion]:
    """All models of some kinds, newest first."""
    return queries.models(session, kinds)


def model_for(session: Session, model_id: int) -> ModelVersion:
    model = queries.model_by_id(session, model_id)
    if model is None:
        raise NotFound(_("There is no such model."))
    return model


def model_named(session: Session, name: str) -> ModelVersion:
    """The model of a name, or else of an id in digits.

    Raises:
        NotFound: there is none.
    """
    found = queries.model_by_name(session, name)
    if found is None and name.isascii() and name.isdecimal():
        found = queries.model_by_id(session, int(name))
    if found is None:
        raise NotFound(_("There is no model named “%(name)s”.", name=name))
    return found


def recorded_files(model: ModelVersion) -> dict[str, str]:
    """File -> SHA-256 as they were when the model was registered; empty for one that was registered without."""
    return dict(model.provenance.get("files", {}))


def lineage(model: ModelVersion) -> list[list[tuple[str, ModelVersion]]]:
    """Ancestors by generation, oldest first, each with the role it played; the model itself comes last."""
    generations: list[list[tuple[str, ModelVersion]]] = [[("", model)]]
    seen = {model.id}
    while True:
        parents = [(link.role, link.parent) for _, child in generations[0] for link in child.parents]
        older = []
        for role, parent in parents:
            if parent.id not in seen:
                seen.add(parent.id)
                older.append((role, parent))
        if not older:
            return generations
        generations.insert(0, older)
