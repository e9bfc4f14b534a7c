"""From the judgements in the database to the report: numbered, divided and handed to the rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from app.judgements import queries as judged
from app.judgements import reading
from app.judgements.reading import Annotations, Flags, Rows
from app.language import mark
from app.material.schemas.rules import ANSWER, NO, PARTS, PROMPT, USE_CASE, YES, Field, schema_of
from app.models.base import utc_now
from app.quality.agreement import queries
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.filters import Filters
from app.quality.agreement.rules.label_report import LabelReport, label_report
from app.quality.agreement.rules.report import Groups, RankingReport, RankingSlicing, Slicing, ranking_report
from trainer.statistics import paired, wmt
from trainer.statistics.arrays import Integers
from trainer.statistics.bootstrap import DRAWS, Resamples
from trainer.statistics.estimates import Undefined
from trainer.statistics.labels import Labels
from trainer.statistics.rankings import Judgements

LIKERT = tuple(range(1, 8))
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
class Question:
    """Agreement on one question about the ``prompt`` or the ``answer``; ``text`` is what labelers read, if known."""

    part: str
    name: str
    text: str
    report: LabelReport


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


@dataclass(frozen=True)
class Material:
    """What the filters take, numbered: A annotations, T tasks, P prompts.

    A task is a prompt in one phase: rankings of it are compared wherever they were made. ``rank_rows`` and
    ``rating_rows`` are (annotation, answer, rank or rating), annotations being numbers from 0.
    """

    annotations: Annotations
    task: Integers
    prompt: Integers
    prompt_of_task: Integers
    campaign_names: Mapping[int, str]
    rank_rows: Rows
    rating_rows: Rows
    flags: Flags
    use_cases: Sequence[str]
    use_case_of_task: Integers

    @property
    def prompts(self) -> int:
        return int(self.prompt.max(initial=-1)) + 1

    def judgements(self) -> Judgements:
        ranking, item, rank = self.rank_rows
        labeler = self.annotations.person
        return Judgements.of_rankings(ranking, item, rank, task=self.task, labeler=labeler, prompt=self.prompt)


def material(session: Session, filters: Filters) -> Material:
    """Read and number what the filters take."""
    known = queries.campaigns(session)
    phases = {id_: phase == "evaluation" for id_, _name, phase, _imported in known}
    imported = [id_ for id_, _name, _phase, imported in known if imported]
    wanted = rules.wanted(filters)
    found, flags = _seated(reading.annotations(session, wanted)), reading.flags(session, wanted)
    of_prompt = _chosen_use_cases(found, flags)
    if filters.use_case is not None:
        found = found.only(np.isin(found.prompt, [p for p, case in of_prompt.items() if case == filters.use_case]))
    prompts, prompt = np.unique(found.prompt, return_inverse=True)
    second_phase = np.isin(found.campaign, [id_ for id_, evaluation in phases.items() if evaluation])
    tasks, task = np.unique(prompt * 2 + second_phase, return_inverse=True)
    use_cases = sorted(set(of_prompt.values()))
    number = {case: place for place, case in enumerate(use_cases)}
    case_of_prompt = np.array([number.get(of_prompt.get(int(one), ""), -1) for one in prompts], dtype=np.int64)
    rank_rows = found.numbered(reading.ranks(session, wanted))
    return Material(
        annotations=found,
        task=task,
        prompt=prompt,
        prompt_of_task=tasks // 2,
        campaign_names={id_: name for id_, name, _phase, _imported in known},
        rank_rows=rank_rows,
        rating_rows=found.numbered(reading.ratings(session, wanted)),
        flags=_with_silence(found, found.flags_numbered(flags), rank_rows, imported),
        use_cases=use_cases,
        use_case_of_task=case_of_prompt[tasks // 2] if len(tasks) else np.zeros(0, dtype=np.int64),
    )


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
    texts = _fields(session, read.annotations)
    say(COMPARING)
    judgements = read.judgements()
    resamples = Resamples(read.prompts, seed=seed, draws=draws)
    again = read.annotations.again
    rankings = ranking_report(
        judgements, again=again, slicings=_slicings(read), groups=_groups(read), resamples=resamples
    )
    say(RATED)
    ratings = label_report(_ratings(read), [str(one) for one in LIKERT], ordered=True, resamples=resamples)
    questions = []
    for question in _questions(read, texts):
        say(LABELLED)
        questions.append(_asked(read, question, resamples))
    ranked = np.unique(read.rank_rows[0][~again[read.rank_rows[0]]])
    people_of_prompt = np.unique(np.stack([read.prompt[ranked], read.annotations.person[ranked]]), axis=1)[0]
    raters = _raters(read, ranked)
    headline = {
        (one, other): of.micro.value
        for (one, other), of in rankings.labelers.items()
        if of.micro.value is not None and raters[one].name is not None and raters[other].name is not None
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
    place = reading.beside(read.rank_rows, shown, missing=-1)
    order = np.lexsort((place, ranking))
    order = order[place[order] >= 0]
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
    answers, place = np.unique(candidate, return_inverse=True)
    made = judged.sources(session, answers.tolist())
    names, source = np.unique([made[int(one)] for one in answers], return_inverse=True)
    alone = np.arange(len(read.task))
    judgements = Judgements.of_rankings(ranking, place, rank, task=np.zeros_like(alone), labeler=alone)
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


# From columns to numbers --------------------------------------------------------------------------


def _seated(found: Annotations) -> Annotations:
    """With a person without a name for each seat: judges whom nobody knows sit apart within a prompt and a group."""
    seat = found.seats(found.prompt * (len(found.groups) + 1) + found.group)
    unnamed = seat > 0
    chairs, chair = np.unique(np.stack([found.group[unnamed], seat[unnamed]]), axis=1, return_inverse=True)
    person = found.person.copy()
    person[unnamed] = len(found.people) + chair.reshape(-1)
    return replace(found, person=person, people=[*found.people, *[(None, None)] * chairs.shape[1]])


def _chosen_use_cases(found: Annotations, flags: Flags) -> dict[int, str]:
    """The use case of each prompt: its own, else what most labelers chose, among equals the first by name."""
    chosen: dict[int, str] = {}
    if USE_CASE in flags.names:
        place, kept = found.places(flags.annotation)
        kept &= (flags.name == flags.names.index(USE_CASE)) & (flags.candidate == 0)
        by_name = np.argsort(np.argsort(np.array(flags.values, dtype=str)))
        pairs = np.stack([found.prompt[place[kept]], by_name[flags.value[kept]]])
        (prompts, values), votes = np.unique(pairs, axis=1, return_counts=True)
        names = sorted(flags.values)
        for one in np.lexsort((-values, votes)):  # the last word is that of the most votes
            chosen[int(prompts[one])] = names[values[one]]
    own = np.unique(np.stack([found.prompt, found.use_case]), axis=1).T
    return chosen | {int(p): name for p, case in own if (name := found.use_cases[case])}


def _with_silence(found: Annotations, flags: Flags, rank_rows: Rows, imported: Iterable[int]) -> Flags:
    """Imported lists of flags name what is there alone; the ranked answers that they do not name are "no"."""
    if YES not in flags.values:
        return flags
    yes = flags.values.index(YES)
    values = flags.values if NO in flags.values else [*flags.values, NO]
    no = values.index(NO)
    campaign_of_flag, campaign_of_rank = found.campaign[flags.annotation], found.campaign[rank_rows[0]]
    width = int(max(flags.candidate.max(initial=0), rank_rows[1].max(initial=0))) + 1
    more: list[Integers] = []
    for campaign in np.intersect1d(np.unique(campaign_of_flag), np.array(list(imported), dtype=np.int64)):
        theirs = campaign_of_flag == campaign
        answers = campaign_of_rank == campaign
        cells = rank_rows[0][answers] * width + rank_rows[1][answers]
        for name in np.unique(flags.name[theirs & (flags.candidate > 0)]):
            named = theirs & (flags.name == name)
            if (flags.value[named] != yes).any():
                continue
            silent = np.setdiff1d(cells, flags.annotation[named] * width + flags.candidate[named])
            more.append(
                np.stack([silent // width, silent % width, np.full_like(silent, name), np.full_like(silent, no)])
            )
    if not more:
        return flags
    columns = (flags.annotation, flags.candidate, flags.name, flags.value)
    both = zip(columns, np.concatenate(more, axis=1), strict=True)
    annotation, candidate, named, value = (np.concatenate(one) for one in both)
    return Flags(annotation, candidate, named, value, flags.names, values)


# Divisions ----------------------------------------------------------------------------------------


def _slicings(read: Material) -> dict[str, Slicing | RankingSlicing]:
    found = read.annotations
    language_of_task = np.zeros(len(read.prompt_of_task), dtype=np.int64)
    language_of_task[read.task] = found.language
    months, month = rules.month_names(found.seconds)
    campaigns, campaign = np.unique(found.campaign, return_inverse=True)
    return {
        "use_case": Slicing(read.use_cases, read.use_case_of_task),
        "language": Slicing(*_named(found.languages, language_of_task)),
        "campaign": RankingSlicing([read.campaign_names[int(one)] for one in campaigns], campaign),
        "month": RankingSlicing(months, month, later=True),
    }


def _named(names: Sequence[str | None], places: Integers) -> tuple[list[str], Integers]:
    """The names in alphabetical order without the empty one, and the places in that order; -1 for the empty one."""
    ordered = sorted(name for name in names if name)
    new = np.array([ordered.index(name) if name else -1 for name in names] or [-1], dtype=np.int64)
    return ordered, new[places]


def _groups(read: Material) -> dict[str, Groups]:
    found = read.annotations
    group_of_person = np.full(len(found.people), -1, dtype=np.int64)
    group_of_person[found.person] = found.group
    names, groups = _named(found.groups, group_of_person)
    roles = [rules.group_of_role(role) for _name, role in found.people]
    present = [role for role in rules.GROUPS_OF_ROLES if role in roles]
    return {
        "role": Groups(present, np.array([present.index(role) for role in roles], dtype=np.int64)),
        "group": Groups(names, groups if len(groups) else np.zeros(0, dtype=np.int64)),
    }


def _raters(read: Material, ranked: Integers) -> list[Rater]:
    found = read.annotations
    count = np.bincount(found.person[ranked], minlength=len(found.people))
    group = dict(zip(found.person.tolist(), found.group.tolist(), strict=True))
    return [
        Rater(
            name, rules.group_of_role(role), found.groups[group[place]] if place in group else None, int(count[place])
        )
        for place, (name, role) in enumerate(found.people)
    ]


def _order(headline: Mapping[tuple[int, int], float]) -> list[int]:
    people = sorted({person for pair in headline for person in pair})
    number = {person: place for place, person in enumerate(people)}
    pairs = {(number[one], number[other]): value for (one, other), value in headline.items()}
    return [people[place] for place in rules.order_by_agreement(len(people), pairs)]


# Ratings and labels -------------------------------------------------------------------------------


def _ratings(read: Material) -> Labels:
    annotation, candidate, likert = read.rating_rows
    return _labels(read, annotation, candidate, likert - LIKERT[0], LIKERT)


def _labels(
    read: Material, annotation: Integers, candidate: Integers, values: Integers, categories: Sequence[float] | int
) -> Labels:
    """An item is an answer in one phase, or, where there is no answer, the prompt. What came again has no vote."""
    first = ~read.annotations.again[annotation]
    annotation, candidate, values = annotation[first], candidate[first], values[first]
    width = int(candidate.max(initial=0)) + 1
    cells, items = np.unique(read.task[annotation] * width + candidate, return_inverse=True)
    clusters = read.prompt_of_task[cells // width]
    return Labels.of(items, read.annotations.person[annotation], values, categories, clusters)


def _fields(session: Session, found: Annotations) -> dict[tuple[str, str], Field]:
    """The questions that were asked, by part and name, as the newest version that was asked puts them."""
    asked = [schema_of(content) for content in queries.schemas(session, map(int, np.unique(found.schema)))]
    return {(part, field.name): field for schema in asked for part in PARTS for field in schema.part(part)}


@dataclass(frozen=True)
class _Question:
    part: str
    name: str
    text: str
    rows: np.ndarray
    values: Sequence[str]


def _questions(read: Material, fields: Mapping[tuple[str, str], Field]) -> list[_Question]:
    """The questions about answers first, then those about prompts, as the schema orders them; unknown ones by name."""
    known = list(fields)
    found = []
    for part, about in ((ANSWER, read.flags.candidate > 0), (PROMPT, read.flags.candidate == 0)):
        for name in np.unique(read.flags.name[about]):
            called = read.flags.names[name]
            field = fields.get((part, called))
            rows = np.flatnonzero(about & (read.flags.name == name))
            given = {read.flags.values[value] for value in np.unique(read.flags.value[rows])}
            declared = list(field.values) if field else []
            values = _in_order([*declared, *sorted(given - set(declared))])
            found.append(_Question(part, called, field.text if field else "", rows, values))
    place = {key: number for number, key in enumerate(known)}
    found.sort(key=lambda one: (one.part != ANSWER, place.get((one.part, one.name), len(place)), one.name))
    return found


def _in_order(values: list[str]) -> list[str]:
    """Numbers by size; "no" before "yes"; the rest as declared."""
    if _numbers(values):
        return sorted(values, key=int)
    return [NO, YES, *(one for one in values if one not in (NO, YES))] if YES in values else values


def _numbers(values: Sequence[str]) -> bool:
    return bool(values) and all(value.removeprefix("-").isdigit() for value in values)


def _asked(read: Material, question: _Question, resamples: Resamples) -> Question:
    place = {value: number for number, value in enumerate(question.values)}
    new = np.array([place.get(value, -1) for value in read.flags.values], dtype=np.int64)
    rows, flags = question.rows, read.flags
    ordered = _numbers(question.values)
    categories = [float(value) for value in question.values] if ordered else len(question.values)
    labels = _labels(read, flags.annotation[rows], flags.candidate[rows], new[flags.value[rows]], categories)
    positive = place[YES] if YES in place and not ordered else None
    found = label_report(labels, list(question.values), ordered=ordered, positive=positive, resamples=resamples)
    return Question(question.part, question.name, question.text, found)
