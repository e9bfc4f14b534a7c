"""Writing, publishing and confirming guidelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.instruments import instruments
from app.language import LOCALES, SOURCE, mark
from app.language import gettext as _
from app.material.guidelines import queries, rules
from app.models import (
    Campaign,
    CampaignGuideline,
    Guideline,
    GuidelineConfirmation,
    GuidelineVersion,
    Person,
)
from app.people.service import record

DEFAULTS: Mapping[tuple[str, str | None], tuple[str, str]] = {
    ("training", None): (mark("Training labels: helpful first"), "training"),
    ("evaluation", None): (mark("Evaluation labels: truthful and harmless first"), "evaluation"),
}
"""(phase, instrument) -> the name and the stem of the file of the document to begin with, for most instruments."""
FOLDER_OF_DEFAULTS = Path(__file__).parent / "defaults"


def default_documents() -> dict[tuple[str, str | None], tuple[str, str]]:
    """``DEFAULTS``, and those of the instruments that have documents of their own, in files of their name."""
    documents = dict(DEFAULTS)
    for each in instruments().values():
        documents |= {(phase, each.name): (name, each.name) for phase, name in each.guidelines.items()}
    return documents


# Writing -----------------------------------------------------------------------------------------


def create_guideline(
    session: Session,
    by: Person | None,
    *,
    name: str,
    phase: str,
    text: str,
    translations: Mapping[str, str] | None = None,
    instrument: str | None = None,
) -> Guideline:
    """Make a document and publish its first version, with ``translations`` by the tag of their language.

    Raises:
        Invalid: name, phase, instrument or text will not do.
        Conflict: the name is taken.
    """
    name, text = name.strip(), rules.tidy(text)
    further = rules.tidy_translations(translations or {})
    if problem := rules.guideline_problem(name, phase, instrument) or rules.texts_problem(text, further):
        raise Invalid(problem)
    if queries.guideline_by_name(session, name):
        raise Conflict(
            _(
                "There is already a guideline named “%(name)s”. Choose another name, or write a new version of it.",
                name=name,
            )
        )
    guideline = Guideline(name=name, phase=phase, instrument=instrument, created_by=by.id if by else None)
    session.add(guideline)
    session.flush()
    _add_version(session, by, guideline, 1, text=text, translations=further, changes="")
    record(session, by, "published guideline", guideline, {"name": name, "version": 1})
    return guideline


def publish(
    session: Session,
    by: Person,
    guideline_id: int,
    *,
    text: str,
    changes: str,
    based_on: int,
    translations: Mapping[str, str] | None = None,
) -> GuidelineVersion:
    """Add a version, which holds from now on.

    Args:
        session: the transaction.
        by: who publishes it.
        guideline_id: the document.
        text: the whole new text, in Markdown.
        changes: what is new, in the author's words, for those who have read the version before.
        based_on: the number of the version that the author had before their eyes.
        translations: the same text in further languages, by their tag; what is not there has none from now on.

    Raises:
        Invalid: a text is missing or too long, or nothing has changed.
        Conflict: somebody else has published a version in the meantime.
    """
    guideline = guideline_for(session, guideline_id, lock=True)
    before = current_version_of(session, guideline)
    text, changes = rules.tidy(text), rules.tidy(changes)
    further = rules.tidy_translations(translations or {})
    if problem := rules.texts_problem(text, further) or rules.changes_problem(changes):
        raise Invalid(problem)
    if before.number != based_on:
        raise Conflict(
            _(
                "Version %(number)s was published while you wrote. Your text is still below, beside what differs "
                "from that version: take over what you need, then publish.",
                number=before.number,
            )
        )
    if (before.text, before.translations) == (text, further):
        raise Invalid(
            _("Nothing differs from version %(number)s, so there is nothing to publish.", number=before.number)
        )
    number = before.number + 1
    version = _add_version(session, by, guideline, number, text=text, translations=further, changes=changes)
    record(session, by, "published guideline", guideline, {"name": guideline.name, "version": version.number})
    return version


def _add_version(
    session: Session,
    by: Person | None,
    guideline: Guideline,
    number: int,
    *,
    text: str,
    translations: Mapping[str, str],
    changes: str,
) -> GuidelineVersion:
    version = GuidelineVersion(
        guideline_id=guideline.id,
        number=number,
        text=text,
        translations=dict(translations),
        changes=changes,
        published_by=by.id if by else None,
    )
    session.add(version)
    session.flush()
    return version


def ensure_defaults(session: Session) -> None:
    """Give each phase, and each instrument in it, that has no document one to begin with.

    Several processes may prepare a new database together: who comes second finds it done.
    """
    for (phase, instrument), (name, stem) in default_documents().items():
        if queries.default_guideline_id(session, phase, instrument) is not None:
            continue
        text, translations = default_texts(stem)
        try:
            with session.begin_nested():
                create_guideline(
                    session,
                    None,
                    name=name,
                    phase=phase,
                    text=text,
                    translations=translations,
                    instrument=instrument,
                )
        except (IntegrityError, Conflict):
            continue


def default_texts(stem: str) -> tuple[str, dict[str, str]]:
    """A document that Prefloop brings along: the original and its translations."""
    original = (FOLDER_OF_DEFAULTS / f"{stem}.md").read_text(encoding="utf-8")
    others = {tag: FOLDER_OF_DEFAULTS / f"{stem}.{tag}.md" for tag in LOCALES if tag != SOURCE}
    return original, {tag: path.read_text(encoding="utf-8") for tag, path in others.items() if path.exists()}


def follow(session: Session, by: Person, guideline_id: int, campaign_id: int) -> Campaign:
    """Let a campaign name this document; its labelers confirm it before their next task.

    Raises:
        Invalid: the document is for the other phase, or for another instrument.
    """
    guideline, campaign = guideline_for(session, guideline_id), campaign_for(session, campaign_id)
    if guideline.phase != campaign.phase:
        raise Invalid(
            _(
                "“%(guideline)s” is for %(its_phase)s labels, and “%(campaign)s” collects %(phase)s labels. Choose a "
                "campaign of the same phase.",
                guideline=guideline.name,
                its_phase=_(guideline.phase),
                campaign=campaign.name,
                phase=_(campaign.phase),
            )
        )
    if guideline.instrument != rules.instrument_of(campaign.kind):
        raise Invalid(
            _(
                "“%(guideline)s” is not written for what “%(campaign)s” asks. Toxicity campaigns follow guidelines for "
                "toxicity, all others follow the rest.",
                guideline=guideline.name,
                campaign=campaign.name,
            )
        )
    named = queries.campaign_guideline(session, campaign.id)
    if named is None:
        session.add(CampaignGuideline(campaign_id=campaign.id, guideline_id=guideline.id))
    else:
        named.guideline_id = guideline.id
    record(session, by, "named guideline", campaign, {"guideline": guideline.name})
    return campaign


# Reading -----------------------------------------------------------------------------------------


def guidelines(session: Session) -> Sequence[Guideline]:
    """All of them, oldest first."""
    return queries.guidelines(session)


def for_kind(session: Session, kind: str) -> list[Guideline]:
    """The documents that a campaign of a kind may name; which of them also depends on its phase."""
    return [each for each in queries.guidelines(session) if each.instrument == rules.instrument_of(kind)]


def guideline_for(session: Session, guideline_id: int, *, lock: bool = False) -> Guideline:
    guideline = queries.guideline_by_id(session, guideline_id, lock=lock)
    if guideline is None:
        raise NotFound(_("There is no such guideline."))
    return guideline


def current_version_of(session: Session, guideline: Guideline) -> GuidelineVersion:
    version = queries.current_version(session, guideline.id)
    if version is None:
        raise NotFound(_("This guideline has no version."))
    return version


def version_numbered(session: Session, guideline_id: int, number: int) -> GuidelineVersion:
    version = queries.version_numbered(session, guideline_id, number)
    if version is None:
        raise NotFound(_("This guideline has no such version."))
    return version


def version_before(session: Session, version: GuidelineVersion) -> GuidelineVersion | None:
    return queries.version_numbered(session, version.guideline_id, version.number - 1)


def campaign_for(session: Session, campaign_id: int) -> Campaign:
    campaign = queries.campaign_by_id(session, campaign_id)
    if campaign is None:
        raise NotFound(_("There is no such campaign."))
    return campaign


def version_of(session: Session, campaign: Campaign) -> GuidelineVersion | None:
    """What the labelers of a campaign go by now; nothing while there is no document of its phase."""
    guideline_id = queries.guideline_id_of(session, campaign)
    return queries.current_version(session, guideline_id) if guideline_id else None


def unconfirmed(session: Session, person: Person, campaign: Campaign) -> GuidelineVersion | None:
    """The version that this person has to read before their next task of the campaign, or nothing."""
    version = version_of(session, campaign)
    if version is None or queries.confirmation(session, person.id, version.id):
        return None
    return version


def confirm(session: Session, person: Person, campaign_id: int, version_id: int, now: datetime) -> GuidelineVersion:
    """Keep a person's word that they have read a version; saying it twice is saying it once.

    Raises:
        Conflict: the campaign goes by another version by now, which they have not seen.
    """
    version = version_of(session, campaign_for(session, campaign_id))
    if version is None:
        raise NotFound(_("This campaign has no guideline to confirm."))
    if version.id != version_id:
        raise Conflict(
            _(
                "Version %(number)s was published while you were reading. Read what is new in it.",
                number=version.number,
            )
        )
    if queries.confirmation(session, person.id, version.id) is None:
        session.add(GuidelineConfirmation(person_id=person.id, version_id=version.id, confirmed_at=now))
        record(session, person, "confirmed guideline", version.guideline, {"version": version.number})
    return version
