"""Our single operations, each as the pair of calls that a training step makes of it: its ids come from the host."""

from minigpt import backend
from minigpt.bench.workload import SEED, train_config, workload_of
from minigpt.dispatch import twin
from minigpt.layers.activations import gelu_tanh_backward, gelu_tanh_forward
from minigpt.layers.attention import attention_backward, attention_forward
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import embedding_backward, embedding_forward
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import linear_backward, linear_forward
from minigpt.layers.masks import causal_mask
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.models.gpt import GPT
from minigpt.train_config import make_optimizer


def _pair(rng, forward, backward, *arguments) -> dict:
    forward, backward = twin(forward), twin(backward)
    y, saved = forward(*arguments)
    dy = backend.normal(rng, y.shape) if y.ndim else 1.0
    return {"forward": lambda: forward(*arguments), "backward": lambda: backward(dy, saved)}


def _arrays(rng, *shapes):
    return [backend.normal(rng, shape) for shape in shapes]


def linear(rng, rows, inputs, outputs):
    return _pair(rng, linear_forward, linear_backward, *_arrays(rng, (rows, inputs), (inputs, outputs), (outputs,)))


def attention(rng, shape):
    return _pair(rng, attention_forward, attention_backward, *_arrays(rng, shape, shape, shape), causal_mask(shape[2]))


def softmax(rng, shape):
    return _pair(rng, softmax_forward, softmax_backward, *_arrays(rng, shape))


def layer_norm(rng, rows, channels):
    return _pair(rng, layer_norm_forward, layer_norm_backward, *_arrays(rng, (rows, channels), channels, channels))


def gelu_tanh(rng, rows, channels):
    return _pair(rng, gelu_tanh_forward, gelu_tanh_backward, *_arrays(rng, (rows, channels)))


def cross_entropy(rng, rows, vocabulary):
    targets = rng.integers(0, vocabulary, rows)
    return _pair(rng, cross_entropy_forward, cross_entropy_backward, *_arrays(rng, (rows, vocabulary)), targets)


def embedding(rng, shape, vocabulary, channels):
    ids = rng.integers(0, vocabulary, shape)
    return _pair(rng, embedding_forward, embedding_backward, ids, *_arrays(rng, (vocabulary, channels)))


def adamw(rng, workload):
    workload = workload_of(workload)
    model = GPT(workload.model, SEED)
    model.flat.grad[...] = backend.normal(rng, model.flat.grad.shape, 1e-3)
    config = train_config(workload)
    optimizer = make_optimizer(model, config)
    return {"forward": lambda: optimizer.step(config.learning_rate)}


KINDS = {one.__name__: one for one in (linear, attention, softmax, layer_norm, gelu_tanh, cross_entropy, embedding,
                                       adamw)}
