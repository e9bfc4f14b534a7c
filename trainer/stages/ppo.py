"""Improve the supervised policy against the reward model by PPO (InstructGPT §3.5 and Appendix C.4).

The environment is a bandit: a random training prompt, one answer, one score, the end. Details
that papers leave out follow "The N Implementation Details of RLHF with PPO" (NI, N+).
"""

from __future__ import annotations

import time
from typing import cast

import torch

from trainer.contract.configs import PpoConfig, settled
from trainer.data.chat import decode_answer
from trainer.loop import processes, stopping
from trainer.loop.checkpoint import latest_checkpoint, save_checkpoint
from trainer.loop.device import prepare
from trainer.loop.optimizer import cosine_rate
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived, seed_everything
from trainer.losses.advantage import generalized_advantages, shaped_rewards
from trainer.losses.masked import masked_mean, whiten
from trainer.losses.ppo import sequence_kl
from trainer.models.activations import recompute_layers
from trainer.models.adapters import ADAPTER, add_adapters, learning, merge_adapters, save_adapters
from trainer.models.backbone import agree_on_ends, check_context, check_one_language, load_policy, load_tokenizer
from trainer.models.precision import round_for_good
from trainer.models.reward import Reward
from trainer.models.value_head import load_value_model, reward_within
from trainer.stages.ppo_learning import Learner, pretraining_blocks, summary, warmup
from trainer.stages.ppo_playing import Players, look_back, play, prompts_at, show, training_prompts

SHOW_EVERY = 10
SHOWN = 4
"""Every so many iterations, so many answers are written to samples.jsonl beside the supervised model's."""


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Play, score and learn for ``iterations``; leave the moving average of the policy in ``model/``.

    Raises:
        ValueError: there is no training prompt, the parents do not share tokenizer and chat template, or an answer
            would not fit the context.
        NotFiniteError: the training explodes.
    """
    config = cast("PpoConfig", folder.config)
    seed = folder.spec.seed
    compute = prepare(config)
    prompt_tokens = settled(config.max_prompt_tokens)
    seed_everything(seed)

    tokenizer = load_tokenizer(folder.parent("sft"))
    check_one_language(tokenizer, load_tokenizer(folder.parent("reward")), "The policy and the reward model")
    prompts, rows = training_prompts(folder, tokenizer, prompt_tokens)

    # With adapters the reference is the policy without them, and the reward a second head of the values without them:
    # two models are held instead of four.
    policy = load_policy(folder.parent("sft"), compute, config)
    reference = None if config.lora_rank else load_policy(folder.parent("sft"), compute).requires_grad_(False)
    value_model = load_value_model(folder.parent("reward"), compute, config)
    within = reward_within(value_model) if config.lora_rank else None
    for model, its_seed in ((policy, seed), (value_model, derived(seed, "value"))):
        check_context(model, prompt_tokens + config.max_new_tokens, '"max_prompt_tokens" + "max_new_tokens"')
        add_adapters(model, config, its_seed)
        recompute_layers(model, config)
    reward = Reward.load(folder.parent("reward"), compute, first=within)
    if config.max_new_tokens >= reward.max_tokens:
        folder.note(
            f"Answers of up to {config.max_new_tokens} tokens are asked for, and the reward model was trained to read "
            f"{reward.max_tokens} with the prompt: it does not see the end of long ones."
        )
    if config.pessimism and len(reward.members) == 1:
        folder.note("“pessimism” changes nothing: the reward model is a single one, not an ensemble.")
    players = Players(tokenizer, policy, reference, value_model, reward)
    mix = pretraining_blocks(folder, config, tokenizer, policy) if config.pretrain_coefficient else None

    learner = Learner(players, config, seed, mix)
    done, history = 0, list[dict[str, float]]()
    if found := latest_checkpoint(folder.checkpoints):
        done, state = found
        learner.restore(state, compute.device)
        history = state["history"]
    log, samples = folder.metrics(done), folder.samples(done)

    for iteration in stopping.steps(range(done + 1, config.iterations + 1)):
        started = time.monotonic()
        share = warmup(iteration, config.warmup_iterations)
        decay = cosine_rate(iteration, config.iterations, 1.0, config.warmup_share, config.final_rate_share)
        learner.set_rates(share * decay)

        # Play: the current policy answers the next prompts.
        chosen = prompts_at(iteration, len(prompts), config.batch_size, seed)
        asked = [prompts[i] for i in chosen]
        answers = play(players, config, seed, iteration, asked)
        played = time.monotonic()

        # Score: the reward model reads the texts as people do, the others every token that the policy chose.
        said = [decode_answer(tokenizer, answer) for answer in answers]
        judged = players.judge(
            [(rows[i].messages, text) for i, text in zip(chosen, said, strict=True)], config.tokens_per_forward
        )
        episodes = look_back(players, config, asked, answers, judged)
        kl = sequence_kl(episodes.logprobs, episodes.reference, episodes.answered)
        missing = config.missing_eos_penalty * (~episodes.ended).float()
        rewards = shaped_rewards(
            episodes.granted - missing,
            episodes.logprobs,
            episodes.reference,
            episodes.answered,
            config.kl_coefficient,
        )
        earned = rewards.sum(1)
        if config.whiten_rewards:
            # The mean stays: a shifted reward would pay for long or for short answers.
            rewards = whiten(rewards, episodes.answered, shift_mean=False)
        advantages, returns = generalized_advantages(
            rewards, episodes.values, episodes.answered, config.discount, config.gae_lambda
        )
        advantages = whiten(advantages, episodes.answered)
        scored = time.monotonic()

        minibatches = learner.learn(episodes, advantages, returns, iteration)
        learned = time.monotonic()

        lengths = episodes.answered.sum(1).float()
        line = {
            "reward/score_mean": episodes.scores.mean().item(),
            "reward/score_std": episodes.scores.std(correction=0).item(),
            **({"reward/deviation": float(judged.deviation.mean())} if len(reward.members) > 1 else {}),
            "reward/with_penalty": earned.mean().item(),
            "kl/sequence": kl.mean().item(),
            "kl/per_token": (kl.sum() / lengths.sum()).item(),
            # The policy's own tokens surprise it by its entropy on average.
            "ppo/entropy": -masked_mean(episodes.logprobs, episodes.answered).item(),
            "ppo/value_mean": masked_mean(episodes.values, episodes.answered).item(),
            "ppo/first_ratio_off_one": minibatches[0]["ppo/ratio_off_one"],
            "answer/length": lengths.mean().item(),
            "answer/finished": episodes.ended.float().mean().item(),
            **summary(minibatches),
            "optimizer/rate": share * decay * config.learning_rate,
            "time/rollout": played - started,
            "time/scoring": scored - played,
            "time/update": learned - scored,
        }
        history.append({name: line[name] for name in ("reward/score_mean", "kl/sequence", "answer/length")})
        if iteration % config.log_every == 0 or iteration == config.iterations:
            log.write(iteration, config.iterations, line)
        if iteration % SHOW_EVERY == 0 or iteration in (1, config.iterations):
            shown = [rows[i].messages[-1].content for i in chosen[:SHOWN]]
            samples.write(iteration, show(players, config, seed, episodes, kl, shown, asked, said))
        if iteration % config.checkpoint_every == 0 or iteration == config.iterations or stopping.asked():
            save_checkpoint(folder.checkpoints, iteration, learner.state() | {"history": history})
    log.close()
    samples.close()
    processes.leave_to_leader()

    with torch.no_grad():
        for parameter, mean in zip(learning(policy), learner.average, strict=True):
            parameter.copy_(mean)
    save_adapters(policy, config, folder.path / ADAPTER)
    merge_adapters(policy)
    round_for_good(policy)
    agree_on_ends(policy, tokenizer)
    folder.save_model(policy, tokenizer, _card(config))

    last = history[-10:]
    return {
        "data/prompts": len(prompts),
        "data/episodes": config.iterations * config.batch_size,
        "reward/score_start": history[0]["reward/score_mean"],
        "reward/score_end": sum(h["reward/score_mean"] for h in last) / len(last),
        "kl/sequence_start": history[0]["kl/sequence"],
        "kl/sequence_end": sum(h["kl/sequence"] for h in last) / len(last),
        "answer/length_end": sum(h["answer/length"] for h in last) / len(last),
    }


def _card(config: PpoConfig) -> str:
    return (
        "## Weights\n\nThese are the exponential moving average of the policy's weights "
        f"(decay {config.ema_decay}), trained with a KL penalty of {config.kl_coefficient} per token "
        "against the supervised model and scored by the reward model named above."
    )
