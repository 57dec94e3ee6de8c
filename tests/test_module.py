"""Parameters are found once each, in order, and become views of one vector."""

import numpy as np

from minigpt import backend
from minigpt.layers.linear import Linear
from minigpt.module import Module, Parameter


class Pair(Module):
    def __init__(self):
        rng = backend.generator(0)
        self.second_name_first = Linear(2, 3, rng)
        self.parts = [Linear(3, 1, rng, bias=False), Parameter(backend.zeros(4))]
        self.tied = self.second_name_first.w
        self._hidden = Parameter(backend.zeros(9))


def test_parameters_are_walked_in_order_and_tied_ones_count_once():
    assert list(Pair().parameters()) == ["second_name_first.w", "second_name_first.b", "parts.0.w", "parts.1"]


def test_modules_in_a_dict_are_found_too():
    module = Module()
    module.heads = {"left": Linear(1, 1, backend.generator(0)), "right": Parameter(backend.zeros(2))}
    assert list(module.parameters()) == ["heads.left.w", "heads.left.b", "heads.right"]


def test_pack_keeps_values_and_makes_views():
    module = Pair()
    before = {name: p.data.copy() for name, p in module.parameters().items()}
    module.pack()
    assert module.flat.data.shape == (6 + 3 + 3 + 4,)
    for name, p in module.parameters().items():
        np.testing.assert_array_equal(p.data, before[name])
        assert np.shares_memory(p.data, module.flat.data) and np.shares_memory(p.grad, module.flat.grad)
    assert module.tied is module.second_name_first.w  # still tied after moving
    module.flat.data[:] = 7
    module.flat.grad[:] = 3
    assert all((p.data == 7).all() and (p.grad == 3).all() for p in module.parameters().values())
    module.zero_grad()
    assert not module.flat.grad.any()


def test_the_gradient_of_a_packed_layer_arrives_in_the_vector():
    module = Pair()
    module.pack()
    y, saved = module.second_name_first.forward(backend.zeros((5, 2)) + 1)
    module.second_name_first.backward(y * 0 + 1, saved)
    np.testing.assert_array_equal(module.flat.grad, [5] * 6 + [0] * 3 + [5] * 3 + [0] * 4)  # matrices first, then b


def test_inference_returns_the_output_alone():
    layer = Linear(2, 3, backend.generator(0))
    x = backend.zeros((4, 2))
    np.testing.assert_array_equal(layer(x), layer.forward(x)[0])


def test_views_keep_the_order_in_memory_and_cover_the_vector():
    module = Pair()
    module.pack()
    w = module.second_name_first.w
    assert w.data.shape == (2, 3) and w.data.T.flags.c_contiguous  # a linear layer's outputs lie side by side
    w.data[...] = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(module.flat.data[:6], [0, 3, 1, 4, 2, 5])
    vector = np.zeros(module.flat.data.size, module.flat.data.dtype)
    for name, view in module.views(vector).items():
        assert view.shape == module.parameters()[name].data.shape and np.shares_memory(view, vector)
        view += 1
    assert (vector == 1).all()
    np.testing.assert_array_equal(module.views(module.flat.data)["second_name_first.w"], w.data)
