"""``metrics.jsonl`` and ``samples.jsonl``: append-only, one JSON object a line, readable while the run goes on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.loop import lease


class _Lines:
    """A JSON-lines file that starts again where its run starts again."""

    def __init__(self, path: Path, resume_step: int = 0) -> None:
        """Keep the lines up to the checkpoint's step and drop what was written after it.

        Args:
            path: the file; made when absent.
            resume_step: step of the checkpoint the run goes on from; 0 starts an empty file.
        """
        self.path = path
        self.kept = _up_to(path, resume_step) if resume_step else []
        partial = path.with_name(path.name + ".partial")
        partial.write_text("".join(_line(row) for row in self.kept), encoding="utf-8")
        partial.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def _append(self, row: Mapping[str, Any]) -> None:
        lease.hold()
        self._file.write(_line(row))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class MetricsLog(_Lines):
    """``{"step": 3, "total": 60, "time/seconds": 1.2, "loss/train": 4.1, …}`` a line."""

    def __init__(self, path: Path, resume_step: int = 0) -> None:
        super().__init__(path, resume_step)
        earlier = self.kept[-1].get("time/seconds") if self.kept else 0.0
        self._start = time.monotonic() - float(earlier or 0.0)

    def write(self, step: int, total: int, values: Mapping[str, float]) -> None:
        """Append the numbers of one step.

        Args:
            step: from 1, or 0 for what is measured before the first step.
            total: steps of the whole run.
            values: ``family/name`` -> number; what is not finite is written as null, for JSON has no NaN.
        """
        seconds = round(time.monotonic() - self._start, 3)
        finite = {name: _finite(value) for name, value in values.items()}
        self._append({"step": step, "total": total, "time/seconds": seconds, **finite})


class SampleLog(_Lines):
    """``{"step": 50, "prompt": "…", "answer": "…"}`` a line, to read what the model says as it learns."""

    def write(self, step: int, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self._append({"step": step, **{name: _finite(value) for name, value in row.items()}})


def _up_to(path: Path, step: int) -> list[dict[str, Any]]:
    """Lines of the file whose step is not after ``step``; half a line (a killed run) is no line."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if row["step"] <= step:
            rows.append(row)
    return rows


def _finite(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(row: Mapping[str, Any]) -> str:
    # Escaped, so that U+2028 and its like cannot end a line for a reader that takes them for line breaks.
    return json.dumps(row, allow_nan=False) + "\n"
