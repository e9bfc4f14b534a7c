"""What the filters take, read from the database and numbered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from app.judgements import reading
from app.judgements.reading import Annotations, Flags, Rows
from app.material.schemas.rules import NO, USE_CASE, YES
from app.quality.agreement import queries
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.filters import Filters
from trainer.statistics.arrays import Integers
from trainer.statistics.rankings import Judgements


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
    annotations, flags = _seated(reading.annotations(session, wanted)), reading.flags(session, wanted)
    of_prompt = _chosen_use_cases(annotations, flags)
    if filters.use_case is not None:
        annotations = annotations.only(
            np.isin(annotations.prompt, [p for p, case in of_prompt.items() if case == filters.use_case])
        )
    prompts, prompt = np.unique(annotations.prompt, return_inverse=True)
    second_phase = np.isin(annotations.campaign, [id_ for id_, evaluation in phases.items() if evaluation])
    tasks, task = np.unique(prompt * 2 + second_phase, return_inverse=True)
    use_cases = sorted(set(of_prompt.values()))
    number = {case: number_of_case for number_of_case, case in enumerate(use_cases)}
    case_of_prompt = np.array(
        [number.get(of_prompt.get(int(prompt_id), ""), -1) for prompt_id in prompts], dtype=np.int64
    )
    rank_rows = annotations.numbered(reading.ranks(session, wanted))
    return Material(
        annotations=annotations,
        task=task,
        prompt=prompt,
        prompt_of_task=tasks // 2,
        campaign_names={id_: name for id_, name, _phase, _imported in known},
        rank_rows=rank_rows,
        rating_rows=annotations.numbered(reading.ratings(session, wanted)),
        flags=_with_silence(annotations, annotations.flags_numbered(flags), rank_rows, imported),
        use_cases=use_cases,
        use_case_of_task=case_of_prompt[tasks // 2] if len(tasks) else np.zeros(0, dtype=np.int64),
    )


def _seated(annotations: Annotations) -> Annotations:
    """With a person without a name for each seat: judges whom nobody knows sit apart within a prompt and a group."""
    seat = annotations.seats(annotations.prompt * (len(annotations.groups) + 1) + annotations.group)
    unnamed = seat > 0
    chairs, chair = np.unique(np.stack([annotations.group[unnamed], seat[unnamed]]), axis=1, return_inverse=True)
    person = annotations.person.copy()
    person[unnamed] = len(annotations.people) + chair.reshape(-1)
    return replace(annotations, person=person, people=[*annotations.people, *[(None, None)] * chairs.shape[1]])


def _chosen_use_cases(annotations: Annotations, flags: Flags) -> dict[int, str]:
    """The use case of each prompt: its own, else what most labelers chose, among equals the first by name."""
    chosen: dict[int, str] = {}
    if USE_CASE in flags.names:
        position, is_use_case = annotations.places(flags.annotation)
        is_use_case &= (flags.name == flags.names.index(USE_CASE)) & (flags.candidate == 0)
        by_name = np.argsort(np.argsort(np.array(flags.values, dtype=str)))
        pairs = np.stack([annotations.prompt[position[is_use_case]], by_name[flags.value[is_use_case]]])
        (prompts, values), votes = np.unique(pairs, axis=1, return_counts=True)
        names = sorted(flags.values)
        for row in np.lexsort((-values, votes)):  # the last word is that of the most votes
            chosen[int(prompts[row])] = names[values[row]]
    own = np.unique(np.stack([annotations.prompt, annotations.use_case]), axis=1).T
    return chosen | {int(p): name for p, case in own if (name := annotations.use_cases[case])}


def _with_silence(annotations: Annotations, flags: Flags, rank_rows: Rows, imported: Iterable[int]) -> Flags:
    """Imported lists of flags name what is there alone; the ranked answers that they do not name are "no"."""
    if YES not in flags.values:
        return flags
    yes = flags.values.index(YES)
    values = flags.values if NO in flags.values else [*flags.values, NO]
    no = values.index(NO)
    campaign_of_flag, campaign_of_rank = annotations.campaign[flags.annotation], annotations.campaign[rank_rows[0]]
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
    annotation, candidate, named, value = (np.concatenate(columns) for columns in both)
    return Flags(annotation, candidate, named, value, flags.names, values)
