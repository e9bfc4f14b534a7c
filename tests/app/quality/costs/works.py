"""Submissions with their times, made short."""

from app.quality.costs.rules import Work


def ranking(labeler, *, prompt=0.0, ordering=0.0, ratings=(), strict=6, month="2026-05", group="", campaign="R"):
    """Of four answers, which make six pairs."""
    parts = {"prompt": prompt, "ranking": ordering} | {f"answer:{n}": s for n, s in enumerate(ratings)}
    return Work(campaign, "ranking", 4, group, month, labeler, parts, strict, 6)


def demonstration(labeler, writing, *, prompt=0.0, lost=False):
    return Work("D", "demonstration", 0, "", "2026-05", labeler, {"writing": writing, "prompt": prompt}, lost=lost)
