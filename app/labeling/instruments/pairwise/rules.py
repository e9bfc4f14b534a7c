"""The bar on which two answers are compared: which is better, and how much.

Anthropic's helpful and harmless data was collected on eight steps without a middle, *A much better* to *B much better*
(Bai et al. 2022, §2.2); Llama 2 on three steps to each side of one for answers between which nobody can choose
(§3.2.1). The middle is a tie; there is none on the first bar.
"""

from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark

MIDDLE = mark("A and B are about the same")


@dataclass(frozen=True)
class Bar:
    """A bar of steps from 1, *A much better*; ``words`` are those of the better answer, from the slightest step on."""

    words: tuple[str, ...]
    has_middle: bool

    @property
    def steps(self) -> range:
        return range(1, 2 * len(self.words) + self.has_middle + 1)

    def strength_of(self, step: int) -> int:
        """How far a step is from the middle: above 0 where the first answer is better, below where the second is."""
        levels = len(self.words)
        return levels + 1 - step if step <= levels else levels + self.has_middle - step

    def step_of(self, strength: int) -> int:
        """The step so far from the middle, the other way round."""
        levels = len(self.words)
        return levels + 1 - strength if strength > 0 else levels + self.has_middle - strength

    def told(self, step: int) -> str:
        """What a step says, in the reader's language."""
        strength = self.strength_of(step)
        return _(self.words[abs(strength) - 1], letter="A" if strength > 0 else "B") if strength else _(MIDDLE)


BARS = {
    "8": Bar(
        (
            mark("%(letter)s is slightly better"),
            mark("%(letter)s is somewhat better"),
            mark("%(letter)s is better"),
            mark("%(letter)s is much better"),
        ),
        has_middle=False,
    ),
    "7": Bar(
        (
            mark("%(letter)s is slightly better"),
            mark("%(letter)s is better"),
            mark("%(letter)s is significantly better"),
        ),
        has_middle=True,
    ),
}
STEPS = {
    "8": mark("8 steps without a middle: one of the answers is always better"),
    "7": mark("7 steps with a middle, for answers that are about the same"),
}


def step_problem(step: int | None, bar: Bar) -> str | None:
    """Why a step cannot be submitted, or nothing."""
    if step is None:
        return _("Nothing is chosen yet. Say which answer is better, and by how much; then submit.")
    if step not in bar.steps:
        return _("The bar has the steps 1 to %(most)s, not %(step)s.", most=bar.steps[-1], step=step)
    return None
