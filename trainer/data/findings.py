"""What a reader of data met and somebody should know of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Findings:
    """Counted by kind, the first few by name."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        """Count one more of a kind."""
        self.counts[kind] += 1
        if len(known := self.examples.setdefault(kind, [])) < 3 and name not in known:
            known.append(name)

    def named(self, kind: str) -> str:
        """``r1, r2, r3, …``: the first few of a kind."""
        return ", ".join(self.examples[kind]) + (", …" if self.counts[kind] > len(self.examples[kind]) else "")

    def sentences(self) -> list[str]:
        """``12 × the ranking is left out: a ranking needs at least two answers (r1, r2, r3, …)``."""
        return [f"{count} × {kind} ({self.named(kind)})" for kind, count in sorted(self.counts.items())]
