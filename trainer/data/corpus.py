"""Plain text to learn a language from: a file, or the documentation that every Python carries with it."""

from __future__ import annotations

import ast
import gzip
import hashlib
import inspect
import json
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from trainer.contract.errors import StageError
from trainer.contract.integrity import corpus_has_changed
from trainer.loop.inputs import ChangedError, Opened

STDLIB = "stdlib-docstrings"
_SKIP = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}


def load_corpus(source: str) -> list[str]:
    """Documents of a corpus, in an order that is always the same.

    Args:
        source: ``stdlib-docstrings``, or a path to ``.txt`` (documents apart by blank lines) or
            ``.jsonl`` (field ``text`` or ``content``), either with ``.gz``.

    Raises:
        ValueError: the path leads nowhere or holds no text.
    """
    documents = stdlib_docstrings() if source == STDLIB else list(_read(Path(source)))
    if not documents:
        raise ValueError(f"The corpus {source} holds no text.")
    return documents


def open_corpus(source: str, opened: Opened) -> list[str]:
    """``load_corpus`` for a run: the text must be the one that was imported, and the one that the run began with.

    Raises:
        ValueError: there is no such text.
        ChangedError: it is another one.
    """
    if source != STDLIB and corpus_has_changed(Path(source)):
        raise ChangedError(
            f"The corpus {source} is not the text that was imported: its hash differs from its name. Nothing was "
            "trained on it. Import the text again.",
            [source],
        )
    documents = load_corpus(source)
    opened.remember("the corpus", {source: fingerprint(documents)})
    return documents


def fingerprint(*parts: list[str]) -> str:
    """SHA-256 of documents as they are used."""
    digest = hashlib.sha256()
    for documents in parts:
        for text in documents:
            digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def stdlib_docstrings() -> list[str]:
    """Docstrings of the standard library's modules, classes and functions, each once, tests left out."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [f for f in root.rglob("*.py") if not _SKIP.intersection(f.relative_to(root).parts)]
    seen: dict[str, None] = {}
    for file in sorted(files, key=lambda f: f.relative_to(root).as_posix()):
        for text in _docstrings(file):
            seen.setdefault(text)
    return list(seen)


def _docstrings(file: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in old modules are not our concern
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text and (cleaned := inspect.cleandoc(text).strip()):
                yield cleaned
        # Definitions stand in statements only; expressions are most of a tree and are not worth the walk.
        pending.extend(reversed([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]))


def _read(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise StageError(f'The corpus {path} is not there. Give a path to a file, or "{STDLIB}".', resumable=False)
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        if kind == ".txt":
            yield from (part.strip() for part in file.read().split("\n\n") if part.strip())
        elif kind == ".jsonl":
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _text(line, f"{path}, line {number}")
        else:
            raise ValueError(f"The corpus {path} is neither .txt nor .jsonl (with or without .gz).")


def _text(line: str, where: str) -> str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: not JSON ({error}).") from error
    text = (row.get("text") or row.get("content")) if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise ValueError(f'{where}: no field "text" or "content" with text in it.')  # noqa: TRY004
    return text
