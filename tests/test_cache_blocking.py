"""Cache blocking: every element is computed once, whatever the pieces and whoever computes them."""

import threading

import numpy as np
import pytest
from strict_library import load_strict

from minigpt import backend
from minigpt.cache_blocking import GPU_PIECE, LONG_PIECE, PIECE, each_piece, in_pieces, processors


@pytest.mark.parametrize("size", [0, 1, 1000, LONG_PIECE, LONG_PIECE + 1, 9 * LONG_PIECE, 10**6 + 3])
def test_each_piece_meets_every_element_once(size):
    met = np.zeros(size, dtype=int)

    def meet(piece):
        met[piece] += 1

    each_piece(meet, size)
    assert (met == 1).all()


def test_each_piece_runs_on_threads_that_keep_numpys_settings_and_hands_errors_on():
    size, seen = 4 * LONG_PIECE * processors(), set()

    def divide(piece):
        seen.add((np.geterr()["divide"], threading.current_thread() is threading.main_thread()))

    with np.errstate(divide="raise"):
        each_piece(divide, size)
    assert seen == {("raise", False)}
    with pytest.raises(ZeroDivisionError):
        each_piece(lambda piece: 1 / 0, size)


def test_a_gpu_gets_few_long_pieces(monkeypatch):
    monkeypatch.setitem(backend.LIBRARIES, "strict", load_strict)
    pieces = []
    with backend.using("strict"):
        each_piece(pieces.append, 2 * GPU_PIECE + 3)
    assert pieces == [slice(0, GPU_PIECE), slice(GPU_PIECE, 2 * GPU_PIECE), slice(2 * GPU_PIECE, 2 * GPU_PIECE + 3)]


def test_in_pieces_is_one_call_in_parts():
    calls = []

    def double_and_sign(x, y):
        calls.append(x.size)
        return x + y, x < 0

    x = np.random.default_rng(0).standard_normal((5, PIECE // 2 + 1)).astype(np.float32)
    total, negative = in_pieces(double_and_sign, x, 2 * x.swapaxes(0, 1).copy().swapaxes(0, 1))
    np.testing.assert_array_equal(total, x + 2 * x)
    np.testing.assert_array_equal(negative, x < 0)
    assert total.dtype == np.float32 and negative.dtype == bool and sum(calls) == x.size and max(calls) == PIECE
    calls.clear()
    in_pieces(double_and_sign, x[:1], x[:1])
    assert calls == [x.shape[1]]
