"""A text classifier: which of K classes a whole text belongs to.

    x_bt = W_e[id_bt] + P[t]                    ids (B, T), x (B, T, C); t counts real tokens alone
    x    = block_L(... block_1(x))              self-attention that hides padding and nothing else
    u_b  = masked_mean(layer_norm(x_b))         (B, C): one vector a text, from its real tokens alone
    z_b  = u_b W + b                            logits (B, K)
    y    = cross_entropy(z, targets)            targets (B,), the class of each text

backward is the same list from the end. This is no language model: it gives a text one of K answers and no probability
of a next token, so there is nothing that mustn't be seen and no causal mask.

K = 2 is the binary classifier that others build with one output a and a sigmoid: softmax of (z_0, z_1) gives class 1
the probability sigmoid(z_1 - z_0), so a is z_1 - z_0, and the loss is the same number. With num_layers = 0
there are neither blocks nor positions: the classifier is a bag of words, blind to their order and often hard to beat.
Sources: an encoder with a classifier on top, Devlin et al. (2019), section 3.2 (there the first token's vector stands
for the text); the mean, Iyyer et al. (2015), section 2.
"""

from dataclasses import asdict, dataclass

from minigpt import backend
from minigpt.backend import xp
from minigpt.dispatch import twin
from minigpt.errors import InputError
from minigpt.layers.attention import check_heads
from minigpt.layers.block import PreNormBlock
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout
from minigpt.layers.embedding import Embedding
from minigpt.layers.layer_norm import LayerNorm
from minigpt.layers.linear import Linear
from minigpt.layers.masked_mean import masked_mean_backward, masked_mean_forward
from minigpt.layers.masks import padding_mask
from minigpt.layers.positions import LearnedPositions
from minigpt.models.gpt import LARGEST, option
from minigpt.module import Module


@dataclass(frozen=True)
class ClassifierConfig:
    """Everything that decides the shape of a classifier. Raises InputError when the numbers don't fit together."""

    vocab_size: int = option(1024, "number of different tokens, V")
    num_classes: int = option(2, "how many answers there are, K")
    context_length: int = option(64, "longest text, in tokens")
    d_model: int = option(32, "channels: the length of the vector of each token, C")
    num_heads: int = option(2, "attention heads; must divide d_model")
    num_layers: int = option(1, "blocks, one upon the other; 0: a bag of words, without positions")
    dropout: float = option(0.0, "share of numbers dropped while training")

    def __post_init__(self):
        for name, least in (("vocab_size", 1), ("num_classes", 2), ("context_length", 1), ("d_model", 1),
                            ("num_layers", 0)):
            if not least <= getattr(self, name) <= LARGEST:
                raise InputError(f"{name} is {getattr(self, name)}: choose {least} to {LARGEST:,}")
        check_heads(self.d_model, self.num_heads)
        Dropout(self.dropout)

    def to_dict(self) -> dict:
        return asdict(self)


class TextClassifier(Module):
    """A classifier of the shape that `config` says, its weights drawn from `seed`.

    loss, saved = model.forward(ids, targets, rng, valid)   training: rng for dropout, valid is pad_batch's mask
    model.backward(saved)                                   adds into every parameter's grad
    logits = model(ids, valid)                              inference; the class is logits.argmax(axis=-1)
    """

    def __init__(self, config: ClassifierConfig, seed: int = 0):
        c, rng = config, backend.generator(seed, backend.INITIAL_WEIGHTS)
        self.config = c
        self.token_embedding = Embedding(c.vocab_size, c.d_model, rng)
        self.position_embedding = LearnedPositions(c.context_length, c.d_model, rng) if c.num_layers else None
        self.dropout = Dropout(c.dropout)
        self.blocks = [PreNormBlock(c.d_model, c.num_heads, 4 * c.d_model, rng, c.dropout)
                       for _ in range(c.num_layers)]
        self.final_norm = LayerNorm(c.d_model)
        self.head = Linear(c.d_model, c.num_classes, rng, std=0.02)
        self.pack()

    def forward(self, ids, targets, rng=None, valid=None):
        """ids (B, T), targets (B,) -> mean loss in nats per text, and saved.

        valid: (B, T) booleans, False where a row is padded, at either end; None where nothing is.
        Raises InputError for ids or targets out of range, for a text that is too long, and for a mask of another shape.
        """
        z, saved_logits = self._logits_forward(ids, valid, rng)
        loss, saved_loss = twin(cross_entropy_forward)(z, targets)
        return loss, (saved_logits, saved_loss)

    def backward(self, saved, dloss=1.0):
        """Adds dloss times the gradient of the loss into every parameter's grad."""
        saved_logits, saved_loss = saved
        saved_tokens, saved_places, saved_dropout, saved_blocks, saved_norm, saved_mean, saved_head = saved_logits
        du = self.head.backward(twin(cross_entropy_backward)(dloss, saved_loss), saved_head)
        dh = self.final_norm.backward(masked_mean_backward(du, saved_mean), saved_norm)
        for block, saved_block in zip(reversed(self.blocks), reversed(saved_blocks)):
            dh = block.backward(dh, saved_block)
        dh = self.dropout.backward(dh, saved_dropout)
        self.token_embedding.backward(dh, saved_tokens)
        if self.position_embedding:
            self.position_embedding.backward(dh, saved_places)

    def __call__(self, ids, valid=None):
        """ids (B, T) -> logits (B, K)."""
        return self._logits_forward(ids, valid)[0]

    def _logits_forward(self, ids, valid, rng=None):
        ids, valid = self._checked(ids, valid)
        h, saved_tokens = self.token_embedding.forward(ids)  # (B, T, C)
        saved_places = None
        if self.position_embedding:
            # A text's first token stands at position 0 on whichever side the padding is.
            positions = xp.maximum(xp.cumsum(valid, axis=1) - 1, 0)  # (B, T)
            places, saved_places = self.position_embedding.forward(positions)
            h += places
        h, saved_dropout = self.dropout.forward(h, rng)
        saved_blocks = []
        for block in self.blocks:
            h, saved = block.forward(h, padding_mask(valid), rng)
            saved_blocks.append(saved)
        h, saved_norm = self.final_norm.forward(h)
        u, saved_mean = masked_mean_forward(h, valid)  # (B, C)
        z, saved_head = self.head.forward(u)
        return z, (saved_tokens, saved_places, saved_dropout, saved_blocks, saved_norm, saved_mean, saved_head)

    def _checked(self, ids, valid):
        """ids (B, T) where they are, and a mask of that shape on the device."""
        ids = backend.unmoved(ids)
        if ids.ndim != 2 or 0 in ids.shape:
            raise InputError(f"ids have the shape {ids.shape}: give (B, T), with at least one token")
        if ids.shape[1] > self.config.context_length:
            raise InputError(f"{ids.shape[1]} tokens are more than the context length {self.config.context_length}: "
                             "shorten texts with truncate, or choose a larger context_length")
        valid = backend.unmoved(ids >= 0 if valid is None else valid)
        if valid.shape != ids.shape or valid.dtype.kind != "b":
            raise InputError(f"valid is {valid.dtype} {valid.shape} and ids {ids.shape}: give the mask that "
                             "pad_batch makes, booleans of the same shape")
        return ids, backend.asarray(valid)
