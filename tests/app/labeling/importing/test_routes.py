"""The page of an import: the same list of refused rows, in the language of whoever reads it."""

import json
import re

import pytest

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])
ROWS = [
    {"prompt": "说出一种颜色。"},
    {"prompt": "p", "candidates": [{"text": "a", "rank": 0}, {"text": "b", "rank": 1}]},
    {"prompt": [{"role": "wizard", "content": "x"}]},
    {"prompt": "p", "chosen": "a", "rejected": "b", "strength": True},
]


def test_refused_rows_are_read_in_the_readers_language(browse):
    browse.as_("engineer")
    browse.get("/prompts/import")
    lines = "\n".join([*map(json.dumps, ROWS), "{"]).encode()
    address = browse.post("/prompts/import", {"kind": "detect"}, files={"file": ("行.jsonl", lines)}).headers[
        "location"
    ]
    english = browse.get(address)
    assert "<code>candidates, entry 1, rank</code>" in english
    assert "“0” is no rank: give a whole number from 1." in english
    browse.post("/account/language", {"locale": "zh-Hans", "back": address})
    chinese = browse.get(address)
    assert "<code>candidates，第 1 项，rank</code>" in chinese
    assert "“0”不是有效名次，请填从 1 起的整数。" in chinese
    assert "“true”不是有效的偏好强度" in chinese
    assert 'lang="en"' not in re.sub("<header.*?</header>", "", chinese, flags=re.DOTALL)
