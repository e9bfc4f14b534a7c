"""What a complete submission is: the prompt labelled, every answer rated, all answers ranked, in this order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.labeling.annotations.rules import labels
from app.language import gettext as _
from app.language import listed, mark, ngettext
from app.material.schemas.rules import PROMPT, Field, Schema

LONGEST_NOTE = 4_000

NOT_RATED = mark("This answer has no rating yet. Choose 1 to 7; everything else you entered is kept.")
ONLY_SCORES = mark(
    "This campaign asks for scores alone, without an overall rating and without a note. Reload the page."
)


@dataclass(frozen=True)
class Verdict:
    """What a person said about one answer.

    ``likert`` is empty while it is a draft, and where the campaign asks for no overall rating.
    """

    likert: int | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Submission:
    """A person's whole verdict on a task: one per answer, the labels of the prompt, and a lane for each answer.

    Attributes:
        verdicts: by answer.
        ranks: the lane of each answer, 1 = best.
        prompt_labels: what was answered about the prompt.
        versions: the version of the label schema that was shown for each answer, and under None for the prompt.
        none_acceptable: whether even the best of the answers is not good enough; a mark beside the order, no rank.
    """

    verdicts: Mapping[int, Verdict]
    ranks: Mapping[int, int]
    prompt_labels: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[int | None, int] = field(default_factory=dict)
    none_acceptable: bool = False


# ``rated`` says below whether the campaign asks for an overall rating of each answer, or for the labels alone.


def verdict_problem(verdict: Verdict, schema: Schema, *, rated: bool = True) -> str | None:
    """Why what was entered for one answer cannot be kept, even as a draft."""
    if not rated and (verdict.likert is not None or verdict.note):
        return _(ONLY_SCORES)
    if verdict.likert is not None and not 1 <= verdict.likert <= 7:
        return _("A rating is a number from 1 to 7, not %(number)s.", number=verdict.likert)
    if problem := note_problem(verdict.note):
        return problem
    problems = (labels.answer_flag_problem(schema, name, value) for name, value in verdict.flags.items())
    return next((problem for problem in problems if problem), None)


def note_problem(note: str) -> str | None:
    """Why a note cannot be kept."""
    if len(note) <= LONGEST_NOTE:
        return None
    return _("The note has %(length)s characters; %(most)s fit.", length=f"{len(note):,}", most=f"{LONGEST_NOTE:,}")


def prompt_labels_problem(prompt_labels: Mapping[str, str], schema: Schema) -> str | None:
    """Why labels of a prompt cannot be kept, even as a draft."""
    problems = (labels.prompt_label_problem(schema, name, value) for name, value in prompt_labels.items())
    return next((problem for problem in problems if problem), None)


def outdated(submission: Submission, version: int | None) -> list[int | None]:
    """The answers (None: the prompt) that were labelled under another version than this one."""
    return [part for part, shown in submission.versions.items() if shown != version]


def missing_before_ranking(
    submission: Submission, letters: Mapping[int, str], schema: Schema, *, rated: bool = True
) -> list[str]:
    """What is still missing of part 1 (label the prompt) and part 2 (rate every answer), in sentences.

    Part 3, the ranking, opens when nothing is missing: whoever ranks has judged each answer by itself before
    (InstructGPT Fig. 12). ``letters`` names each answer of the task as it was shown.
    """
    missing = []
    if unlabelled := labels.unanswered_prompt_labels(schema, submission.prompt_labels):
        missing.append(_("The prompt is not labelled yet: answer %(questions)s first.", questions=_fields(unlabelled)))
    verdicts = {candidate: submission.verdicts.get(candidate, Verdict()) for candidate in letters}
    untouched = [c for c, verdict in verdicts.items() if not (rated or verdict.flags)]
    if untouched and any(field.required for field in schema.answer):
        missing.append(
            ngettext(
                "Answer %(letters)s is not scored yet. Score every answer first.",
                "Answers %(letters)s are not scored yet. Score every answer first.",
                len(untouched),
                letters=_letters(untouched, letters),
            )
        )
    if unrated := [c for c, verdict in verdicts.items() if rated and verdict.likert is None]:
        missing.append(
            ngettext(
                "Answer %(letters)s is not rated yet. Rate every answer from 1 to 7 first.",
                "Answers %(letters)s are not rated yet. Rate every answer from 1 to 7 first.",
                len(unrated),
                letters=_letters(unrated, letters),
            )
        )
    for candidate, verdict in verdicts.items():
        if candidate in untouched:
            continue
        if open_flags := labels.unanswered_flags(schema, verdict.flags, submission.prompt_labels):
            missing.append(
                _(
                    "Answer %(letter)s: %(questions)s is not answered yet.",
                    letter=letters[candidate],
                    questions=_fields(open_flags),
                )
            )
    return missing


def answer_is_complete(candidate: int, submission: Submission, schema: Schema, *, rated: bool = True) -> bool:
    """Whether an answer has its rating and all that must be said about it, and nothing that is not asked."""
    verdict = submission.verdicts.get(candidate, Verdict())
    return not open_in_verdict(verdict, submission.prompt_labels, schema, rated=rated)


def open_in_verdict(
    verdict: Verdict, prompt_labels: Mapping[str, str], schema: Schema, *, rated: bool = True
) -> list[str]:
    """What keeps a person at one answer, in sentences."""
    problems = [_(NOT_RATED)] if rated and verdict.likert is None else []
    if open_flags := labels.unanswered_flags(schema, verdict.flags, prompt_labels):
        problems.append(
            _("%(questions)s must be answered; everything else you entered is kept.", questions=_fields(open_flags))
        )
    return [*problems, *_inapplicable(verdict, prompt_labels, schema)]


def _inapplicable(verdict: Verdict, prompt_labels: Mapping[str, str], schema: Schema) -> Iterator[str]:
    for flag in labels.inapplicable(schema, verdict.flags, prompt_labels):
        condition = schema.field(PROMPT, flag.needs)
        yield _(
            "“%(question)s” is answered, which is asked only if the prompt is marked “%(condition)s”. "
            "Mark the prompt or take the answer away.",
            question=flag.text,
            condition=condition.text if condition else flag.needs,
        )


def verdict_problems(
    candidate: int, submission: Submission, letters: Mapping[int, str], schema: Schema, *, rated: bool = True
) -> Iterator[str]:
    """What is wrong with what was said about one answer, in sentences."""
    letter, verdict = letters[candidate], submission.verdicts.get(candidate, Verdict())
    if problem := verdict_problem(verdict, schema, rated=rated):
        yield _("Answer %(letter)s: %(problem)s", letter=letter, problem=problem)
    for problem in _inapplicable(verdict, submission.prompt_labels, schema):
        yield _("Answer %(letter)s: %(problem)s", letter=letter, problem=problem)


def submission_problems(
    submission: Submission, letters: Mapping[int, str], schema: Schema, *, rated: bool = True
) -> list[str]:
    """Why a submission is not complete, in sentences; ``letters`` names each answer of the task as it was shown."""
    problems = missing_before_ranking(submission, letters, schema, rated=rated)
    if problem := prompt_labels_problem(submission.prompt_labels, schema):
        problems.append(_("The prompt: %(problem)s", problem=problem))
    if unranked := [c for c in letters if c not in submission.ranks]:
        problems.append(
            ngettext(
                "Answer %(letters)s is not ranked yet. Put every answer in a lane; ties are welcome.",
                "Answers %(letters)s are not ranked yet. Put every answer in a lane; ties are welcome.",
                len(unranked),
                letters=_letters(unranked, letters),
            )
        )
    if any(not 1 <= rank <= len(letters) for rank in submission.ranks.values()):
        problems.append(_("A rank is 1 (best) to %(most)s.", most=len(letters)))
    if (set(submission.ranks) | set(submission.verdicts)) - set(letters):
        problems.append(_("The form speaks about an answer that does not belong to this task. Reload the page."))
    for candidate in letters:
        problems += verdict_problems(candidate, submission, letters, schema, rated=rated)
    return problems


def rank_problems(ranks: Mapping[int, int], letters: Mapping[int, str]) -> dict[int, str]:
    """What is wrong with the rank of an answer, by answer: there is none, or it is none of the K lanes."""
    problems = {}
    for candidate, letter in letters.items():
        if candidate not in ranks:
            problems[candidate] = _("Answer %(letter)s has no rank yet.", letter=letter)
        elif not 1 <= ranks[candidate] <= len(letters):
            problems[candidate] = _(
                "The rank of answer %(letter)s is 1 (best) to %(most)s, not %(rank)s.",
                letter=letter,
                most=len(letters),
                rank=ranks[candidate],
            )
    return problems


def labels_changed(parts: Sequence[int | None], letters: Mapping[int, str]) -> str:
    """Which parts of a task (None: the prompt) must be looked at again because the questions have changed."""
    names = [_("the prompt")] if None in parts else []
    names += [_("answer %(letter)s", letter=letters[part]) for part in parts if part is not None and part in letters]
    return _(
        "The questions of this campaign have changed since you answered them. What you entered is kept where the new "
        "ones still ask for it. Look again at %(parts)s, then go on.",
        parts=listed(names),
    )


def _fields(fields: Sequence[Field]) -> str:
    return listed(f"“{field.text}”" for field in fields)


def _letters(candidates: Sequence[int], letters: Mapping[int, str]) -> str:
    return listed(sorted(letters[candidate] for candidate in candidates))
