"""The page, and the report in it as it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.instruments import criteria
from app.labeling.instruments.authoring.rules import NAMES_OF_USE_CASES
from app.language import gettext as _
from app.measures import CONVENTIONS
from app.quality.agreement.forms import query_of
from app.quality.agreement.pages.figures import (
    Convention,
    Figure,
    Picture,
    convention_of,
    figure_of,
    picture_of,
    verdict_of,
)
from app.quality.agreement.pages.labels import LabelTable, table_of_ratings, tables_of_labels
from app.quality.agreement.pages.months import TimeLine, time_line
from app.quality.agreement.pages.people import Matrix, Person, matrix_of, people_of
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.filters import CONVENTION_WORDS, PHASES, PURPOSES
from app.quality.agreement.service import AgreementReport
from app.web.render import Page
from app.web.reports import Making
from trainer.statistics.bootstrap import DRAWS
from trainer.statistics.ranking_agreement import HEADLINE, TAU_B, Agreement


@dataclass(frozen=True)
class Filled:
    """The form: what is chosen, what may be chosen, and what is wrong with it."""

    given: Mapping[str, str]
    problems: Mapping[str, str]
    campaigns: Sequence[tuple[int, str]]
    groups: Sequence[str]
    use_cases: Sequence[tuple[str, str]]
    languages: Sequence[str]
    phases: ClassVar[Mapping[str, str]] = PHASES
    purposes: ClassVar[Mapping[str, str]] = PURPOSES
    conventions: ClassVar[Mapping[str, str]] = CONVENTION_WORDS

    @property
    def kinds(self) -> Mapping[str, str]:
        """What orders can go by."""
        return criteria()


@dataclass(frozen=True)
class WaitingFragment(Page):
    """The report is being made; the fragment asks again every second until it is there."""

    template: ClassVar[str] = "quality/agreement/_waiting.html"
    query: str
    step: str
    seconds: float
    failed: bool


@dataclass(frozen=True)
class ReportFragment(Page):
    """All figures of one report under one convention."""

    template: ClassVar[str] = "quality/agreement/_report.html"
    draws: ClassVar[int] = DRAWS
    report: AgreementReport
    query: str
    convention: str
    meaning: str
    headline: Figure
    verdict: str
    picture: Picture
    conventions: Sequence[Convention]
    beyond: Sequence[Figure]
    matrix: Matrix | None
    people: Sequence[Person]
    pictures: Sequence[Picture]
    months: TimeLine | None
    month_rows: Sequence[Figure]
    ratings: LabelTable
    labels: Sequence[LabelTable]


@dataclass(frozen=True)
class NothingFragment(Page):
    """What was asked for is no report; the form above says why."""

    template: ClassVar[str] = "quality/agreement/_nothing.html"


@dataclass(frozen=True)
class AgreementPage(Page):
    template: ClassVar[str] = "quality/agreement/show.html"
    form: Filled
    body: ReportFragment | WaitingFragment | NothingFragment


def body_of(making: Making[AgreementReport], fields: Mapping[str, str]) -> ReportFragment | WaitingFragment:
    """The report if it is made, else that it is being made."""
    convention = fields.get("convention") or HEADLINE
    if not making.failed and (report := making.report):
        return report_fragment(report, convention, query_of(fields))
    return WaitingFragment(query_of(fields), _(making.step) if making.step else "", making.seconds, making.failed)


def report_fragment(report: AgreementReport, convention: str, query: str) -> ReportFragment:
    """Everything in words, with the places of its marks."""
    rankings = report.rankings
    shares = convention != TAU_B
    headline = figure_of(_("Agreement"), rankings.overall[convention].micro, shares=shares)
    whole = picture_of(
        "headline", _("Agreement"), "", "", [(_("Everybody"), rankings.overall[convention].micro)], convention
    )
    months = list(rankings.slices["month"].items())
    return ReportFragment(
        report=report,
        query=query,
        convention=convention,
        meaning=_(CONVENTIONS[convention]),
        headline=headline,
        verdict=verdict_of(rankings.overall[convention].micro) if convention == HEADLINE else "",
        picture=whole,
        conventions=[convention_of(name, of, rankings.themselves[name].micro) for name, of in rankings.overall.items()],
        beyond=[
            figure_of(_("Krippendorff's α of the signs of pairs, nominal"), rankings.alpha_nominal, shares=False),
            figure_of(_("the same, a tie lying between the two orders"), rankings.alpha_ordinal, shares=False),
            figure_of(_("κ with ties as a verdict, chance by the share of ties"), rankings.beyond_chance, shares=False),
            figure_of(_("ties among all judged pairs"), rankings.ties),
        ],
        matrix=matrix_of(report),
        people=people_of(report),
        pictures=_pictures(report, convention),
        months=time_line(months, convention),
        month_rows=[figure_of(name, of[convention].micro, shares=shares) for name, of in months],
        ratings=table_of_ratings(report),
        labels=tables_of_labels(report),
    )


def _pictures(report: AgreementReport, convention: str) -> list[Picture]:
    rankings = report.rankings

    def picture(name: str, title: str, first: str, hint: str, parts: Mapping[str, Agreement]) -> Picture:
        return picture_of(name, title, first, hint, [(part, of.micro) for part, of in parts.items()], convention)

    def between(parts: Mapping[tuple[str, str], Mapping[str, Agreement]]) -> dict[str, Agreement]:
        named = {(_said(one), _said(other)): of[convention] for (one, other), of in parts.items()}
        return {
            _("%(one)s among each other", one=one) if one == other else f"{one} – {other}": of
            for (one, other), of in named.items()
        }

    def of_slice(name: str, words: Mapping[str, str] | None = None) -> dict[str, Agreement]:
        known = words or {}
        return {_(known[part]) if part in known else part: of[convention] for part, of in rankings.slices[name].items()}

    return [
        picture("roles", _("Labelers and researchers"), _("Who"), "", between(rankings.groups["role"])),
        picture(
            "groups",
            _("Labeler groups"),
            _("Who"),
            _("Held-out labelers agreed with each other at 77.3 ± 1.3 %% (InstructGPT §3.4)."),
            between(rankings.groups["group"]),
        ),
        picture("use-cases", _("Use cases"), _("Use case"), "", of_slice("use_case", NAMES_OF_USE_CASES)),
        picture("languages", _("Languages"), _("Language"), "", of_slice("language")),
        picture(
            "campaigns",
            _("Campaigns"),
            _("Campaign"),
            _("Rankings of the same answers in two campaigns count in neither."),
            of_slice("campaign"),
        ),
    ]


def _said(name: str) -> str:
    return _(name) if name in rules.GROUPS_OF_ROLES else name
