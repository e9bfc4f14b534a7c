"""Reports in the making and reports that are made: the memory of one web process."""

import logging
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

from app.agreement import queries, service
from app.agreement.rules import Filters
from app.agreement.service import AgreementReport
from app.database import Database

KEPT = 8
"""Reports; one on two hundred labelers takes some ten megabytes."""
PATIENCE = 0.8  # seconds in which most reports are ready, so that nobody meets a waiting page for them
SLOW, LASTS = 2.0, 60.0
"""A report that took longer than the first, in seconds, is shown for the second although more has been judged since:
on a busy installation none would ever be ready otherwise. The page says as of when it is."""


@dataclass
class Making:
    """One report being made, or made: what it is at, when it began, and in the end the report or what went wrong."""

    version: tuple[Any, ...]
    began: float
    step: str = ""
    result: "Future[AgreementReport]" = field(default_factory=Future)

    @property
    def report(self) -> AgreementReport | None:
        """The report if it is made.

        Raises:
            Exception: what went wrong in the making.
        """
        return self.result.result() if self.result.done() else None

    @property
    def failed(self) -> bool:
        return self.result.done() and self.result.exception() is not None

    @property
    def seconds(self) -> float:
        """Since it was asked for."""
        return monotonic() - self.began


class Reports:
    """Makes reports one after another in a thread of their own, and keeps those made last.

    The web goes on answering meanwhile: arrays are computed without Python's lock, and rows are read with a lock that
    changes hands. A report is made anew when something was submitted, corrected or imported since, or somebody changed
    group or role (``queries.version``).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agreement")
        self._known: OrderedDict[Filters, Making] = OrderedDict()
        self._lock = Lock()

    def ask(self, filters: Filters, patience: float = PATIENCE) -> Making:
        """The report for some filters, which may have begun just now.

        Args:
            filters: which judgements.
            patience: seconds to wait for it.
        """
        with self._database.reading() as session:
            version = queries.version(session)
        with self._lock:
            making = self._known.get(filters)
            if making is None or self._outdated(making, version):
                making = self._begin(filters, version)
            self._known.move_to_end(filters)
        wait([making.result], timeout=patience)
        return making

    def close(self) -> None:
        """Give up what has not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _outdated(self, making: Making, version: tuple[Any, ...]) -> bool:
        if not making.result.done():
            return False
        if making.failed or making.result.cancelled():
            return True
        took = making.result.result().seconds
        return making.version != version and (took < SLOW or making.seconds > took + LASTS)

    def _begin(self, filters: Filters, version: tuple[Any, ...]) -> Making:
        making = Making(version, monotonic(), service.READING)
        making.result = self._thread.submit(self._make, filters, making)
        self._known[filters] = making
        for known in [one for one, made in self._known.items() if made.result.done()][
            : max(0, len(self._known) - KEPT)
        ]:
            del self._known[known]
        return making

    def _make(self, filters: Filters, making: Making) -> AgreementReport:
        def say(step: str) -> None:
            making.step = step

        try:
            with self._database.reading() as session:
                return service.report(session, filters, say=say)
        except Exception:
            logging.getLogger(__name__).exception("a report of agreement could not be made")
            raise
