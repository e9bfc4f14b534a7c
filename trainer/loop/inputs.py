"""The door for what a run reads: models, snapshot and corpus are what they were when somebody wrote them down.

Weights that were swapped on disk train as well as the right ones, and nothing in the result tells. So every file is
hashed once when a run starts and compared with every record there is: what the run that left a model noted of it, what
the registry knew, what a snapshot's manifest says and its name stands for, and what this run read itself when it
was started before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainer.contract.errors import StageError
from trainer.contract.folder import CHECKPOINTS, INPUTS, MANIFEST, ParentRole, RunSpec, write_json
from trainer.contract.integrity import Hashes, differences, hashes_of, recorded_of_model, snapshot_differences, told

OPENED = "opened.json"


class ChangedError(StageError):
    """Something is not what was recorded."""

    def __init__(self, sentence: str, files: list[str]) -> None:
        super().__init__(sentence, resumable=False, files=files)


class Opened:
    """What a run reads, verified.

    Attributes:
        parents: role -> files of that model.
    """

    parents: dict[str, Hashes]

    def __init__(self, run: Path, spec: RunSpec) -> None:
        """Hash and compare parents, snapshot and the run's own inputs.

        Raises:
            ChangedError: naming file and run.
        """
        self._path = run / INPUTS / OPENED
        # Before the first checkpoint nothing has been learned from anything, so whatever was wrong may be put right.
        started = self._path.exists() and (run / CHECKPOINTS).exists()
        self._known: dict[str, Any] = json.loads(self._path.read_text()) if started else {}
        self.parents = {role: _verified_model(role, path, spec) for role, path in spec.parents.items()}
        for role, found in self.parents.items():
            self.remember(f'the model "{role}"', found)
        if spec.snapshot is not None:
            if changed := snapshot_differences(spec.snapshot):
                raise ChangedError(
                    f"The snapshot at {spec.snapshot} is no longer what was frozen: {told(changed)}. Nothing was "
                    "done with it. Put the files back and start the run again, or freeze a new snapshot.",
                    [str(spec.snapshot / name) for name in changed],
                )
            if not (spec.snapshot / MANIFEST).exists():
                self.remember("the snapshot", hashes_of(spec.snapshot))
        given = {name: sha for name, sha in hashes_of(run / INPUTS).items() if name != OPENED}
        self.remember("what lies in inputs/", given)

    def remember(self, what: str, found: Hashes) -> None:
        """Note what the run reads when it does so first, and refuse anything else when it is started again.

        Raises:
            ChangedError: naming the files.
        """
        if what not in self._known:
            self._known[what] = found
            self._path.parent.mkdir(exist_ok=True)
            write_json(self._path, self._known)
        elif changed := differences(self._known[what], found):
            raise ChangedError(
                f"Since this run began, {what} has changed: {told(changed)}. Nothing more was done. "
                "Put it back and start the run again, or start a new one.",
                list(changed),
            )


def _verified_model(role: ParentRole, path: Path, spec: RunSpec) -> Hashes:
    found = hashes_of(path)
    for recorded, by in (
        (recorded_of_model(path), f"the run at {path.parent} left"),
        (spec.recorded.get(role, {}), "was registered"),
    ):
        if recorded and (changed := differences(recorded, found)):
            raise ChangedError(
                f'The model "{role}" at {path} is no longer what {by}: {told(changed)}. Nothing was done with '
                "it. Put the files back and start the run again, or choose another model.",
                [str(path / name) for name in changed],
            )
    return found
