"""Every line of minigpt/cases.py against PyTorch: the output and the gradient of every input and parameter.

Finite differences compare a backward with its own forward and can't see a mistake that both share; this can. Each case
has a twin below, made of PyTorch's own functions and modules. float32 is compared twice: with PyTorch in float32, and
with PyTorch in float64 on the very same float32 numbers, where the whole difference is our own rounding. It is about
2e-6 here. With weights of unit scale a few other draws are so steep that rounding the inputs alone, and computing
exactly from there, moves a gradient by 4e-5: float32 can't do better, so a failure after changing the seed may be that.
"""

import math
from functools import partial

import pytest
from torch_oracle import assert_agree, leaves, torch

from minigpt import backend
from minigpt.backend import to_host
from minigpt.cases import _WORDS, CASES
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


def their_recurrent_weights(a, kind, prefix=""):
    """Our w, u, b (and b_u) below a prefix as nn.RNN's, nn.LSTM's or nn.GRU's, without the number of the layer."""
    w, u, b = (a[prefix + name] for name in "wub")
    C, second = u.shape[0], torch.zeros_like(b)
    if kind == "LSTM":  # ours are in the order i, f, o, g; theirs i, f, g, o
        order = torch.cat([torch.arange(2 * C), torch.arange(3 * C, 4 * C), torch.arange(2 * C, 3 * C)])
        w, u, b = w[:, order], u[:, order], b[order]
    if kind == "GRU":  # theirs has a second bias for every gate; for r and z they only add up
        second = torch.cat([second[:2 * C], a[prefix + "b_u"]])
    return {"weight_ih": w.T, "weight_hh": u.T, "bias_ih": b, "bias_hh": second}


def recurrent(x, state, a, prefix="", kind="RNN"):
    """nn.RNN, nn.LSTM or nn.GRU with our weights: outputs (T, B, C) and the last state (S, B, C)."""
    weights = {f"{name}_l0": tensor for name, tensor in their_recurrent_weights(a, kind, prefix).items()}
    first = (state[:1], state[1:]) if kind == "LSTM" else state
    module = getattr(torch.nn, kind)(x.shape[2], state.shape[2])
    y, last = torch.func.functional_call(module, weights, (x, first), strict=True)
    return y, torch.cat(last) if kind == "LSTM" else last


def gru_before(x, state, a, prefix=""):
    """nn.GRU resets after the product; this is equations 5 to 8 of Cho et al. (2014), step by step."""
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n) = (a[prefix + name].chunk(3, -1) for name in "wub")
    h, outputs = state[0], []
    for x_t in x:
        r, z = torch.sigmoid(x_t @ w_r + h @ u_r + b_r), torch.sigmoid(x_t @ w_z + h @ u_z + b_z)
        h = z * h + (1 - z) * torch.tanh(x_t @ w_n + (r * h) @ u_n + b_n)
        outputs.append(h)
    return torch.stack(outputs), h[None]


def run(kind):
    """Over time, from a state: a function's y (and c), or a module's y and state, side by side."""
    def twin(a):
        x = a["x"] if a["x"].ndim == 3 else a["x"][None]  # a cell is a run of one step
        state = a["state"] if "state" in a else torch.stack([a[name] for name in "hc" if name in a])
        y, last = (gru_before if kind == "before" else partial(recurrent, kind=kind))(x, state, a)
        if "state" in a:
            return torch.cat([y.flatten(), last.flatten()])
        y = y if a["x"].ndim == 3 else y[0]
        return torch.cat([y.flatten(), last[1].flatten()]) if kind == "LSTM" else y

    return twin


def rnn_lm(kind, dropout=0.0):
    """Two layers; dropout masks are drawn with rows first."""
    def twin(a, ids, targets, rng=None, state=None):
        h = F.embedding(ids, a["token_embedding.w"])
        C = h.shape[2]
        for layer in (0, 1):
            first = torch.zeros(2 if kind == "LSTM" else 1, len(ids), C, dtype=h.dtype) if state is None else (
                state[layer].to(h.dtype))
            run_layer = gru_before if kind == "before" else partial(recurrent, kind=kind)
            h, _ = run_layer(drop(h, dropout, rng).transpose(0, 1), first, a, prefix=f"layers.{layer}.")
            h = h.transpose(0, 1)
        h = drop(h, dropout, rng)
        z = F.linear(h, a["head.w"].T, a["head.b"]) if "head.w" in a else F.linear(h, a["token_embedding.w"])
        return F.cross_entropy(z.flatten(0, 1), targets.flatten())

    return twin


def next_token(logits):
    return lambda a, ids, targets: F.cross_entropy(logits(a, ids).flatten(0, 1), targets.flatten())


def window_logits(n, V=11):
    """Windows are unfolded from the padded ids, flattened, and go through tanh, and past it where there is a path."""

    def logits(a, ids):
        e = F.embedding(F.pad(ids, (n - 1, 0), value=V).unfold(1, n, 1), a["embedding.w"]).flatten(2)
        h = torch.tanh(F.linear(e, a["hidden.w"].T, a["hidden.b"]))
        z = F.linear(h, a["out.w"].T, a["out.b"])
        return z + F.linear(e, a["direct.w"].T) if "direct.w" in a else z

    return logits


def attention_logits(heads, causal):
    def logits(a, ids):
        T = ids.shape[1]
        x = F.embedding(ids, a["embedding.w"]) + a["positions.w"][:T]
        mask = torch.ones(T, T, dtype=torch.bool).tril() if causal else None
        return F.linear(multi_head(heads)({**part(a, "attention."), "x": x}, mask), a["out.w"].T, a["out.b"])

    return logits


def negative_sampling(a, counted):
    scores = torch.einsum("nsc,nkc->nsk", a["h"], a["y"])
    labels = torch.zeros_like(scores)
    labels[:, :, 0] = 1
    loss = F.binary_cross_entropy_with_logits(scores, labels, counted.to(scores.dtype), reduction="sum")
    return loss / counted[:, :, 0].sum()


def word_vectors(kind, pieces_of=None):
    """Guess by guess, as the papers' sums say it: no windows, no shared products."""

    def twin(a, ids, valid, negatives):
        inputs, outputs, w, losses = a["inputs"], a["outputs"], valid.shape[1] // 2, []
        x = [inputs[pieces_of[int(i)]].mean(0) if pieces_of else inputs[i] for i in ids]
        for n, row in enumerate(valid):
            centre, around = ids[n + w], [x[n + s] for s in range(2 * w + 1) if row[s]]
            if kind == "cbow" and around:
                around = [torch.stack(around).mean(0)]
            for h in around:
                if negatives is None:
                    losses.append(F.cross_entropy((outputs @ h)[None], centre[None]))
                    continue
                losses.append(-F.logsigmoid(h @ outputs[centre])
                              - sum(F.logsigmoid(-h @ outputs[k]) for k in negatives[n] if k != centre))
        return torch.stack(losses).mean()

    return twin


def fasttext_rows(words, buckets):
    """The rows of each word: itself, and its pieces of 3 to 6 characters by FNV-1a over signed bytes."""

    def row(piece):
        h = 2166136261
        for byte in memoryview(piece.encode()).cast("b"):
            h = (h ^ (byte % 2**32)) * 16777619 % 2**32
        return len(words) + h % buckets

    return [[i, *(row(f"<{word}>"[at:at + n]) for n in range(3, 7) for at in range(len(word) + 3 - n))]
            for i, word in enumerate(words)]


def masked_mean(a, mask):
    """Text by text, over its real tokens alone."""
    empty = torch.zeros_like(a["x"][0, 0])
    return torch.stack([x[real].mean(0) if real.any() else empty for x, real in zip(a["x"], mask)])


def classifier(layers, dropout=0.0):
    """nn.TransformerEncoderLayer, told of the padding, and a linear layer on the mean of each text's real tokens."""

    def twin(a, ids, targets, valid=None, rng=None):
        valid = torch.ones(ids.shape, dtype=torch.bool) if valid is None else valid
        h = F.embedding(ids, a["token_embedding.w"])
        if layers:
            h = h + F.embedding((valid.cumsum(1) - 1).clamp(min=0), a["position_embedding.w"])
        h = drop(h, dropout, rng)
        for layer in range(layers):
            h = block(2, True, dropout)({**part(a, f"blocks.{layer}."), "x": h}, valid[:, None, None, :], rng)
        pooled = masked_mean({"x": norm(h, a, "final_norm")}, valid)
        return F.cross_entropy(F.linear(pooled, a["head.w"].T, a["head.b"]), targets)

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


def embedded_linear(a, ids):
    return F.linear(F.embedding(ids, a["table"]), a["w"].T, a.get("b"))


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
    "embedded_linear": embedded_linear, "embedded_linear no bias": embedded_linear,
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
    "rnn_cell": run("RNN"), "rnn": run("RNN"), "rnn one step": run("RNN"), "RNN": run("RNN"),
    "lstm_cell": run("LSTM"), "lstm": run("LSTM"), "lstm one step": run("LSTM"), "LSTM": run("LSTM"),
    "gru_cell before": run("before"), "gru before": run("before"), "GRU before": run("before"),
    "gru_cell after": run("GRU"), "gru after": run("GRU"), "gru one step": run("GRU"), "GRU after": run("GRU"),
    "RNNLM lstm": rnn_lm("LSTM"), "RNNLM lstm, more tokens than words": rnn_lm("LSTM"),
    "RNNLM rnn, untied": rnn_lm("RNN"), "RNNLM gru, dropout": rnn_lm("GRU", 0.3),
    "RNNLM gru_before, carried state": rnn_lm("before"),
    "masked_mean": masked_mean, "TextClassifier two blocks": classifier(2),
    "TextClassifier padding, dropout": classifier(1, 0.3), "TextClassifier bag of words": classifier(0),
    "GPT GPT-2": gpt(), "GPT GPT-1, dropout": gpt(pre=False, dropout=0.2),
    "GPT GPT-3 band, padding": gpt(window=2, dropout=0.2),
    "GPT untied, sinusoidal": gpt(sinusoidal=True, activation=F.gelu),
    "windows": lambda a, size: a["x"].unfold(0, size, 1).transpose(1, 2),
    "window_mean": lambda a, valid: torch.stack([
        x[row].mean(0) if row.any() else x[0] * 0 for x, row in zip(a["x"], valid)])[:, None],
    "negative_sampling": negative_sampling,
    "NextToken NeuralNgram": next_token(window_logits(3)), "NextToken NeuralNgram direct": next_token(window_logits(2)),
    "NextToken EmbeddingDense": next_token(
        lambda a, ids: F.linear(F.embedding(ids, a["embedding.w"]), a["out.w"].T, a["out.b"])),
    "NextToken EmbeddingAttentionDense": next_token(attention_logits(2, True)),
    "NextToken EmbeddingAttentionDense no mask": next_token(attention_logits(3, False)),
    **{f"Word2Vec {kind}, {loss}": word_vectors(kind)
       for kind in ("skip-gram", "cbow") for loss in ("negatives", "softmax")},
    **{f"FastText {kind}": word_vectors(kind, fasttext_rows(_WORDS, 13)) for kind in ("skip-gram", "cbow")},
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
