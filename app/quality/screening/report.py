"""What a screening found: the scores of every applicant, and which topics a team covers; by code, without names."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.material.schemas.rules import ANSWER, PROMPT
from app.models import Applicant, Screening
from app.quality.screening import queries
from app.quality.screening.queries import Done
from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.plans import ACCEPTED, DEMONSTRATIONS, FLAGS, RANKINGS
from app.quality.screening.rules.scores import FlaggedText, RankedItem, ScreeningScores, screening_scores
from app.quality.screening.service import sensitive_in
from trainer.statistics.estimates import Estimate


@dataclass(frozen=True)
class Result:
    """One applicant: what they did of their form, and how they did it."""

    applicant: Applicant
    items: int
    done: int
    scores: ScreeningScores


@dataclass(frozen=True)
class Covered:
    """A topic: which of the accepted claim it, how each flagged the texts on it, and how many are good for it."""

    topic: str
    by_code: dict[str, tuple[bool, Estimate | None]]

    @property
    def claimed(self) -> int:
        return sum(claimed for claimed, _estimate in self.by_code.values())

    @property
    def tested(self) -> int:
        return sum(estimate is not None and estimate.counts.items > 0 for _claimed, estimate in self.by_code.values())


@dataclass(frozen=True)
class Report:
    """All results by code, and the matrix of topics and accepted people (InstructGPT B.1, criterion 4)."""

    screening: Screening
    results: Sequence[Result]
    coverage: Sequence[Covered]

    @property
    def accepted(self) -> list[str]:
        return [result.applicant.code for result in self.results if result.applicant.decision == ACCEPTED]


def report_of(session: Session, screening: Screening, draws: int = 400) -> Report:
    """Score everybody who has begun; those whose form is not handed in yet have no scores to be seen."""
    everybody = queries.applicants(session, screening.id)
    results = results_of(session, screening, everybody, draws)
    accepted = [result for result in results if result.applicant.decision == ACCEPTED]
    topics = list(dict.fromkeys([*screening.topics, *(t.topic for result in accepted for t in result.scores.topics)]))
    coverage = []
    for topic in topics:
        cells: dict[str, tuple[bool, Estimate | None]] = {}
        for result in accepted:
            score = next((each for each in result.scores.topics if each.topic == topic), None)
            cells[result.applicant.code] = (score.claimed, score.agreement) if score else (False, None)
        coverage.append(Covered(topic, cells))
    return Report(screening, results, coverage)


def results_of(
    session: Session, screening: Screening, applicants: Sequence[Applicant], draws: int = 400
) -> list[Result]:
    done = queries.done_in(session, applicants)
    return [
        Result(
            applicant=applicant,
            items=len(queries.items_of(session, applicant)),
            done=len(done[applicant.id]),
            scores=scores_of(screening, applicant, done[applicant.id] if applicant.finished_at else [], draws),
        )
        for applicant in applicants
    ]


def scores_of(screening: Screening, applicant: Applicant, done: Sequence[Done], draws: int) -> ScreeningScores:
    """The four scores of what was submitted."""
    return screening_scores(
        [text for item in done if item.item.criterion == FLAGS for text in _flagged(screening, item)],
        [_ranked(item) for item in done if item.item.criterion == RANKINGS],
        [list(item.ratings.values()) for item in done if item.item.criterion == DEMONSTRATIONS],
        topics=screening.topics,
        claimed=applicant.claimed,
        seed=screening.seed,
        draws=draws,
    )


def _names(screening: Screening, part: str) -> list[str]:
    named = (name.partition(":") for name in screening.sensitive_flags)
    return [name for of, _colon, name in named if of == part]


def _flagged(screening: Screening, done: Done) -> list[FlaggedText]:
    """The answers of an item, and its prompt where flags of the prompt count: sensitive or not, by both."""
    if done.gold is None:
        return []
    flags_by_answer: dict[int | None, dict[str, str]] = {}
    for flag in done.annotation.flags:
        flags_by_answer.setdefault(flag.candidate_id, {})[flag.name] = flag.value
    item, topic = done.item.task_id, done.gold.topic
    of_answers, of_prompts = _names(screening, ANSWER), _names(screening, PROMPT)
    flagged = [
        FlaggedText(
            item,
            topic,
            sensitive_in(flags_by_answer.get(int(answer), {}), of_answers),
            sensitive_in(gold["flags"], of_answers),
        )
        for answer, gold in done.gold.content["answers"].items()
        if of_answers
    ]
    if of_prompts and done.gold.content.get("prompt"):
        gold = done.gold.content["prompt"]
        flagged.append(
            FlaggedText(
                item, topic, sensitive_in(flags_by_answer.get(None, {}), of_prompts), sensitive_in(gold, of_prompts)
            )
        )
    return flagged


def _ranked(done: Done) -> RankedItem:
    gold = done.gold.content.get("ranks", {}) if done.gold else {}
    return RankedItem(
        item=done.item.task_id,
        said={row.candidate_id: row.rank for row in done.annotation.ranks},
        gold={int(answer): rank for answer, rank in gold.items()},
    )


COLUMNS = (
    *("code", "attempt", "items", "done", "handed_in"),
    *("flags_agreement", "flags_low", "flags_high", "flags_texts", "flags_kappa", "flags_ac1"),
    *("ranking_agreement", "ranking_low", "ranking_high", "ranking_pairs"),
    *("demonstrations_mean", "demonstrations_low", "demonstrations_high", "demonstrations_rated"),
    *("topics_claimed", "topics_tested", "decision", "reason", "group"),
)


def table_of(report: Report) -> list[tuple[object, ...]]:
    """A row for each applicant, in the order of ``COLUMNS``; what is undefined is empty."""
    return [_row(result) for result in report.results]


def _row(result: Result) -> tuple[object, ...]:
    applicant, scores = result.applicant, result.scores
    raw, mean = scores.flags.raw, scores.demonstrations
    return (
        *(applicant.code, applicant.attempt, result.items, result.done, _time(applicant)),
        *(raw.value, raw.low, raw.high, raw.counts.items, scores.flags.kappa.value, scores.flags.ac1.value),
        *(scores.ranking.value, scores.ranking.low, scores.ranking.high, scores.ranking.counts.pairs),
        *(mean.value, mean.low, mean.high, mean.counts.items),
        *(scores.claimed, scores.tested, applicant.decision or "", applicant.reason, applicant.labeler_group or ""),
    )


def _time(applicant: Applicant) -> str:
    return f"{applicant.finished_at:%Y-%m-%d %H:%M}" if applicant.finished_at else ""


COVERAGE_COLUMNS = ("topic", "code", "claimed", "texts", "agreement")


def coverage_table(report: Report) -> list[tuple[object, ...]]:
    """A row for each topic and accepted person, in the order of ``COVERAGE_COLUMNS``."""
    return [
        (
            covered.topic,
            code,
            "yes" if claimed else "no",
            estimate.counts.items if estimate else 0,
            estimate.value if estimate else None,
        )
        for covered in report.coverage
        for code, (claimed, estimate) in covered.by_code.items()
    ]


def as_json(report: Report) -> dict[str, object]:
    """The report as the command prints it for programs."""
    screening = report.screening
    return {
        "screening": screening.name,
        "seed": screening.seed,
        "criteria": list(rules.CRITERIA),
        "applicants": [dict(zip(COLUMNS, row, strict=True)) for row in table_of(report)],
        "coverage": [dict(zip(COVERAGE_COLUMNS, row, strict=True)) for row in coverage_table(report)],
    }


def as_lines(report: Report) -> list[str]:
    """The same for people: a line for each applicant."""
    lines = [f"screening {report.screening.id}: {report.screening.name}, {len(report.results)} applicants"]
    for result in report.results:
        scores = result.scores
        lines.append(
            f"{result.applicant.code}  done {result.done}/{result.items}"
            f"  flags {_share(scores.flags.raw)}  rankings {_share(scores.ranking)}"
            f"  texts {_mean(scores.demonstrations)}  topics {scores.claimed} claimed, {scores.tested} tested"
            f"  {result.applicant.decision or 'undecided'}"
        )
    return lines


def _share(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    between = "" if estimate.low is None else f" ({100 * estimate.low:.0f}-{100 * (estimate.high or 0):.0f})"
    return f"{100 * estimate.value:.1f} %{between} n={estimate.counts.pairs}"


def _mean(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.2f} n={estimate.counts.items}"
