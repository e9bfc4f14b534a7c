"""What a person reads of their own work."""

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.labeling.my_work import queries
from app.language import gettext as _
from app.models import Annotation, LabelSchemaVersion, Person

# What pages read as it is stored.
campaigns_of = queries.campaigns_of
pieces = queries.pieces
skip_count = queries.skip_count
skips = queries.skips
submission_count = queries.submission_count
submissions = queries.submissions
texts_of = queries.texts_of
versions_of = queries.versions_of


def submission_for(session: Session, person: Person, annotation_id: int) -> Annotation:
    """One of a person's own submissions with all that belongs to it.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    annotation = queries.submission(session, person.id, annotation_id)
    if annotation is None:
        raise NotFound(_("There is no such work of yours."))
    return annotation


def labels_of(session: Session, annotation: Annotation) -> LabelSchemaVersion | None:
    """What was asked when it was submitted; nothing where no labels were."""
    version_id = annotation.schema_version_id
    return queries.schema_version(session, version_id) if version_id else None
