"""A hub of models on this machine, which speaks as much of the file protocol as a download needs."""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "5f" * 20
GATED = "closed/model"


@contextmanager
def hub(repositories, breaks_after=None):
    """Serve folders; yields the address.

    Args:
        repositories: ``ORG/NAME`` -> folder.
        breaks_after: bytes of weights after which the line is cut.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in {"content_length": len(body), **headers}.items():
                self.send_header(name.replace("_", "-"), str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            asked = re.fullmatch(
                r"/(?:api/models/)?([^/]+/[^/]+?)(?:/(revision|tree|resolve)/([^/]+)(?:/(.+))?)?", path
            )
            name, what, revision, file = asked.groups() if asked else (None,) * 4
            if name == GATED:
                return self.answer(403, x_error_code="GatedRepo")
            if name not in repositories:
                return self.answer(401, x_error_code="RepoNotFound")
            if revision not in (None, "main", "v1", COMMIT):
                return self.answer(404, x_error_code="RevisionNotFound")
            folder = repositories[name]
            files = sorted(entry for entry in folder.rglob("*") if entry.is_file())
            if what == "resolve":
                return self.file(folder / file)
            names = [entry.relative_to(folder).as_posix() for entry in files]
            if what == "tree":
                told = [
                    {"type": "file", "path": path, "size": entry.stat().st_size, "oid": "0" * 40}
                    for path, entry in zip(names, files, strict=True)
                ]
            else:
                told = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in names]}
            return self.answer(200, json.dumps(told).encode(), content_type="application/json")

        do_HEAD = do_GET

        def file(self, path):
            if not path.is_file():
                return self.answer(404, x_error_code="EntryNotFound")
            body = path.read_bytes()
            headers = {"etag": f'"{hashlib.sha256(body).hexdigest()}"', "x_repo_commit": COMMIT}
            if breaks_after is None or path.suffix != ".safetensors" or self.command == "HEAD":
                return self.answer(200, body, **headers)
            self.answer(200, b"", **{**headers, "content_length": len(body)})
            self.wfile.write(body[:breaks_after])
            self.close_connection = True
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
