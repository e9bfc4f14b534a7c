import json
import re

from fastapi.testclient import TestClient

from app.main import create_app
from tests.browsing import Browsing


def upload(browse, rows, kind="detect", status=303):
    content = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows).encode()
    return browse.post("/prompts/import", {"kind": kind}, status, files={"file": ("talks.jsonl", content)})


RANKING = {
    "prompt": "Name a **colour**.",
    "annotator": "ana",
    "candidates": [{"text": t, "rank": r} for t, r in (("red", 2), ("dog", 3), ("blue", 1), ("green", 2))],
}


def test_an_empty_pool_says_what_would_fill_it(browse):
    browse.as_("engineer")
    assert "The pool is empty" in browse.get("/prompts")
    assert "Nothing has been imported yet" in browse.get("/prompts/imports")


def test_an_uploaded_file_shows_what_was_added_and_what_was_refused_and_why(browse):
    browse.as_("engineer")
    address = upload(browse, [RANKING, "{broken", {"prompt": "Other?"}]).headers["location"]
    page = browse.get(address)
    assert "1 of 3 rows were refused" in page
    assert re.search(r">2</td><td><code></code></td><td>This is not valid JSON", page)
    assert "talks.jsonl" in browse.get("/prompts/imports")


def test_a_prompt_page_shows_the_weak_order_in_letters(browse):
    browse.as_("admin")
    upload(browse, [RANKING])
    address = re.search(r'href="(/prompts/\d+)"', browse.get("/prompts"))[1]
    page = browse.get(address)
    assert "C &gt; A = D &gt; B" in page
    assert "<strong>colour</strong>" in page


def test_an_empty_answer_is_marked_where_its_text_would_stand(browse):
    browse.as_("admin")
    upload(
        browse, [{"prompt": "p", "annotator": "ana", "candidates": [{"text": "", "rank": 2}, {"text": "b", "rank": 1}]}]
    )
    page = browse.get(re.search(r'href="(/prompts/\d+)"', browse.get("/prompts"))[1])
    assert page.count("(empty answer)") == 1


def test_the_pool_is_searched_filtered_and_paged(browse):
    browse.as_("engineer")
    upload(
        browse,
        [{"prompt": f"noise {i}", "category": "chat"} for i in range(60)] + [{"prompt": 'Où est "le" 100% café?'}],
    )
    assert "1–50 of 61" in browse.get("/prompts")
    assert "51–61 of 61" in browse.get("/prompts?page=99")
    for search in ("caf%C3%A9", "%22le%22", "100%25"):
        assert "1 match" in browse.get(f"/prompts?q={search}"), search
    assert "60 match" in browse.get("/prompts?use_case=chat")
    assert "No prompt matches" in browse.get("/prompts?q=10_%25&source=talks")


def test_a_file_that_is_too_large_is_refused_with_a_sentence(settings, database, factory):
    small = settings.model_copy(update={"upload_limit_mb": 1})
    with TestClient(create_app(small), follow_redirects=False) as client:
        browse = Browsing(client, factory).as_("engineer")
        answer = browse.post("/prompts/import", status=413, files={"file": ("big.jsonl", b"x" * 2_100_000)})
        assert "at most 1 MB" in answer.text
        assert "prefloop import" in answer.text


def test_researchers_look_at_the_pool_but_only_engineers_and_admins_fill_it(browse):
    browse.as_("engineer")
    upload(browse, [RANKING])
    assert "/prompts/import" in browse.get("/prompts")
    browse.as_("labeler")
    browse.get("/prompts", status=403)
    upload(browse, [RANKING], status=403)
    browse.as_("researcher")
    assert "/prompts/import" not in browse.get("/prompts")
    assert "/prompts/import" not in browse.get("/prompts/1")
    upload(browse, [RANKING], status=403)


def test_a_missing_prompt_and_a_missing_import_are_not_found(browse):
    browse.as_("engineer")
    browse.get("/prompts/77", status=404)
    browse.get("/prompts/imports/77", status=404)
