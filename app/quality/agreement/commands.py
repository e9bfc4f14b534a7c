"""``prefloop report agreement`` and ``prefloop report sources``."""

import json
from collections.abc import Iterator, Mapping
from typing import cast, get_args

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.language import gettext as _
from app.quality.agreement import queries, service, tables
from app.quality.agreement.forms import filters_of
from app.quality.agreement.rules.filters import Filters
from trainer.statistics.paired import Ties


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
    filters = _filters(session, asked)
    report = service.report(session, filters)
    kappas = service.wmt_kappas(session, filters) if wmt else None
    if as_json:
        yield json.dumps(tables.as_json(report, kappas), indent=2, ensure_ascii=False)
    else:
        yield from tables.as_text(report, kappas)


def sources(session: Session, asked: Mapping[str, str], *, ties: str, as_json: bool) -> Iterator[str]:
    """What people prefer of several sources, line by line.

    Args:
        session: for reading.
        asked: fields as in the page's address.
        ties: ``davidson``, ``half`` or ``drop``.
        as_json: one JSON document instead of text.

    Raises:
        Invalid: there is nothing like what is asked for.
    """
    if ties not in get_args(Ties):
        raise Invalid(_("Choose one of %(names)s.", names=", ".join(get_args(Ties))))
    strengths = service.strengths(session, _filters(session, asked), cast("Ties", ties))
    if as_json:
        yield json.dumps(tables.sources_as_json(strengths), indent=2, ensure_ascii=False)
    else:
        yield from tables.sources_as_text(strengths)


def _filters(session: Session, asked: Mapping[str, str]) -> Filters:
    try:
        return filters_of(asked, [(id_, name) for id_, name, _phase, _imported in queries.campaigns(session)])
    except Invalid as problem:
        raise Invalid(" ".join(f"{field}: {sentence}" for field, sentence in problem.fields.items())) from None
