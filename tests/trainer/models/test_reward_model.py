import pytest
import torch
from transformers import AutoModelForSequenceClassification, GPT2Config, GPT2LMHeadModel

from tests import tiny
from trainer.contract.configs import PpoConfig
from trainer.data.batches import pad
from trainer.loop.device import IN_FULL
from trainer.models.reward_model import centre, load_reward_model, new_reward_model, offsets, scores, token_scores
from trainer.models.value_head import load_value_model, values

ROUNDING = 1e-5  # float32 sums of a padded batch come in another order


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("sft"))


@pytest.fixture
def model(sft):
    return louder(new_reward_model(sft, pad_id=0, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def absolute(tmp_path_factory):
    """A foreign architecture that learns a vector per position, where a wrong position cannot hide."""
    folder = tmp_path_factory.mktemp("gpt2")
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=300, n_positions=32, n_embd=32, n_layer=2, n_head=2)).save_pretrained(folder)
    return louder(new_reward_model(folder, pad_id=0, generator=torch.Generator().manual_seed(1)))


def louder(model):
    """Fresh weights are so small that a token hardly hears the others; ten times larger, a wrong mask shows."""
    with torch.no_grad():
        for parameter in model.base_model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)
    return model


def rows(lengths=(3, 9, 6, 1), seed=0):
    source = torch.Generator().manual_seed(seed)
    return [torch.randint(6, 300, (n,), generator=source).tolist() for n in lengths]


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["model", "absolute"])
def test_padding_left_or_right_or_not_at_all_changes_no_score(architecture, request):
    model = request.getfixturevalue(architecture)
    left, right = scores(model, *pad(rows(), 0, "left")), scores(model, *pad(rows(), 0, "right"))
    alone = torch.cat([scores(model, *pad([row], 0, "right")) for row in rows()])
    assert torch.allclose(left, alone, atol=ROUNDING)
    assert torch.allclose(right, alone, atol=ROUNDING)


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["model", "absolute"])
def test_what_stands_in_the_padding_changes_no_score(architecture, request):
    model = request.getfixturevalue(architecture)
    for side in ("left", "right"):
        ids, mask = pad(rows(), 0, side)
        before = scores(model, ids, mask)
        assert torch.equal(scores(model, torch.where(mask, ids, 17), mask), before)


@torch.no_grad()
def test_the_score_is_read_at_the_last_token_even_if_that_is_the_padding_token(model):
    ids, mask = pad([[10, 11, 0], [12, 13, 14]], 0, "right")
    assert mask.all()
    assert torch.allclose(scores(model, ids, mask), token_scores(model, ids, mask)[:, -1])


@torch.no_grad()
def test_saved_and_loaded_the_scores_are_bit_for_bit_the_same(model, tmp_path):
    batch = pad(rows(), 0, "right")
    centre(model, [0.123456789])
    before = scores(model, *batch)
    model.save_pretrained(tmp_path)
    assert torch.equal(scores(load_reward_model(tmp_path), *batch), before)
    assert torch.equal(
        token_scores(load_value_model(tmp_path, IN_FULL, PpoConfig()), *batch)[:, :-1], values(model, *batch)
    )


@torch.no_grad()
def test_a_plain_sequence_classifier_loads_it_whole_and_differs_by_the_offset_alone(model, tmp_path):
    centre(model, [-2.5])
    model.save_pretrained(tmp_path)
    plain, info = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    ids, mask = pad(rows(), 0, "right")
    logits = plain.eval()(input_ids=ids, attention_mask=mask.long()).logits[:, 0]
    assert plain.config.prefloop_reward_offset == [2.5]
    assert torch.allclose(logits + plain.config.prefloop_reward_offset[0], scores(model, ids, mask), atol=ROUNDING)


@torch.no_grad()
def test_centring_makes_the_mean_zero(model):
    batch = pad(rows(), 0, "right")
    centre(model, [scores(model, *batch).mean().item()])
    assert scores(model, *batch).mean().abs() < ROUNDING
    centre(model, [scores(model, *batch).mean().item() - 3])
    assert abs(scores(model, *batch).mean() - 3) < ROUNDING


def test_the_body_is_the_policys_and_the_head_is_small_and_seeded(sft):
    model = new_reward_model(sft, pad_id=0, generator=torch.Generator().manual_seed(1))
    policy = tiny.model(tiny.tokenizer()).base_model.state_dict()
    assert all(torch.equal(policy[name], tensor) for name, tensor in model.base_model.state_dict().items())
    wide = torch.cat(
        [new_reward_model(sft, 0, torch.Generator().manual_seed(s)).score.weight.flatten() for s in range(40)]
    )
    # 40·32 draws: the deviation of their deviation is about 2 % of 1/√33.
    assert wide.std().item() == pytest.approx(33**-0.5, rel=0.1)
    assert model.score.bias is None
    assert offsets(model) == [0.0]
    again = new_reward_model(sft, 0, torch.Generator().manual_seed(1))
    assert torch.equal(again.score.weight, model.score.weight)


@torch.no_grad()
def test_the_value_of_a_prefix_does_not_know_what_follows(model):
    ids, mask = pad(rows((8, 8)), 0, "right")
    before = values(model, ids, mask)
    ids[:, 5:] = 20
    assert before.shape == (2, 7)
    assert torch.allclose(values(model, ids, mask)[:, :5], before[:, :5], atol=ROUNDING)
    assert not torch.allclose(values(model, ids, mask)[:, 5:], before[:, 5:], atol=ROUNDING)
