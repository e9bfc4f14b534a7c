"""Rankings that are written into a file and read back."""

import pytest

from tests import tiny
from trainer.contract.records import Answer, Ranking, write_rows
from trainer.data.reading import read_rankings

LONGEST = 48


@pytest.fixture(scope="module")
def toy():
    return tiny.tokenizer()


@pytest.fixture
def read(toy, tmp_path):
    """Writes rankings into a file and reads them back: those of the training split, and what was said of all."""

    def reading(rows, heads=()):
        write_rows(tmp_path / "rankings.parquet", Ranking, rows)
        splits, told = read_rankings(tmp_path / "rankings.parquet", toy, LONGEST, heads)
        return splits["train"], told

    return reading


def ranking(number, texts=("red", "blue"), ranks=(1, 2), *, prompt=None, asked=None, ids=None, answers=None, **given):
    """A ranking that nobody has checked; ``answers`` has the further fields of each answer."""
    prompt = prompt or f"p{number}"
    ids = ids or [f"{prompt}-{k}" for k in range(len(texts))]
    answers = answers or [{}] * len(texts)
    return Ranking.model_construct(
        ranking_id=f"r{number}",
        prompt_id=prompt,
        messages=tiny.messages(asked or f"Say {prompt}."),
        answers=[
            Answer(candidate_id=name, text=text, **fields)
            for name, text, fields in zip(ids, texts, answers, strict=True)
        ],
        ranks=list(ranks),
        **{"annotator": "ann", **given},
    )
