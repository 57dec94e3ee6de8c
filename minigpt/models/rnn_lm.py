"""A recurrent language model: reads one token after the other, and what it knows of them is a state of fixed size.

    x_t   = W_e[id_t]                                   ids (B, T), x (T, B, C)
    h_l,t = layer_l(h_l-1,t, state_l)                   l = 1 .. L, h_0 = x; the layers are RNNs, LSTMs or GRUs
    z_t   = h_L,t W_eᵀ                                  logits (B, T, V); untied: h_L,t W + b
    y     = cross_entropy(z, targets)                   targets[b, t] is the token after ids[b, t]

backward is the same list from the end, each layer going through its T steps backwards.

A text is longer than T, and the state needn't end with the window. Truncated backpropagation through time hands the
state on from window to window as mere numbers: what came before is remembered, but no gradient goes back there. Forward
takes a state, and `next_state(saved)` is the one to go on with; `CarriedState` trains so. In generation the state is
the cache: a token costs the same however long the text is.

With dropout, it acts between the layers alone and never from step to step, where it would wipe the memory a little more
at each of them (Zaremba et al., 2014, section 3.2). Sources: Mikolov et al. (2010); Zaremba et al. (2014); truncated,
Williams & Peng (1990); tied, Press & Wolf (2017).
"""

from dataclasses import asdict, dataclass

from minigpt import backend
from minigpt.backend import xp
from minigpt.data import continued_batch
from minigpt.dispatch import twin
from minigpt.errors import InputError
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout
from minigpt.layers.embedding import Embedding, unembedding_backward, unembedding_forward
from minigpt.layers.gru import GRU
from minigpt.layers.linear import Linear
from minigpt.layers.lstm import LSTM
from minigpt.layers.rnn import RNN
from minigpt.models.gpt import LARGEST, option
from minigpt.models.gpt_size import GPTSize
from minigpt.module import Module

CELLS = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "gru_before": lambda inputs, d_model, rng: GRU(inputs, d_model, rng, reset_after=False),
}
GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru_before": 3}


@dataclass(frozen=True)
class RNNConfig:
    """Everything that decides the shape of a recurrent model. Raises InputError when the numbers don't fit together."""

    vocab_size: int = option(1024, "number of different tokens, V")
    context_length: int = option(64, "tokens of a training window, T: how many steps a gradient goes back")
    d_model: int = option(128, "channels of the embedding and of every layer's state, C")
    num_layers: int = option(2, "recurrent layers, one upon the other")
    cell: str = option("lstm", "rnn: Elman's; lstm; gru: as in cuDNN and PyTorch; gru_before: as in Cho et al.")
    dropout: float = option(0.0, "share of what goes into each layer, and into the head, dropped while training")
    tied_embedding: bool = option(True, "use the token embedding as output weights too")

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "d_model", "num_layers"):
            if not 1 <= getattr(self, name) <= LARGEST:
                raise InputError(f"{name} is {getattr(self, name)}: choose 1 to {LARGEST:,}")
        if self.cell not in CELLS:
            raise InputError(f"unknown cell {self.cell!r}: choose one of {', '.join(CELLS)}")
        Dropout(self.dropout)

    def to_dict(self) -> dict:
        return asdict(self)


class RNNLM(Module):
    """A recurrent language model of the shape that `config` says, its weights drawn from `seed`.

    loss, saved = model.forward(ids, targets, rng)      training; rng for dropout, state for what was read before
    model.backward(saved)                               adds into every parameter's grad
    logits = model(ids)                                 inference
    logits, state = model.read(ids, state)              inference that goes on
    A state is one array (L, S, B, C), S = 2 for LSTMs and else 1; None stands for zeros, nothing read yet.
    """

    recurrent = True  # generate.py keeps a state for it, and slides no window

    def __init__(self, config: RNNConfig, seed: int = 0):
        c, rng = config, backend.generator(seed, backend.INITIAL_WEIGHTS)
        self.config = c
        std = 0.1  # small, so that a tied head begins by finding all tokens about equally likely
        self.token_embedding = Embedding(c.vocab_size, c.d_model, rng, std)
        self.layers = [CELLS[c.cell](c.d_model, c.d_model, rng) for _ in range(c.num_layers)]
        self.layers[0].w.data *= 1 / std  # what reads these small numbers makes up for it, or no gate would notice them
        self.head = None if c.tied_embedding else Linear(c.d_model, c.vocab_size, rng)
        self.dropout = Dropout(c.dropout)
        self.pack()

    def forward(self, ids, targets, rng=None, state=None):
        """ids (B, T), targets (B, T) -> mean loss in nats per token, and saved.

        Raises InputError for ids out of range, for none, and for a state of other rows or another model.
        """
        h, saved_hidden, state = self._hidden_forward(ids, state, rng)
        z, saved_head = self._head_forward(h)  # (T, B, V)
        loss, saved_loss = twin(cross_entropy_forward)(z, backend.unmoved(targets).T)
        return loss, (saved_hidden, saved_head, saved_loss, state)

    def backward(self, saved, dloss=1.0):
        """Adds dloss times the gradient of the loss into every parameter's grad. The first state is a constant."""
        saved_hidden, saved_head, saved_loss, _ = saved
        dz = twin(cross_entropy_backward)(dloss, saved_loss)
        self._hidden_backward(self._head_backward(dz, saved_head), saved_hidden)

    @staticmethod
    def next_state(saved):
        """The state (L, S, B, C) after the last token of what forward read: to begin the next window with."""
        return saved[3]

    def read(self, ids, state=None):
        """ids (B, T) -> logits (B, T, V), and the state after them."""
        h, _, state = self._hidden_forward(ids, state)
        return self._head_forward(h)[0].swapaxes(0, 1), state

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        """ids (B, T) -> logits (B, T, V), or (B, 1, V) of the last position alone.

        cache: the state of the tokens before ids (generate.py), which then takes in ids. valid: (B, S) booleans over
        all positions, earlier ones included; rows are padded on the left, and each is read without its padding.
        """
        T = backend.unmoved(ids).shape[1]
        if valid is not None and not backend.to_host(valid)[:, -T:].all():
            return self._read_padded(backend.unmoved(ids), backend.to_host(valid)[:, -T:], cache, last_only)
        h, _, state = self._hidden_forward(ids, None if cache is None else cache.state)
        if cache is not None:
            cache.keep(state, T)
        return self._head_forward(h[-1:] if last_only else h)[0].swapaxes(0, 1)

    def _read_padded(self, ids, valid, cache, last_only):
        """Row by row, as the rows have different lengths; padding gets logits of 0."""
        logits = backend.zeros((*ids.shape, self.config.vocab_size))
        states = []
        for row, length in enumerate(valid.sum(axis=1)):
            logits[row:row + 1, -length:], state = self.read(ids[row:row + 1, -length:])
            states.append(state)
        if cache is not None:
            cache.keep(xp.concatenate(states, axis=2), ids.shape[1])
        return logits[:, -1:] if last_only else logits

    def _hidden_forward(self, ids, state=None, rng=None):
        ids = backend.unmoved(ids)
        if ids.ndim != 2 or 0 in ids.shape:
            raise InputError(f"ids have the shape {ids.shape}: give (B, T), with at least one token")
        if state is not None:
            fits = (len(self.layers), self.layers[0].num_states, ids.shape[0], self.config.d_model)
            if state.shape != fits:
                raise InputError(f"the state has the shape {state.shape}, this model and {ids.shape[0]} rows need "
                                 f"{fits}: give the one that this model left for these rows, or None to start anew")
        # Steps first, as in layers/rnn.py: (T, B, C), or, of more tokens than words, what to look up where.
        if ids.size > self.config.vocab_size and not (self.dropout.rate and rng is not None):
            h, saved_tokens = (ids.T, self.token_embedding.w.data), None
        else:
            h, saved_tokens = self.token_embedding.forward(ids.T)
        states, saved_layers = [], []
        for layer, before in zip(self.layers, state if state is not None else [None] * len(self.layers)):
            h, saved_dropout = self._drop(h, rng)
            (h, after), saved_layer = layer.forward(h, before)
            states.append(after)
            saved_layers.append((saved_dropout, saved_layer))
        h, saved_dropout = self._drop(h, rng)
        return h, (saved_tokens, saved_layers, saved_dropout), xp.stack(states)

    def _drop(self, h, rng):
        """A row's mask must not depend on the other rows (backend.RowGenerators), so it is drawn with rows first."""
        if rng is None or not self.dropout.rate:
            return h, None
        y, saved = self.dropout.forward(h.swapaxes(0, 1), rng)
        return y.swapaxes(0, 1), saved

    def _undrop(self, dh, saved):
        return dh if saved is None else self.dropout.backward(dh.swapaxes(0, 1), saved).swapaxes(0, 1)

    def _hidden_backward(self, dh, saved):
        saved_tokens, saved_layers, saved_dropout = saved
        dh = self._undrop(dh, saved_dropout)
        for layer, (saved_dropout, saved_layer) in zip(reversed(self.layers), reversed(saved_layers)):
            dh, _ = layer.backward(dh, None, saved_layer)  # the gradient of the first state ends here: truncated
            dh = self._undrop(dh, saved_dropout)
        if saved_tokens is None:
            self.token_embedding.w.grad += dh
        else:
            self.token_embedding.backward(dh, saved_tokens)

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


class CarriedState:
    """The gradient of a step where windows continue each other; give it to training_step or train as `workers`.

    Row b of step n + 1 goes on where row b of step n ended (data.continued_batch), and begins with its state. After the
    last window of the text everyone starts at the front again, with zeros. The state is no part of a checkpoint: a
    resumed run begins its first window with zeros, so it is not bit for bit one that never stopped.
    """

    count = 1

    def __init__(self, model: RNNLM, tokens, config):
        if config.accumulate != 1:
            raise InputError(f"accumulate {config.accumulate} is for windows that have nothing to do with each other: "
                             "choose 1, and a larger batch_size")
        self.model, self.tokens, self.config = model, tokens, config
        self.state, self.step = None, None  # the state after that step

    def gradient(self, step: int) -> float:
        """Leaves the gradient of step number `step` in the model's grad; returns the loss."""
        c = self.config
        ids, targets, first = continued_batch(self.tokens, c.batch_size, self.model.config.context_length, step)
        if first or self.step != step - 1:
            self.state = None
        rng = backend.RowGenerators(c.seed, backend.DROPOUT, step, rows=range(c.batch_size))
        self.model.zero_grad()
        loss, saved = self.model.forward(ids, targets, rng, self.state)
        self.model.backward(saved)
        self.state, self.step = self.model.next_state(saved), step
        return float(loss)

    def close(self) -> None:
        """Nothing is left running."""


def carried_loss(model: RNNLM, tokens) -> float:
    """Nats per token over `tokens` (1-D ids), read from front to end by one row that never forgets its state."""
    state, total, T = None, 0.0, model.config.context_length
    if len(tokens) < 2:
        raise InputError(f"the text to evaluate on has {len(tokens)} tokens; at least 2 are needed: give more text")
    for start in range(0, len(tokens) - 1, T):
        window = backend.unmoved(tokens[start:start + T + 1]).astype("int64")[None]
        loss, saved = model.forward(window[:, :-1], window[:, 1:], state=state)
        state = model.next_state(saved)
        total += float(loss) * (window.shape[1] - 1)
    return total / (len(tokens) - 1)


def rnn_size(config: RNNConfig, batch_size: int = 1, itemsize: int = 4, optimizer_vectors: int = 2) -> GPTSize:
    """How big a model is, as gpt_size tells it of a GPT; without dropout."""
    c = config
    C, G, layers = c.d_model, GATES[c.cell], c.num_layers
    weights = layers * G * 2 * C * C + C * c.vocab_size  # of the products: 2 FLOPs each, 4 more in backward
    parameters = weights + layers * (G * C + (C if c.cell == "gru" else 0))
    if not c.tied_embedding:
        parameters += (C + 1) * c.vocab_size
    # What a layer saves a token: y, which is the next one's x; the gates; of an LSTM c and tanh c, of a GRU what r was
    # applied to. The first layer's x is one more, unless it is looked up.
    layer = C * (1 + {"rnn": 0, "lstm": 6, "gru": 4, "gru_before": 4}[c.cell])
    looked_up = batch_size * c.context_length > c.vocab_size
    saved = batch_size * c.context_length * (itemsize * (layers * layer + C * (not looked_up) + c.vocab_size) + 16)
    n = parameters * itemsize
    return GPTSize(parameters, 3 * 2 * weights, n, n, n * optimizer_vectors, saved)
