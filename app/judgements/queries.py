"""Which annotations count, and for which purpose; every query that counts or takes what people said asks here.

An annotation belongs to one of three kinds:

* **work**: somebody's first verdict on a task of a campaign of work, imported verdicts among them;
* **measuring**: hidden gold, or a task that its labeler judged before. It stands in a campaign of work and looks like
  work, but it is there to measure its labeler: every labeler judges the same gold, and who judges twice has no second
  vote;
* **bank**: an item of a bank, judged by a researcher or as somebody's test.

What each purpose takes:

===========================================  ======  ======  =========  ====
purpose                                      work    gold    repeated   bank
===========================================  ======  ======  =========  ====
training sets, weights, consensus            yes     no      no         no
win rates, counts of what there is           yes     no      no         no
yield of paid time (the time of all counts)  yes     no      no         no
agreement between people                     yes     no      no         apart
people with themselves                       yes     no      yes        apart
people with gold                             yes     yes     no         no
habits (time, order, ratings)                yes     yes     yes        no
drift (the same two models, month by month)  yes     no      no         no
adjudicating gold                            yes     no      no         researchers'
review and integrity of texts                yes     –       –          no
===========================================  ======  ======  =========  ====

A correction takes the place of what it corrects in the same row, so no annotation is superseded by another; of a text
the newest version counts.

The conditions are about the ``Annotation`` (or ``Lease``) of the query around them; where they name the campaign, it
has to be joined.
"""

from sqlalchemy import ColumnElement, and_, exists

from app.models import Annotation, Campaign, ExtraSlot, Lease, RepeatedTask

GOLD, REPEAT = "gold", "repeat"
MEASURING = (GOLD, REPEAT)


def counts() -> ColumnElement[bool]:
    """Work: what models learn from, what reports, headlines and yields are about. Needs ``Campaign``."""
    return and_(is_work(), ~measures(*MEASURING))


def is_work() -> ColumnElement[bool]:
    """The campaign is one of work, not a bank."""
    return Campaign.purpose == "work"


def measures(*uses: str) -> ColumnElement[bool]:
    """The annotation measures its labeler: by hidden gold, by coming again, or by either."""
    return exists().where(ExtraSlot.lease_id == Annotation.lease_id, ExtraSlot.use.in_(uses)).correlate(Annotation)


def is_slot_for(*uses: str) -> ColumnElement[bool]:
    """The slot is one of those that calibration adds, for one of these uses."""
    return exists().where(ExtraSlot.lease_id == Lease.id, ExtraSlot.use.in_(uses)).correlate(Lease)


def is_copy() -> ColumnElement[bool]:
    """The task of the slot is one that comes again to somebody: no task more than there are."""
    return exists().where(RepeatedTask.task_id == Lease.task_id).correlate(Lease)
