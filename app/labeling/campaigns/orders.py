"""What somebody said, in a few words."""

from app.material.candidates.rules import candidate_letter
from app.models import Annotation
from trainer.statistics.weak_orders import weak_order


def stored_order(annotation: Annotation) -> str:
    """The weak order as its annotator saw it, ``C > A = D > B``; empty for a demonstration."""
    rank_of = {row.candidate_id: row.rank for row in annotation.ranks}
    order = annotation.shown_order or sorted(rank_of)
    return weak_order({candidate_letter(i): rank_of[c] for i, c in enumerate(order) if c in rank_of})
