"""Reports in the making and reports that are made: the memory of one web process."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from app.database import Database


class Timed(Protocol):
    """A report that knows how long it took to make."""

    @property
    def seconds(self) -> float: ...


Asked = TypeVar("Asked")
Report = TypeVar("Report", bound=Timed)
Version = tuple[Any, ...]

KEPT = 8
"""Reports; one on two hundred labelers takes some ten megabytes."""
PATIENCE = 0.8  # seconds in which most reports are ready, so that nobody meets a waiting page for them
SLOW, LASTS = 2.0, 60.0
"""A report that took longer than the first, in seconds, is shown for the second although more has been judged since:
on a busy installation none would ever be ready otherwise. The page says as of when it is."""


@dataclass
class Making(Generic[Report]):
    """One report being made, or made: what it is at, when it began, and in the end the report or what went wrong."""

    version: Version
    began: float
    step: str = ""
    result: "Future[Report]" = field(default_factory=Future)

    @property
    def report(self) -> Report | None:
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


class Reports(Generic[Asked, Report]):
    """Makes reports one after another in a thread of their own, and keeps those made last.

    The web goes on answering meanwhile: arrays are computed without Python's lock, and rows are read with a lock that
    changes hands. A report is made anew when what it is made of has another version than then.

    Attributes:
        version: reads what changes whenever a report would come out otherwise.
        make: makes a report, called with a session, what is asked for, and ``say``, which is told what it is at.
        name: of the thread.
    """

    def __init__(
        self,
        database: Database,
        version: Callable[[Session], Version],
        make: Callable[..., Report],
        name: str,
    ) -> None:
        self.name = name
        self._database = database
        self._read_version = version
        self._make_report = make
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._known: OrderedDict[Asked, Making[Report]] = OrderedDict()
        self._lock = Lock()

    def ask(self, filters: Asked, patience: float = PATIENCE) -> Making[Report]:
        """The report for some filters, which may have begun just now.

        Args:
            filters: which judgements.
            patience: seconds to wait for it.
        """
        with self._database.reading() as session:
            version = self._read_version(session)
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

    def _outdated(self, making: Making[Report], version: Version) -> bool:
        if not making.result.done():
            return False
        if making.failed or making.result.cancelled():
            return True
        took = making.result.result().seconds
        return making.version != version and (took < SLOW or making.seconds > took + LASTS)

    def _begin(self, filters: Asked, version: Version) -> Making[Report]:
        making: Making[Report] = Making(version, monotonic())
        making.result = self._thread.submit(self._make, filters, making)
        self._known[filters] = making
        for known in [asked for asked, made in self._known.items() if made.result.done()][
            : max(0, len(self._known) - KEPT)
        ]:
            del self._known[known]
        return making

    def _make(self, filters: Asked, making: Making[Report]) -> Report:
        def say(step: str) -> None:
            making.step = step

        try:
            with self._database.reading() as session:
                return self._make_report(session, filters, say=say)
        except Exception:
            logging.getLogger(__name__).exception("a report could not be made")
            raise
