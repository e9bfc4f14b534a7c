"""Reads the form on which a prompt and its answer are written."""

from collections.abc import Mapping
from itertools import zip_longest

from app.labeling.instruments.authoring.rules import Authored, Pair
from app.language import gettext as _
from app.web.forms import whole_number


def authored_of(lists: Mapping[str, list[str]], form: str) -> Authored:
    """The fields of an authoring page; ``query`` and ``response`` come once for each pair, in their order."""
    fields = {name: values[-1] for name, values in lists.items()}
    queries, responses = lists.get("query", []), lists.get("response", [])
    scenario = fields.get("scenario", "")
    return Authored(
        form=form,
        prompt=fields.get("prompt", ""),
        answer=fields.get("answer", ""),
        instruction=fields.get("instruction", ""),
        pairs=tuple(Pair(*both) for both in zip_longest(queries, responses, fillvalue="")),
        query_name=fields.get("query_name", ""),
        response_name=fields.get("response_name", ""),
        use_case=fields.get("use_case", ""),
        language=fields.get("language", ""),
        scenario_id=whole_number(scenario, _("A scenario's number")) if scenario else None,
    )
