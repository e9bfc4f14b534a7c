"""Several answers to one prompt, ranked or not (``k-wise``)."""

from collections.abc import Sequence
from typing import Any

from app.errors import shown
from app.labeling.importing.drafts import Drafts
from app.labeling.importing.shapes.alone import demonstration_of
from app.labeling.importing.shapes.judged import ranked, ranking_of
from app.labeling.importing.shapes.parts import answer_of, prompt_of, refuse
from app.labeling.importing.shapes.talks import said_in, talk_of
from app.language import mark
from app.material.files.fields import Fields


def read_k_wise(row: Fields) -> Drafts:
    key = "candidates" if "candidates" in row else "responses"
    candidates = row.peek(key)
    if not isinstance(candidates, list) or not candidates:
        refuse(mark("Give a list of answers."), key)
    parts = [part if isinstance(part, Fields) else row.part({"text": part}, f"{key}[]") for part in row.parts(key)]
    check_ids(parts, key)
    messages, texts = talk_of(row, {(key, number, "text"): part.get("text") for number, part in enumerate(parts, 1)})
    prompt = prompt_of(row, messages)
    judged = any(part.peek("rank") is not None for part in parts)
    answers = [
        answer_of(text, part, key, number, judged=judged)
        for number, (text, part) in enumerate(zip(texts, parts, strict=True), 1)
    ]
    if not judged:
        drafts = Drafts(prompts=[prompt], candidates=[(prompt, answer) for answer in answers])
    else:
        ranks = [part.get("rank") for part in parts]
        drafts = ranked([ranking_of(row, prompt, answers, ranks, row.get("annotator"), listed=key)])
    if row.get("demonstration") is not None:
        written = said_in(row["demonstration"], row, "demonstration")[1]
        drafts.demonstrations.append(demonstration_of(prompt, written, "demonstration"))
    return drafts


def check_ids(answers: Sequence[dict[str, Any]], listed: str) -> None:
    """Two answers under one id are one answer too many: nobody can say which of them was judged."""
    for key in ("candidate_id", "id"):
        places: dict[str, int] = {}
        for number, answer in enumerate(answers, 1):
            id_ = dict.get(answer, key)  # without reading it: it stays in the detail
            if id_ is None:
                continue
            if (first := places.setdefault(repr(id_), number)) != number:
                text = mark("“%(id)s” names answer %(first)s already.")
                refuse(text, listed, number, key, id=shown(id_), first=first)
