"""Whole models against the transformers library, with the same weights: logits, loss, every gradient, ten steps.

Odd and unequal sizes throughout, so that nothing fits by chance. The weights are PyTorch tensors in our layout, and
each twin is run on a rearrangement of them, so every gradient arrives in our layout too.
"""

import math
import re

import numpy as np
import pytest
from torch_oracle import assert_agree, leaves, torch

from minigpt import backend
from minigpt.layers.cross_entropy import IGNORED
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW, Schedule, clip_gradient

transformers = pytest.importorskip("transformers")

B, T, V, C, HEADS, LAYERS, F, CONTEXT = 2, 17, 97, 35, 5, 3, 61, 23
NO_DROPOUT = dict(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def ours(scale="unit", **options):
    """scale "unit": every weight has variance 1, so most softmaxes saturate; "products": every product has."""
    shape = dict(vocab_size=V, context_length=CONTEXT, d_model=C, num_heads=HEADS, num_layers=LAYERS, d_ff=F)
    model, rng = GPT(GPTConfig(**{**shape, **options})), backend.generator(7)
    for name, p in model.parameters().items():
        product = scale == "products" and p.data.ndim == 2 and "embedding" not in name
        p.data[...] = backend.normal(rng, p.data.shape, 1 / math.sqrt(p.data.shape[0]) if product else 1)
    return model


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


MODELS = {  # our configuration, their model, our weights in their form
    "GPT-2": (dict(), make_gpt2, gpt2),
    "GPT-1": (dict(norm="post", d_ff=4 * C), make_gpt1, gpt1),  # theirs knows no other d_ff
    "GPT-3": (dict(attention_window=4), make_gpt_neo, gpt_neo),
}


def batch(padded=False, seed=0):
    """ids, targets (B, T), and valid or None: one row padded on the left, its padding ignored as a target."""
    rng = np.random.default_rng(seed)
    text = rng.integers(0, V, (B, T + 1))
    ids, targets = text[:, :-1], text[:, 1:].copy()
    targets[1, 3] = IGNORED
    if not padded:
        return ids, targets, None
    valid = np.ones((B, T), bool)
    valid[0, :5] = False
    return ids, np.where(valid, targets, IGNORED), valid


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


@pytest.mark.parametrize("padded", [False, True], ids=["", "padded"])
@pytest.mark.parametrize("scale", ["unit", "products"])
@pytest.mark.parametrize("name", MODELS)
def test_logits_loss_and_every_gradient(name, scale, padded, monkeypatch):
    options, make, rearranged = MODELS[name]
    model, twin = ours(scale, **options), make().double().eval()
    skipped = set()
    if name == "GPT-3":
        skipped = {f"blocks.{layer}.attention.qkv.b" for layer in range(LAYERS)}
        for path in skipped:
            model.parameters()[path].data.fill(0)
        monkeypatch.setattr(torch, "float32", torch.float64)  # GPT-Neo rounds its scores to float32 otherwise
    ids, targets, valid = batch(padded)
    real = slice(None) if valid is None else valid  # what stands on padding is nobody's business

    loss, saved = model.forward(ids, targets, valid=valid)
    model.backward(saved)
    results = {path: p.grad for path, p in model.parameters().items() if path not in skipped}

    a = leaves({path: p.data for path, p in model.parameters().items()})
    logits = their_logits(twin, rearranged(a), ids, valid)
    their_loss = cross_entropy(logits, targets)
    their_loss.backward()
    assert_agree({"logits": model(ids, valid)[real], "loss": loss, **results},
                 {"logits": logits[real], "loss": their_loss, **{path: a[path].grad for path in results}}, 1e-9)


def test_ten_steps_of_adamw_with_warmup_clipping_and_accumulation():
    """Each step sums the gradients of two batches, each loss divided by two; decay acts on matrices alone."""
    model, twin = ours("products"), make_gpt2().double().eval()
    a = leaves({name: p.data for name, p in model.parameters().items()})
    groups = [dict(params=[t for t in a.values() if t.ndim >= 2], weight_decay=0.1),
              dict(params=[t for t in a.values() if t.ndim < 2], weight_decay=0.0)]
    theirs = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), eps=1e-8)
    warmup = torch.optim.lr_scheduler.LinearLR(theirs, start_factor=1 / 4, total_iters=3)
    optimizer = AdamW(model, 0.9, 0.95, 1e-8, weight_decay=0.1)
    schedule = Schedule("constant", peak=0.01, steps=10, warmup=4)

    for step in range(10):
        model.zero_grad()
        theirs.zero_grad()
        for half in (0, 1):
            ids, targets, _ = batch(seed=2 * step + half)
            _, saved = model.forward(ids, targets)
            model.backward(saved, dloss=0.5)
            (0.5 * cross_entropy(their_logits(twin, gpt2(a), ids), targets)).backward()
        norm = clip_gradient(model, 1.0)
        # clip_grad_norm_ divides by norm + 1e-6, and so shortens to a little less than 1; ours, and this, to 1.
        their_norm = torch.nn.utils.get_total_norm([t.grad for t in a.values()])
        for t in a.values():
            t.grad *= min(1.0, 1.0 / their_norm)
        assert norm == pytest.approx(float(their_norm), rel=1e-9) and norm > 1
        optimizer.step(schedule(step))
        theirs.step()
        warmup.step()
    assert_agree({name: p.data for name, p in model.parameters().items()}, a, 1e-8)
