"""A simulated workforce at work."""

import functools

import pytest

from app.demo.workforce import Workforce, simulate
from app.demo.workforce_people import Plan
from app.demo.workforce_records import store


@functools.cache
def _everything() -> Workforce:
    return simulate(Plan(seed=1))


@pytest.fixture
def at_work(stored_once):
    """Stores forty labelers and three researchers; of each labeler so many tasks."""

    def at_work(tasks: int) -> Workforce:
        made = _everything().first(tasks)
        stored_once(f"workforce-{tasks}", lambda session: store(session, made))
        return made

    return at_work
