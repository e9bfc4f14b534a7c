"""The figures of a report as tables of plain values, for CSV, JSON and the terminal; names of columns stay English."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from app.measures import CONVENTIONS, sentence
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.label_report import LabelReport
from app.quality.agreement.service import AgreementReport, Strengths
from app.web.tables import csv_line
from trainer.statistics import paired
from trainer.statistics.bootstrap import DRAWS
from trainer.statistics.estimates import Estimate
from trainer.statistics.interval import LEVEL
from trainer.statistics.ranking_agreement import HEADLINE, Agreement
from trainer.statistics.wmt import WmtKappa

Row = dict[str, Any]
METHOD = (
    f"Intervals are {LEVEL:.0%}: the middle of {DRAWS:,} draws of whole prompts with replacement; where every draw "
    "gives the same share, Wilson's for as many trials as there are prompts. Nobody is compared with themselves. "
    "Rankings of one prompt are compared on the answers that both hold, within one phase."
)


def overall(report: AgreementReport) -> Iterator[Row]:
    """The conventions between people and within a person, agreement beyond chance, and the share of ties."""
    yield from _conventions({"who": "different people"}, report.rankings.overall)
    yield from _conventions({"who": "one person, again"}, report.rankings.themselves)
    others = {
        "kappa with pooled ties": report.rankings.beyond_chance,
        "alpha nominal": report.rankings.alpha_nominal,
        "alpha ordinal": report.rankings.alpha_ordinal,
        "ties": report.rankings.ties,
    }
    for name, estimate in others.items():
        yield {"who": "everybody", "convention": name, "weighing": "", **_figures(estimate)}


def labelers(report: AgreementReport) -> Iterator[Row]:
    """Each person's headline against all others, and their share of ties."""
    rankings = report.rankings
    figures = zip(report.raters, rankings.of_each, rankings.ties_of_labeler, strict=False)
    for rater, of_each, ties in figures:
        if rater.rankings and rater.name is not None:
            about = {"labeler": rater.name, "role": rater.role, "group": rater.group or "", "rankings": rater.rankings}
            yield {**about, **_figures(of_each.micro), "ties": ties.value, "judgements": ties.counts.pairs}


def pairs(report: AgreementReport) -> Iterator[Row]:
    """The headline of every two people with a task in common."""
    for (one, other), of in report.rankings.labelers.items():
        about = {"labeler": report.raters[one].name, "other": report.raters[other].name}
        if None in about.values():
            continue  # a judge whom nobody knows
        yield {**about, **_figures(of.micro)}


def _by_group(name: str) -> Callable[[AgreementReport], Iterator[Row]]:
    def rows(report: AgreementReport) -> Iterator[Row]:
        for (one, other), of in report.rankings.groups[name].items():
            yield from _conventions({"group": one, "other": other}, of)

    return rows


def _by_slice(name: str) -> Callable[[AgreementReport], Iterator[Row]]:
    def rows(report: AgreementReport) -> Iterator[Row]:
        for part, of in report.rankings.slices[name].items():
            yield from _conventions({name: part}, of)

    return rows


def ratings(report: AgreementReport) -> Iterator[Row]:
    """Ratings from 1 to 7 under every measure."""
    yield from _measures({"question": "overall rating"}, report.ratings)


def labels(report: AgreementReport) -> Iterator[Row]:
    """Each question of the label schema, or of an imported file, under every measure that fits it."""
    for question in report.questions:
        yield from _measures({"about": question.part, "question": question.name}, question.report)


TABLES: Mapping[str, Callable[[AgreementReport], Iterable[Row]]] = {
    "overall": overall,
    "labelers": labelers,
    "pairs": pairs,
    "roles": _by_group("role"),
    "groups": _by_group("group"),
    "use-cases": _by_slice("use_case"),
    "languages": _by_slice("language"),
    "campaigns": _by_slice("campaign"),
    "months": _by_slice("month"),
    "ratings": ratings,
    "labels": labels,
}


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    """A table, line by line; what is undefined has an empty value and a sentence."""
    columns: list[str] = []
    for row in rows:
        if not columns:
            columns = list(row)
            yield csv_line(columns)
        yield csv_line(row.get(column) for column in columns)
    if not columns:
        yield csv_line(["undefined"])
        yield csv_line(["undefined, because nothing was judged"])


def as_json(report: AgreementReport, wmt: tuple[WmtKappa, WmtKappa] | None = None) -> dict[str, Any]:
    """The whole report for programs."""
    headline = report.rankings.overall[HEADLINE].micro
    filters = {name: value for name, value in asdict(report.filters).items() if value is not None}
    told: dict[str, Any] = {
        "filters": {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in filters.items()
        },
        "made_at": report.made_at.isoformat(),
        "seconds": round(report.seconds, 2),
        "counts": {
            "annotations": report.annotations,
            "rankings": report.ranked,
            "prompts": report.prompts,
            "prompts_of_two_people": report.shared,
            "people": sum(rater.rankings > 0 for rater in report.raters if rater.name is not None),
        },
        "unnamed_judgements": report.unnamed,
        "headline": {"convention": HEADLINE, "means": CONVENTIONS[HEADLINE], **_figures(headline)},
        "reference": {
            "agreement": rules.REFERENCE,
            "margin": rules.REFERENCE_MARGIN,
            "source": "InstructGPT, section 3.4: training labelers",
        },
        "method": METHOD,
        "tables": {name: list(rows(report)) for name, rows in TABLES.items()},
    }
    if wmt:
        told["wmt"] = [_as_printed(who, of) for who, of in zip(("between", "within"), wmt, strict=True)]
    return told


def _as_printed(who: str, kappa: WmtKappa) -> Row:
    counts = {"agreeing": kappa.agreeing, "comparable": kappa.comparable, "tied": kappa.tied, "judged": kappa.judged}
    return {"annotators": who, **counts, **_figures(kappa.kappa)}


def as_text(report: AgreementReport, wmt: tuple[WmtKappa, WmtKappa] | None = None) -> Iterator[str]:
    """The report for a terminal: the headline, then every table with a line for each figure, parts by the headline."""
    yield f"{report.ranked:,} rankings of {report.prompts:,} prompts, {report.shared:,} of them by two people or more"
    yield f"agreement, {rules.CONVENTION_WORDS[HEADLINE]}: {_in_words(report.rankings.overall[HEADLINE].micro)}"
    if report.unnamed:
        yield f"{report.unnamed:,} judgements have no annotator: each counts as a different person's"
    yield f"reference: {rules.REFERENCE:.1%} ± {rules.REFERENCE_MARGIN:.1%} (InstructGPT, section 3.4)"
    for name, rows in TABLES.items():
        if name == "pairs":
            continue  # as many as there are pairs of people; JSON and CSV have them
        shown = [row for row in rows(report) if name == "overall" or row.get("convention", HEADLINE) == HEADLINE]
        yield from [f"\n{name}"] if shown else []
        yield from (f"  {_row_in_words(row)}" for row in shown)
    for who, of in zip(("between annotators", "within annotators"), wmt or (), strict=False):
        printed = f"{of.agreeing:,} of {of.comparable:,} alike, {of.tied:,} of {of.judged:,} tied"
        kappa = sentence(of.kappa.undefined) or round(of.kappa.value or 0, 3)
        yield f"\nkappa {who}, as WMT counts it: {kappa} ({printed})"


def sources(strengths: Strengths) -> Iterator[Row]:
    """Sources from the most to the least preferred; log-worths add up to 0, and without a fit a sentence says why."""
    fit = strengths.fit
    order = range(len(strengths.sources)) if fit.log_worth is None else np.argsort(-fit.log_worth).tolist()
    for number in order:
        counts = {name: getattr(strengths, name)[number] for name in ("comparisons", "wins", "tied")}
        yield {"source": strengths.sources[number], **counts, **_worth(fit, number)}


def _worth(fit: paired.Strengths, number: int) -> Row:
    """The standard error is that of the difference to the mean of all."""
    if fit.log_worth is None or fit.worth is None or fit.covariance is None:
        return {"log_worth": None, "standard_error": None, "worth": None, "note": sentence(fit.undefined)}
    error = float(np.sqrt(max(fit.covariance[number, number], 0.0)))
    log_worth, worth = float(fit.log_worth[number]), float(fit.worth[number])
    return {"log_worth": log_worth, "standard_error": error, "worth": worth, "note": ""}


def sources_as_json(strengths: Strengths) -> dict[str, Any]:
    """The strengths for programs; ``tie`` is Davidson's ν, by which two equal answers are tied with ν / (2 + ν)."""
    fit = strengths.fit
    return {
        "comparisons": fit.comparisons,
        "tie": None if fit.log_tie is None else float(np.exp(fit.log_tie)),
        "log_likelihood": fit.log_likelihood,
        "undefined": sentence(fit.undefined),
        "sources": list(sources(strengths)),
    }


def sources_as_text(strengths: Strengths) -> Iterator[str]:
    """A line for each source, the most preferred first."""
    tie = "" if strengths.fit.log_tie is None else f", tie parameter {np.exp(strengths.fit.log_tie):.4f}"
    yield f"{strengths.fit.comparisons:,} comparisons of answers by two sources{tie}"
    for row in sources(strengths):
        counts = f"{row['wins']:,} of {row['comparisons']:,} won, {row['tied']:,} tied"
        worth = row["note"] if row["worth"] is None else f"{row['log_worth']:+.3f} ± {row['standard_error']:.3f}"
        yield f"  {row['source']}: {worth} ({counts})"


def _row_in_words(row: Row) -> str:
    numbers = ("value", "low", "high", "items", "raters", "pairs", "prompts", "interval", "note", "ties", "judgements")
    about = ", ".join(str(value) for name, value in row.items() if name not in numbers and value != "")
    interval = "" if row["low"] is None else f" [{row['low']:.4f}, {row['high']:.4f}]"
    value = row["note"] if row["value"] is None else f"{row['value']:.4f}{interval}"
    ties = f"; ties {row['ties']:.4f} of {row['judgements']:,}" if row.get("ties") is not None else ""
    return f"{about}: {value} (n = {row['pairs']:,}, {row['prompts']:,} prompts){ties}"


def _in_words(estimate: Estimate) -> str:
    if estimate.value is None:
        return sentence(estimate.undefined)
    interval = "" if estimate.low is None else f" [{estimate.low:.1%}, {estimate.high:.1%}]"
    return f"{estimate.value:.1%}{interval}, n = {estimate.counts.pairs:,} pairs of {estimate.counts.prompts:,} prompts"


def _conventions(about: Row, by_convention: Mapping[str, Agreement]) -> Iterator[Row]:
    for name, of in by_convention.items():
        for weighing in rules.WEIGHINGS:
            yield {**about, "convention": name, "weighing": weighing, **_figures(getattr(of, weighing))}


def _measures(about: Row, report: LabelReport) -> Iterator[Row]:
    for name, estimate in report.figures.items():
        yield {**about, "measure": name, "labels": report.given, **_figures(estimate)}


def _figures(estimate: Estimate) -> Row:
    """A value with all that stands behind it; ``interval`` says how it was made, ``note`` why something is missing."""
    made = "" if estimate.low is None else "wilson" if estimate.by_wilson else "bootstrap"
    counts = {name: getattr(estimate.counts, name) for name in ("items", "raters", "pairs", "prompts")}
    note = sentence(estimate.why)
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        **counts,
        "interval": made,
        "note": note,
    }
