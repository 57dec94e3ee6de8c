"""GPT: predicts the next token from all the tokens before it.

    h_0 = W_e[ids] + W_p[positions]                     ids (B, T), h (B, T, C)
    h_l = block_l(h_l-1)                                causal, l = 1 .. L
    z   = norm(h_L) W_eᵀ                                logits (B, T, V); post-norm GPT-1 has no last norm
    y   = cross_entropy(z, targets)                     targets[b, t] is the token after ids[b, t]

backward is the same list from the end. W_e is used twice, at the bottom as a table and at the top transposed, so its
gradient has two terms; as every gradient is added, neither place knows of the other.

GPT-1: Radford et al. (2018), section 4.1. GPT-2: Radford et al. (2019), section 2.3: norms moved to the front of each
sublayer, one more at the end, and the weights that write to the residual scaled by 1/sqrt(their number) at the start.
GPT-3: Brown et al. (2020), section 2.1: every second layer attends only to a band of recent positions.
"""

import math
from dataclasses import asdict, dataclass, field, replace

from minigpt import backend
from minigpt.backend import xp
from minigpt.dispatch import twin, without_twins
from minigpt.errors import InputError
from minigpt.layers.activations import activation
from minigpt.layers.attention import attention_weights, check_heads
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout
from minigpt.layers.embedding import Embedding, unembedding_backward, unembedding_forward
from minigpt.layers.layer_norm import LayerNorm
from minigpt.layers.linear import Linear
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.layers.positions import LearnedPositions, SinusoidalPositions
from minigpt.module import Module


def option(default, comment: str):
    """A field of a configuration with the comment that `--help` prints beside its flag."""
    return field(default=default, metadata={"help": comment})


LARGEST = 10**9  # more than any machine can hold of anything; beyond it even the predictions would overflow


@dataclass(frozen=True)
class GPTConfig:
    """Everything that decides the shape of a GPT. Raises InputError when the numbers don't fit together."""

    vocab_size: int = option(1024, "number of different tokens, V (set by the tokenizer when training)")
    context_length: int = option(128, "how many tokens the model sees at once, T")
    d_model: int = option(128, "channels: the length of the vector at each position, C")
    num_heads: int = option(4, "attention heads; must divide d_model")
    num_layers: int = option(4, "blocks, one upon the other")
    d_ff: int = option(0, "hidden units of each feed-forward network, F; 0 means 4 * d_model")
    dropout: float = option(0.0, "share of activations dropped while training; helps when the text is small")
    norm: str = option("pre", "pre: normalise before each sublayer (GPT-2, 3); post: after its sum (GPT-1)")
    activation: str = option("gelu_tanh", "nonlinearity of the feed-forward network: relu, gelu, gelu_tanh, silu, ...")
    positions: str = option("learned", "learned: a table; sinusoidal: fixed waves")
    attention_window: int = option(0, "every second layer sees only this many tokens (GPT-3); 0: all see everything")
    tied_embedding: bool = option(True, "use the token embedding as output weights too")

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "d_model", "num_heads", "num_layers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} is too small: choose at least 1")
        for name in ("vocab_size", "context_length", "d_model", "num_heads", "num_layers", "d_ff", "attention_window"):
            if getattr(self, name) > LARGEST:
                raise InputError(f"{name} is too large: choose at most {LARGEST:,}")
        check_heads(self.d_model, self.num_heads)
        for name in ("d_ff", "attention_window"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} {getattr(self, name)} is negative: choose 0 or more")
        for name, choices in (("norm", ("pre", "post")), ("positions", ("learned", "sinusoidal"))):
            if getattr(self, name) not in choices:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: choose {' or '.join(choices)}")
        if self.positions == "sinusoidal" and self.d_model % 2:
            raise InputError(f"d_model {self.d_model} is odd: sinusoids come in pairs, choose an even d_model")
        activation(self.activation)
        Dropout(self.dropout)
        if self.d_ff == 0:
            object.__setattr__(self, "d_ff", 4 * self.d_model)

    def to_dict(self) -> dict:
        return asdict(self)

    def window(self, layer: int) -> int:
        """How far back `layer` sees, 0 for no limit: layers alternate (Brown et al., 2.1); here the first is dense."""
        return self.attention_window if layer % 2 else 0


_GPT2 = GPTConfig(vocab_size=50257, context_length=1024, d_model=768, num_heads=12, num_layers=12, dropout=0.1)
_GPT3 = replace(_GPT2, context_length=2048, dropout=0.0, attention_window=256)  # the paper doesn't say how wide
_SMALL = GPTConfig(context_length=64, d_model=96, num_heads=4, num_layers=3, dropout=0.1)

PRESETS = {
    "tiny": GPTConfig(context_length=32, d_model=32, num_heads=2, num_layers=2),
    "small": _SMALL,
    "small-gpt1": replace(_SMALL, norm="post"),
    "small-gpt3": replace(_SMALL, attention_window=16),
    "nanogpt": GPTConfig(context_length=64, d_model=128, num_heads=4, num_layers=4),
    "gpt1": replace(_GPT2, vocab_size=40478, context_length=512, norm="post"),
    "gpt2": _GPT2,
    "gpt2-medium": replace(_GPT2, d_model=1024, num_heads=16, num_layers=24, d_ff=4096),
    "gpt2-large": replace(_GPT2, d_model=1280, num_heads=20, num_layers=36, d_ff=5120),
    "gpt2-xl": replace(_GPT2, d_model=1600, num_heads=25, num_layers=48, d_ff=6400),
    "gpt3-125m": _GPT3,
    "gpt3-175b": replace(_GPT3, d_model=12288, num_heads=96, num_layers=96, d_ff=49152),
}


class GPT(Module):
    """A GPT of the shape that `config` says, its weights drawn from `seed`.

    loss, saved = model.forward(ids, targets, rng)      training: rng for dropout
    model.backward(saved)                               adds into every parameter's grad
    logits = model(ids)                                 inference
    """

    def __init__(self, config: GPTConfig, seed: int = 0):
        c, rng = config, backend.generator(seed, backend.INITIAL_WEIGHTS)
        self.config = c
        std = 0.02
        # Each block adds two terms to the residual; unscaled, its variance would grow with depth (GPT-2, 2.3).
        out_std = std / math.sqrt(2 * c.num_layers) if c.norm == "pre" else std
        block = PreNormBlock if c.norm == "pre" else PostNormBlock
        self.token_embedding = Embedding(c.vocab_size, c.d_model, rng, std)
        if c.positions == "learned":
            self.position_embedding = LearnedPositions(c.context_length, c.d_model, rng, std)
        else:
            self.position_embedding = SinusoidalPositions(c.context_length, c.d_model)
        self.dropout = Dropout(c.dropout)
        self.blocks = [block(c.d_model, c.num_heads, c.d_ff, rng, c.dropout, c.activation, std, out_std)
                       for _ in range(c.num_layers)]
        self.final_norm = LayerNorm(c.d_model) if c.norm == "pre" else None
        self.head = None if c.tied_embedding else Linear(c.d_model, c.vocab_size, rng, std, bias=False)
        self.pack()

    def forward(self, ids, targets, rng=None, valid=None):
        """ids (B, T), targets (B, T) -> mean loss in nats per token, and saved.

        rng: generator for dropout, None for none. valid: (B, T) booleans, False where a row is padded.
        Raises InputError for ids out of range or more than context_length of them.
        """
        h, saved_hidden = self._hidden_forward(ids, rng, valid)
        z, saved_head = self._head_forward(h)
        loss, saved_loss = twin(cross_entropy_forward)(z, targets)
        return loss, (saved_hidden, saved_head, saved_loss)

    def backward(self, saved, dloss=1.0):
        """Adds dloss times the gradient of the loss into every parameter's grad."""
        saved_hidden, saved_head, saved_loss = saved
        dz = twin(cross_entropy_backward)(dloss, saved_loss)
        self._hidden_backward(self._head_backward(dz, saved_head), saved_hidden)

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        """ids (B, T) -> logits (B, T, V), or (B, 1, V) of the last position alone.

        cache: keys and values of the tokens before ids (generate.py), which then grows by ids. valid: (B, S) booleans
        over all S positions, cached ones included; rows are padded on the left, so that all of them end together.
        """
        h, _ = self._hidden_forward(ids, None, valid, cache)
        return self._head_forward(h[:, -1:] if last_only else h)[0]

    def attention_maps(self, ids) -> list:
        """The attention weights p (B, H, T, T) of every layer for ids (B, T): forward saves them for backward."""
        with without_twins():  # which save what suits them
            _, (_, _, _, saved_blocks, _) = self._hidden_forward(ids)
        saved_attention = 1 if self.config.norm == "pre" else 0  # its place in what a block saves
        return [attention_weights(saved_block[saved_attention]) for saved_block in saved_blocks]

    def _hidden_forward(self, ids, rng=None, valid=None, cache=None):
        ids = backend.unmoved(ids)
        if ids.ndim != 2 or 0 in ids.shape:
            raise InputError(f"ids have the shape {ids.shape}: give (B, T), with at least one token")
        T, past = ids.shape[1], 0 if cache is None else cache.length
        S = past + T
        if S > self.config.context_length:
            raise InputError(f"{S} tokens are more than the context length {self.config.context_length}: "
                             "give fewer, or use minigpt.generate, which slides over longer prompts")
        if valid is None:
            positions = list(range(past, S))  # (T,), on the host, where checking them costs nothing
        else:
            valid = backend.asarray(valid)
            positions = xp.maximum(xp.cumsum(valid, axis=1) - 1, 0)[:, -T:]  # (B, T): padding counts for nothing
        tokens, saved_tokens = self.token_embedding.forward(ids)
        places, saved_places = self.position_embedding.forward(positions)
        h, saved_dropout = self.dropout.forward(tokens + places, rng)  # (B, T, C)
        masks = {}
        saved_blocks = []
        for layer, block in enumerate(self.blocks):
            window = self.config.window(layer)
            if window not in masks:
                masks[window] = self._mask(T, S, window, valid)
            h, saved = block.forward(h, masks[window], rng, None if cache is None else cache.layers[layer])
            saved_blocks.append(saved)
        saved_norm = None
        if self.final_norm:
            h, saved_norm = self.final_norm.forward(h)
        return h, (saved_tokens, saved_places, saved_dropout, saved_blocks, saved_norm)

    def _mask(self, T: int, S: int, window: int, valid):
        """Who may see whom: (T, S), or (B, 1, T, S) with padding; None where a single token may see all before it."""
        if T == 1 and not window and valid is None:
            return None
        mask = causal_mask(T, S, window)
        return mask if valid is None else mask & padding_mask(valid)

    def _hidden_backward(self, dh, saved):
        saved_tokens, saved_places, saved_dropout, saved_blocks, saved_norm = saved
        if self.final_norm:
            dh = self.final_norm.backward(dh, saved_norm)
        for block, saved_block in zip(reversed(self.blocks), reversed(saved_blocks)):
            dh = block.backward(dh, saved_block)
        dh = self.dropout.backward(dh, saved_dropout)
        self.token_embedding.backward(dh, saved_tokens)
        # Without padding the same T positions were added to all B rows, so their gradients are summed.
        shared = saved_places and saved_places[0].ndim == 1
        self.position_embedding.backward(dh.sum(axis=0) if shared else dh, saved_places)

    def _head_forward(self, h):
        if self.head:
            return self.head.forward(h)
        return unembedding_forward(h, self.token_embedding.w.data)  # z = h W_eᵀ

    def _head_backward(self, dz, saved):
        if self.head:
            return self.head.backward(dz, saved)
        dh, dw = unembedding_backward(dz, saved)
        self.token_embedding.w.grad += dw
        return dh
