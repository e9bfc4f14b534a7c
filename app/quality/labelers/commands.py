"""``prefloop report labelers``."""

import json
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.quality.labelers import queries, service, tables
from app.quality.labelers.forms import filters_of


def labelers(session: Session, asked: Mapping[str, str], *, as_json: bool) -> Iterator[str]:
    """The report, line by line; ``asked`` are fields as in the page's address.

    Raises:
        Invalid: there is nothing like what is asked for.
    """
    try:
        filters = filters_of(asked, queries.campaigns(session))
    except Invalid as problem:
        raise Invalid(" ".join(f"{field}: {sentence}" for field, sentence in problem.fields.items())) from None
    report = service.report(session, filters)
    if as_json:
        yield json.dumps(tables.as_json(report), indent=2, ensure_ascii=False)
    else:
        yield from tables.as_text(report)
