"""What was recorded of a model, a snapshot or a corpus, held against what lies there now."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from trainer.contract.folder import MANIFEST, MODEL, RunManifest, SnapshotManifest, sha256_of

CARD = "README.md"
_ALWAYS_RECORDED = {".json", ".jinja", ".parquet", ".safetensors"}
_CORPUS = re.compile(r"([0-9a-f]{64})\.jsonl\.gz")

Hashes = dict[str, str]
"""File name below a folder -> SHA-256."""


def hashes_of(folder: Path) -> Hashes:
    """Hash every file below a folder that a program may read; cards for people and hidden files are left out."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = ((file.relative_to(folder), file) for file in files)
    return {
        name.as_posix(): sha256_of(file)
        for name, file in names
        if name.name != CARD and not any(part.startswith(".") for part in name.parts)
    }


def differences(recorded: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """File -> what became of it: ``has changed``, ``is missing`` or ``was added``; empty when all is as recorded.

    An added file counts where a library would load it without being asked.
    """
    said = {}
    for name in sorted({*recorded, *found}):
        path = Path(name)
        if path.name == CARD:
            continue
        if name not in found:
            said[name] = "is missing"
        elif name not in recorded:
            if path.suffix in _ALWAYS_RECORDED:
                said[name] = "was added"
        elif recorded[name] != found[name]:
            said[name] = "has changed"
    return said


def told(changed: Mapping[str, str]) -> str:
    """``model.safetensors has changed, tokenizer.json is missing``."""
    return ", ".join(f"{name} {what}" for name, what in changed.items())


def recorded_of_model(folder: Path) -> Hashes:
    """What the run that left this model noted of its files; empty for a model from elsewhere."""
    manifest = folder.parent / MANIFEST
    if folder.name != MODEL or not manifest.is_file():
        return {}
    return model_files(RunManifest.model_validate_json(manifest.read_text(encoding="utf-8")).files)


def model_files(files: Mapping[str, str]) -> Hashes:
    """Of a run's files those of its model, by their name in ``model/``."""
    return {name.removeprefix(f"{MODEL}/"): sha for name, sha in files.items() if name.startswith(f"{MODEL}/")}


def snapshot_differences(folder: Path) -> dict[str, str]:
    """What of a snapshot is not what was frozen; a folder without a manifest froze nothing."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    files = SnapshotManifest.model_validate_json(path.read_text(encoding="utf-8")).files
    found = {name: sha256_of(folder / name) for name in files if (folder / name).is_file()}
    changed = differences(files, found)
    if not changed and re.fullmatch(r"[0-9a-f]{16}", folder.name) and digest_of(files) != folder.name:
        changed = {MANIFEST: "names other files than the snapshot's own name stands for"}
    return changed


def digest_of(files: Mapping[str, str]) -> str:
    """The name of a snapshot: the hash of the table of its files' hashes, cut to 16 characters."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def corpus_has_changed(path: Path) -> bool:
    """Whether an imported corpus, whose name is the hash of its text, holds another text now."""
    named = _CORPUS.fullmatch(path.name)
    if not named:
        return False
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (OSError, EOFError):
        return True
    return digest.hexdigest() != named[1]
