"""Labels of one or several people to one question (``labels``)."""

import re
from collections import Counter

from app.errors import shown
from app.labeling.importing.drafts import Drafts, LabelDraft
from app.labeling.importing.shapes.judged import labeler_group_of, phase_of, row_id_of
from app.labeling.importing.shapes.parts import answer_of, name_of, prompt_of, refuse
from app.labeling.importing.shapes.talks import talk_of
from app.language import mark
from app.material.files.fields import Fields, Over

FORMS = mark("Give annotators with their labels, or a list of annotator and label.")


def read_labels(row: Fields) -> Drafts:
    """What several people answered to one question about an answer, or about the prompt where there is no answer.

    Who labelled the same twice has two labels; agreement between people takes the first.
    """
    key = "response" if row.peek("response") is not None else "completion"
    text = row.get(key)
    messages, alone = talk_of(row, {} if text is None else {(key,): text})
    prompt = prompt_of(row, messages)
    answer = None
    if alone:
        answer = answer_of(alone[0], {"source": row.get("source"), "model": row.get("model")}, key=key)
    question = _question(row.get("question"))
    by_annotator = row["labels"]
    if isinstance(by_annotator, dict):
        row = row.replaced(
            "labels", [{"annotator": annotator, "label": label} for annotator, label in by_annotator.items()]
        )
    if not isinstance(row["labels"], list) or not row["labels"]:
        refuse(FORMS, "labels")
    before: Counter[str | None] = Counter()
    labels = []
    for number, part in enumerate(row.parts("labels"), 1):
        if not isinstance(part, Fields):
            refuse(FORMS, "labels", number)
        raw = part.get("label") if part.peek("label") is not None else part.get("value")
        if raw is None:
            continue  # who has not judged this row
        annotator = name_of(part.get("annotator"), "labels", number, "annotator")
        value = _label(raw, "labels", number)
        group, phase = labeler_group_of(Over(part, row)), phase_of(row)
        told = (question, value, row_id_of(row), before[annotator], phase, group, part.detail)
        labels.append(LabelDraft(prompt, answer, annotator, *told))
        before[annotator] += 1
    if not labels:
        refuse(mark("Nobody has labelled this row."), "labels")
    return Drafts(prompts=[prompt], candidates=[(prompt, answer)] if answer else [], labels=labels)


def _question(value: object) -> str:
    name = name_of(value, "question") or "label"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        text = mark("“%(value)s” cannot name a question: use small letters, digits and _, at most 40.")
        refuse(text, "question", value=shown(name))
    return name


def _label(value: object, *place: str | int) -> str:
    """A label as flags are kept: yes, no, a whole number, or a word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    label = name_of(value, *place) if isinstance(value, str | int) else None
    if label is None or not label.strip() or not label.isprintable():
        refuse(mark("“%(value)s” is no label: give a word or a whole number."), *place, value=shown(value))
    return label.strip()
