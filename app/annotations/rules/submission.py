"""What a complete submission is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.annotations.rules import labels

LONGEST_NOTE = 4_000
LONGEST_DEMONSTRATION = 100_000


@dataclass(frozen=True)
class Verdict:
    """What a person said about one answer; ``likert`` is empty while it is a draft."""

    likert: int | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Submission:
    """A person's whole verdict on a task: one per answer, the labels of the prompt, and a lane for each answer."""

    verdicts: Mapping[int, Verdict]
    ranks: Mapping[int, int]
    prompt_labels: Mapping[str, str] = field(default_factory=dict)


def verdict_problem(verdict: Verdict) -> str | None:
    """Why what was entered for one answer cannot be kept, even as a draft."""
    if verdict.likert is not None and not 1 <= verdict.likert <= 7:
        return f"A rating is a number from 1 to 7, not {verdict.likert}."
    if len(verdict.note) > LONGEST_NOTE:
        return f"The note has {len(verdict.note):,} characters; {LONGEST_NOTE:,} fit."
    problems = (labels.answer_flag_problem(name, value) for name, value in verdict.flags.items())
    return next((problem for problem in problems if problem), None)


def submission_problems(submission: Submission, letters: Mapping[int, str]) -> list[str]:
    """Why a submission is not complete, in sentences; ``letters`` names each answer of the task as it was shown."""
    problems = []
    if unrated := [c for c in letters if submission.verdicts.get(c, Verdict()).likert is None]:
        problems.append(f"{_answers(unrated, letters)} not rated yet. Rate every answer from 1 to 7 first.")
    if unranked := [c for c in letters if c not in submission.ranks]:
        problems.append(f"{_answers(unranked, letters)} not ranked yet. Put every answer in a lane; ties are welcome.")
    if any(rank < 1 for rank in submission.ranks.values()):
        problems.append("A rank is 1 (best) or a larger number.")
    if (set(submission.ranks) | set(submission.verdicts)) - set(letters):
        problems.append("The form speaks about an answer that does not belong to this task. Reload the page.")
    for candidate, letter in letters.items():
        verdict = submission.verdicts.get(candidate, Verdict())
        if problem := verdict_problem(verdict):
            problems.append(f"Answer {letter}: {problem}")
        problems += [
            f"Answer {letter} is flagged “{label.text}”, which is asked only if the prompt is marked "
            f"“{_prompt_label(label.needs)}”. Mark the prompt or take the flag away."
            for label in labels.inapplicable_yes(verdict.flags, submission.prompt_labels)
        ]
    return problems


def demonstration_problem(text: str) -> str | None:
    if not text.strip():
        return "There is no text yet. Write the answer you would like to read, then submit."
    if len(text) > LONGEST_DEMONSTRATION:
        return f"The text has {len(text):,} characters; {LONGEST_DEMONSTRATION:,} fit."
    return None


def _prompt_label(name: str) -> str:
    return next(label.text.lower() for label in labels.PROMPT_LABELS if label.name == name)


def _answers(candidates: Sequence[int], letters: Mapping[int, str]) -> str:
    names = sorted(letters[candidate] for candidate in candidates)
    if len(names) == 1:
        return f"Answer {names[0]} is"
    return f"Answers {', '.join(names[:-1])} and {names[-1]} are"
