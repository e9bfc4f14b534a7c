import pytest

from tests.browsing import PASSWORD

ROOMY = b"x" * 5_000_000


@pytest.mark.parametrize("announced", [True, False])
def test_a_stranger_sends_forms_and_no_files(browse, announced):
    browse.get("/sign-in")
    pieces = ROOMY if announced else (ROOMY[start : start + 500_000] for start in range(0, len(ROOMY), 500_000))
    kind = {"content-type": "multipart/form-data; boundary=B", "x-csrf-token": browse.token}
    answer = browse.client.post("/prompts/import", content=pieces, headers=kind)
    assert answer.status_code == 413
    assert "too large for a form" in answer.text


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
