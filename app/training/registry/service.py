"""Model versions: entering the result of a run, finding parents."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.language import gettext as _
from app.models import ModelParent, ModelVersion
from app.people import service as people
from app.training.registry import queries
from trainer.contract.integrity import differences

# What pages read as it is stored.
candidate_counts = queries.candidate_counts
children = queries.children


def register(
    session: Session,
    *,
    name: str,
    kind: str,
    path: str,
    run_id: int,
    snapshot_id: int | None,
    parents: dict[str, int],
    metrics: dict[str, Any],
    provenance: dict[str, Any],
    files: Mapping[str, str],
    found: Mapping[str, str],
) -> ModelVersion:
    """Enter the model of a finished run; a run has one model, so entering it again returns the first.

    Args:
        session: of the database.
        name: of the model.
        kind: of model.
        path: of its folder below the data folder.
        run_id: that left it.
        snapshot_id: that it learned from.
        parents: role -> id.
        metrics: of its run.
        provenance: of its run; ``files`` is added, so that later runs can tell whether the files are still these.
        files: file -> SHA-256 as the run noted them.
        found: the same of what lies there now; hashed before the transaction, for a large model takes minutes.

    Raises:
        Conflict: what lies there is not what the run left.
    """
    if known := queries.model_of_run(session, run_id):
        return known
    if changed := differences(files, found):
        raise Conflict(
            _(
                "The model was not registered because its files have changed since the run wrote them: %(files)s. "
                "Restore them, then continue the run.",
                files=", ".join(changed),
            )
        )
    model = ModelVersion(
        name=name,
        kind=kind,
        path=path,
        run_id=run_id,
        snapshot_id=snapshot_id,
        metrics=metrics,
        provenance=provenance | {"files": dict(files)},
        parents=[ModelParent(role=role, parent_id=parent_id) for role, parent_id in sorted(parents.items())],
    )
    session.add(model)
    people.record(session, None, "registered model", model, {"name": name, "run": run_id})
    return model


def models(session: Session, kinds: Sequence[str] = ()) -> Sequence[ModelVersion]:
    """All models of some kinds, newest first."""
    return queries.models(session, kinds)


def model_for(session: Session, model_id: int) -> ModelVersion:
    model = queries.model_by_id(session, model_id)
    if model is None:
        raise NotFound(_("There is no such model."))
    return model


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
