import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from app.errors import Conflict, Invalid
from app.models import Person
from app.people import service


def test_two_admins_who_switch_each_other_off_at_once_leave_one(database, factory):
    ana, bob = (factory.person(email=f"{name}@example.org", role="admin") for name in ("ana", "bob"))
    factory.person(email="labeler@example.org")
    together = threading.Barrier(2)

    def switch_off(by, other):
        try:
            with database.transaction() as session:
                with suppress(threading.BrokenBarrierError):
                    together.wait(timeout=1)  # SQLite lets in one at a time
                service.set_active(session, by, other.id, active=False)
                session.flush()
                with suppress(threading.BrokenBarrierError):
                    together.wait(timeout=1)
        except Conflict:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        outcomes = [f.result(60) for f in [pool.submit(switch_off, ana, bob), pool.submit(switch_off, bob, ana)]]
    assert sorted(outcomes) == ["done", "refused"]
    with database.reading() as session:
        assert [person.active for person in session.query(Person).filter_by(role="admin")].count(True) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "x" * 300 + "@example.org"},
        {"email": "ana\x07@example.org"},
        {"email": "ana\u202e@example.org"},
        {"name": "x" * 121},
        {"name": "two\nlines"},
        {"role": "emperor"},
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_account_has_a_short_and_visible_name_and_address(database, wrong):
    with database.transaction() as session, pytest.raises(Invalid) as refused:
        service.add_person(session, None, **{"email": "ana@example.org", "name": "Ana", "role": "labeler", **wrong})
    assert len(str(refused.value)) < 200


def test_passwords_are_hashed_at_a_cost_that_slows_guessing(password_hashes):
    """OWASP asks for Argon2id with at least 19 MiB and two passes; the tests themselves use less."""
    cost = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),", password_hashes.hash("three quiet lanterns"))
    assert int(cost[1]) >= 19 * 1024
    assert int(cost[2]) >= 2
