"""Recurrent layers and language models: values worked by hand, one long run against several short ones, truncation.

Every gradient, those of the initial states too, is checked in test_cases.py and test_layers_against_torch.py.
"""

import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.beam_search import beam_search
from minigpt.data import continued_batch
from minigpt.errors import InputError
from minigpt.evaluate import mean_loss
from minigpt.generate import Continuation, generate
from minigpt.layers.gru import GRU, gru_cell_backward, gru_cell_forward, gru_forward
from minigpt.layers.linear import linear_backward, linear_forward
from minigpt.layers.lstm import LSTM, lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from minigpt.layers.rnn import RNN, rnn_backward, rnn_cell_forward, rnn_forward, step_product
from minigpt.models.gpt_size import measure_saved
from minigpt.models.rnn_lm import CELLS, RNNLM, CarriedState, RNNConfig, carried_loss, rnn_size
from minigpt.optim import Adam
from minigpt.parallel.workers import start_workers
from minigpt.sampling import Sampling
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU, "gru_before": CELLS["gru_before"]}
layers = pytest.mark.parametrize("kind", LAYERS)
SHAPE = dict(vocab_size=11, context_length=6, d_model=7, num_layers=2)


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def equal(a, b, tolerance=1e-13):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def layer_of(kind, inputs=5, C=3):
    layer = LAYERS[kind](inputs, C, backend.generator(0))
    for number, p in enumerate(layer.parameters().values()):
        p.data[...] = normal(*p.data.shape, seed=number)
    return layer


# By hand


def test_elman_by_hand():
    """x = 1, 0 and w = 1, u = 2: the second state knows of the first input through u alone."""
    x, h, w, u, b = (np.array(v, dtype=float) for v in ([[[1]], [[0]]], [[0]], [[1]], [[2]], [0.5]))
    y, saved = rnn_forward(x, h, w, u, b)
    first, second = math.tanh(1.5), math.tanh(2 * math.tanh(1.5) + 0.5)
    equal(y.ravel(), [first, second])
    dx, dh, dw, du, db = rnn_backward(np.array([[[0.0]], [[1]]]), saved)
    da_2 = 1 - second**2
    da_1 = 2 * da_2 * (1 - first**2)
    equal([*dx.ravel(), dh.item(), dw.item(), du.item(), db.item()],
          [da_1, da_2, 2 * da_1, da_1 + 0 * da_2, first * da_2, da_1 + da_2])


def test_an_open_lstm_adds_and_a_closed_one_keeps():
    """Gates are chosen by the bias alone: c = c + tanh(x), then c = c."""
    zero, x = np.zeros((1, 1)), np.array([[0.7]])
    w, u = np.array([[0.0, 0, 0, 1]]), np.zeros((1, 4))
    far = 50.0
    (h, c), saved = lstm_cell_forward(x, zero, zero + 2, w, u, np.array([far, far, far, 0]))
    equal(c, 2 + math.tanh(0.7))
    equal(h, math.tanh(2 + math.tanh(0.7)))
    (h, c), saved = lstm_cell_forward(x, zero, zero + 2, w, u, np.array([-far, far, far, 0]))
    equal(c, 2)
    _, _, dc, *_ = lstm_cell_backward(zero, zero + 1, saved)
    equal(dc, 1)  # the carousel: what c' hears, c hears
    (h, c), saved = lstm_cell_forward(x, zero, zero + 2, w, u, np.array([-far, -far, -far, 0]))
    assert abs(c) < 1e-12 and abs(h) < 1e-12


def test_a_gate_of_a_gru_that_is_shut_keeps_the_state_and_one_that_is_open_forgets_it():
    h, x, u, b_u = np.array([[0.3, -2.0]]), np.array([[1.0]]), normal(2, 6), normal(2)
    for b_u in (None, normal(2, seed=3)):
        far = np.array([0, 0, 50, 50, 0, 0.0])
        h_next, saved = gru_cell_forward(x, h, np.zeros((1, 6)), u, far, b_u)
        equal(h_next, h)
        equal(gru_cell_backward(np.ones((1, 2)), saved)[1], np.ones((1, 2)))
        shut = np.array([-50, -50, -50, -50, 0.5, 1.5])  # z = 0, r = 0: only x and the bias speak
        equal(gru_cell_forward(x, h, np.zeros((1, 6)), u, shut, b_u)[0], np.tanh([[0.5, 1.5]]))


def test_the_two_grus_differ_only_where_the_reset_acts_on_each_channel_in_its_own_way():
    x, h, w, u, b = normal(1, 5), normal(1, 3), normal(5, 9), normal(3, 9), normal(9)
    before, after = (gru_cell_forward(x, h, w, u, b, b_u)[0] for b_u in (None, np.zeros(3)))
    assert np.abs(before - after).max() > 0.001
    w[:, :3], u[:, :3], b[:3] = 0, 0, 0.4  # one r for all channels: a number may stand before or after a product
    before, after = (gru_cell_forward(x, h, w, u, b, b_u)[0] for b_u in (None, np.zeros(3)))
    equal(before, after)


# Over time


def test_a_run_is_its_cells_one_after_the_other():
    x, h, c, b_u = normal(4, 2, 5), normal(2, 3), normal(2, 3, seed=1), normal(3)
    for gates in (1, 3, 4):
        w, u, b = normal(5, 3 * gates), normal(3, 3 * gates), normal(3 * gates)
        if gates == 4:
            (y, last), now, cell = lstm_forward(x, h, c, w, u, b)[0], h, c
            for x_t, y_t in zip(x, y):
                (now, cell), _ = lstm_cell_forward(x_t, now, cell, w, u, b)
                equal(y_t, now)
            equal(last, cell)
            continue
        for extra in [()] if gates == 1 else [(), (b_u,)]:
            run, cell = (rnn_forward, rnn_cell_forward) if gates == 1 else (gru_forward, gru_cell_forward)
            now = h
            for x_t, y_t in zip(x, run(x, h, w, u, b, *extra)[0]):
                now, _ = cell(x_t, now, w, u, b, *extra)
                equal(y_t, now)


@layers
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_carrying_the_state_is_one_long_run_and_its_gradient_too(kind, cut):
    """Two runs with the state handed on, and its gradient handed back, are one: nothing is lost at the seam."""
    layer, x, dy = layer_of(kind), normal(7, 2, 5), normal(7, 2, 3, seed=1)
    state = normal(layer.num_states, 2, 3, seed=2)
    (y, last), saved = layer.forward(x, state)
    dlast = normal(*last.shape, seed=3)
    dx, dstate = layer.backward(dy, dlast, saved)
    whole = [p.grad.copy() for p in layer.parameters().values()]
    layer.zero_grad()
    (y_1, middle), saved_1 = layer.forward(x[:cut], state)
    (y_2, last_2), saved_2 = layer.forward(x[cut:], middle)
    equal(np.concatenate([y_1, y_2]), y)
    equal(last_2, last)
    dx_2, dmiddle = layer.backward(dy[cut:], dlast, saved_2)
    dx_1, dfirst = layer.backward(dy[:cut], dmiddle, saved_1)
    equal(np.concatenate([dx_1, dx_2]), dx, 1e-11)
    equal(dfirst, dstate, 1e-11)
    for p, gradient in zip(layer.parameters().values(), whole):
        equal(p.grad, gradient, 1e-11)


@layers
def test_truncation_is_the_gradient_of_the_window_alone(kind):
    """With the state as a constant, what came before has no gradient; and the window's is finite differences' too."""
    model = RNNLM(RNNConfig(**SHAPE, cell=kind))
    model.layers[0].u.data *= 2  # so that the state has something to say
    ids = np.random.default_rng(0).integers(0, 11, (2, 9))
    _, saved = model.forward(ids[:, :4], ids[:, 1:5])
    state = model.next_state(saved)
    _, saved = model.forward(ids[:, 4:8], ids[:, 5:9], state=state)
    model.backward(saved)
    p, grad = model.layers[0].u, model.layers[0].u.grad.copy()
    at = np.unravel_index(np.abs(grad).argmax(), grad.shape)

    def loss(change, carried):
        p.data[at] += change
        if carried:  # the whole gradient: the state changes with the weight
            now = model.next_state(model.forward(ids[:, :4], ids[:, 1:5])[1])
        else:
            now = state
        value = float(model.forward(ids[:, 4:8], ids[:, 5:9], state=now)[0])
        p.data[at] -= change
        return value

    slope = {carried: (loss(1e-5, carried) - loss(-1e-5, carried)) / 2e-5 for carried in (False, True)}
    assert grad[at] == pytest.approx(slope[False], rel=1e-6)
    assert abs(slope[True] - slope[False]) > 1e-3 * abs(slope[True])


def test_one_step_from_nothing_is_a_linear_layer_under_tanh():
    x, w, b, dy = normal(1, 2, 5), normal(5, 3), normal(3), normal(1, 2, 3, seed=1)
    y, saved = rnn_forward(x, np.zeros((2, 3)), w, normal(3, 3), b)
    a, saved_linear = linear_forward(x, w, b)
    equal(y, np.tanh(a))
    dx, _, dw, du, db = rnn_backward(dy, saved)
    for mine, theirs in zip((dx, dw, db), linear_backward(dy * (1 - np.tanh(a) ** 2), saved_linear)):
        equal(mine, theirs)
    assert not du.any(), "the first state was zero: U had nothing to do"


def test_nothing_vanishes_along_an_open_cell():
    """100 steps: f = 1 passes the gradient of the last c to the first whole; an Elman network's has died."""
    T, C = 100, 4
    w, u, b = np.zeros((C, 4 * C)), 0.3 * normal(C, 4 * C), np.zeros(4 * C)
    b[C:2 * C] = 50
    _, saved = lstm_forward(normal(T, 1, C), np.zeros((1, C)), np.zeros((1, C)), w, 0 * u, b)
    _, _, dc, *_ = lstm_backward(np.zeros((T, 1, C)), np.ones((1, C)), saved)
    equal(dc, np.ones((1, C)))
    _, saved = rnn_forward(normal(T, 1, C), np.zeros((1, C)), w[:, :C], u[:, :C], b[:C])
    dy = np.zeros((T, 1, C))
    dy[-1] = 1
    assert np.abs(rnn_backward(dy, saved)[1]).max() < 1e-15


@layers
def test_no_steps_and_a_state_of_other_rows_are_refused_and_one_step_is_not(kind):
    layer = layer_of(kind)
    with pytest.raises(InputError, match=r"the sequence has the shape \(0, 2, 5\): give \(T, B, channels\), with at"):
        layer.forward(np.zeros((0, 2, 5)))
    with pytest.raises(InputError, match=r"the state is of 3 texts and the batch has 2: start with a new state, or"):
        layer.forward(np.zeros((4, 2, 5)), np.zeros((layer.num_states, 3, 3)))
    (y, state), saved = layer.forward(normal(1, 2, 5))
    equal(y[0], state[0])
    assert layer.backward(np.ones((1, 2, 3)), None, saved)[0].shape == (1, 2, 5)


def test_a_new_lstm_remembers():
    layer = LSTM(5, 3, backend.generator(0))
    assert layer.b.data.tolist() == [0] * 3 + [1] * 3 + [0] * 6


# The language model


@layers
def test_loss_at_the_start_and_after_learning_one_batch_by_heart(kind):
    model = RNNLM(RNNConfig(**{**SHAPE, "d_model": 16}, cell=kind))
    ids = np.random.default_rng(0).integers(0, 11, (3, 7))
    loss, _ = model.forward(ids[:, :-1], ids[:, 1:])
    assert abs(float(loss) - math.log(11)) < 0.1
    optimizer = Adam(model)
    for _ in range(150):
        loss, saved = model.forward(ids[:, :-1], ids[:, 1:])
        model.zero_grad()
        model.backward(saved)
        optimizer.step(0.03)
    assert float(loss) < 0.1


@layers
@pytest.mark.parametrize("tied", [True, False])
def test_the_size_is_counted_right(kind, tied):
    config = RNNConfig(**SHAPE, cell=kind, tied_embedding=tied)
    model, size = RNNLM(config), rnn_size(config, batch_size=3, itemsize=8)
    assert size.parameters == model.flat.data.size
    ids = np.zeros((3, 6), dtype="int64")
    held = measure_saved(model.forward(ids, ids)[1], model)
    assert held == pytest.approx(size.saved, rel=0.25)  # small sizes: the first and last states count for much


@layers
def test_what_is_looked_up_saves_no_input(kind):
    """Of 180 tokens and 11 words the first layer multiplies the words, of 200 words the tokens."""
    for vocab_size in (11, 200):
        config = RNNConfig(vocab_size=vocab_size, context_length=60, d_model=40, num_layers=2, cell=kind)
        model, ids = RNNLM(config), np.zeros((3, 60), dtype="int64")
        held = measure_saved(model.forward(ids, ids)[1], model)
        assert held == pytest.approx(rnn_size(config, batch_size=3, itemsize=8).saved, rel=0.05)


@pytest.mark.parametrize("rows, shape", [
    (1, (64, 64)), (16, (256, 1024)), (32, (256, 768)), (16, (1024, 256)), (5, (40, 96)), (3, (20, 60)),
    (99, (512, 64)),
], ids=str)  # fmt: skip
def test_products_in_strips_are_products(rows, shape):
    u, h = normal(*shape), normal(rows, shape[0], seed=1)
    for matrix in (u, np.asfortranarray(u), normal(*shape[::-1]).T):
        times = step_product(matrix, rows, 4)
        equal(times(h), h @ matrix)
        equal(times(2 * h), 2 * h @ matrix)


def test_for_a_single_step_u_is_not_cut():
    """In generation, where each token is one step, the copy would take longer than it saves."""
    u, h = np.ones((64, 128)), np.ones((2, 64))
    once, often = step_product(u, 2, steps=1), step_product(u, 2, steps=64)
    u[...] = 0
    assert not once(h).any() and (often(h) == 64).all()


@layers
def test_steps_in_strips_are_steps_of_the_cell(kind):
    """32 channels: wide enough for strips. One run over the sequence is as many runs over one step."""
    layer, x = layer_of(kind, 32, 32), normal(6, 3, 32)
    (y, last), saved = layer.forward(x)
    state, seen = None, []
    for x_t in x:
        (y_t, state), _ = layer.forward(x_t[None], state)
        seen.append(y_t[0])
    equal(y, seen)
    equal(last, state)


@layers
def test_looking_up_is_multiplying_what_was_looked_up(kind):
    ids, table, dy = np.array([[2, 0], [2, 2], [1, 2]]), normal(4, 5), normal(3, 2, 3, seed=1)
    layer = layer_of(kind)
    results = []
    for x in (table[ids], (ids, table)):
        for p in layer.parameters().values():
            p.grad[...] = 0
        (y, state), saved = layer.forward(x)
        dx, dstate = layer.backward(dy, None, saved)
        results.append([y, state, dstate, *(p.grad.copy() for p in layer.parameters().values()), dx])
    *one, dx = results[0]
    *other, dtable = results[1]
    for a, b in zip(one, other, strict=True):
        equal(a, b)
    expected = np.zeros((4, 5))
    np.add.at(expected, ids, dx)
    equal(dtable, expected)


@layers
def test_reading_goes_on_where_it_stopped(kind):
    model, ids = RNNLM(RNNConfig(**SHAPE, cell=kind)), np.random.default_rng(0).integers(0, 11, (2, 9))
    whole, last = model.read(ids)
    first, state = model.read(ids[:, :4])
    second, state = model.read(ids[:, 4:], state)
    equal(np.concatenate([first, second], axis=1), whole)
    equal(state, last)
    equal(model(ids), whole)
    equal(model(ids, last_only=True), whole[:, -1:])


@layers
def test_generation_with_the_state_is_generation_without_and_rows_do_not_disturb_each_other(kind):
    """Beyond the context length too: nothing slides, as a state has no length."""
    model = RNNLM(RNNConfig(**SHAPE, cell=kind), seed=3)
    prompts = [[1, 2, 3], [5], [4, 4, 4, 9, 0, 1, 2, 3, 10]]
    texts = [list(generate(model, prompts, 20, Sampling(), seed=1, use_cache=cache)) for cache in (True, False)]
    assert texts[0] == texts[1]
    continuation = Continuation(model, prompts)
    for prompt, logits in zip(prompts, continuation.next_logits()):
        equal(logits, model.read(np.array([prompt]))[0][0, -1])
    assert beam_search(model, [1, 2], 8, 3)[0][1] == beam_search(model, [1, 2], 8, 3, use_cache=False)[0][1]


def test_a_state_that_does_not_fit_and_empty_ids_are_refused():
    model, ids = RNNLM(RNNConfig(**SHAPE)), np.zeros((2, 3), dtype="int64")
    with pytest.raises(InputError, match=r"the state has the shape \(2, 2, 3, 7\), this model and 2 rows need \(2, 2,"):
        model.forward(ids, ids, state=np.zeros((2, 2, 3, 7)))
    with pytest.raises(InputError, match=r"ids have the shape \(2, 0\): give \(B, T\), with at least one token"):
        model.forward(ids[:, :0], ids[:, :0])
    with pytest.raises(InputError, match=r"token id 11 is outside 0\.\.10"):
        model.forward(ids + 11, ids)


@pytest.mark.parametrize("wrong, message", [
    (dict(cell="lstn"), "unknown cell 'lstn': choose one of rnn, lstm, gru, gru_before"),
    (dict(num_layers=0), "num_layers is 0: choose 1 to"),
    (dict(dropout=1.0), "dropout 1.0 is not a probability below 1"),
])  # fmt: skip
def test_a_shape_without_a_meaning_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        RNNConfig(**wrong)


# Training


def test_windows_continue_each_other_until_the_strips_end():
    tokens = np.arange(24)  # 3 strips of 7, and a target after the last
    ids, targets, first = continued_batch(tokens, 3, 3, 0)
    assert ids.tolist() == [[0, 1, 2], [7, 8, 9], [14, 15, 16]] and (targets == ids + 1).all() and first
    ids, targets, first = continued_batch(tokens, 3, 3, 1)
    assert ids.tolist() == [[3, 4, 5], [10, 11, 12], [17, 18, 19]] and (targets == ids + 1).all() and not first
    again = continued_batch(tokens, 3, 3, 2)
    assert again[0].tolist() == continued_batch(tokens, 3, 3, 0)[0].tolist() and again[2]
    with pytest.raises(InputError, match=r"has 24 tokens, too few for 3 strips of context_length 8 and the target"):
        continued_batch(tokens, 3, 8, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_training_loop_takes_it_with_dropout_and_any_number_of_workers(workers):
    with backend.using("numpy", "float64"):
        config = TrainConfig(steps=5, batch_size=5, learning_rate=0.01)
        tokens, weights = np.random.default_rng(0).integers(0, 11, 300), []
        for count in (1, workers):
            model = RNNLM(RNNConfig(**SHAPE, cell="gru", dropout=0.3))
            optimizer = make_optimizer(model, config)
            with start_workers(model, tokens, config, count) as team:
                losses = [training_step(model, optimizer, tokens, config, step, team)["loss"] for step in range(5)]
            weights.append(model.flat.data.copy())
        equal(weights[0], weights[1], 1e-9)
        assert all(math.isfinite(loss) for loss in losses)


def test_a_carried_state_is_handed_on_and_let_go_at_the_front_of_the_text():
    tokens = np.random.default_rng(0).integers(0, 11, 50)  # 3 strips of 16: two windows of 6
    model, config = RNNLM(RNNConfig(**SHAPE)), TrainConfig(steps=4, batch_size=3)
    carried = CarriedState(model, tokens, config)
    losses = [carried.gradient(step) for step in range(4)]
    first, second = continued_batch(tokens, 3, 6, 0)[:2], continued_batch(tokens, 3, 6, 1)[:2]
    loss, saved = model.forward(*first)
    assert losses[0] == losses[2] == float(loss)
    assert losses[1] == losses[3] == float(model.forward(*second, state=model.next_state(saved))[0])
    assert losses[1] != float(model.forward(*second)[0])
    with pytest.raises(InputError, match="accumulate 2 is for windows that have nothing to do with each other"):
        CarriedState(model, tokens, TrainConfig(steps=4, accumulate=2))


def test_the_loss_with_a_carried_state_is_that_of_one_long_window():
    tokens, model = np.random.default_rng(0).integers(0, 11, 50), RNNLM(RNNConfig(**SHAPE))
    whole, _ = model.forward(tokens[None, :-1], tokens[None, 1:])
    assert carried_loss(model, tokens) == pytest.approx(float(whole), rel=1e-12)
    assert mean_loss(model, tokens, 2) != pytest.approx(float(whole), rel=1e-6)
    with pytest.raises(InputError, match="has 1 tokens; at least 2 are needed: give more text"):
        carried_loss(model, tokens[:1])


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_the_benchmark_measures_the_same_model_in_torch(kind):
    torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: requirements-oracles.txt")
    from test_layers_against_torch import their_recurrent_weights

    from minigpt.bench.torch_rnn import torch_rnn

    model = RNNLM(RNNConfig(**SHAPE, cell=kind))
    ids = np.random.default_rng(0).integers(0, 11, (2, 7))
    theirs = torch_rnn(model.config).double()
    a = {name: torch.from_numpy(p.data) for name, p in model.parameters().items()}
    weights = {"token_embedding.weight": a["token_embedding.w"]}
    for layer in range(2):
        found = their_recurrent_weights(a, {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[kind], f"layers.{layer}.")
        weights |= {f"layers.{name}_l{layer}": tensor for name, tensor in found.items()}
    theirs.load_state_dict(weights, strict=True)
    loss = theirs(torch.from_numpy(ids[:, :-1]), torch.from_numpy(ids[:, 1:]))
    assert loss.item() == pytest.approx(float(model.forward(ids[:, :-1], ids[:, 1:])[0]), rel=1e-10)
