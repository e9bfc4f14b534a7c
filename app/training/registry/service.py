"""Model versions: entering the result of a run, finding parents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
