"""Reads the form on which a prompt and its answer are written."""

from collections.abc import Mapping
from itertools import zip_longest

from app.labeling.instruments.authoring.rules import Authored, Pair
from app.language import gettext as _
from app.web.forms import whole_number


def authored_of(lists: Mapping[str, list[str]], form: str) -> Authored:
    """The fields of an authoring page; ``query`` and ``response`` come once for each pair, in their order."""
    one = {name: values[-1] for name, values in lists.items()}
    queries, responses = lists.get("query", []), lists.get("response", [])
    scenario = one.get("scenario", "")
    return Authored(
        form=form,
        prompt=one.get("prompt", ""),
        answer=one.get("answer", ""),
        instruction=one.get("instruction", ""),
        pairs=tuple(Pair(*both) for both in zip_longest(queries, responses, fillvalue="")),
        query_name=one.get("query_name", ""),
        response_name=one.get("response_name", ""),
        use_case=one.get("use_case", ""),
        language=one.get("language", ""),
        scenario_id=whole_number(scenario, _("A scenario's number")) if scenario else None,
    )
