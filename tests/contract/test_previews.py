"""What a page shows as the model's view is what the trainer's tokenizer makes of the same conversation."""

import pytest

from app.web.render import chat_text
from tests import tiny
from trainer.contract.records import Message
from trainer.data.chat import encode_pair

TALKS = [
    [("user", "Name the apple.")],
    [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi."), ("user", "And <b>now</b> & then?\n\n  Tab\t")],
    [("user", "{{ messages }} {% raw %} spells <|end|> 今天")],
]


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("answer", ["A red apple.", "  <i>two</i>\nlines <|assistant|>\n", ""])
def test_the_preview_is_what_the_tokenizer_decodes(talk, answer):
    tokenizer = tiny.tokenizer()
    prompt, reply = encode_pair(tokenizer, [Message(role=r, content=c) for r, c in talk], answer, 10_000)
    shown = chat_text([{"role": r, "content": c} for r, c in talk], answer)
    assert shown == tokenizer.decode([*prompt, *reply])
