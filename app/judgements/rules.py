"""Which annotations count for which purpose: the one place where it is said.

An annotation is of one of five sorts:

* **work**: somebody's first verdict on a task of a campaign of work; imported verdicts are work too;
* **gold**: a task of such a campaign that has gold, given out to measure whoever judges it: every labeler judges the
  same;
* **again**: a task that its labeler judged before, given out to compare them with themselves: who judges twice has no
  second vote;
* **item**: an item of a bank, judged by one of the researchers who prepare it;
* **test**: the same, judged by somebody who is measured by it.

What each purpose takes. *Apart*: it is read, but compared with its own kind alone and never counted beside work.
*Time*: it was paid and has yielded nothing.

==================  =====  =====  =====  =====  =====  =============  ================================================
purpose             work   gold   again  item   test   whose          what for
==================  =====  =====  =====  =====  =====  =============  ================================================
training            yes    no     no     no     no     everybody's    training sets, weights, consensus orders
counting            yes    no     no     no     no     everybody's    headlines, marks that labelers suggest
comparison          yes    no     no     no     no     everybody's    win rates of models
agreement           yes    no     apart  no     no     everybody's    how far people agree
agreement in banks  no     no     no     yes    apart  everybody's    the same on items, by role
labeler quality     yes    apart  apart  no     no     accounts'      habits, agreement, gold, oneself, drift
costs               yes    time   time   no     no     labelers'      hours, and what they yielded
adjudication        yes    no     no     yes    no     everybody's    what is looked at to decide on gold
progress            yes    no     no     yes    no     everybody's    how far a campaign or a bank is
looking through     yes    yes    yes    yes    no     everybody's    the newest submissions of a campaign
texts               yes    yes    yes    no     no     everybody's    review, integrity; nothing written is gold yet
==================  =====  =====  =====  =====  =====  =============  ================================================

What researchers do is paid otherwise than labels, and imported work has no time. A person's own list of what they did
(``my_work``), and lists of what somebody has met, know no purpose: they hold everything, for a labeler must not be able
to tell the sorts apart.

A ranking is an annotation that ranks something: imported labels are annotations as well, and rank nothing. A task that
was skipped has no annotation. A correction takes the place of what it corrects in the same row, so no annotation is
superseded by another; of a text the newest version counts. A tie is a verdict like another, and *none acceptable* is
said beside the order, which counts all the same.

What is compared as the same thing differs too, for each purpose has its own: consensus and adjudication compare within
one task; agreement within one prompt and phase, wherever it was judged; a labeler within the same prompt and answers,
a task that came again being the one that it repeats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

WORK, GOLD, AGAIN, ITEM, TEST = "work", "gold", "again", "item", "test"
SORTS = (WORK, GOLD, AGAIN, ITEM, TEST)
MEASURES = {GOLD: 1, AGAIN: 2}
"""The number of each sort that measures its labeler; what measures nobody has 0."""
YES, APART, TIME = "yes", "apart", "time"
EVERYBODYS, ACCOUNTS, LABELERS = "everybody's", "accounts'", "labelers'"


@dataclass(frozen=True)
class Purpose:
    """A row of the table: how each sort is taken that is taken at all, and whose annotations."""

    name: str
    takes: tuple[tuple[str, str], ...]
    whose: str = EVERYBODYS

    @property
    def sorts(self) -> frozenset[str]:
        return frozenset(sort for sort, _how in self.takes)

    def how(self, sort: str) -> str | None:
        return dict(self.takes).get(sort)


def _taking(name: str, takes: Mapping[str, str], whose: str = EVERYBODYS) -> Purpose:
    return Purpose(name, tuple(takes.items()), whose)


TRAINING = _taking("training", {WORK: YES})
COUNTING = _taking("counting", {WORK: YES})
COMPARISON = _taking("comparison", {WORK: YES})
AGREEMENT = _taking("agreement", {WORK: YES, AGAIN: APART})
AGREEMENT_IN_BANKS = _taking("agreement in banks", {ITEM: YES, TEST: APART})
LABELER_QUALITY = _taking("labeler quality", {WORK: YES, GOLD: APART, AGAIN: APART}, ACCOUNTS)
COSTS = _taking("costs", {WORK: YES, GOLD: TIME, AGAIN: TIME}, LABELERS)
ADJUDICATION = _taking("adjudication", {WORK: YES, ITEM: YES})
PROGRESS = _taking("progress", {WORK: YES, ITEM: YES})
LOOKING_THROUGH = _taking("looking through", {WORK: YES, GOLD: YES, AGAIN: YES, ITEM: YES})
TEXTS = _taking("texts", {WORK: YES, GOLD: YES, AGAIN: YES})
PURPOSES = (
    *(TRAINING, COUNTING, COMPARISON, AGREEMENT, AGREEMENT_IN_BANKS, LABELER_QUALITY, COSTS),
    *(ADJUDICATION, PROGRESS, LOOKING_THROUGH, TEXTS),
)


@dataclass(frozen=True)
class Wanted:
    """Which annotations: those that count for a purpose, as far as all of this holds for them.

    Attributes:
        purpose: a row of the table.
        instruments: kinds of campaigns; here and below, empty takes all.
        phases: ``training``, ``evaluation``.
        campaigns: ids.
        tasks: ids.
        sources: of prompts.
        language: of the prompt; None for all.
        group: the labeler group that the person is in now, or that an import told; None for all, empty for none.
        since: first moment taken.
        before: first moment no longer taken.
        criterion: what orders go by, whichever instrument they were made with.
    """

    purpose: Purpose
    instruments: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    campaigns: tuple[int, ...] = ()
    tasks: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    language: str | None = None
    group: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    criterion: str = ""
