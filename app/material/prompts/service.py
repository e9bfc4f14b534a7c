"""A prompt, and what researchers say of it."""

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.language import gettext as _
from app.material.prompts import queries, rules
from app.models import Person, Prompt
from app.people.service import record

# What pages read as it is stored.
candidates_of = queries.candidates_of
counts_by_prompt = queries.counts_by_prompt
demonstrations_of = queries.demonstrations_of
pool = queries.pool
pool_size = queries.pool_size
rankings_of = queries.rankings_of
sources = queries.sources
warnings_of = queries.warnings_of


def prompt_for(session: Session, *, prompt_id: int) -> Prompt:
    if (prompt := queries.prompt_by_id(session, prompt_id)) is None:
        raise NotFound(_("There is no such prompt."))
    return prompt


def letters_of(session: Session, *, prompt_id: int) -> dict[int, str]:
    """Candidate -> the letter by which pages call it among all of its prompt."""
    ids = queries.candidate_ids_of(session, prompt_id)
    return {candidate_id: rules.candidate_letter(position) for position, candidate_id in enumerate(ids)}


def mark_sensitive(session: Session, by: Person, *, prompt_id: int, sensitive: bool) -> Prompt:
    """Say whether labelers are warned before they read a prompt; it holds for tasks that are opened from now on."""
    prompt = prompt_for(session, prompt_id=prompt_id)
    prompt.sensitive = sensitive
    record(session, by, "marked prompt sensitive" if sensitive else "marked prompt not sensitive", prompt)
    return prompt


def mark_high_stakes(session: Session, by: Person, *, prompt_id: int, high_stakes: bool) -> Prompt:
    """Say whether a small mistake in an answer could cost somebody dearly; labelers see it from now on."""
    prompt = prompt_for(session, prompt_id=prompt_id)
    prompt.high_stakes = high_stakes
    record(session, by, "marked prompt high stakes" if high_stakes else "marked prompt not high stakes", prompt)
    return prompt
