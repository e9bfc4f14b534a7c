"""Peak memory of each training stage on a model of half a billion parameters, whole and by adapters.

The model has the shape of Qwen2-0.5B (24 layers, 896 wide, a vocabulary of 151,936) and random weights; the tokenizer
is trained on the spot. Every stage runs its few steps as the worker runs it, ``python -m trainer STAGE FOLDER``, in a
process of its own, and the peak is the one that its manifest tells, beside the size of the weights in float32: a model
that learns is held four times (weights, gradients, two moments), one beside which adapters learn once, or half of that
in bfloat16.

    python benchmarks/memory_by_stage.py [--json FILE] [--quick] [--stages sft,reward,ppo] [--only lora|full]
                                         [--dtype float32|bfloat16] [--set NAME=VALUE ...]

``--quick`` takes a model of two layers and a small vocabulary, to see that everything runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from tests import tiny
from trainer.contract.configs import CONFIGS
from trainer.contract.limits import model_at

WHOLE = {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "vocab_size": 151_936}
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 2_000}
HEADS = {"num_attention_heads": 14, "num_key_value_heads": 2}
LORA = {"lora_rank": 16}
STEPS: dict[str, dict[str, Any]] = {
    "sft": {"epochs": 1, "batch_size": 4, "max_tokens": 256},
    "reward": {"epochs": 1, "prompts_per_batch": 4, "max_tokens": 256},
    "ppo": {"iterations": 3, "batch_size": 4, "minibatch_size": 2, "max_new_tokens": 16, "max_prompt_tokens": 64},
}
PROMPTS = 16  # a quarter is held out: three steps of four
GIGABYTE = 1e9


def base_model(folder: Path, sizes: dict[str, int]) -> Path:
    """A folder as its makers would publish it, in bfloat16."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1_000,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(tiny.CORPUS, trainer)
    PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|endoftext|>", pad_token="<|endoftext|>").save_pretrained(
        folder
    )
    heads = HEADS if sizes is WHOLE else {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = Qwen2Config(**sizes, **heads, max_position_embeddings=4096, tie_word_embeddings=True)
    config.eos_token_id = config.pad_token_id = 0
    torch.manual_seed(0)
    with torch.device("cpu"):
        Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def run(stage: str, folder: Path, config: dict[str, Any], snapshot: Path, parents: dict[str, Path]) -> dict[str, Any]:
    """Run a stage to its end; what its manifest tells of its cost."""
    tiny.prepare_stage(stage, folder, config={"threads": 2} | config, snapshot=snapshot, parents=parents)
    subprocess.run([sys.executable, "-m", "trainer", stage, str(folder)], check=True, stdout=subprocess.DEVNULL)
    told = json.loads((folder / "manifest.json").read_text())["provenance"]
    return {"peak_gb": told["peak_rss_mb"] * 2**20 / GIGABYTE, "seconds": told["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--stages", default="sft,reward,ppo")
    parser.add_argument("--only", choices=["lora", "full"])
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    settings = {"dtype": given.dtype} | {
        name: json.loads(value) for name, _, value in (s.partition("=") for s in given.set)
    }
    stages, rows = given.stages.split(","), []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        base = base_model(root / "base", SMALL if given.quick else WHOLE)
        weights = model_at(base).size
        snapshot = tiny.snapshot(root / "snapshot", prompts=PROMPTS)
        for way in ("lora", "full"):
            if given.only not in (None, way):
                continue
            learns = LORA if way == "lora" else {}
            made: dict[str, Path] = {}
            for stage in ("sft", "reward", "ppo"):
                if stage not in stages and not (stage != "ppo" and "ppo" in stages):
                    continue
                parents = {"base": base} if stage == "sft" else {"sft": made.get("sft", base)}
                if stage == "ppo":
                    parents["reward"] = made["reward"]
                cost = run(stage, root / f"{stage}-{way}", STEPS[stage] | learns | settings, snapshot, parents)
                made[stage] = root / f"{stage}-{way}" / "model"
                rows.append({"stage": stage, "learns": way, **settings, "weights_gb": weights / GIGABYTE, **cost})
    table = Table("stage", "learns", "dtype", "weights, GB", "peak, GB", "× weights", "seconds")
    for row in rows:
        many = f"{row['peak_gb'] / row['weights_gb']:.1f}"
        numbers = (f"{row['weights_gb']:.2f}", f"{row['peak_gb']:.2f}", many, f"{row['seconds']:.0f}")
        table.add_row(row["stage"], row["learns"], row["dtype"], *numbers)
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps({"parameters": weights // 4, "steps": STEPS, "rows": rows}, indent=2))


if __name__ == "__main__":
    assert set(STEPS) <= set(CONFIGS)
    main()
