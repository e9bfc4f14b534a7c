"""Sampled answers enter the pool with their provenance."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.language import gettext as _
from app.material.candidates import queries
from app.material.prompts.rules import text_sha256
from app.models.base import utc_now
from trainer.contract.records import Candidate


def add_candidates(
    session: Session, *, run_id: int | None, model_version_id: int | None, rows: Iterable[Candidate]
) -> dict[int, list[int]]:
    """Add what a model sampled; the same rows again add nothing and give the same ids.

    Of several equal texts for one prompt the first is kept, with its seed. An empty answer is what the model said, and
    kept like any other. A NUL, which no database stores, becomes U+FFFD.

    Args:
        session: an open transaction.
        run_id: the run that sampled them.
        model_version_id: the model that wrote them; their origin is ``model:<id>``. Without one, a
            generator did, as all rows say in the same way.
        rows: answers whose ``prompt_id`` is the number of a prompt in the pool.

    Returns:
        prompt id -> ids of its different answers, in the order in which they were sampled.

    Raises:
        Invalid: an answer belongs to no prompt of the pool.
    """
    origin = f"model:{model_version_id}"
    new: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        if model_version_id is None:
            origin = f"generator:{row.generator}:{row.model}"
        text = row.text.replace("\x00", "�")
        key = (_prompt_id(row), text_sha256(text))
        new.setdefault(key, _values(row, key, text, origin) | {"run_id": run_id, "model_version_id": model_version_id})
    prompts = {prompt_id for prompt_id, _ in new}
    if missing := prompts - queries.known_prompts(session, prompts):
        raise Invalid(
            _(
                "%(number)s of the sampled answers' prompts are not in the pool, for example %(example)s.",
                number=len(missing),
                example=min(missing),
            )
        )
    queries.insert_new(session, list(new.values()))
    ids = queries.ids_by_text(session, prompts, origin)
    by_prompt: dict[int, list[int]] = {}
    for key in new:
        by_prompt.setdefault(key[0], []).append(ids[key])
    return by_prompt


def _prompt_id(row: Candidate) -> int:
    if not row.prompt_id.isdecimal():
        raise Invalid(
            _("A sampled answer names the prompt “%(prompt)s”, which is not one of the pool.", prompt=row.prompt_id)
        )
    return int(row.prompt_id)


def _values(row: Candidate, key: tuple[int, str], text: str, origin: str) -> dict[str, Any]:
    return {
        "prompt_id": key[0],
        "text": text,
        "text_sha256": key[1],
        "origin": origin,
        "sampling": row.model_dump(include={"temperature", "top_p", "max_new_tokens"}),
        "seed": row.seed,
        "detail": row.model_dump(include={"index", "tokens", "finished"}) | _generator(row),
        "created_at": utc_now(),
    }


def _generator(row: Candidate) -> dict[str, Any]:
    """Who gave an answer that no model of ours gave, and its log-probability; that of each token stays in the run."""
    if row.generator is None:
        return {}
    known = {"source": f"{row.model} ({row.generator})", "generator": row.generator, "model": row.model}
    return known if row.logprobs is None else known | {"logprob": sum(row.logprobs)}
