"""The first neural language models: the next token from a fixed window of tokens, each turned into a vector.

    e = W_e[ids t-n+1 .. t], side by side        ids (B, T); n rows of W_e (V + 1, C) make e (B, T, nC)
    h = tanh(e W_h + b_h)                        (B, T, F)
    z = h W_o + b_o                              logits (B, T, V), for the token at t + 1
      + e W_d                                    where there are direct connections
    y = cross_entropy(z, targets)

    dh = dz W_oᵀ
    de = (dh (1 - h²)) W_hᵀ + dz W_dᵀ            e is used twice, so its gradient has two terms
    dW_e[v] = Σ of the parts of de where v stood in a window: every token stands in n windows, at n places

A table of n-gram counts has an entry for each context, and learns nothing about one context from another. Here contexts
share W_e: what is learned of "the cat ran" moves the vectors of its words, and with them every sentence near by.

Before a text begins there is no token; the last row of W_e stands for that, and is learned like the others.

Two smaller networks, which introductory articles like to show, are the same list with less in it:

    EmbeddingDense            z = W_e[ids] W_o + b_o            sees the last token alone: a bigram table of low rank
    EmbeddingAttentionDense   z = attention(W_e[ids] + W_p) W_o + b_o     sees all tokens before it, through one mean

Both mistakes of the articles are refused here or can be watched: targets must be those of the next token (whoever takes
the input as target trains a copy), and without the causal mask a position sees its own answer (`causal=False`).
Sources: Bengio et al. (2003), section 2; the attention is Vaswani et al. (2017), 3.2.
"""

from dataclasses import asdict, dataclass

from minigpt import backend
from minigpt.backend import xp
from minigpt.dispatch import twin, without_twins
from minigpt.errors import InputError
from minigpt.layers.activations import tanh_backward, tanh_forward
from minigpt.layers.attention import SelfAttention, attention_weights, check_heads
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import Embedding
from minigpt.layers.linear import Linear
from minigpt.layers.masks import causal_mask
from minigpt.layers.positions import LearnedPositions
from minigpt.models.gpt import option
from minigpt.module import Module


@dataclass(frozen=True)
class NeuralNgramConfig:
    """The shape of all three networks. Raises InputError when the numbers have no meaning."""

    vocab_size: int = option(1024, "number of different tokens, V")
    context_length: int = option(64, "positions of a training text, T; the attention sees so many")
    window: int = option(4, "tokens that NeuralNgram sees, n; its order is n + 1")
    d_model: int = option(32, "channels: the length of the vector of each token, C")
    d_ff: int = option(64, "hidden units of NeuralNgram, F")
    num_heads: int = option(1, "attention heads; must divide d_model")
    direct: bool = option(False, "NeuralNgram: a linear path from the vectors straight to the logits")
    causal: bool = option(True, "EmbeddingAttentionDense: False lets it see its own answers, a mistake worth seeing")

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "window", "d_model", "d_ff"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} is too small: choose at least 1")
        if self.window > self.context_length:
            raise InputError(f"window {self.window} is longer than context_length {self.context_length}: choose a "
                             "context_length of at least the window")
        check_heads(self.d_model, self.num_heads)

    def to_dict(self) -> dict:
        return asdict(self)

    @property
    def num_layers(self) -> int:
        """For generate.py, which makes a cache of so many layers; the models refuse it with a word on what to do."""
        return 1


def windows_of(ids, n: int, before: int):
    """ids (B, T) -> (B, T, n): at each position the last n ids, itself included; `before` where the text begins."""
    B, T = ids.shape
    padded = xp.concatenate([xp.full((B, n - 1), before, dtype=ids.dtype), ids], axis=1)  # (B, n - 1 + T)
    return xp.stack([padded[:, i:i + T] for i in range(n)], axis=-1)


class NextToken(Module):
    """What the three have in common: logits, their loss, and a backward in the reverse order."""

    def __init__(self, config: NeuralNgramConfig, seed: int = 0):
        self.config = config
        self._build(config, backend.generator(seed, backend.INITIAL_WEIGHTS))
        self.pack()

    def forward(self, ids, targets, rng=None):
        """ids (B, T), targets (B, T) -> mean loss in nats per token, and saved.

        rng: what the training loop hands to every model; nothing here is drawn. Raises InputError for ids out of range.
        """
        z, saved_logits = self._logits_forward(self._checked(ids))
        loss, saved_loss = twin(cross_entropy_forward)(z, targets)
        return loss, (saved_logits, saved_loss)

    def backward(self, saved, dloss=1.0):
        """Adds dloss times the gradient of the loss into every parameter's grad."""
        saved_logits, saved_loss = saved
        self._logits_backward(twin(cross_entropy_backward)(dloss, saved_loss), saved_logits)

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        """ids (B, T) -> logits (B, T, V), or (B, 1, V) of the last position; for generate(..., use_cache=False)."""
        if valid is not None or cache is not None:
            raise InputError("these models take no padding and no cache: generate from one prompt at a time, with "
                             "use_cache=False")
        z, _ = self._logits_forward(self._checked(ids))
        return z[:, -1:] if last_only else z

    def _checked(self, ids):
        ids = backend.unmoved(ids)
        if ids.ndim != 2 or 0 in ids.shape:
            raise InputError(f"ids have the shape {ids.shape}: give (B, T), with at least one token")
        return backend.check_ids(ids, self.config.vocab_size, "token id")


class NeuralNgram(NextToken):
    """The model of Bengio et al.: a window of vectors, a hidden layer of tanh, a softmax over the vocabulary."""

    def _build(self, c, rng):
        self.embedding = Embedding(c.vocab_size + 1, c.d_model, rng, std=0.1)  # the last row: before the text
        self.hidden = Linear(c.window * c.d_model, c.d_ff, rng)
        self.out = Linear(c.d_ff, c.vocab_size, rng)
        # It starts at 0: the two paths would else add up to larger logits than either has alone.
        self.direct = Linear(c.window * c.d_model, c.vocab_size, rng, std=0.0, bias=False) if c.direct else None

    def _logits_forward(self, ids):
        B, T = ids.shape
        vectors, saved_vectors = self.embedding.forward(windows_of(ids, self.config.window, self.config.vocab_size))
        e = vectors.reshape(B, T, -1)  # (B, T, nC)
        a, saved_hidden = self.hidden.forward(e)
        h, saved_tanh = tanh_forward(a)  # (B, T, F)
        z, saved_out = self.out.forward(h)  # (B, T, V)
        saved_direct = None
        if self.direct:
            z_direct, saved_direct = self.direct.forward(e)
            z += z_direct
        return z, (saved_vectors, saved_hidden, saved_tanh, saved_out, saved_direct)

    def _logits_backward(self, dz, saved):
        saved_vectors, saved_hidden, saved_tanh, saved_out, saved_direct = saved
        dh = self.out.backward(dz, saved_out)
        de = self.hidden.backward(tanh_backward(dh, saved_tanh), saved_hidden)
        if self.direct:
            de += self.direct.backward(dz, saved_direct)  # forward used e in both paths
        self.embedding.backward(de.reshape(*de.shape[:2], self.config.window, -1), saved_vectors)


class EmbeddingDense(NextToken):
    """Embedding, dense layer, softmax: a position sees its own token and nothing else, so this is a bigram model."""

    def _build(self, c, rng):
        self.embedding = Embedding(c.vocab_size, c.d_model, rng, std=0.1)
        self.out = Linear(c.d_model, c.vocab_size, rng)

    def _logits_forward(self, ids):
        e, saved_vectors = self.embedding.forward(ids)
        z, saved_out = self.out.forward(e)
        return z, (saved_vectors, saved_out)

    def _logits_backward(self, dz, saved):
        saved_vectors, saved_out = saved
        self.embedding.backward(self.out.backward(dz, saved_out), saved_vectors)


class EmbeddingAttentionDense(NextToken):
    """Embedding, self-attention, dense layer, softmax. There is no way around the attention: see layers/block.py."""

    def _build(self, c, rng):
        self.embedding = Embedding(c.vocab_size, c.d_model, rng, std=0.1)
        self.positions = LearnedPositions(c.context_length, c.d_model, rng, std=0.1)
        self.attention = SelfAttention(c.d_model, c.num_heads, rng, std=c.d_model**-0.5)
        self.out = Linear(c.d_model, c.vocab_size, rng)

    def _logits_forward(self, ids):
        T = ids.shape[1]
        if T > self.config.context_length:
            raise InputError(f"{T} tokens are more than the context length {self.config.context_length}: give fewer, "
                             "or use minigpt.generate, which slides over longer prompts")
        e, saved_vectors = self.embedding.forward(ids)
        places, saved_places = self.positions.forward(list(range(T)))  # (T, C), the same for every row
        mask = causal_mask(T) if self.config.causal else None
        h, saved_attention = self.attention.forward(e + places, mask)
        z, saved_out = self.out.forward(h)
        return z, (saved_vectors, saved_places, saved_attention, saved_out)

    def _logits_backward(self, dz, saved):
        saved_vectors, saved_places, saved_attention, saved_out = saved
        de = self.attention.backward(self.out.backward(dz, saved_out), saved_attention)
        self.embedding.backward(de, saved_vectors)
        self.positions.backward(de.sum(axis=0), saved_places)  # the same rows were added to all B texts

    def attention_maps(self, ids):
        """The attention weights p (B, H, T, T) for ids (B, T)."""
        with without_twins():
            _, (_, _, saved_attention, _) = self._logits_forward(self._checked(ids))
        return attention_weights(saved_attention)
