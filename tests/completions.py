"""A server that speaks as much of OpenAI's chat completions as drawing answers needs, fails as told, and can die.

As a program, ``python -m tests.completions PORT SLOTS SECONDS FAILING``, it is a server of its own process.
"""

import json
import random
import socket
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-of-the-test-server"
MODEL = "lab/parrot"


def answer(asked):
    """What the server says: nobody else would, and it is the same for the same seed."""
    return f"{asked['messages'][-1]['content']} {asked['seed']}"


def choice(text, **more):
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} | more]
    }


class Completions(ThreadingHTTPServer):
    """The server; ``say`` may answer in its place, with a status, a body and headers.

    Attributes:
        asked: bodies of the requests that came.
        answered: of those that were answered.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port=0, say=None, slots=64, seconds=0.0, failing=0.0, tls=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.say, self.failing, self.seconds = say, failing, seconds
        self.slots = threading.Semaphore(slots)
        self.draw = random.Random(0)
        self.open = set()
        self.asked, self.answered, self.keys, self.hosts = [], [], set(), set()
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        """A client that left is no news."""

    def die(self):
        """Be gone in the middle of whatever is under way."""
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            connection.close() if connection.fileno() < 0 else connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def send(self, status, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", "content-length": len(body)}
        self.send_response(status)
        for name, value in (told | {name.replace("_", "-"): value for name, value in headers.items()}).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        server = self.server
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server.asked.append(asked)
        server.keys.add(self.headers.get("authorization"))
        server.hosts.add(self.headers["host"])
        if server.say and (said := server.say(asked)):
            status, body, *more = said
            return self.send(status, body, **(more[0] if more else {}))
        if self.headers.get("authorization") != f"Bearer {KEY}":
            return self.send(401, {"error": {"message": f"Wrong key {self.headers.get('authorization')}"}})
        if asked["model"] != MODEL or self.path != "/v1/chat/completions":
            return self.send(404, {"error": {"message": f"The model `{asked['model']}` does not exist."}})
        if server.draw.random() < server.failing:
            return self.send(server.draw.choice([429, 500, 503]), b"<html>")
        with server.slots:
            time.sleep(server.seconds)
        text = answer(asked)
        pieces = [{"token": word, "logprob": -0.5} for word in text.split()]
        self.send(200, choice(text, logprobs={"content": pieces}) | {"usage": {"completion_tokens": len(pieces)}})
        return server.answered.append(asked)


@contextmanager
def completions(**options):
    """Serve in a thread of this process; yields the server."""
    server = started(**options)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def started(**options):
    server = Completions(**options)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


if __name__ == "__main__":
    port, slots, seconds, failing = sys.argv[1:]
    Completions(int(port), slots=int(slots), seconds=float(seconds), failing=float(failing)).serve_forever()
