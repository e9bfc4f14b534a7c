import io
import json
import re
import zipfile


def fill(browse):
    row = {"prompt": "p", "candidates": [{"text": "a", "rank": 1}, {"text": "b", "rank": 2}, {"text": "c", "rank": 2}]}
    browse.post("/prompts/import", files={"file": ("j.jsonl", json.dumps(row).encode())})


def test_an_engineer_freezes_looks_and_downloads(browse):
    browse.as_("engineer")
    assert "No snapshot yet" in browse.get("/snapshots")
    fill(browse)
    assert "1 prompts, 0 demonstrations and 1 rankings" in browse.get("/snapshots/preview")
    address = browse.post("/snapshots", {"name": "first", "heldout": "0"}).headers["location"]
    page = browse.get(address)
    assert re.search(
        r"strict pairs</th><td class=\"number\">2</td><td class=\"number\">2</td><td class=\"number\">0</td>", page
    )
    assert browse.client.get(f"{address}/files/rankings.parquet").content[:4] == b"PAR1"
    browse.get(f"{address}/files/..%2F..%2Fprefloop.db", status=404)
    archive = zipfile.ZipFile(io.BytesIO(browse.client.get(f"{address}/export/trl").content))
    assert len(archive.read("preferences-train.jsonl").splitlines()) == 2
    browse.get(f"{address}/export/word", status=422)
    assert "first" in browse.get("/snapshots")


def test_a_file_that_is_gone_from_the_folder_is_not_found(browse, settings):
    browse.as_("engineer")
    fill(browse)
    address = browse.post("/snapshots", {"name": "first"}).headers["location"]
    (file,) = (settings.data_dir / "snapshots").glob("*/rankings.parquet")
    file.unlink()
    assert "no such file" in browse.get(f"{address}/files/rankings.parquet", status=404)


def test_a_taken_name_and_a_wrong_share_are_told_on_the_form(browse):
    browse.as_("admin")
    fill(browse)
    browse.post("/snapshots", {"name": "first"})
    assert "choose another name" in browse.post("/snapshots", {"name": "first"}, status=409).text
    assert "held-out share" in browse.post("/snapshots", {"name": "x", "heldout": "120"}, status=422).text


def test_a_researcher_looks_but_does_not_freeze_and_a_labeler_does_neither(browse):
    browse.as_("admin")
    fill(browse)
    address = browse.post("/snapshots", {"name": "first"}).headers["location"]
    browse.as_("researcher")
    assert "Freeze a training set" not in browse.get("/snapshots")
    browse.get(address)
    browse.post("/snapshots", {"name": "mine"}, status=403)
    browse.as_("labeler")
    browse.get("/snapshots", status=403)
    browse.get(f"{address}/files/rankings.parquet", status=403)
