"""How good the model is, beside what that is to be compared with."""

from dataclasses import dataclass

from app.runs.figures.rates import CHANCE, Dots, axis_of, even_line, percent, points, rate_row
from trainer.contract.judging import Judging, Share


@dataclass(frozen=True)
class Headline:
    """How good the model is, in one sentence and beside what it is to be compared with."""

    sentence: str
    warning: str
    dots: Dots


def headline(judging: Judging) -> Headline:
    longer = next((probe.people for probe in judging.probes if probe.name == "longer_wins" and probe.people), Share())
    ceiling = Share(value=judging.ceiling.accuracy)
    axis = axis_of((judging.accuracy, judging.complete, longer, judging.ceiling.agreement, ceiling))
    rows = [rate_row(axis, "This model", judging.accuracy, unit="pairs")]
    if judging.ensemble:
        rows.append(rate_row(axis, "Mean score of the ensemble", judging.ensemble.mean, unit="pairs"))
    if longer.n:
        rows.append(rate_row(axis, "“The longer answer wins”", longer, "rule", "the rule to beat", "pairs"))
    if judging.ceiling.agreement.n:
        note = "where both have a preference"
        rows.append(rate_row(axis, "Two people agree", judging.ceiling.agreement, "people", note, "pairs"))
    if ceiling.value is not None:
        rows.append(rate_row(axis, "Ceiling for any model", ceiling, "bound", "against one person's labels"))
    if judging.complete.n:
        note = "every strict pair right"
        rows.append(rate_row(axis, "Whole rankings in order", judging.complete, note=note, unit="rankings"))
    dots = Dots("Accuracy beside what it compares with", "", axis, (even_line(axis),), rows, "Share", "Of")
    return Headline(_verdict(judging, longer, ceiling), _warning(judging), dots)


def _verdict(judging: Judging, longer: Share, ceiling: Share) -> str:
    accuracy = judging.accuracy
    if accuracy.value is None:
        return "No strict pair could be judged, so there is no accuracy."
    kind = "held-out" if judging.split == "heldout" else "training"
    parts = [f"Orders {percent(accuracy.value)} of {accuracy.n:,} {kind} pairs as people did"]
    if longer.value is not None:
        gain = accuracy.value - longer.value
        parts.append(f"{points(gain)} points {'above' if gain >= 0 else 'below'} “the longer answer wins”")
    if ceiling.value is not None:
        room = ceiling.value - accuracy.value
        parts.append(
            f"{points(room)} points {'below' if room >= 0 else 'above'} the ceiling that people's agreement sets"
        )
    return ", ".join(parts[:-1]) + " and " + parts[-1] + "." if len(parts) > 2 else ", ".join(parts) + "."


def _warning(judging: Judging) -> str:
    if judging.split == "train":
        return (
            "The snapshot holds out no prompts: these figures are of prompts that the model learned from, "
            "and flatter it. Put prompts into the held-out split before the next snapshot."
        )
    if judging.accuracy.low is not None and judging.accuracy.low <= CHANCE:
        return "The interval of the accuracy reaches down to a coin's 50 %: no preference has been shown to be learned."
    return ""
