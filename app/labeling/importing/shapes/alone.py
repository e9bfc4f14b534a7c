"""Rows without a judgement: a prompt alone (``prompt``), or with an answer to learn from (``response``)."""

import re

from app.labeling.importing.drafts import DemonstrationDraft, Drafts, PromptDraft
from app.labeling.importing.shapes.parts import answer_of, name_of, prompt_of, text_of
from app.labeling.importing.shapes.talks import talk_of
from app.material.files.fields import Fields

_SCORE = re.compile(
    r"(score|rating|reward|grade|likert|rank|ranking|vote|upvote)s?(_.*)?|.*_(score|rating|reward|grade)s?"
    r"|helpfulness|correctness|coherence|complexity|verbosity|helpful|harmless|honest|correct|passed|accepted|flags|label"
)


def read_prompt(row: Fields) -> Drafts:
    return Drafts(prompts=[prompt_of(row, talk_of(row)[0])])


def read_response(row: Fields) -> Drafts:
    """An answer to learn from; one that somebody has scored is a candidate, and to learn from only on demand."""
    key = "response" if row.peek("response") is not None else "completion"
    messages, (text,) = talk_of(row, {(key,): row[key]})
    scores = [name for name, value in row.rest().items() if _is_score(name, value)]
    prompt = prompt_of(row, messages)
    demonstration = demonstration_of(prompt, text, key, author=row.peek("author"))
    if not scores:
        row.get("author")
        return Drafts(prompts=[prompt], demonstrations=[demonstration])
    about = row.split([*scores, *({"model"} & row.rest().keys())])
    answer = answer_of(text, about, key=key, judged=False)
    return Drafts(prompts=[prompt], candidates=[(prompt, answer)], derived_demonstrations=[demonstration])


def _is_score(name: str, value: object) -> bool:
    """Whether a field says how good an answer is."""
    return _SCORE.fullmatch(name) is not None and not is_best(name, value)


def is_best(name: str, value: object) -> bool:
    """The rank of an answer that Open-Assistant's people put first; it is one to learn from."""
    return name == "rank" and value == 0


def demonstration_of(
    prompt: PromptDraft, value: object, *place: str | int, author: object = None
) -> DemonstrationDraft:
    answer = answer_of(text_of(value, *place), None, key=None)
    return DemonstrationDraft(prompt, answer.text, answer.sha256, name_of(author, "author"))
