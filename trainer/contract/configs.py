"""The configuration of each stage. Every field says what it means, in which unit, and where its default is from.

Defaults follow InstructGPT Appendix C where the paper prints a number; learning rates are
larger because the models that one machine trains are thousands of times smaller.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer.contract.folder import Stage

Positive = Annotated[int, Field(gt=0, le=2**31 - 1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]

MAX_TOKENS = "prompt + answer; a longer prompt loses its oldest tokens. Empty = as many as the model reads"
MAX_PROMPT_TOKENS = "a longer prompt loses its oldest tokens; empty = what max_new_tokens leave of the model's context"


def settled(limit: int | None) -> int:
    """A limit of tokens that may be left to the model, once ``limits.settled_by_models`` has seen the models."""
    assert limit is not None
    return limit


class StageConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    threads: int | None = Field(None, ge=1, description="CPU threads for torch; empty = all cores")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU when there is one")
    dtype: Literal["auto", "float32", "bfloat16", "float64"] = Field(
        "auto",
        description="numbers that models compute with; weights that learn as a whole stay float32 in any case. "
        "auto = bfloat16 on a GPU that has it, float32 elsewhere; float64 is for comparing two ways to the same result",
    )


class TrainConfig(StageConfig):
    """What every gradient-taking stage shares."""

    learning_rate: Rate
    warmup_share: Share = Field(0.0, description="share of all steps with linear warmup from 0")
    final_rate_share: Share = Field(0.1, description="cosine decay ends at this share of the peak (IG C.1: 10 %)")
    weight_decay: float = Field(0.0, ge=0)
    adam_beta1: float = Field(0.9, ge=0, lt=1, description="IG App. C")
    adam_beta2: float = Field(0.95, ge=0, lt=1, description="IG App. C")
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are clipped to this norm")
    processes: int = Field(
        1,
        ge=1,
        le=1024,
        description="share every step among so many processes of one machine, each with a GPU of its own",
    )
    tokens_per_forward: Positive = Field(
        4096,
        description="tokens computed together; bounds memory and changes nothing else, a step's gradients add up",
    )
    activation_checkpointing: bool = Field(
        False,
        description="compute each layer again on the way back instead of keeping what it said: far less memory for "
        "long texts, about a third more time",
    )
    checkpoint_every: Positive = Field(50, description="steps between checkpoints")
    log_every: Positive = Field(1, description="steps between lines of metrics.jsonl")


class TunedConfig(TrainConfig):
    """What stages share that go on from a model: all of it learns, or adapters beside it do (LoRA, Hu et al. 2021)."""

    lora_rank: int = Field(0, ge=0, le=1024, description="of the adapters that learn; 0 = the whole model learns")
    lora_alpha: float = Field(16, gt=0, description="what adapters say is multiplied by alpha / rank")
    lora_targets: str = Field(
        "all-linear", min_length=1, description="layers beside which adapters stand: all-linear, or names with commas"
    )


class PretrainConfig(TrainConfig):
    """Train a byte-level BPE tokenizer and a small Llama from nothing on plain text (next-token loss)."""

    learning_rate: Rate = 2e-3
    warmup_share: Share = 0.05
    weight_decay: float = Field(0.1, ge=0)
    corpus: str = Field(
        "stdlib-docstrings",
        description="'stdlib-docstrings' (text every machine has) or a path to .txt, .jsonl or either with .gz",
    )
    vocabulary_size: int = Field(2048, ge=300, description="tokens of the byte-level BPE")
    hidden_size: Positive = 128
    layers: Positive = 4
    heads: Positive = 4
    context: Positive = Field(256, description="longest sequence in tokens")
    steps: Positive = 600
    batch_size: Positive = Field(32, description="sequences of `block` tokens a step")
    block: Positive = Field(128, description="tokens per training sequence")
    heldout_share: float = Field(0.02, ge=0, lt=1, description="documents kept for the validation loss")


class SftConfig(TunedConfig):
    """Fine-tune on demonstrations; the loss counts answer tokens only (IG §3.5, C.1)."""

    learning_rate: Rate = 1e-3
    epochs: Positive = 3
    batch_size: Positive = Field(32, description="demonstrations a step (IG C.1: 32)")
    max_tokens: int | None = Field(None, ge=2, description=MAX_TOKENS)


class SampleConfig(StageConfig):
    """Draw K answers per prompt from a policy."""

    answers_per_prompt: int = Field(4, ge=1, le=64, description="K; campaigns ask for 4–9")
    temperature: float = Field(1.0, ge=0, description="0 = greedy")
    top_p: float = Field(1.0, gt=0, le=1)
    max_new_tokens: Positive = 48
    max_prompt_tokens: Positive | None = Field(None, description=MAX_PROMPT_TOKENS)
    batch_size: Positive = Field(64, description="answers generated together")
    resample_duplicates: int = Field(
        3, ge=0, le=100, description="extra rounds to replace an answer equal to a sibling"
    )


Ties = Literal["drop", "soft", "davidson", "rao_kupper"]
Head = Literal["helpful", "truthful", "harmless"]


class RewardConfig(TunedConfig):
    """Train r(x, y) on full rankings: all pairs of a prompt in one batch element (IG §3.5, C.2)."""

    learning_rate: Rate = 5e-4
    epochs: Positive = Field(1, description="IG C.2: 1; more overfits")
    prompts_per_batch: Positive = Field(64, description="prompts an optimizer step, with all their rankings (IG C.2)")
    max_tokens: int | None = Field(None, ge=2, description=MAX_TOKENS)
    tokens_per_forward: Positive = Field(
        1024,
        description="tokens computed together; bounds memory and changes nothing else, a step's gradients add up. "
        "About a thousand is fastest on two CPU cores; a GPU wants more",
    )
    share_prefixes: bool = Field(True, description="compute a prompt once for all its answers, where the model can")
    ties: Ties = Field(
        "drop",
        description="tied pairs: no term (IG C.2), half a win for each side, or a likelihood with a learned tie "
        "parameter",
    )
    divisor: Literal["all_pairs", "strict_pairs"] = Field(
        "all_pairs", description="per-prompt divisor: C(K,2) as printed, or the number of pairs used"
    )
    margin: Literal["none", "likert", "strength"] = Field(
        "none", description="demand a larger gap where the ratings differ more, or a pair's strength says so (L2 §3.2)"
    )
    margin_scale: float = Field(
        1.0,
        ge=0,
        le=100,
        description="times the Likert difference or the strength; Llama 2's large margins are 1, its small ones ⅓",
    )
    margin_from: float = Field(
        0.0,
        ge=0,
        le=100,
        description="the strength that demands nothing; 1 where the slightest step is hardly a preference",
    )
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="share of pairs assumed to be labelled the wrong way")
    prompt_weights: dict[str, Weight] = Field({}, description="prompt id to weight in the loss; others have 1")
    labeler_weights: dict[str, Weight] = Field({}, description="labeler to weight in the loss; others have 1")
    heads: list[Head] = Field([], description="further scores, each learned from its own flags and ratings")
    ensemble: int = Field(1, ge=1, le=16, description="models trained, differing in seed, to see where they disagree")


class CrossValidateConfig(RewardConfig):
    """Train a reward model for every labeler group left out, with several seeds (IG §4.1, E.2: 5 groups, 3 seeds)."""

    grouping: Literal["drawn", "labeler_group"] = Field(
        "drawn", description="who is left out together; where groups of people disagree, leave out those groups"
    )
    folds: int = Field(5, ge=2, le=20, description="labeler groups of about equal data; each is left out once")
    seeds: int = Field(3, ge=1, le=20, description="trainings per group")


class PpoConfig(TunedConfig):
    """Improve the SFT model against the reward model (IG §3.5, C.4)."""

    learning_rate: Rate = 3e-4
    final_rate_share: Share = Field(1.0, description="IG C.4: constant after warmup")
    value_learning_rate: Rate = 5e-4
    iterations: Positive = Field(60, description="batches of episodes")
    warmup_iterations: int = Field(10, ge=0, description="linear warmup from a tenth of the peak (IG C.4)")
    batch_size: Positive = Field(64, description="episodes an iteration (IG C.4: 512)")
    minibatch_size: Positive = Field(32, description="episodes an optimizer step (IG C.4: 64)")
    inner_epochs: Positive = Field(1, description="passes over a batch (IG C.4: 1)")
    kl_coefficient: float = Field(0.02, ge=0, description="β per token against the SFT model (IG C.4: 0.02)")
    pretrain_coefficient: float = Field(0.0, ge=0, description="γ on the mean token loss; 0 = plain PPO")
    pretrain_per_episode: int = Field(1, ge=0, description="pretraining sequences per episode (IG C.4: 8)")
    corpus: str = Field("stdlib-docstrings", description="text of the pretraining mix, read when γ > 0")
    clip: float = Field(0.2, gt=0, description="policy ratio clip (IG C.4)")
    value_clip: float = Field(0.2, gt=0, description="value prediction clip")
    discount: float = Field(1.0, ge=0, le=1, description="γ of GAE (IG C.4: none)")
    gae_lambda: float = Field(0.95, ge=0, le=1, description="λ; not printed in IG, ST and ZI use 0.95")
    temperature: float = Field(1.0, gt=0, description="rollout temperature; log-probs use it too")
    max_new_tokens: Positive = 48
    max_prompt_tokens: Positive | None = Field(None, description=MAX_PROMPT_TOKENS)
    missing_eos_penalty: float = Field(
        1.0, ge=0, description="subtracted from the score of an answer that did not finish (N+: EOS trick)"
    )
    pessimism: float = Field(
        0.0,
        ge=0,
        description="k: an ensemble's reward is its mean − k · standard deviation (after Coste et al. 2023); 0 = mean",
    )
    whiten_rewards: bool = Field(False, description="divide rewards by their deviation, mean kept")
    ema_decay: float = Field(0.992, ge=0, lt=1, description="weights saved are this moving average (IG C.4); 0 = off")


class ScoreConfig(StageConfig):
    """Score prompt + answer rows of ``inputs/answers.parquet`` with a reward model."""

    tokens_per_forward: Positive = Field(4096, description="tokens computed together; bounds memory")
    max_tokens: int | None = Field(
        None, ge=2, description="prompt + answer; empty = as many as the model was trained to read"
    )
    share_prefixes: bool = Field(True, description="compute a prompt once for all its answers, where the model can")


class DetectConfig(StageConfig):
    """How machine-like a language model finds the texts of ``inputs/answers.parquet``, token by token."""

    min_tokens: Positive = Field(50, description="shorter texts get no scores: of so few tokens they are noise")
    context: Literal["prompt", "none"] = Field(
        "prompt", description="read each text after its prompt, or alone as the published detectors do"
    )
    max_tokens: int | None = Field(None, ge=2, description=MAX_TOKENS)
    tokens_per_forward: Positive = Field(2048, description="tokens computed together; bounds memory")


class EvaluateConfig(StageConfig):
    """Measure a policy on held-out prompts: KL to its reference, reward, length, demonstration loss."""

    max_new_tokens: Positive = 48
    max_prompt_tokens: Positive | None = Field(None, description=MAX_PROMPT_TOKENS)
    temperature: float = Field(1.0, gt=0)
    batch_size: Positive = 64
    tokens_per_forward: Positive = Field(4096, description="tokens read together; bounds memory")
    prompts: Positive = Field(128, description="held-out prompts at most")


CONFIGS: dict[Stage, type[StageConfig]] = {
    "pretrain": PretrainConfig,
    "sft": SftConfig,
    "sample": SampleConfig,
    "reward": RewardConfig,
    "crossvalidate": CrossValidateConfig,
    "score": ScoreConfig,
    "detect": DetectConfig,
    "ppo": PpoConfig,
    "evaluate": EvaluateConfig,
}

PARENTS: dict[Stage, tuple[tuple[str, str], ...]] = {
    "pretrain": (),
    "sft": (("base", "base"),),
    "sample": (("policy", "sft"),),
    "reward": (("sft", "sft"),),
    "crossvalidate": (("sft", "sft"),),
    "score": (("reward", "reward"),),
    "detect": (("policy", "sft"),),
    "ppo": (("sft", "sft"), ("reward", "reward")),
    "evaluate": (("policy", "policy"), ("reference", "sft"), ("reward", "reward")),
}
"""Stage -> (role, kind of model usually taken) of each parent it needs."""

DRAWS: dict[Stage, tuple[str, ...]] = {"sample": ("policy",), "evaluate": ("policy", "reference")}
"""Stage in which a generator may answer in place of the policy -> the parents that it then does without."""


def parents_of(stage: Stage, *, generator: bool) -> tuple[tuple[str, str], ...]:
    """The parents that a run needs, with a generator or without."""
    without = DRAWS.get(stage, ()) if generator else ()
    return tuple(parent for parent in PARENTS[stage] if parent[0] not in without)


PRODUCES: dict[Stage, str] = {"pretrain": "base", "sft": "sft", "reward": "reward", "ppo": "policy"}
"""Stage -> kind of the model version it leaves in ``model/``."""

READS_SNAPSHOT: frozenset[Stage] = frozenset({"sft", "reward", "crossvalidate", "ppo", "evaluate"})
