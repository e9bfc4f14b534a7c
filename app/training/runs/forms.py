"""The settings of a stage as a form shows them, and the way back from what was typed; pure."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from app.language import gettext as _
from app.language import mark, said
from trainer.contract.configs import CONFIGS, StageConfig
from trainer.contract.folder import Stage
from trainer.contract.limits import Surroundings, checked

# What an engineer looks at first; everything else stands under "more settings".
FIRST_FIELDS: dict[Stage, tuple[str, ...]] = {
    "pretrain": ("steps", "learning_rate", "hidden_size", "layers", "vocabulary_size", "corpus"),
    "sft": ("epochs", "learning_rate", "batch_size"),
    "sample": ("answers_per_prompt", "temperature", "top_p", "max_new_tokens"),
    "reward": ("epochs", "learning_rate", "prompts_per_batch", "ties", "margin", "ensemble", "heads"),
    "crossvalidate": ("grouping", "folds", "seeds", "epochs", "learning_rate", "prompts_per_batch", "ties"),
    "score": ("tokens_per_forward",),
    "detect": ("min_tokens", "context"),
    "ppo": ("iterations", "learning_rate", "kl_coefficient", "batch_size", "pretrain_coefficient"),
    "evaluate": ("prompts", "temperature", "max_new_tokens"),
}

# Choices whose name alone does not say what happens.
CHOICE_WORDS: dict[str, dict[str, str]] = {
    "ties": {
        "drop": mark("drop: no term in the loss"),
        "soft": mark("soft: half a win for each side"),
        "davidson": mark("Davidson likelihood"),
        "rao_kupper": mark("Rao–Kupper likelihood"),
    },
    "divisor": {"all_pairs": mark("all pairs, C(K, 2)"), "strict_pairs": mark("strict pairs only")},
    "grouping": {
        "drawn": mark("people drawn into groups, as many as folds"),
        "labeler_group": mark("each labeler group of the snapshot"),
    },
    "context": {"prompt": mark("after its prompt"), "none": mark("alone")},
    "margin": {
        "none": mark("none"),
        "likert": mark("from Likert ratings"),
        "strength": mark("from the pair's strength"),
    },
}
SWITCH_WORDS = {"True": mark("yes"), "False": mark("no")}
GENERATOR = "generator-"
"""What the number of a generator begins with, where one is chosen among models."""
SHOWN_PROBLEMS = 5
NOTHING_KNOWN = Surroundings()


@dataclass(frozen=True)
class Field:
    """One setting as a form shows it.

    Attributes:
        value: what stands in the field; several values are separated by commas, weights by lines.
        choices: value -> words, where there are only so many.
    """

    name: str
    label: str
    hint: str
    value: str
    kind: Literal["number", "text", "choice", "several", "weights"]
    choices: Mapping[str, str]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The values that are ticked, of a field that takes several."""
        return tuple(_names(self.value))


def form_fields(stage: Stage, given: Mapping[str, Any]) -> tuple[list[Field], list[Field]]:
    """The settings of a stage for its form: those looked at first, and the rest."""
    fields = {name: _field(name, info, given.get(name)) for name, info in CONFIGS[stage].model_fields.items()}
    first = FIRST_FIELDS[stage]
    return [fields[name] for name in first], [field for name, field in fields.items() if name not in first]


def _field(name: str, info: FieldInfo, given: Any) -> Field:
    shown = as_text(info.get_default(call_default_factory=True) if given is None else given)
    kind, choices = _kind(name, info.annotation)
    told = {value: said(words) for value, words in choices.items()}
    return Field(name, said(name.replace("_", " ")), said(info.description or ""), shown, kind, told)


def _kind(
    name: str, annotation: Any
) -> tuple[Literal["number", "text", "choice", "several", "weights"], dict[str, str]]:
    if get_origin(annotation) is Literal:
        return "choice", _choices(name, annotation)
    if get_origin(annotation) is list:
        return "several", _choices(name, get_args(annotation)[0])
    if get_origin(annotation) is dict:
        return "weights", {}
    if annotation is bool:
        return "choice", SWITCH_WORDS
    return ("text" if annotation is str else "number"), {}


def _choices(name: str, annotation: Any) -> dict[str, str]:
    words = CHOICE_WORDS.get(name, {})
    return {str(choice): words.get(str(choice), str(choice)) for choice in get_args(annotation)}


def as_text(value: Any) -> str:
    """A setting as it stands in a field: weights a line each, several values with commas, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        lines = [f"{name} = {weight}" for name, weight in value.items()]
        # A name that a line cannot carry is kept by JSON.
        return "\n".join(lines) if all(_fits_a_line(name) for name in value) else json.dumps(value, ensure_ascii=False)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _fits_a_line(name: str) -> bool:
    return name == name.strip() != "" and len(name.splitlines()) == 1 and not name.startswith("{")


def form_of_run(
    config: Mapping[str, Any],
    parents: Mapping[str, int],
    snapshot_id: int | None,
    seed: int,
    purpose: Mapping[str, Any],
) -> dict[str, str]:
    """The fields of the new-run form that order the same run again; its name and campaign must be new."""
    fields = {f"config-{name}": as_text(value) for name, value in config.items()}
    fields |= {f"parent-{role}": str(model_id) for role, model_id in parents.items()}
    fields |= {f"prompts-{name}": as_text(value) for name, value in purpose.get("prompts", {}).items()}
    fields |= {f"texts-{name}": as_text(value) for name, value in purpose.get("texts", {}).items()}
    if generator := purpose.get("generator"):
        fields["parent-policy"] = f"{GENERATOR}{generator['id']}"
    campaign = purpose.get("campaign", {})
    fields |= {f"campaign-{name}": as_text(campaign[name]) for name in ("phase", "overlap") if name in campaign}
    return fields | {"snapshot": as_text(snapshot_id), "seed": str(seed)}


def joined(items: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Fields as a browser sent them; boxes ticked under one name become one value with commas."""
    found: dict[str, str] = {}
    for name, value in items:
        if isinstance(value, str):
            found[name] = f"{found[name]}, {value}" if name in found and name.startswith("config-") else value
    return found


def read_config(
    stage: Stage, given: Mapping[str, Any], around: Surroundings = NOTHING_KNOWN
) -> tuple[StageConfig | None, dict[str, str]]:
    """Validate settings as they came from a form or a file; empty values mean the default.

    Args:
        stage: whose settings they are.
        given: by name.
        around: what is known of the machine, the parents and the snapshot that they will meet.

    Returns:
        The configuration, or nothing and the sentences for each field that is wrong.
    """
    filled: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for name, value in given.items():
        if value in ("", None):
            continue
        info = CONFIGS[stage].model_fields.get(name)
        kind = _kind(name, info.annotation)[0] if info else "text"
        if kind == "weights" and isinstance(value, str | Mapping):
            filled[name], wrong = read_weights(value)
            problems |= {name: wrong} if wrong else {}
        elif kind == "several" and isinstance(value, str):
            filled[name] = _names(value)
        else:
            filled[name] = value
    config, refused = checked(stage, filled, around)
    for problem in refused:
        sentence = "".join(f"“{part}”: " for part in problem.inside) + _(problem.text, **problem.values)
        for name in problem.fields:
            problems.setdefault(name, []).append(sentence)
    return (None if problems else config), {name: _in_short(wrong) for name, wrong in problems.items()}


def _names(text: str) -> list[str]:
    """Names separated by commas or white space, each once."""
    return list(dict.fromkeys(re.findall(r"[^\s,]+", text)))


def _in_short(sentences: list[str]) -> str:
    more = len(sentences) - SHOWN_PROBLEMS
    shown = " ".join(sentences[:SHOWN_PROBLEMS])
    return _("%(problems)s And %(number)s more like these.", problems=shown, number=f"{more:,}") if more > 0 else shown


def read_weights(given: str | Mapping[Any, Any]) -> tuple[dict[str, float], list[str]]:
    """Weights from lines of ``name = number``, or from one JSON object of names and numbers, as text or read.

    Returns:
        Name to weight, and a sentence for each entry that cannot be one (it is left out).
    """
    if isinstance(given, Mapping):
        return _checked((f"“{name}”", str(name), "=", weight) for name, weight in given.items())
    if not given.lstrip().startswith("{"):
        lines = [(number, line.rpartition("=")) for number, line in enumerate(given.splitlines(), 1) if line.strip()]
        return _checked(
            (_("Line %(number)s", number=number), name.strip(), sign, text.strip())
            for number, (name, sign, text) in lines
        )
    try:
        # A list of pairs, unlike an object, still shows a name that stands twice.
        pairs = json.loads(given, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        return {}, [_("This begins like JSON but is no object of names and numbers (%(reason)s).", reason=error)]
    return _checked((f"“{name}”", name, "=", weight) for name, weight in pairs)


def _checked(entries: Iterable[tuple[str, str, str, Any]]) -> tuple[dict[str, float], list[str]]:
    weights: dict[str, float] = {}
    problems = []
    for place, name, sign, text in entries:
        weight = _number(text)
        if not sign or not name:
            problems.append(_("%(place)s is not of the form “name = number”.", place=place))
        elif not name.isprintable():
            shown = place.encode("ascii", "backslashreplace").decode()
            problems.append(_("%(place)s: a name has no control characters.", place=shown))
        elif weight is None:
            problems.append(
                _("%(place)s: a weight is a number from 0, not “%(text)s”.", place=place, text=str(text)[:40])
            )
        elif name in weights:
            problems.append(_("%(place)s: “%(name)s” has a weight already.", place=place, name=name[:40]))
        else:
            weights[name] = weight
    return weights, problems


def _number(text: Any) -> float | None:
    """A finite number from 0, or nothing."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    try:
        number = float(text)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
