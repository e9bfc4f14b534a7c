import pytest
from fastapi.routing import APIRoute

from app.main import UPLOADS
from app.roles import may
from tests.browsing import PASSWORD

ROOMY = b"x" * 5_000_000


def uploads_of(app):
    """The addresses of all routes that take a file."""
    for entry in app.routes:
        for route in entry.original_router.routes if hasattr(entry, "original_router") else [entry]:
            if isinstance(route, APIRoute) and any(
                "UploadFile" in str(p.field_info.annotation) for p in route.dependant.body_params
            ):
                yield route.path


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_of_a_file_nothing_is_read_before_it_is_known_that_its_bearer_may_bring_it(browse):
    read = []

    def body():
        read.append(True)
        yield b""

    def bring(address):
        read.clear()
        kind = {"content-type": "multipart/form-data; boundary=B", "x-csrf-token": browse.token}
        return browse.client.post(address, content=body(), headers=kind)

    assert set(uploads_of(browse.client.app)) == set(UPLOADS), "whoever takes files says who may bring them"
    browse.get("/sign-in")
    for address in UPLOADS:
        answer = bring(address)
        assert (answer.status_code, answer.headers["hx-redirect"], read) == (401, "/sign-in", [])
    for role in ("labeler", "researcher", "engineer", "admin"):
        browse.as_(role)
        for address, action in UPLOADS.items():
            answer = bring(address)
            if may(role, action):
                assert read
            else:
                assert (answer.status_code, "not for the role" in answer.text, read) == (403, True, [])


def test_only_the_import_takes_a_file(browse):
    browse.as_("engineer")
    browse.post("/sign-in", {"email": "engineer@example.org", "password": PASSWORD}, 413, files={"file": ROOMY})
    browse.post("/prompts/import", {"kind": "corpus"}, 303, files={"file": ("long.txt", b"word " * 900_000)})


def test_the_longest_demonstration_fits_into_a_form_in_chinese(browse, workshop):
    (prompt, _), *_ = workshop.prompts(1)
    workshop.campaign([(prompt, [])], kind="demonstration")
    browse.as_("labeler")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    browse.post(f"{place}/text", {"text": "写" * 100_000})
    browse.post(f"{place}/submit", {"text": "写" * 100_000})
