"""Every line of minigpt/cases.py against PyTorch: the output and the gradient of every input and parameter.

Finite differences compare a backward with its own forward and can't see a mistake that both share; this can. Each case
has a twin below, made of PyTorch's own functions and modules. float32 is compared twice: with PyTorch in float32, and
with PyTorch in float64 on the very same float32 numbers, where the whole difference is our own rounding. It is about
2e-6 here. With weights of unit scale a few other draws are so steep that rounding the inputs alone, and computing
exactly from there, moves a gradient by 4e-5: float32 can't do better, so a failure after changing the seed may be that.
"""

import math

import pytest
from torch_oracle import assert_agree, leaves, torch

from minigpt import backend
from minigpt.backend import to_host
from minigpt.cases import CASES
from minigpt.layers.masks import causal_mask

F = torch.nn.functional
PRECISIONS = [("float64", "float64", 1e-10), ("float32", "float32", 2e-5), ("float32", "float64", 2e-5)]


def drop(x, rate, rng):
    """Dropout of the elements that minigpt drops: the next mask of the same generator."""
    if rng is None or rate == 0:
        return x
    return x * torch.tensor(to_host(backend.keep_mask(rng, tuple(x.shape), rate))) / (1 - rate)


def attend(q, k, v, mask=None, dropout=0.0, rng=None):
    if not dropout:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    # Attention over one-hot values returns its own weights, which PyTorch doesn't hand out otherwise.
    weights = F.scaled_dot_product_attention(q, k, torch.eye(k.shape[-2], dtype=k.dtype), attn_mask=mask)
    return drop(weights, dropout, rng) @ v


def part(a, prefix):
    """The arrays below a prefix: part(a, "attention.") has "qkv.w" where a has "attention.qkv.w"."""
    return {name.removeprefix(prefix): tensor for name, tensor in a.items() if name.startswith(prefix)}


def refuse(mask, x, memory, heads):
    """PyTorch's modules take a mask for each batch and head, and True in it means that attention is not allowed."""
    if mask is not None:
        return ~mask.expand(x.shape[0], heads, x.shape[1], memory.shape[1]).flatten(0, 1)


def in_projection(a):
    """Our W is (in, out) and theirs (out, in); the rows of theirs are q, k, v, as the columns of ours."""
    if "qkv.w" in a:
        return a["qkv.w"].T, a["qkv.b"]
    return torch.cat([a["q.w"], a["kv.w"]], dim=1).T, torch.cat([a["q.b"], a["kv.b"]])


def multi_head(heads, dropout=0.0):
    """nn.MultiheadAttention with our weights; with dropout, which draws its own masks there, its formula."""

    def twin(a, mask=None, rng=None):
        x = a["x"]
        memory = a.get("memory", x)
        w, b = in_projection(a)
        if not dropout:
            module = torch.nn.MultiheadAttention(x.shape[-1], heads, batch_first=True)
            weights = {"in_proj_weight": w, "in_proj_bias": b, "out_proj.weight": a["out.w"].T,
                       "out_proj.bias": a["out.b"]}
            return torch.func.functional_call(module, weights, (x, memory, memory), strict=True, kwargs=dict(
                attn_mask=refuse(mask, x, memory, heads), need_weights=False))[0]
        q, k, v = (F.linear(source, w_part, b_part).unflatten(-1, (heads, -1)).transpose(1, 2)
                   for source, w_part, b_part in zip((x, memory, memory), w.chunk(3), b.chunk(3)))
        return F.linear(attend(q, k, v, mask, dropout, rng).transpose(1, 2).flatten(2), a["out.w"].T, a["out.b"])

    return twin


def feed_forward(activation):
    return lambda a: F.linear(activation(F.linear(a["x"], a["w_in.w"].T, a["w_in.b"])), a["w_out.w"].T, a["w_out.b"])


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


def norm(x, a, name):
    return F.layer_norm(x, x.shape[-1:], a[f"{name}.g"], a[f"{name}.b"])


def block(heads, pre, dropout=0.0, activation=gelu_tanh):
    """nn.TransformerEncoderLayer with our weights; with dropout, which it also has at another place, its formula."""

    def twin(a, mask=None, rng=None):
        x, attention, ff = a["x"], part(a, "attention."), part(a, "feed_forward.")
        if not dropout:
            module = torch.nn.TransformerEncoderLayer(x.shape[-1], heads, ff["w_in.b"].numel(), 0.0, activation,
                                                      batch_first=True, norm_first=pre)
            w, b = in_projection(attention)
            weights = {"self_attn.in_proj_weight": w, "self_attn.in_proj_bias": b,
                       "self_attn.out_proj.weight": attention["out.w"].T, "self_attn.out_proj.bias": attention["out.b"],
                       "linear1.weight": ff["w_in.w"].T, "linear1.bias": ff["w_in.b"],
                       "linear2.weight": ff["w_out.w"].T, "linear2.bias": ff["w_out.b"],
                       "norm1.weight": a["norm_1.g"], "norm1.bias": a["norm_1.b"],
                       "norm2.weight": a["norm_2.g"], "norm2.bias": a["norm_2.b"]}
            return torch.func.functional_call(module, weights, (x, refuse(mask, x, x, heads)), strict=True)
        sublayers = [lambda x: multi_head(heads, dropout)({**attention, "x": x}, mask, rng),
                     lambda x: feed_forward(activation)({**ff, "x": x})]
        for name, sublayer in zip(("norm_1", "norm_2"), sublayers):
            if pre:
                x = x + drop(sublayer(norm(x, a, name)), dropout, rng)
            else:
                x = norm(x + drop(sublayer(x), dropout, rng), a, name)
        return x

    return twin


def gpt(pre=True, dropout=0.0, window=None, sinusoidal=False, activation=gelu_tanh):
    """Two blocks of two heads, of which the second may be banded."""

    def twin(a, ids, targets, valid=None, rng=None):
        B, T = ids.shape
        table = waves(7, 6).to(a["token_embedding.w"].dtype) if sinusoidal else a["position_embedding.w"]
        positions = torch.arange(T) if valid is None else (valid.cumsum(1) - 1).clamp(min=0)
        h = drop(F.embedding(ids, a["token_embedding.w"]) + table[positions], dropout, rng)
        for layer in (0, 1):
            mask = torch.ones(T, T, dtype=torch.bool).tril()
            if window and layer == 1:
                mask = mask.triu(1 - window)
            if valid is not None:
                mask = mask & valid[:, None, None, :]
            h = block(2, pre, dropout, activation)({**part(a, f"blocks.{layer}."), "x": h}, mask, rng)
        z = F.linear(norm(h, a, "final_norm") if pre else h, a["head.w"].T if "head.w" in a else a["token_embedding.w"])
        return F.cross_entropy(z.flatten(0, 1), targets.flatten())

    return twin


def waves(length, channels):
    """Number by number, as the paper's formula says it."""
    return torch.tensor([[(math.sin, math.cos)[c % 2](t / 10000 ** (c // 2 * 2 / channels)) for c in range(channels)]
                         for t in range(length)], dtype=torch.float64)


def cross_entropy(a, targets, label_smoothing=0.0):
    return F.cross_entropy(a["logits"].flatten(0, 1), targets.flatten(), label_smoothing=label_smoothing)


def look_up(a, ids):
    return F.embedding(ids, a["w"])


def linear(a):
    return F.linear(a["x"], a["w"].T, a.get("b"))


def layer_norm(a):
    return F.layer_norm(a["x"], a["x"].shape[-1:], a["g"], a["b"])


def attention(a, **given):
    return attend(a["q"], a["k"], a["v"], **given)


TWINS = {
    "linear": linear, "linear no bias": linear, "Linear": linear, "Linear no bias": linear,
    **{name: lambda a, f=f: f(a["x"]) for name, f in dict(
        relu=F.relu, sigmoid=F.sigmoid, tanh=F.tanh, silu=F.silu, gelu=F.gelu, gelu_tanh=gelu_tanh).items()},
    "softmax": lambda a: F.softmax(a["x"], dim=-1),
    "cross_entropy": cross_entropy, "cross_entropy ignored": cross_entropy,
    "cross_entropy ignored, smoothed": cross_entropy,
    "embedding": look_up, "Embedding": look_up, "LearnedPositions": look_up,
    "unembedding": lambda a: F.linear(a["h"], a["w"]),
    "SinusoidalPositions": lambda a, positions: waves(7, 4)[positions],
    "layer_norm": layer_norm, "LayerNorm": layer_norm,
    "dropout": lambda a, rate, rng: drop(a["x"], rate, rng), "dropout inference": lambda a, rate: a["x"],
    "Dropout": lambda a, rng: drop(a["x"], 0.3, rng),
    **{case.name: attention for case in CASES if case.subject == "attention"},
    "SelfAttention": multi_head(2), "SelfAttention banded": multi_head(2), "SelfAttention padding": multi_head(3),
    "SelfAttention causal, dropout": multi_head(3, 0.3),
    "CrossAttention": multi_head(2), "CrossAttention padding": multi_head(3),
    "CrossAttention padding, dropout": multi_head(2, 0.3),
    "FeedForward": feed_forward(gelu_tanh), "FeedForward relu": feed_forward(F.relu),
    "PreNormBlock": block(2, True), "PostNormBlock": block(2, False),
    "PreNormBlock dropout": block(2, True, 0.3), "PostNormBlock dropout": block(2, False, 0.3),
    "PreNormBlock gelu, banded": block(2, True, activation=F.gelu),
    "PostNormBlock gelu, banded": block(2, False, activation=F.gelu),
    "GPT GPT-2": gpt(), "GPT GPT-1, dropout": gpt(pre=False, dropout=0.2),
    "GPT GPT-3 band, padding": gpt(window=2, dropout=0.2),
    "GPT untied, sinusoidal": gpt(sinusoidal=True, activation=F.gelu),
}  # fmt: skip


def their_results(case, problem, dy, dtype="float64") -> dict:
    """The output and every gradient of a case, computed by PyTorch."""
    assert case.name in TWINS, "a new case needs a twin in tests/test_layers_against_torch.py"
    a = leaves(problem.arrays(), dtype)
    given = {name: torch.from_numpy(value) if hasattr(value, "dtype") else value
             for name, value in problem.given().items()}
    output = TWINS[case.name](a, **given)
    if a:
        output.backward(torch.tensor(dy, dtype=output.dtype))
    return {"output": output, **{name: tensor.grad for name, tensor in a.items()}}


@pytest.mark.parametrize("ours, theirs, tolerance", PRECISIONS, ids=["float64", "float32", "float32 against float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_output_and_every_gradient(case, ours, theirs, tolerance):
    with backend.using("numpy", ours):
        rng = backend.generator(8)
        problem = case.build(rng)
        y, saved = problem.forward()
        dy = backend.normal(rng, y.shape)
        assert_agree({"output": y, **problem.gradients(dy, saved)}, their_results(case, problem, dy, theirs), tolerance)


@pytest.mark.parametrize("queries, keys", [(1, 1), (1, 6), (4, 4), (3, 7)])
def test_masks(queries, keys):
    from torch.nn.attention.bias import causal_lower_right

    lower_right = causal_lower_right(queries, keys)
    scores = torch.zeros(1, 1, queries, 8, dtype=torch.float64), torch.zeros(1, 1, keys, 8, dtype=torch.float64)
    seen = F.scaled_dot_product_attention(*scores, torch.eye(keys, dtype=torch.float64)[None, None],
                                          attn_mask=lower_right)[0, 0] > 0
    assert (causal_mask(queries, keys) == seen.numpy()).all()
    for window in range(1, keys + 2):
        assert (causal_mask(queries, keys, window) == seen.triu(keys - queries - window + 1).numpy()).all()
