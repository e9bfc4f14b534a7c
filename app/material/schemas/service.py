"""Label schemas: finding the version that is asked, and adding versions; none is ever changed."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.language import gettext as _
from app.material.schemas import queries
from app.material.schemas.rules import (
    LONGEST_NAME,
    LONGEST_REASON,
    Schema,
    content_of,
    differences,
    schema_of,
    schema_problems,
)
from app.models import LabelSchema, LabelSchemaVersion, Person
from app.people.service import record

# What pages read as it is stored.
all_versions = queries.all_versions
annotations_by_version = queries.annotations_by_version
campaigns_by_version = queries.campaigns_by_version
newest_version = queries.newest_version
versions_with_authors = queries.versions_with_authors


def schema_for(session: Session, schema_id: int) -> LabelSchema:
    schema = queries.schema_by_id(session, schema_id)
    if schema is None:
        raise NotFound(_("There is no such label schema."))
    return schema


def version_for(session: Session, version_id: int) -> LabelSchemaVersion:
    version = queries.version_by_id(session, version_id)
    if version is None:
        raise NotFound(_("There is no such version of a label schema."))
    return version


def standard_version(session: Session, fits: Callable[[Schema], bool] | None = None) -> LabelSchemaVersion:
    """What a campaign asks unless somebody chose something else: the newest version of the oldest schema.

    Args:
        session: where it is read.
        fits: whether the campaign's instrument can ask such questions; schemas that it cannot ask do not count.

    Raises:
        Invalid: there is none.
    """
    newest = queries.newest_versions(session)
    version = next((version for version in newest if fits is None or fits(schema_of(version.content))), None)
    if version is None:
        raise Invalid(
            _("There is no label schema that fits this campaign. Run the migrations; they bring the first ones.")
        )
    return version


def title_of(version: LabelSchemaVersion) -> str:
    """How the audit trail speaks of a version: “Standard, version 3”."""
    return f"{version.label_schema.name}, version {version.number}"


def add_version(
    session: Session, by: Person | None, schema_id: int, *, based_on: int, asked: Schema, reason: str
) -> LabelSchemaVersion:
    """Add a version to a schema. Campaigns keep theirs until they are moved.

    Args:
        session: where it is stored.
        by: who adds it.
        schema_id: the schema.
        based_on: the number of the version that was edited; it must still be the newest.
        asked: the questions.
        reason: in words, for the list of versions.

    Raises:
        Invalid: the questions are unsound or the same as before, or the reason is too long.
        Conflict: somebody else added a version meanwhile.
    """
    if queries.schema_by_id(session, schema_id, lock=True) is None:
        raise NotFound(_("There is no such label schema."))
    before = queries.newest_version(session, schema_id)
    if before.number != based_on:
        raise Conflict(
            _(
                "Somebody saved version %(newer)s while you edited version %(number)s. Your entries are still in the "
                "form; look at the new version in another tab and edit that one.",
                newer=before.number,
                number=based_on,
            )
        )
    changes = differences(schema_of(before.content), asked)
    if not changes:
        raise Invalid(_("Nothing differs from version %(number)s, so no version was added.", number=before.number))
    version = _stored(session, by, schema_id, before.number + 1, asked, reason)
    detail = {"schema": before.label_schema.name, "version": version.number, "changes": len(changes)}
    record(session, by, "added label schema version", version, {**detail, "reason": version.reason})
    return version


def copy_schema(session: Session, by: Person | None, version_id: int, name: str) -> LabelSchemaVersion:
    """Begin a schema of its own from a version of another, for work that asks for something else.

    Raises:
        Invalid: there is no name, or it is too long.
        Conflict: the name is taken.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(_("Give the schema a name of 1 to %(number)s visible characters.", number=LONGEST_NAME))
    if queries.schema_by_name(session, name):
        raise Conflict(_("There is already a schema named “%(name)s”. Choose another name.", name=name))
    origin = version_for(session, version_id)
    schema = LabelSchema(name=name, created_by=by.id if by else None)
    session.add(schema)
    session.flush()
    version = _stored(session, by, schema.id, 1, schema_of(origin.content), f"A copy of {title_of(origin)}.")
    record(session, by, "added label schema", schema, {"name": name, "copy of": title_of(origin)})
    return version


def _stored(
    session: Session, by: Person | None, schema_id: int, number: int, asked: Schema, reason: str
) -> LabelSchemaVersion:
    if problems := schema_problems(asked):
        raise Invalid(" ".join(problems))
    if len(reason := reason.strip()) > LONGEST_REASON:
        raise Invalid(_("The reason has %(length)s characters; %(most)s fit.", length=len(reason), most=LONGEST_REASON))
    version = LabelSchemaVersion(
        schema_id=schema_id,
        number=number,
        content=content_of(asked),
        reason=reason,
        created_by=by.id if by else None,
    )
    session.add(version)
    session.flush()
    return version
