"""A line between a worker and its database that a test can cut, as a network does: nothing arrives, nobody is told."""

import selectors
import socket
import threading
from contextlib import suppress

from sqlalchemy import make_url


class Cable:
    """Forwards connections on a port of its own to the PostgreSQL server of an address."""

    def __init__(self, database_url: str) -> None:
        self._url = make_url(database_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cut = threading.Event()
        self._other_end: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = False
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The database's address by way of this cable."""
        host, port = self._listener.getsockname()
        plain = self._url.difference_update_query(["host", "port"])
        return plain.set(host=host, port=port).render_as_string(hide_password=False)

    def cut(self) -> None:
        self._cut.set()

    def mend(self) -> None:
        """New connections get through; those from before the cut are dead."""
        for end in list(self._other_end):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._cut.clear()

    def end(self) -> None:
        self._ended = True
        self._thread.join(10)
        for end in (self._listener, *self._other_end):
            end.close()
        self._selector.close()

    def _forward(self) -> None:
        while not self._ended:
            if self._cut.wait(0.02):
                continue
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    self._connect()
                else:
                    self._pass_on(key.fileobj)

    def _connect(self) -> None:
        near, _ = self._listener.accept()
        directory = self._url.query.get("host")
        if directory:
            far = socket.socket(socket.AF_UNIX)
            far.connect(f"{directory}/.s.PGSQL.{self._url.query.get('port', self._url.port or 5432)}")
        else:
            far = socket.create_connection((self._url.host, self._url.port or 5432))
        for one, other in ((near, far), (far, near)):
            self._other_end[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        if end not in self._other_end:
            return
        other = self._other_end[end]
        try:
            read = end.recv(1 << 16)
            if read:
                other.sendall(read)
                return
        except OSError:
            pass
        for one in (end, other):
            self._selector.unregister(one)
            del self._other_end[one]
            one.close()
