"""``prefloop report agreement``."""

import json
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from app.agreement import queries, service, tables
from app.agreement.forms import filters_of
from app.errors import Invalid


def agreement(session: Session, asked: Mapping[str, str], *, wmt: bool, as_json: bool) -> Iterator[str]:
    """The report, line by line.

    Args:
        session: for reading.
        asked: fields as in the page's address.
        wmt: whether to add kappa as the WMT shared tasks count it.
        as_json: one JSON document instead of text.

    Raises:
        Invalid: there is nothing like what is asked for.
    """
    try:
        filters = filters_of(asked, [(id_, name) for id_, name, _phase, _imported in queries.campaigns(session)])
    except Invalid as problem:
        raise Invalid(" ".join(f"{field}: {sentence}" for field, sentence in problem.fields.items())) from None
    report = service.report(session, filters)
    kappas = service.wmt_kappas(session, filters) if wmt else None
    if as_json:
        yield json.dumps(tables.as_json(report, kappas), indent=2, ensure_ascii=False)
    else:
        yield from tables.as_text(report, kappas)
