"""Whole models against the transformers library, with the same weights: logits, loss, every gradient, ten steps.

Odd and unequal sizes throughout, so that nothing fits by chance. The weights are PyTorch tensors in our layout, and
each twin is run on a rearrangement of them, so every gradient arrives in our layout too.
"""

import math
import re
from unittest.mock import patch

import numpy as np
import pytest
from problems import (
    CONTEXT,
    HEADS,
    LAYERS,
    MODELS,
    SCALES,
    C,
    F,
    V,
    batch,
    make_model,
    model_results,
    real_positions,
    trained_results,
    without_twin,
)
from torch_oracle import assert_agree, leaves, torch

from minigpt import backend

transformers = pytest.importorskip("transformers", reason="the comparison needs transformers: requirements-oracles.txt")

NO_DROPOUT = dict(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def renamed(name, token_table, position_table):
    for pattern, theirs in [(r"^token_embedding", token_table), (r"^position_embedding", position_table),
                            (r"^blocks", "h"), (r"norm_(\d)", r"ln_\1"), (r"^final_norm", "ln_f"),
                            (r"attention\.qkv", "attn.c_attn"), (r"attention\.out", "attn.c_proj"),
                            (r"feed_forward\.w_in", "mlp.c_fc"), (r"feed_forward\.w_out", "mlp.c_proj"),
                            (r"\.[wg]$", ".weight"), (r"\.b$", ".bias"), (r"^", "transformer.")]:
        name = re.sub(pattern, theirs, name)
    return name


def gpt2(a):
    """Their Conv1D stores (in, out) as we do: only the names differ."""
    return {renamed(name, "wte", "wpe"): tensor for name, tensor in a.items()}


def gpt1(a):
    return {renamed(name, "tokens_embed", "positions_embed"): tensor for name, tensor in a.items()}


def gpt_neo(a):
    """q, k, v apart, without biases; matrices (out, in); and scores that aren't divided by √D, so we divide W_q."""
    weights = gpt2({name: tensor for name, tensor in a.items() if "qkv" not in name})
    weights = {name.replace("attn.c_proj", "attn.attention.out_proj"): tensor.T if ".c_" in name and tensor.ndim == 2
               else tensor for name, tensor in weights.items()}
    for layer in range(LAYERS):
        q, k, v = a[f"blocks.{layer}.attention.qkv.w"].T.chunk(3)
        path = f"transformer.h.{layer}.attn.attention"
        weights |= {f"{path}.q_proj.weight": q / math.sqrt(C // HEADS), f"{path}.k_proj.weight": k,
                    f"{path}.v_proj.weight": v}
    return weights


def make_gpt2():
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=V, n_positions=CONTEXT, n_embd=C, n_layer=LAYERS, n_head=HEADS, n_inner=F,
        activation_function="gelu_new", attn_implementation="eager", **NO_DROPOUT))


def make_gpt1():
    return transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(
        vocab_size=V, n_positions=CONTEXT, n_embd=C, n_layer=LAYERS, n_head=HEADS, **NO_DROPOUT))


def make_gpt_neo():
    return transformers.GPTNeoForCausalLM(transformers.GPTNeoConfig(
        vocab_size=V, max_position_embeddings=CONTEXT, hidden_size=C, num_layers=LAYERS, num_heads=HEADS,
        intermediate_size=F, attention_types=[[["global", "local", "global"], 1]], window_size=4,
        attn_implementation="eager", resid_dropout=0, embed_dropout=0, attention_dropout=0))


TWINS = {"GPT-2": (make_gpt2, gpt2), "GPT-1": (make_gpt1, gpt1), "GPT-3": (make_gpt_neo, gpt_neo)}


def their_logits(twin, weights, ids, valid=None):
    inputs = dict(input_ids=torch.from_numpy(ids))
    if valid is not None:
        mask = torch.from_numpy(valid)
        inputs |= dict(attention_mask=mask.long(), position_ids=(mask.cumsum(1) - 1).clamp(min=0))
    buffers = dict(twin.named_buffers())
    return torch.func.functional_call(twin, {**buffers, **weights}, (), inputs, strict=True).logits


def cross_entropy(logits, targets):
    """Not the loss that transformers computes: it rounds the logits to float32 first."""
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten())


def their_results(name, scale, padded) -> dict:
    """problems.model_results, computed by transformers and PyTorch."""
    model, (ids, targets, valid) = make_model(name, scale), batch(padded)
    make, rearranged = TWINS[name]
    a = leaves({path: p.data for path, p in model.parameters().items()})
    with patch.object(torch, "float32", torch.float64):  # GPT-Neo rounds its scores to float32 otherwise
        logits = their_logits(make().double().eval(), rearranged(a), ids, valid)
    loss = cross_entropy(logits, targets)
    loss.backward()
    gradients = {path: tensor.grad for path, tensor in a.items() if path not in without_twin(model)}
    return {"logits": logits[real_positions(valid)], "loss": loss, **gradients}


def their_trained_results() -> dict:
    """problems.trained_results by PyTorch. Each loss is divided by two; decay acts on matrices alone."""
    twin, a = make_gpt2().double().eval(), leaves({path: p.data for path, p in make_model().parameters().items()})
    groups = [dict(params=[t for t in a.values() if t.ndim >= 2], weight_decay=0.1),
              dict(params=[t for t in a.values() if t.ndim < 2], weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), eps=1e-8)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 4, total_iters=3)
    norms = []
    for step in range(10):
        optimizer.zero_grad()
        for half in (0, 1):
            ids, targets, _ = batch(seed=2 * step + half)
            (0.5 * cross_entropy(their_logits(twin, gpt2(a), ids), targets)).backward()
        # clip_grad_norm_ divides by norm + 1e-6, and so shortens to a little less than 1; ours, and this, to 1.
        norms.append(float(torch.nn.utils.get_total_norm([t.grad for t in a.values()])))
        for t in a.values():
            t.grad *= min(1.0, 1.0 / norms[-1])
        optimizer.step()
        warmup.step()
    return {"norms": np.array(norms), **a}


@pytest.mark.parametrize("padded", [False, True], ids=["", "padded"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", MODELS)
def test_logits_loss_and_every_gradient(name, scale, padded):
    assert_agree(model_results(name, scale, padded), their_results(name, scale, padded), 1e-9)


def test_ten_steps_of_adamw_with_warmup_clipping_and_accumulation():
    ours = trained_results()
    assert (ours["norms"] > 1).all(), "every step is clipped"
    assert_agree(ours, their_trained_results(), 1e-8)
