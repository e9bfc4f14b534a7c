"""How good the model is, beside what that is to be compared with."""

from dataclasses import dataclass

from app.language import gettext as _
from app.web.rates import CHANCE, Dots, axis_of, even_line, percent, points, rate_row
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
    rows = [rate_row(axis, _("This model"), judging.accuracy, unit=_("pairs"))]
    if judging.ensemble:
        rows.append(rate_row(axis, _("Mean score of the ensemble"), judging.ensemble.mean, unit=_("pairs")))
    if longer.n:
        name, note = _("“The longer answer wins”"), _("the rule to beat")
        rows.append(rate_row(axis, name, longer, "rule", note, _("pairs")))
    if judging.ceiling.agreement.n:
        note = _("where both have a preference")
        rows.append(rate_row(axis, _("Two people agree"), judging.ceiling.agreement, "people", note, _("pairs")))
    if ceiling.value is not None:
        note = _("against one person's labels")
        rows.append(rate_row(axis, _("Ceiling for any model"), ceiling, "bound", note))
    if judging.complete.n:
        note = _("every strict pair right")
        rows.append(rate_row(axis, _("Whole rankings in order"), judging.complete, note=note, unit=_("rankings")))
    caption = _("Accuracy beside what it compares with")
    dots = Dots(caption, "", axis, (even_line(axis),), rows, _("Share"), _("Of"))
    return Headline(_verdict(judging, longer, ceiling), _warning(judging), dots)


def _verdict(judging: Judging, longer: Share, ceiling: Share) -> str:
    accuracy = judging.accuracy
    if accuracy.value is None:
        return _("No strict pair could be judged, so there is no accuracy.")
    values = {"share": percent(accuracy.value), "pairs": f"{accuracy.n:,}"}
    parts = [
        _("Orders %(share)s of %(pairs)s held-out pairs as people did", **values)
        if judging.split == "heldout"
        else _("Orders %(share)s of %(pairs)s training pairs as people did", **values)
    ]
    if longer.value is not None:
        gain = accuracy.value - longer.value
        parts.append(
            _("%(points)s points above “the longer answer wins”", points=points(gain))
            if gain >= 0
            else _("%(points)s points below “the longer answer wins”", points=points(gain))
        )
    if ceiling.value is not None:
        room = ceiling.value - accuracy.value
        parts.append(
            _("%(points)s points below the ceiling that people's agreement sets", points=points(room))
            if room >= 0
            else _("%(points)s points above the ceiling that people's agreement sets", points=points(room))
        )
    if len(parts) == 3:
        first, second, third = parts
        return _("%(first)s, %(second)s and %(third)s.", first=first, second=second, third=third)
    return _("%(sentence)s.", sentence=_(", ").join(parts))


def _warning(judging: Judging) -> str:
    if judging.split == "train":
        return _(
            "The snapshot holds out no prompts: these figures are of prompts that the model learned from, "
            "and flatter it. Put prompts into the held-out split before the next snapshot."
        )
    if judging.accuracy.low is not None and judging.accuracy.low <= CHANCE:
        return _(
            "The interval of the accuracy reaches down to a coin's 50 %%: no preference has been shown to be learned."
        )
    return ""
