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
    given = row["labels"]
    if isinstance(given, dict):
        row = row.replaced("labels", [{"annotator": annotator, "label": label} for annotator, label in given.items()])
    if not isinstance(row["labels"], list) or not row["labels"]:
        refuse(FORMS, "labels")
    before: Counter[str | None] = Counter()
    labels = []
    for number, one in enumerate(row.parts("labels"), 1):
        if not isinstance(one, Fields):
            refuse(FORMS, "labels", number)
        said = one.get("label") if one.peek("label") is not None else one.get("value")
        if said is None:
            continue  # who has not judged this row
        annotator = name_of(one.get("annotator"), "labels", number, "annotator")
        value = _label(said, "labels", number)
        group, phase = labeler_group_of(Over(one, row)), phase_of(row)
        told = (question, value, row_id_of(row), before[annotator], phase, group, one.detail)
        labels.append(LabelDraft(prompt, answer, annotator, *told))
        before[annotator] += 1
    if not labels:
        refuse(mark("Nobody has labelled this row."), "labels")
    return Drafts(prompts=[prompt], candidates=[(prompt, answer)] if answer else [], labels=labels)


def _question(given: object) -> str:
    name = name_of(given, "question") or "label"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        text = mark("“%(value)s” cannot name a question: use small letters, digits and _, at most 40.")
        refuse(text, "question", value=shown(name))
    return name


def _label(given: object, *place: str | int) -> str:
    """A label as flags are kept: yes, no, a whole number, or a word."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    label = name_of(given, *place) if isinstance(given, str | int) else None
    if label is None or not label.strip() or not label.isprintable():
        refuse(mark("“%(value)s” is no label: give a word or a whole number."), *place, value=shown(given))
    return label.strip()
