"""The limit: plain forward and backward of the same model over as many tokens, and nothing else.

    python measure_limit.py JOB.json RESULT.json

Full causal rows of one length in full batches, no padding, no mask (so SDPA may take its fastest way), mean of the
scores as loss, no optimizer, no data path, after a warm-up.
"""

import json
import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification


def seconds_per_token(model, row_tokens, rows, tokens):
    """Time of forward and backward over at least ``tokens`` tokens in batches of ``rows``, per token."""
    batches = -(-tokens // (rows * row_tokens))
    # Id 0 is padding, which the head would search for.
    data = torch.randint(1, model.config.vocab_size, (1 + batches, rows, row_tokens), generator=torch.manual_seed(1))
    warm_up, *timed = data
    model(input_ids=warm_up, use_cache=False).logits.mean().backward()
    started = time.perf_counter()
    for ids in timed:
        model(input_ids=ids, use_cache=False).logits.mean().backward()
    return (time.perf_counter() - started) / (batches * rows * row_tokens)


def main(job):
    torch.set_num_threads(job["threads"])
    model = AutoModelForSequenceClassification.from_pretrained(job["model"], dtype=torch.float32)
    assert model.config._attn_implementation == "sdpa"  # noqa: SLF001 - it has no other name
    if "batch_sizes" in job:
        rounds = [
            {rows: seconds_per_token(model, job["row_tokens"], rows, job["tokens"]) for rows in job["batch_sizes"]}
            for _ in range(2)
        ]
        return {"seconds": {rows: min(r[rows] for r in rounds) * job["tokens"] for rows in job["batch_sizes"]}}
    return {"seconds": seconds_per_token(model, job["row_tokens"], job["batch_size"], job["tokens"]) * job["tokens"]}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
