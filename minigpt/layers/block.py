"""The Transformer block: attention mixes positions, a feed-forward network works on each, residuals pass both by.

    pre-norm  (GPT-2, 3):   a = x + attention(norm_1(x))        y = a + feed_forward(norm_2(a))
    post-norm (GPT-1):      a = norm_1(x + attention(x))        y = norm_2(a + feed_forward(a))

A sum hands its gradient to both terms unchanged: for y = a + f(a), da = dy + f'(a)ᵀ dy. In a pre-norm block the first
term runs through any number of blocks untouched, which is why deep ones train; post-norm puts a normalisation on that
path each time. Sources: Vaswani et al. (2017), section 3.1; Radford et al. (2019), section 2.3; Xiong et al. (2020).
"""

from minigpt.layers.attention import SelfAttention
from minigpt.layers.dropout import Dropout
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.layer_norm import LayerNorm
from minigpt.module import Module


class _Block(Module):
    """The parts, and the order of the parameters, which both kinds share. x (B, T, C) -> y (B, T, C)."""

    def __init__(self, d_model: int, num_heads: int, d_ff: int, rng, dropout: float = 0.0,
                 activation_name: str = "gelu_tanh", std: float = 0.02, out_std: float | None = None):
        self.norm_1 = LayerNorm(d_model)
        self.attention = SelfAttention(d_model, num_heads, rng, dropout, std, out_std)
        self.norm_2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, rng, activation_name, std, out_std)
        self.dropout = Dropout(dropout)


class PreNormBlock(_Block):
    """Normalises what goes into each sublayer."""

    def forward(self, x, mask=None, rng=None, cache=None):
        n, saved_norm_1 = self.norm_1.forward(x)
        s, saved_attention = self.attention.forward(n, mask, rng, cache)
        s, saved_drop_1 = self.dropout.forward(s, rng)
        a = x + s
        n, saved_norm_2 = self.norm_2.forward(a)
        s, saved_feed_forward = self.feed_forward.forward(n)
        s, saved_drop_2 = self.dropout.forward(s, rng)
        return a + s, (saved_norm_1, saved_attention, saved_drop_1, saved_norm_2, saved_feed_forward, saved_drop_2)

    def backward(self, dy, saved):
        saved_norm_1, saved_attention, saved_drop_1, saved_norm_2, saved_feed_forward, saved_drop_2 = saved
        dn = self.feed_forward.backward(self.dropout.backward(dy, saved_drop_2), saved_feed_forward)
        da = dy + self.norm_2.backward(dn, saved_norm_2)  # forward was a + s(a): the gradients of both terms add up
        dn = self.attention.backward(self.dropout.backward(da, saved_drop_1), saved_attention)
        return da + self.norm_1.backward(dn, saved_norm_1)


class PostNormBlock(_Block):
    """Normalises the sum of each sublayer and its residual."""

    def forward(self, x, mask=None, rng=None, cache=None):
        s, saved_attention = self.attention.forward(x, mask, rng, cache)
        s, saved_drop_1 = self.dropout.forward(s, rng)
        a, saved_norm_1 = self.norm_1.forward(x + s)
        s, saved_feed_forward = self.feed_forward.forward(a)
        s, saved_drop_2 = self.dropout.forward(s, rng)
        y, saved_norm_2 = self.norm_2.forward(a + s)
        return y, (saved_attention, saved_drop_1, saved_norm_1, saved_feed_forward, saved_drop_2, saved_norm_2)

    def backward(self, dy, saved):
        saved_attention, saved_drop_1, saved_norm_1, saved_feed_forward, saved_drop_2, saved_norm_2 = saved
        dsum = self.norm_2.backward(dy, saved_norm_2)
        da = dsum + self.feed_forward.backward(self.dropout.backward(dsum, saved_drop_2), saved_feed_forward)
        dsum = self.norm_1.backward(da, saved_norm_1)
        return dsum + self.attention.backward(self.dropout.backward(dsum, saved_drop_1), saved_attention)
