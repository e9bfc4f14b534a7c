"""How often signing in may fail: the memory of one web process, against guessing passwords."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from app.errors import TooManyAttempts
from app.language import ngettext

WINDOW = timedelta(minutes=5)
MOST_FOR_AN_EMAIL = 10
MOST_FROM_AN_ADDRESS = 50  # an office may share one


@dataclass
class SignInAttempts:
    """Attempts of the last five minutes that have not succeeded, by e-mail and by network address.

    The keys stand in the order of their latest attempts: what is too old is forgotten from the front, and
    somebody who tries a hundred thousand names makes no attempt slower than another.
    """

    _times: OrderedDict[str, list[datetime]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, email: str, address: str, now: datetime) -> None:
        """Count an attempt before its password is looked at, so that many at once gain nothing.

        Raises:
            TooManyAttempts: the e-mail or the address has used up its attempts; this one is not counted.
        """
        keys = {_by_email(email): MOST_FOR_AN_EMAIL, address: MOST_FROM_AN_ADDRESS}
        with self._lock:
            self._forget_the_old(now)
            recent = {key: [time for time in self._times.get(key, ()) if now - time < WINDOW] for key in keys}
            for key, most in keys.items():
                if len(recent[key]) >= most:
                    minutes = -(-(recent[key][-most] + WINDOW - now) // timedelta(minutes=1))
                    raise TooManyAttempts(
                        ngettext(
                            "Too many attempts to sign in failed. Try again in %(num)s min.",
                            "Too many attempts to sign in failed. Try again in %(num)s min.",
                            minutes,
                        )
                    )
            for key, times in recent.items():
                self._keep(key, [*times, now])

    def succeeded(self, email: str, address: str) -> None:
        """Forget what was counted against the e-mail, and this attempt against the address."""
        with self._lock:
            self._times.pop(_by_email(email), None)
            if times := self._times.get(address):
                times.pop()
                if not times:
                    del self._times[address]

    def check_tokens(self, address: str, now: datetime) -> None:
        """Look whether an address has sent too many tokens that nobody was given.

        Counted apart from passwords: a script with a mistyped token shall not keep its office from signing in.

        Raises:
            TooManyAttempts: it has, in the last five minutes.
        """
        with self._lock:
            recent = [time for time in self._times.get(_of_tokens(address), ()) if now - time < WINDOW]
        if len(recent) >= MOST_FROM_AN_ADDRESS:
            minutes = -(-(recent[-MOST_FROM_AN_ADDRESS] + WINDOW - now) // timedelta(minutes=1))
            raise TooManyAttempts(
                ngettext(
                    "Too many unknown tokens came from your address. Try again in %(num)s min.",
                    "Too many unknown tokens came from your address. Try again in %(num)s min.",
                    minutes,
                )
            )

    def unknown_token(self, address: str, now: datetime) -> None:
        """Count a token that nobody was given."""
        with self._lock:
            self._forget_the_old(now)
            times = [time for time in self._times.get(_of_tokens(address), ()) if now - time < WINDOW]
            self._keep(_of_tokens(address), [*times, now])

    def _keep(self, key: str, times: list[datetime]) -> None:
        self._times[key] = times
        self._times.move_to_end(key)

    def _forget_the_old(self, now: datetime) -> None:
        while self._times:
            key, times = next(iter(self._times.items()))
            if now - times[-1] < WINDOW:
                return
            del self._times[key]


def _of_tokens(address: str) -> str:
    return f"tokens from {address}"


def _by_email(email: str) -> str:
    return f"e-mail {email.strip().lower()[:254]}"
