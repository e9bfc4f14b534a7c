"""The bounds of a campaign, which of two criteria comes first, and who writes under which name."""

import hashlib
import json
from collections.abc import Mapping

from app.instruments import instrument_of, instruments
from app.language import gettext as _
from app.language import listed, mark
from app.material.prompts.rules import SENSITIVE_LABELS
from app.material.schemas.rules import YES
from app.roles import may

PHASES = {
    "training": mark("Labels that models learn from: helpfulness to the person asking comes first."),
    "evaluation": mark("Labels that judge models: truth and harmlessness come first. Models never learn from them."),
}
WHAT_PHASES_MEAN = {
    "training": mark("Labels that models learn from."),
    "evaluation": mark("Labels that judge models. Models never learn from them."),
}
"""The same, for kinds of campaigns in which the phase does not decide what comes first."""
WORK, BANK = "work", "bank"
PURPOSES = {
    WORK: mark("Work for labelers: what they say can be frozen, trained on and reported."),
    BANK: mark(
        "A bank of items for tests, courses and calibration: researchers judge them, labelers are never offered them "
        "by themselves, and no training set or report takes them."
    ),
}
PURPOSE_WORDS = {WORK: mark("work"), BANK: mark("bank")}
PHASE_WORDS = {"training": mark("training"), "evaluation": mark("evaluation")}
STATUSES = (mark("open"), mark("paused"), mark("closed"))
DEFAULT_MINUTES = 60
MOST_MINUTES = 7 * 24 * 60
"""For how long submissions can be corrected: usually, and at most."""
MOST_PIECES = 10_000

PRIORITY = {
    "training": mark(
        "When criteria pull apart, the more helpful answer wins: imagine the person who asked, and choose what serves "
        "them best. Note problems with truth or harm in the flags; they need not decide the order. If two answers "
        "serve equally well, tie them."
    ),
    "evaluation": mark(
        "When criteria pull apart, the more truthful and harmless answer wins over the more helpful one. Make an "
        "exception only if the other is much more helpful, only slightly less truthful or harmless, and nothing "
        "serious hangs on it (no loan, no therapy, no medical or legal advice). If both are about equally helpful and "
        "wrong in different ways, rank lower the one more likely to hurt somebody; if you cannot tell, tie them."
    ),
}


def phases_of(kind: str) -> Mapping[str, str]:
    """What each phase means for a kind of campaign, marked for translation."""
    return WHAT_PHASES_MEAN if instrument_of(kind).priority else PHASES


def priority_of(kind: str, phase: str) -> str:
    """What comes first when criteria pull apart, for the labelers of a campaign."""
    return instrument_of(kind).priority or _(PRIORITY[phase])


def harmful_labels() -> dict[str, tuple[str, ...]]:
    """Labels of a prompt, and their values, by which it asks for harm."""
    values_by_label: dict[str, tuple[str, ...]] = dict.fromkeys(SENSITIVE_LABELS, (YES,))
    for each in instruments().values():
        values_by_label |= each.harmful
    return values_by_label


def kind_problem(kind: str) -> str | None:
    """Why there is no such kind of campaign, or nothing."""
    if kind in instruments():
        return None
    return _("A campaign is for %(kinds)s, not “%(kind)s”.", kinds=listed(map(_, instruments()), "or"), kind=kind)


def campaign_problem(
    *,
    name: str,
    kind: str,
    phase: str,
    overlap: int,
    reserved_minutes: int,
    answers_per_task: int | None,
    correction_minutes: int = DEFAULT_MINUTES,
) -> str | None:
    """Why a campaign cannot be made like this, or nothing."""
    checks = (
        (bool(name.strip()) and len(name) <= 120, _("Give the campaign a name of at most 120 characters.")),
        (kind_problem(kind) is None, kind_problem(kind) or ""),
        (
            phase in PHASES,
            _(
                "The phase is %(phases)s, not “%(phase)s”.",
                phases=listed(map(_, PHASE_WORDS.values()), "or"),
                phase=phase,
            ),
        ),
        (
            1 <= overlap <= 20,
            _("Between 1 and 20 people can annotate each task, not %(number)s.", number=overlap),
        ),
        (
            1 <= reserved_minutes <= 480,
            _("A task can be reserved for 1 to 480 minutes, not %(number)s.", number=reserved_minutes),
        ),
        (
            0 <= correction_minutes <= MOST_MINUTES,
            _(
                "A person can correct what they submitted for 0 to %(most)s minutes, not %(number)s.",
                most=f"{MOST_MINUTES:,}",
                number=correction_minutes,
            ),
        ),
    )
    if problem := next((sentence for fine, sentence in checks if not fine), None):
        return problem
    return None if instrument_of(kind).written or answers_per_task is None else answers_problem(kind, answers_per_task)


def purpose_problem(kind: str, purpose: str) -> str | None:
    """Why a campaign of a kind cannot be for this, or nothing."""
    if purpose not in PURPOSES:
        words = listed(map(_, PURPOSE_WORDS.values()), "or")
        return _("A campaign is for %(purposes)s, not “%(purpose)s”.", purposes=words, purpose=purpose[:40])
    if purpose == BANK and instrument_of(kind).writes_prompts:
        return _("The items of a bank have prompts; in an authoring campaign people write them.")
    return None


def settings_problem(kind: str, settings: Mapping[str, str]) -> str | None:
    """Why a campaign of a kind cannot have these settings, or nothing."""
    choices = instrument_of(kind).making.choices
    if wrong := [
        value for name, value in settings.items() if name not in choices or value not in choices[name].options
    ]:
        return _("“%(value)s” is none of the choices for such a campaign.", value=wrong[0][:40])
    return None


def settings_of(kind: str, settings: Mapping[str, str]) -> dict[str, str] | None:
    """The settings of a campaign, with what is usual where nothing is given; none where its instrument has none."""
    choices = instrument_of(kind).making.choices
    return {name: settings.get(name, next(iter(choice.options))) for name, choice in choices.items()} or None


def purposes_open_to(role: str) -> tuple[str, ...]:
    """For what campaigns are whose free assignments somebody is offered; the test that is theirs they have besides.

    Researchers fill the assignments of a bank, so that nobody who is to be measured by an item has judged it before.
    """
    if may(role, "adjudicate"):
        return (WORK, BANK)
    return (WORK,) if role == "labeler" else ()


def is_test(purpose: str, overlap: int, number: int) -> bool:
    """Whether the assignment of this number is one that a bank has beyond its overlap: for one person, as a test."""
    return purpose == BANK and number >= overlap


def is_reviewed(purpose: str, *, needs_review: bool) -> bool:
    """Whether texts wait for a reviewer. What is written for a bank is a test: it is rated, never reviewed."""
    return needs_review and purpose == WORK


def answers_problem(kind: str, answers: int) -> str | None:
    """Why a task of a kind of campaign cannot show so many answers, or nothing."""
    fewest, most = instrument_of(kind).answers
    if fewest <= answers <= most:
        return None
    if fewest == most:
        return _("A task of this kind shows %(fewest)s answers, not %(number)s.", fewest=fewest, number=answers)
    return _(
        "A ranking task shows %(fewest)s to %(most)s answers, not %(number)s.", fewest=fewest, most=most, number=answers
    )


def fingerprint_of_blank(number: int) -> str:
    """A task whose prompt is yet to be written is told from the others of its campaign by its number."""
    return hashlib.sha256(json.dumps(["blank", number]).encode()).hexdigest()


def prompt_form_problem(kind: str, prompt_form: str | None, pieces: int) -> str | None:
    """Why prompts cannot be written like this, or nothing."""
    forms = instrument_of(kind).making.forms
    if not forms:
        return _("Only an authoring campaign has a form of prompts to write.") if prompt_form or pieces else None
    if prompt_form not in forms:
        return _("Choose one of the forms in which prompts are written: %(forms)s.", forms=", ".join(forms))
    if not 1 <= pieces <= MOST_PIECES:
        return _(
            "A campaign asks for 1 to %(most)s texts, not %(count)s.", most=f"{MOST_PIECES:,}", count=f"{pieces:,}"
        )
    return None


def name_for_labelers(campaign_id: int, name: str, phase: str) -> str:
    """What labelers call it: they judge blind, and an evaluation's own name may say which models it compares."""
    return _("Evaluation %(number)s", number=campaign_id) if phase == "evaluation" else name


def pseudonym(person_id: int) -> str:
    """The name under which a person's work leaves the application."""
    return f"labeler-{person_id}"
