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


def test_the_page_shows_the_split_the_templates_it_left_out_and_every_leak(browse, settings):
    browse.as_("engineer")
    template = (
        "Summarize the following article for a student in the second grade, in three sentences, and keep every name"
    )
    rows = "".join(json.dumps({"prompt": f"{template}: {i}"}) + "\n" for i in range(20))
    browse.post("/prompts/import", files={"file": ("t.jsonl", rows.encode())})
    address = browse.post("/snapshots", {"name": "first", "heldout": "30"}).headers["location"]
    page = browse.get(address)
    assert re.search(r"<dt>Leaks</dt>\s*<dd>\s*0 ", page)
    assert re.search(r"<dt>Groups</dt>\s*<dd>\s*20 .*the largest has 1 prompt<", page)
    assert "1 template left out of the grouping" in page
    assert f"<td>{template.lower().replace(',', '')}</td>" in page
    assert "100 characters" in page
    assert browse.get("/snapshots?prefix=40").count('name="prefix" value="40"') == 1
    assert "has 10 to 10000 characters" in browse.get("/snapshots/preview?prefix=3")
    (path,) = (settings.data_dir / "snapshots").glob("*/manifest.json")
    path.chmod(0o644)
    manifest = json.loads(path.read_text())
    manifest["split"]["leaks"] |= {"users": 2, "rows": 1}
    manifest["split"] |= {"apart": 7, "common": [{"text": "hi", "prompts": 7, "users": 6}]}
    path.write_text(json.dumps(manifest))
    page = browse.get(address)
    assert "3 leaks: what is held out is trained on too." in page
    assert "2 users · 1 rows apart from their prompt" in page
    assert "7 prompts kept apart from their users" in page
    assert '<tr><td>hi</td><td class="number">7</td><td class="number">6</td></tr>' in page
    del manifest["split"]
    path.write_text(json.dumps(manifest))
    assert "Frozen before prompts were split by group:" in browse.get(address)


def test_a_file_that_is_not_what_was_frozen_is_not_handed_out(browse, settings):
    browse.as_("engineer")
    fill(browse)
    address = browse.post("/snapshots", {"name": "first"}).headers["location"]
    (file,) = (settings.data_dir / "snapshots").glob("*/rankings.parquet")
    whole = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(whole + b"x")
    assert "has changed since the snapshot was frozen" in browse.get(f"{address}/files/rankings.parquet", status=409)
    assert "no longer what was frozen: rankings.parquet" in browse.get(f"{address}/export/trl", status=409)
    file.write_bytes(whole)
    assert browse.client.get(f"{address}/files/rankings.parquet").content == whole


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


def several(browse):
    """Four people on ten prompts; the last one turns every order upside down."""
    rows = [
        {
            "prompt": f"p{n}",
            "candidates": [{"text": text, "rank": rank} for text, rank in zip("abc", ranks, strict=True)],
            "annotator": who,
        }
        for n in range(10)
        for who, ranks in zip("klmn", ((1, 2, 3), (1, 2, 3), (1, 2, 2), (3, 2, 1)), strict=True)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    browse.post("/prompts/import", files={"file": ("crowd.jsonl", lines.encode())})


def test_an_engineer_sees_what_a_consensus_takes_and_leaves_out_before_and_after_it_is_frozen(browse):
    browse.as_("engineer")
    several(browse)
    asked = {"labels": "consensus", "weighing": "reliability", "min_reliability": "50", "max_doubt": "49"}
    told = browse.get("/snapshots/preview?" + "&".join(f"{key}={value}" for key, value in asked.items()))
    assert "10 prompts, 0 demonstrations and 30 rankings" in told
    assert "The rankings become 10 consensus orders." in told
    assert "Left out: 10 rankings of 1 labelers below 50.0 %." in told
    assert "Left out: 0 rankings of 0 tasks with more than 49.0 % uncertainty." in told
    assert "40 rankings" in browse.get("/snapshots/preview")
    page = browse.get(browse.post("/snapshots", asked | {"name": "together"}).headers["location"])
    assert "merged of 30 rankings of labelers" in page
    assert "1 labelers below the least reliability" in page
    assert "10 rankings of these labelers" in page
    assert "one consensus order of each task: labelers count by their reliability, ties below 60.0 %" in page


def test_what_no_share_can_be_is_told_and_nothing_is_frozen(browse):
    browse.as_("engineer")
    fill(browse)
    for field, value, words in (
        ("labels", "guess", "Labels are individual or a consensus"),
        ("method", "vote", "not by “vote”"),
        ("weighing", "age", "not by “age”"),
        ("tie_below", "40", "a share from 50 to 99 %, not 40.0 %"),
        ("min_reliability", "100", "The least reliability is a share"),
        ("max_doubt", "51", "The largest uncertainty is a share from 0 to 50 %, not 51.0 %"),
    ):
        assert words in browse.get(f"/snapshots/preview?{field}={value}")
        assert words in browse.post("/snapshots", {"name": "x", field: value}, status=422).text
    assert "No snapshot yet" in browse.get("/snapshots")
