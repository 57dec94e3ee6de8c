"""How big a GPT is, counted from its configuration alone: parameters, arithmetic, memory. So it works for 175 billion.

Parameters of a block: 4 C² + 4 C in attention, 2 C F + F + C in the feed-forward network, 4 C in the two norms.
Arithmetic: a product (n, i) (i, o) takes 2 n i o FLOPs, so each weight of a matrix costs 2 a token in the forward pass,
and 4 in the backward one, which makes two products of each. Attention adds 2 products of T numbers a channel.
Memory: weights and gradients are one number a parameter each, Adam's averages two, and what forward saves for backward
grows with batch and context; its list, below, is the `saved` tuples of the layers read one by one.
Source of the counting rules: Kaplan et al. (2020), table 1; Hoffmann et al. (2022), appendix F.
"""

from dataclasses import dataclass

from minigpt.models.gpt import GPTConfig


@dataclass(frozen=True)
class GPTSize:
    """The predictions; memory in bytes."""

    parameters: int
    flops_per_token: int  # of a training step: forward and backward, at full context
    weights: int
    gradients: int
    optimizer: int
    saved: int  # what forward keeps for backward

    @property
    def total_memory(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.saved


def count_parameters(config: GPTConfig) -> int:
    """All numbers that training changes; tied weights once."""
    c = config
    C, F = c.d_model, c.d_ff
    block = (4 * C * C + 4 * C) + (2 * C * F + F + C) + 4 * C
    embeddings = c.vocab_size * C + (c.context_length * C if c.positions == "learned" else 0)
    final = (2 * C if c.norm == "pre" else 0) + (0 if c.tied_embedding else C * c.vocab_size)
    return embeddings + c.num_layers * block + final


def training_flops_per_token(config: GPTConfig) -> int:
    """FLOPs of forward and backward for one token of a full context, matrix products only."""
    c = config
    weights = c.num_layers * (4 * c.d_model**2 + 2 * c.d_model * c.d_ff) + c.d_model * c.vocab_size
    attention = 2 * c.num_layers * c.context_length * c.d_model  # multiplications of q kᵀ and p v, nothing skipped
    return 3 * 2 * (weights + attention)


def saved_bytes(config: GPTConfig, batch_size: int, itemsize: int = 4) -> int:
    """Bytes that one forward over (batch_size, context_length) saves; ids are int64, dropout masks one byte each.

    This is what the functions of layers/ save. Attention's twin in fused/ saves one number more a query and head, but
    in contexts of more than 64 tokens fewer scores, down to half of them.
    """
    c = config
    C, F, H, T, L, V = c.d_model, c.d_ff, c.num_heads, c.context_length, c.num_layers, c.vocab_size
    tokens = batch_size * T
    norm = C + 1  # x̂ and r
    attention = C + 3 * C + C + H * T + C  # input of W_qkv; q, k, v; q / √D; p; the heads' outputs, input of W_out
    activation = {"sigmoid": 0, "tanh": 0, "silu": 2}.get(c.activation, 1) * F  # nothing beyond a; h, sigmoid; a slope
    feed_forward = C + activation + F  # input of W_1; inside f; a, input of W_2
    head = (norm if c.norm == "pre" else 0) + C + V  # its input, and the probabilities of the cross-entropy
    numbers = L * (2 * norm + attention + feed_forward) + head
    masks = C + L * (H * T + 2 * C) if c.dropout else 0
    return tokens * (itemsize * numbers + masks + 8 + 8 + 1)  # ids, targets, and which targets are counted


def generation_bytes(config: GPTConfig, itemsize: int = 4) -> int:
    """Bytes that generating takes at full context: the weights, the keys and values of all layers, sinusoids."""
    c = config
    table = c.context_length * c.d_model  # of the positions; learned ones are counted among the parameters
    return itemsize * (count_parameters(c) + 2 * c.num_layers * table + (table if c.positions == "sinusoidal" else 0))


def gpt_size(config: GPTConfig, batch_size: int = 1, itemsize: int = 4, optimizer_vectors: int = 2) -> GPTSize:
    """itemsize: bytes a number, 4 for float32. optimizer_vectors: 2 for Adam, 1 for momentum, 0 for plain SGD."""
    n = count_parameters(config)
    return GPTSize(n, training_flops_per_token(config), n * itemsize, n * itemsize, n * itemsize * optimizer_vectors,
                   saved_bytes(config, batch_size, itemsize))


def measure_saved(saved, model) -> int:
    """Bytes that a `saved` tuple really holds: each array once, views counted as what they are views of.

    What belongs to the model itself (weights are saved too, by reference) costs nothing more and isn't counted.
    """

    def owner(array):
        while hasattr(getattr(array, "base", None), "nbytes"):  # memory that processes share has a base, but no array
            array = array.base
        return array

    found = {}

    def walk(part):
        if isinstance(part, (tuple, list)):
            for child in part:
                walk(child)
        elif hasattr(part, "nbytes"):
            found[id(owner(part))] = owner(part)

    walk(saved)
    found.pop(id(owner(model.flat.data)), None)
    return sum(array.nbytes for array in found.values())
