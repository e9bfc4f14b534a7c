"""From the judgements in the database to the report: numbered, divided and handed to the rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from app.judgements import queries as judged
from app.judgements import reading
from app.language import mark
from app.models.base import utc_now
from app.quality.agreement import queries
from app.quality.agreement.material import Material, material
from app.quality.agreement.questions import LIKERT, Question, agreement_on, fields_of, questions_of, ratings_of
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.filters import Filters
from app.quality.agreement.rules.label_report import LabelReport, label_report
from app.quality.agreement.rules.report import Groups, RankingReport, RankingSlicing, Slicing, ranking_report
from trainer.statistics import paired, wmt
from trainer.statistics.arrays import Integers
from trainer.statistics.bootstrap import DRAWS, Resamples
from trainer.statistics.estimates import Undefined
from trainer.statistics.rankings import Judgements

# What pages read as it is stored.
campaigns = queries.campaigns
groups = queries.groups
languages = queries.languages
use_cases = queries.use_cases

READING, COMPARING, RATED, LABELLED = (
    *(mark("reading what was judged"), mark("comparing rankings")),
    *(mark("comparing ratings"), mark("comparing labels")),
)
"""What a report is at, for whoever waits for it."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rater:
    """Somebody who judged: pseudonym, which group of roles, which labeler group, and how many rankings.

    Without a name it is nobody in particular (``_seated``), of whom no figure says anything.
    """

    name: str | None
    role: str
    group: str | None
    rankings: int


@dataclass(frozen=True)
class AgreementReport:
    """All figures for some filters, as of a moment.

    ``raters`` are numbered as in ``rankings.labelers``; ``order`` are those who share a pair with somebody, so that
    those who agree stand beside each other. ``shared`` are the prompts that at least two people ranked. ``unnamed``
    judgements are by people whom nobody knows; each counts as another person's than the others of its prompt.
    """

    filters: Filters
    made_at: datetime
    seconds: float
    annotations: int
    ranked: int
    prompts: int
    shared: int
    unnamed: int
    raters: Sequence[Rater]
    order: Sequence[int]
    rankings: RankingReport
    ratings: LabelReport
    questions: Sequence[Question]


def report(
    session: Session, filters: Filters, *, seed: int = 0, draws: int = DRAWS, say: Say = lambda _step: None
) -> AgreementReport:
    """Compute the report on what the filters take.

    Args:
        session: for reading.
        filters: which judgements.
        seed: of the draws of prompts; the same data and seed give the same report.
        draws: how many.
        say: is told what is being done.
    """
    began = time.monotonic()
    say(READING)
    read = material(session, filters)
    texts = fields_of(session, read.annotations)
    say(COMPARING)
    judgements = read.judgements()
    resamples = Resamples(read.prompts, seed=seed, draws=draws)
    again = read.annotations.again
    rankings = ranking_report(
        judgements, again=again, slicings=_slicings(read), groups=_groups(read), resamples=resamples
    )
    say(RATED)
    ratings = label_report(ratings_of(read), [str(rating) for rating in LIKERT], ordered=True, resamples=resamples)
    questions = []
    for question in questions_of(read, texts):
        say(LABELLED)
        questions.append(agreement_on(read, question, resamples))
    ranked = np.unique(read.rank_rows[0][~again[read.rank_rows[0]]])
    people_of_prompt = np.unique(np.stack([read.prompt[ranked], read.annotations.person[ranked]]), axis=1)[0]
    raters = _raters(read, ranked)
    headline = {
        (rater, other): of.micro.value
        for (rater, other), of in rankings.labelers.items()
        if of.micro.value is not None and raters[rater].name is not None and raters[other].name is not None
    }
    unnamed = np.array([name is None for name, _role in read.annotations.people], dtype=bool)
    return AgreementReport(
        filters=filters,
        made_at=utc_now(),
        seconds=time.monotonic() - began,
        annotations=int((~again).sum()),
        ranked=len(ranked),
        prompts=read.prompts,
        shared=int((np.bincount(people_of_prompt, minlength=1) >= 2).sum()),
        unnamed=int(unnamed[read.annotations.person].sum()) if len(unnamed) else 0,
        raters=raters,
        order=_order(headline),
        rankings=rankings,
        ratings=ratings,
        questions=questions,
    )


def wmt_kappas(session: Session, filters: Filters) -> tuple[wmt.WmtKappa, wmt.WmtKappa]:
    """Agreement between and within annotators as the WMT shared tasks count it; see ``trainer.statistics.wmt``.

    Only rankings whose order on the screen is known are taken.
    """
    read = material(session, filters)
    ranking, item, rank = read.rank_rows
    shown = read.annotations.numbered(reading.shown(session, rules.wanted(filters)))
    position = reading.beside(read.rank_rows, shown, missing=-1)
    order = np.lexsort((position, ranking))
    order = order[position[order] >= 0]
    judgements = Judgements.of_rankings(
        ranking[order],
        item[order],
        rank[order],
        task=read.task,
        labeler=read.annotations.person,
        prompt=read.prompt,
        ordered=True,
    )
    first = judgements.only(~read.annotations.again)
    return wmt.between_annotators(first), wmt.within_annotators(judgements)


@dataclass(frozen=True)
class Strengths:
    """What people prefer of several sources: models, or whatever a file names as the source of an answer.

    ``fit`` has a worth for each of ``sources``; ``comparisons`` counts the pairs that each was in, ``wins`` those in
    which it was better, ``tied`` those in which neither was.
    """

    sources: Sequence[str]
    comparisons: Sequence[int]
    wins: Sequence[int]
    tied: Sequence[int]
    fit: paired.Strengths


def strengths(session: Session, filters: Filters, ties: paired.Ties = "davidson") -> Strengths:
    """Fit Davidson's model, or Bradley and Terry's, to all pairs of answers by two sources in everybody's rankings.

    Pairs of one ranking count as if they were independent, so standard errors are too small where rankings are long.
    """
    read = material(session, filters)
    first_time = ~read.annotations.again[read.rank_rows[0]]
    ranking, candidate, rank = (column[first_time] for column in read.rank_rows)
    answers, position = np.unique(candidate, return_inverse=True)
    made = judged.sources(session, answers.tolist())
    names, source = np.unique([made[int(candidate_id)] for candidate_id in answers], return_inverse=True)
    alone = np.arange(len(read.task))
    judgements = Judgements.of_rankings(ranking, position, rank, task=np.zeros_like(alone), labeler=alone)
    first, second = source[judgements.answers[judgements.pair].T] if len(judgements.sign) else np.zeros((2, 0), int)
    apart = first != second
    first, second, sign = first[apart], second[apart], judgements.sign[apart]
    count = len(names)

    def counted(sources: Integers) -> list[int]:
        return np.bincount(sources, minlength=count).tolist()

    tied = sign == 0
    return Strengths(
        sources=[str(name) for name in names],
        comparisons=counted(np.concatenate([first, second])),
        wins=counted(np.where(sign > 0, first, second)[~tied]),
        tied=counted(np.concatenate([first[tied], second[tied]])),
        fit=paired.davidson(first, second, sign, items=count, ties=ties)
        if len(sign)
        else paired.Strengths(None, None, None, None, 0, Undefined.NO_JUDGEMENTS),
    )


def _slicings(read: Material) -> dict[str, Slicing | RankingSlicing]:
    annotations = read.annotations
    language_of_task = np.zeros(len(read.prompt_of_task), dtype=np.int64)
    language_of_task[read.task] = annotations.language
    months, month = rules.month_names(annotations.seconds)
    campaigns, campaign = np.unique(annotations.campaign, return_inverse=True)
    return {
        "use_case": Slicing(read.use_cases, read.use_case_of_task),
        "language": Slicing(*_named(annotations.languages, language_of_task)),
        "campaign": RankingSlicing([read.campaign_names[int(campaign_id)] for campaign_id in campaigns], campaign),
        "month": RankingSlicing(months, month, later=True),
    }


def _named(names: Sequence[str | None], places: Integers) -> tuple[list[str], Integers]:
    """The names in alphabetical order without the empty one, and the places in that order; -1 for the empty one."""
    ordered = sorted(name for name in names if name)
    new = np.array([ordered.index(name) if name else -1 for name in names] or [-1], dtype=np.int64)
    return ordered, new[places]


def _groups(read: Material) -> dict[str, Groups]:
    annotations = read.annotations
    group_of_person = np.full(len(annotations.people), -1, dtype=np.int64)
    group_of_person[annotations.person] = annotations.group
    names, groups = _named(annotations.groups, group_of_person)
    roles = [rules.group_of_role(role) for _name, role in annotations.people]
    present = [role for role in rules.GROUPS_OF_ROLES if role in roles]
    return {
        "role": Groups(present, np.array([present.index(role) for role in roles], dtype=np.int64)),
        "group": Groups(names, groups if len(groups) else np.zeros(0, dtype=np.int64)),
    }


def _raters(read: Material, ranked: Integers) -> list[Rater]:
    annotations = read.annotations
    count = np.bincount(annotations.person[ranked], minlength=len(annotations.people))
    group = dict(zip(annotations.person.tolist(), annotations.group.tolist(), strict=True))
    return [
        Rater(
            name,
            rules.group_of_role(role),
            annotations.groups[group[person_number]] if person_number in group else None,
            int(count[person_number]),
        )
        for person_number, (name, role) in enumerate(annotations.people)
    ]


def _order(headline: Mapping[tuple[int, int], float]) -> list[int]:
    people = sorted({person for pair in headline for person in pair})
    number = {person: number_of_person for number_of_person, person in enumerate(people)}
    pairs = {(number[one], number[other]): value for (one, other), value in headline.items()}
    return [people[number_of_person] for number_of_person in rules.order_by_agreement(len(people), pairs)]
