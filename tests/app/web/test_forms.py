import pytest

from app.errors import Invalid
from app.web.forms import LARGEST_NUMBER, whole_number

NO_ID = ["2147483648", "3000000000", "9" * 30, "9" * 5000, "-1", "1e309", "%D9%A1%D9%A2", "1%00", "abc"]
PLACES = ["/prompts/{}", "/prompts/imports/{}", "/campaigns/{}", "/label/tasks/{}", "/label/tasks/{}/rank"]
PLACES += ["/snapshots/{}", "/snapshots/{}/files/x", "/runs/{}", "/runs/{}.json", "/runs/{}/metrics.json"]
PLACES += ["/models/{}", "/evaluations/{}.json"]
ACTIONS = ["/people/{}/password", "/people/{}/active", "/label/tasks/{}/submit", "/campaigns/{}/status"]
ACTIONS += ["/runs/{}/cancel", "/label/tasks/1/answers/{}"]
NUL = "two\x00halves"


def test_an_address_that_no_row_can_have_is_not_found(browse):
    browse.as_("admin")
    for no_id in NO_ID:
        for place in PLACES:
            assert "no page at this address" in browse.get(place.format(no_id), status=404)
        for action in ACTIONS:
            browse.post(action.format(no_id), status=404)


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/people", {"email": "ana@example.org", "name": NUL}),
        ("/sign-in", {"email": NUL}),
        ("/campaigns", {"name": NUL}),
        ("/snapshots", {"name": NUL}),
        ("/runs", {"stage": "pretrain", "name": NUL}),
        ("/label/tasks/1/skip", {"reason": NUL}),
    ],
)
def test_text_that_no_database_keeps_is_refused_with_a_sentence(browse, address, form):
    browse.as_("admin")
    assert "a character that cannot be kept" in browse.post(address, form, status=422).text


def test_a_search_for_what_no_database_keeps_is_refused_too(browse):
    browse.as_("admin")
    assert "a character that cannot be kept" in browse.get("/prompts?q=two%00halves", status=422)


def test_half_a_surrogate_pair_in_disguise_is_refused(browse):
    """A browser cannot send one, but a form may name an encoding that can."""
    browse.as_("admin")
    parts = {"csrf_token": browse.token, "email": "ana@example.org", "name": "half \\ud800"}
    body = "".join(f'--B\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items())
    kind = {"content-type": "multipart/form-data; boundary=B; charset=unicode_escape"}
    answer = browse.client.post("/people", content=f"{body}--B--\r\n".encode(), headers=kind)
    assert answer.status_code == 422
    assert "surrogate" in answer.text


@pytest.mark.parametrize("number", [3_000_000_000, "9" * 40, "9" * 5000, "²", "--5", "1_000", "1e309", ""])
def test_what_is_no_number_for_a_database_is_told(number):
    with pytest.raises(Invalid, match="The count is a whole number"):
        whole_number(str(number), "The count")


def test_numbers_are_read_in_any_script_and_held_to_their_bounds():
    assert [whole_number(text, "It") for text in ("12", " 12 ", "١٢", "-0", "+7")] == [12, 12, 12, 0, 7]
    assert whole_number(str(LARGEST_NUMBER), "It") == LARGEST_NUMBER
    with pytest.raises(Invalid, match="from 1 to 9, not 0"):
        whole_number("0", "It", 1, 9)


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/label/next", {"campaign_id": "9" * 30}),
        ("/snapshots", {"name": "n", "campaign": "9" * 30}),
        ("/campaigns", {"name": "n", "kind": "demonstration", "prompts": "9" * 30}),
        ("/campaigns", {"name": "n", "model_version_id": "3000000000"}),
        ("/evaluations", {"name": "n", "model_a_id": "9" * 30, "model_b_id": "1"}),
        ("/runs", {"stage": "pretrain", "seed": "3000000000"}),
        ("/runs", {"stage": "pretrain", "seed": "²"}),
        ("/runs", {"stage": "sft", "snapshot": "9" * 30, "parent-base": "1"}),
        ("/runs", {"stage": "sft", "parent-base": "--1", "snapshot": "1"}),
    ],
)
def test_a_number_too_large_for_a_column_is_a_sentence(browse, address, form):
    browse.as_("admin")
    browse.post(address, form, status=422)


@pytest.mark.parametrize("address", ["/runs/new?seed=²", "/campaigns/new?kind=magic"])
def test_a_form_opens_whatever_its_address_says(browse, address):
    browse.as_("admin")
    browse.get(address)
