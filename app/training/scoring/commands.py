"""Scores from the command line."""

from collections.abc import Callable
from pathlib import Path

from app.database import Database
from app.errors import Invalid, Refusal
from app.material.files.fields import unused_told
from app.settings import Settings
from app.training.runs import commands as runs
from app.training.scoring import exports, queries, service

LISTED = 20


def score(
    database: Database, settings: Settings, model: str, file: Path, out: Path, *, wait: bool, say: Callable[[str], None]
) -> bool:
    """Have a file scored; with ``wait``, write the scores to ``out``.

    The same file by the same model again takes up what is under way or done, so that a command that was
    interrupted loses nothing.

    Returns:
        Whether all went well so far.
    """
    fmt = exports.format_of(out.name)
    if not out.resolve().parent.is_dir():
        raise Invalid(f"There is no folder {out.resolve().parent} to write {out.name} into.")
    named = int(model) if model.isdecimal() else model
    with database.reading() as session:
        service.reward_model_for(session, named)
    gathered = service.read_file(file, file.name)
    for refusal in gathered.refusals[:LISTED]:
        say(f"  {Refusal.of(refusal).at(refusal['line'])}")
    say(f"{file.name}: {gathered.answers:,} answers to {len(gathered.items):,} prompts, {gathered.refused:,} refused")
    if unused := unused_told(gathered.unused):
        say(f"  {unused}")
    request = service.freeze(settings, gathered, "command", file.name)
    with database.transaction() as session:
        chosen = service.reward_model_for(session, named)
        scoring = service.taken_up(session, chosen, request.digest) or service.order(session, None, chosen, request)
        scoring_id, run_id = scoring.id, scoring.run_id
    if not wait:
        say(f"scoring {scoring_id} is queued; the same command with --wait writes its scores to {out}")
        return True
    if runs.follow(database, run_id, say) != "succeeded":
        return False
    with database.reading() as session:
        results = service.results_of(settings, queries.scoring_with_id(session, scoring_id))
    partial = out.with_name(f"{out.name}.partial")
    rows = exports.write_scores(results, partial, fmt)
    partial.replace(out)
    say(f"{rows:,} scores written to {out}")
    return True
