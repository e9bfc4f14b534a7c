"""What people did, as arrays: the input of the reports on single labelers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from app.judgements import rules as judged
from trainer.statistics.arrays import Floats, Integers, Mask
from trainer.statistics.rankings import Judgements

UNKNOWN = -1
HIDDEN_GOLD, AGAIN = judged.MEASURES[judged.GOLD], judged.MEASURES[judged.AGAIN]


@dataclass(frozen=True)
class Work:
    """A annotations by L people, which together rank N answers; everything is numbered from 0.

    Of each annotation, (A,):

    * ``labeler``: who made it. Researchers are people like others; gold that researchers agreed on can stand here as
      the work of one more person.
    * ``task``: what was judged. Two tasks with the same prompt and the same answers have **one** number here, so that
      what somebody judged twice meets (``app.material.prompts.rules.task_fingerprint`` tells them).
    * ``prompt``: what the tasks lie in, and what intervals take for independent.
    * ``day``: when it was submitted, in days since any fixed moment (a float).
    * ``seconds``: active time in all, NaN where unknown.
    * ``words``: to be read for it, prompt and answers (``word_count.words_of``); 0 where unknown.
    * ``measures``: 0, or ``HIDDEN_GOLD`` or ``AGAIN`` where it was given out to measure whoever made it; by default
      nothing was.

    Of each ranked answer, (N,), in any order:

    * ``annotation``: the place of its annotation.
    * ``answer``: any integer that is unique within a task.
    * ``rank``: 1 is best, equal is tied.
    * ``rating``: 1 to 7, 0 where none was asked.
    * ``place``: where it stood on the screen, from 0; ``UNKNOWN`` where nobody knows.

    ``labelers`` is L; people without work keep their number.
    """

    labeler: Integers
    task: Integers
    prompt: Integers
    day: Floats
    seconds: Floats
    words: Integers
    annotation: Integers
    answer: Integers
    rank: Integers
    rating: Integers
    place: Integers
    labelers: int
    measures: Integers | None = None

    def __len__(self) -> int:
        return len(self.labeler)

    @cached_property
    def judgements(self) -> Judgements:
        """The rankings as pairs of answers; ranking r is annotation r."""
        return Judgements.of_rankings(
            self.annotation,
            self.answer,
            self.rank,
            task=self.task,
            labeler=self.labeler,
            prompt=self.prompt,
            place=self.place,
        )

    @cached_property
    def that_counts(self) -> Work:
        """The work without hidden gold and second verdicts, which measure whoever made them."""
        return self if self.measures is None else self.only(self.measures == 0)

    @cached_property
    def between_people(self) -> Judgements:
        """What is compared with other people's: neither hidden gold, which all judge, nor anybody's second verdict."""
        return self.judgements if self.measures is None else self.judgements.only(self.measures == 0)

    @cached_property
    def beside_gold(self) -> Judgements:
        """What is compared with gold: everything but second verdicts."""
        return self.judgements if self.measures is None else self.judgements.only(self.measures != AGAIN)

    def only(self, mask: Mask) -> Work:
        """Some of the annotations, given as a mask (A,), renumbered; tasks, prompts and people keep their numbers."""
        number = np.cumsum(mask) - 1
        answers = mask[self.annotation]
        columns = {name: getattr(self, name)[mask] for name in ("labeler", "task", "prompt", "day", "seconds", "words")}
        columns |= {name: getattr(self, name)[answers] for name in ("answer", "rank", "rating", "place")}
        measures = None if self.measures is None else self.measures[mask]
        return replace(self, **columns, annotation=number[self.annotation[answers]], measures=measures)

    def between(self, first: float, last: float) -> Work:
        """What was submitted from day ``first`` on and before day ``last``: a window."""
        return self.only((self.day >= first) & (self.day < last))
