"""The CUDA kernels of minigpt/fused/cuda compute what the plain functions compute: their very source, on the processor.

No GPU is needed: cuda_on_cpu.py compiles the source with g++ and stands for CuPy, which the strict stand-in library
then is in all else too. The threads of a block run in both orders. Where there is a GPU, the same problems run there.
"""

import importlib
import inspect
import math
import re
import shutil
import subprocess
from pathlib import Path

import cuda_on_cpu
import numpy as np
import pytest
from strict_array import wrap
from strict_library import LIBRARY, load_strict
from test_gpu import reason

from minigpt import backend, optim
from minigpt.backend import to_host, xp
from minigpt.bench.device import counted_waits
from minigpt.cases import CASES, check_case
from minigpt.compare_backends import case_arrays, relative_difference
from minigpt.dispatch import fused_kernels, twin, without_twins
from minigpt.layers import activations
from minigpt.layers.attention import attention_backward, attention_forward
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

attention, kernels, layer_norm = (pytest.importorskip(f"minigpt.fused.cuda.{file}", reason="there are no twins")
                                   for file in ("attention", "kernels", "layer_norm"))
FOLDER = Path(kernels.__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.cu"))
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}
KERNELS = {"softmax", "layer_norm", "LayerNorm", "gelu", "gelu_tanh", "FeedForward", "cross_entropy", "attention",
           "SelfAttention", "CrossAttention", "PreNormBlock", "PostNormBlock", "GPT", "RNNLM", "TextClassifier",
           "NextToken"}  # the subjects of cases that meet a kernel
here = pytest.mark.skipif(bool(cuda_on_cpu.missing()), reason=cuda_on_cpu.missing())
ORDERS = [pytest.param(order, marks=here) for order in ("forwards", "backwards")]


@pytest.fixture
def stand_in(monkeypatch):
    """The library "strict" in CuPy's place; new arrays hold NaN until a kernel has written to them."""
    def empty(shape, dtype):
        return wrap(np.full(shape, np.nan, dtype))

    monkeypatch.setitem(backend.LIBRARIES, "strict", load_strict)
    monkeypatch.setattr(LIBRARY, "empty", empty)
    monkeypatch.setattr(LIBRARY, "empty_like", lambda array: empty(array.shape, array.dtype))


@pytest.fixture(params=ORDERS if reason() else [*ORDERS, pytest.param("GPU", marks=pytest.mark.gpu)])
def device(request, monkeypatch):
    """The name of the library that runs the kernels."""
    if request.param == "GPU":
        return "cupy"
    request.getfixturevalue("stand_in")
    monkeypatch.setattr(cuda_on_cpu, "backwards", request.param == "backwards")
    return "strict"


@pytest.fixture
def started(monkeypatch):
    """The names of the kernels that are started, in their order."""
    names, compiled = [], kernels._compiled

    def recorded(library, file, kernel, dtype):
        names.append(kernel)
        return compiled(library, file, kernel, dtype)

    monkeypatch.setattr(kernels, "_compiled", recorded)
    return names


def both(device, dtype, compute):
    """The worst difference between compute() on NumPy by the plain functions, and on the device by the kernels."""
    with backend.using("numpy", dtype), without_twins():
        expected = [to_host(array).copy() for array in compute()]
    with backend.using(device, dtype), fused_kernels():
        found = [to_host(array) for array in compute()]
    assert len(expected) == len(found)
    return max(relative_difference(*pair) for pair in zip(expected, found))


def passes(forward, backward, arguments, *rest):
    """y and all gradients of a pair, by whichever is in use, backward run twice; arguments are left as they were."""
    before = [to_host(array).copy() for array in arguments]
    y, saved = twin(forward)(*arguments, *rest)
    dy = backend.normal(backend.generator(1), y.shape[::-1]).T if y.ndim else 1.5  # in another order of memory
    gradients, again = (_tuple(twin(backward)(dy, saved)) for _ in range(2))
    for one, other in zip(gradients, again, strict=True):
        np.testing.assert_array_equal(to_host(one), to_host(other))
    for one, array in zip(before, arguments, strict=True):
        np.testing.assert_array_equal(one, to_host(array))
    return [y, *gradients]


def _tuple(result):
    return result if isinstance(result, tuple) else (result,)


def drawn(*shapes, scale=1.0):
    rng = backend.generator(0)
    return [backend.normal(rng, shape, scale) for shape in shapes]


# ---- each kernel against its function: odd sizes, one column, one row, rows longer than a block, large numbers

ROWS = [(2, 3, 5), (3, 1), (1, 1), (7,), (2, 31), (2, 33), (3, 256), (2, 257), (1, 700), (70, 4)]
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
rows = pytest.mark.parametrize("shape", ROWS, ids=str)


@dtypes
@rows
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_softmax(device, started, dtype, shape, scale):
    def compute():
        return passes(softmax_forward, softmax_backward, drawn(shape, scale=scale))

    assert both(device, dtype, compute) <= TOLERANCE[dtype]
    assert started == ["softmax_forward", "softmax_backward", "softmax_backward"]


@dtypes
def test_softmax_of_rows_with_minus_infinity(device, dtype):
    def compute():
        (x,) = drawn((4, 5))
        hidden = backend.asarray([[0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]])
        return passes(softmax_forward, softmax_backward, [xp.where(hidden == 1, -math.inf, x).astype(x.dtype)])

    assert both(device, dtype, compute) <= TOLERANCE[dtype]


@dtypes
@rows
def test_layer_norm(device, started, dtype, shape):
    def compute():
        x, g, b = drawn(shape, shape[-1:], shape[-1:])
        return passes(layer_norm_forward, layer_norm_backward, [x, g, b])

    assert both(device, dtype, compute) <= TOLERANCE[dtype]
    backward = ["layer_norm_backward_x", "layer_norm_backward_parameters"]
    assert started == ["layer_norm_forward", *backward, *backward]


@dtypes
def test_layer_norm_of_large_numbers_that_are_alike(device, dtype):
    def compute():
        x, g, b = drawn((4, 300), (300,), (300,))
        return passes(layer_norm_forward, layer_norm_backward, [x + 1000, g, b])

    assert both(device, dtype, compute) <= 10 * TOLERANCE[dtype]  # x itself is rounded to so much


def test_the_gradients_of_many_rows_are_added_in_parts(device, monkeypatch):
    """70 rows in parts of 32, and in no more parts than there may be."""
    grids, launch = [], layer_norm.launch

    def recorded(file, kernel, blocks, *rest):
        grids.append(blocks)
        launch(file, kernel, blocks, *rest)

    monkeypatch.setattr(layer_norm, "launch", recorded)
    for most in (1024, 2):
        monkeypatch.setattr(layer_norm, "PARTS", most)
        assert both(device, "float64", _layer_norm) <= 1e-12
    assert [blocks for blocks in grids if isinstance(blocks, tuple)] == [(1, 3), (1, 3), (1, 2), (1, 2)]


@dtypes
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh"])
@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_gelu(device, started, dtype, name, size):
    def compute():
        (x,) = drawn((size,), scale=3)
        special = [0.0, -0.0, 1e-30, 6.0, -6.0, 50.0, -50.0, 1e4, -1e4, 1e18, -1e18][:size]
        x[: len(special)] = backend.asarray(special)
        return passes(*activations.ACTIVATIONS[name], [x])

    # Each element for itself, as the largest would hide the others.
    with backend.using("numpy", dtype), without_twins():
        expected = compute()
    with backend.using(device, dtype), fused_kernels():
        found = [to_host(array) for array in compute()]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=10 * TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert started == [f"{name}_forward"]


@dtypes
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(2, 3, 5), (3, 1), (1, 40), (4, 256), (3, 257), (2, 700)], ids=str)
def test_cross_entropy(device, started, dtype, smoothing, shape):
    for scale, ignored in ((1.0, 0), (1.0, 1), (1e3, 1), (1.0, math.prod(shape[:-1]))):
        def compute(scale=scale, ignored=ignored):
            targets = np.random.default_rng(0).integers(0, shape[-1], shape[:-1])
            targets.reshape(-1)[:ignored] = IGNORED
            return passes(cross_entropy_forward, cross_entropy_backward, drawn(shape, scale=scale), targets, smoothing)

        assert both(device, dtype, compute) <= TOLERANCE[dtype]
    assert set(started) == {"cross_entropy_forward", "cross_entropy_backward"}


def test_a_loss_that_is_infinite_counts_nothing_where_it_is_ignored(device):
    def compute(target=IGNORED):
        logits = backend.asarray([[0.0, -math.inf, 1.0], [1.0, 2.0, 3.0]])
        return passes(cross_entropy_forward, cross_entropy_backward, [logits], np.array([target, 0]))

    assert both(device, "float32", compute) <= 2e-5
    with backend.using(device), fused_kernels():
        assert float(compute(1)[0]) == math.inf


B, H, T, S, D = 2, 3, 5, 7, 4
MASKS = {
    "none": lambda: None, "causal": lambda: causal_mask(T, S), "banded": lambda: causal_mask(T, S, window=2),
    "padding": lambda: padding_mask(_valid()), "causal, padding": lambda: causal_mask(T, S) & padding_mask(_valid()),
    "of each head": lambda: _some((1, H, T, S)), "of each matrix": lambda: _some((B, H, T, S)),
    "of each batch and head": lambda: _some((B, H, 1, S)), "of each query": lambda: _some((T, 1)),
    "nothing at all": lambda: backend.asarray(np.zeros((T, S), dtype=bool)),
}  # fmt: skip


def _valid():
    return backend.asarray(np.arange(S) >= [[2], [S]])  # the second text has no token at all


def _some(shape):
    return backend.asarray(np.random.default_rng(0).random(shape) < 0.6)


def _attention(mask, *rest, shape=(B, H, T, D), keys=S, scale=1.0):
    other = (*shape[:-2], keys, shape[-1])
    q, k, v = drawn(shape, other, other, scale=scale)
    return passes(attention_forward, attention_backward, [q, k, v], mask, *rest)


@dtypes
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_attention(device, started, dtype, mask, dropout):
    assert both(device, dtype, lambda: _attention(mask(), dropout, backend.generator(5))) <= TOLERANCE[dtype]
    kind = "_dropout" if dropout else ""
    assert started == [f"attention_forward{kind}"] + 2 * [f"attention_backward{kind}"]


@dtypes
@pytest.mark.parametrize("shape, keys", [((1, 1), 1), ((1, 3), 300), ((3, 2), 3), ((2, 1, 1, 2), 9), ((2, 2, 4), 257)],
                         ids=str)
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_attention_of_other_shapes_and_numbers(device, dtype, shape, keys, scale):
    def compute():
        return _attention(causal_mask(shape[-2], keys), shape=shape, keys=keys, scale=scale)

    assert both(device, dtype, compute) <= 10 * TOLERANCE[dtype]


def test_attention_on_views_of_one_product(device):
    """q, k and v as split_heads makes them: no axis is where it lies in memory."""
    def compute():
        (qkv,) = drawn((B, T, 3 * H * D))
        parts = [part.reshape(B, T, H, D).transpose(0, 2, 1, 3) for part in xp.split(qkv, 3, axis=-1)]
        return passes(attention_forward, attention_backward, parts, causal_mask(T))

    assert both(device, "float64", compute) <= 1e-12


def test_a_pair_takes_what_the_plain_forward_saved(device):
    def compute():
        (x,), (g,), targets = drawn((B, H, T)), drawn(T), np.ones((B, H), dtype=int)
        q, k, v = drawn(*3 * [(B, H, T, D)])
        for forward, backward, arguments in ((attention_forward, attention_backward, (q, k, v)),
                                             (layer_norm_forward, layer_norm_backward, (x.swapaxes(0, 1), g, g)),
                                             (softmax_forward, softmax_backward, (x.swapaxes(0, 1),)),
                                             (cross_entropy_forward, cross_entropy_backward, (x, targets))):
            y, saved = forward(*arguments)
            yield from _tuple(twin(backward)(y if y.ndim else 1.0, saved))

    assert both(device, "float64", compute) <= 1e-12


@dtypes
@pytest.mark.parametrize("size", [1, 256, 300])
def test_adamw(device, started, dtype, size):
    def compute():
        theta, m = drawn(size, size)
        v, rng = xp.zeros_like(m), backend.generator(2)
        for step in range(3):
            twin(optim.adamw_update)(theta, backend.normal(rng, size), m, v, 0.1 / (step + 1), 0.9, 0.95, 1e-3)
        return theta, m, v

    assert both(device, dtype, compute) <= TOLERANCE[dtype]
    assert started == 3 * ["adamw_update"]


# ---- whole layers and models


@here
@dtypes
@pytest.mark.parametrize("case", [case for case in CASES if case.subject in KERNELS], ids=lambda case: case.name)
def test_every_case_that_meets_a_kernel(stand_in, started, case, dtype):
    assert both("strict", dtype, lambda: case_arrays(case).values()) <= 10 * TOLERANCE[dtype]
    assert started or case.name.startswith("FeedForward relu")


@here
@pytest.mark.parametrize("case", [case for case in CASES if case.subject in KERNELS and case.subject.islower()],
                         ids=lambda case: case.name)
def test_the_gradient_is_the_derivative_of_the_kernels_own_forward(stand_in, started, case):
    with backend.using("strict", "float64"), fused_kernels():
        for error in check_case(case):
            assert error.relative_error < 1e-6, str(error)
    assert started


@here
def test_training_steps_are_the_same_and_wait_for_the_device_as_often(stand_in, started):
    config = GPTConfig(vocab_size=11, context_length=6, d_model=6, num_heads=2, num_layers=1, dropout=0.1)
    settings, tokens, waits = TrainConfig(batch_size=3, accumulate=2), np.arange(100) % 11, []

    def compute():
        model = GPT(config)
        optimizer = make_optimizer(model, settings)
        if backend.name() == "strict":
            with counted_waits() as counts:
                records = [training_step(model, optimizer, tokens, settings, step) for step in range(2)]
            waits.append(dict(counts))
        else:
            records = [training_step(model, optimizer, tokens, settings, step) for step in range(2)]
        return [np.array([record[name] for record in records]) for name in ("loss", "gradient_norm")] + [
            model.flat.data, *optimizer.state.values()]

    assert both("strict", "float64", compute) <= 1e-10
    assert waits == [{"__float__": 2 * 3}], "for the loss of each batch, and for the gradient's norm"
    assert {"adamw_update", "gelu_tanh_forward", "layer_norm_forward", "attention_backward_dropout",
            "cross_entropy_backward"} <= set(started)


# ---- how they are found and started


@pytest.mark.parametrize("file", FILES)
def test_a_twin_has_the_name_and_signature_of_its_function(file, monkeypatch):
    monkeypatch.setitem(backend.LIBRARIES, "strict", load_strict)
    twins = importlib.import_module(f"minigpt.fused.cuda.{file}")
    plain = optim if file == "optim" else importlib.import_module(f"minigpt.layers.{file}")
    functions = [name for name, thing in vars(twins).items() if inspect.isfunction(thing) and
                 thing.__module__ == twins.__name__ and not name.startswith("_")]
    assert functions
    for name in functions:
        function = getattr(plain, name)
        assert inspect.signature(getattr(twins, name)) == inspect.signature(function)
        on_numpy, kernel = twin(function), getattr(twins, name)
        with backend.using("strict"):
            assert twin(function) is function, "it must be asked for"
            with fused_kernels():
                assert twin(function) is kernel
                with without_twins():
                    assert twin(function) is function
                with backend.using("numpy"):
                    assert twin(function) is on_numpy
            assert twin(function) is function


def test_other_arrays_are_refused(stand_in):
    with backend.using("strict", "float32"):
        x, y = xp.zeros((3, 4), dtype="float32"), xp.zeros((3, 4), dtype="float64")
        for wrong in (y, x.T, x[:, ::2]):
            with pytest.raises(TypeError, match="softmax_forward takes contiguous arrays of float32, bool or int64"):
                kernels.launch("softmax", "softmax_forward", 3, 32, x, wrong, 4)


def test_nothing_is_started_where_there_is_nothing_to_do(stand_in, started):
    with backend.using("strict"), fused_kernels():
        for shape in ((0, 4), (0,)):
            y, saved = twin(activations.gelu_forward)(xp.zeros(shape, dtype="float32"))
            assert y.shape == shape
        assert twin(softmax_forward)(xp.zeros((0, 4), dtype="float32"))[0].shape == (0, 4)
    assert not started


@pytest.mark.parametrize("columns, threads", [(1, 32), (32, 32), (33, 64), (65, 128), (256, 256), (9999, 256)])
def test_a_block_has_a_power_of_two_of_threads(columns, threads):
    assert kernels.threads_for(columns) == threads


@pytest.mark.parametrize("size, blocks", [(0, 0), (1, 1), (256, 1), (257, 2), (2**40, 2**32)])
def test_one_thread_an_element(size, blocks):
    assert kernels.blocks_for(size) == blocks


def test_how_a_mask_is_shared():
    mask, sharing, step = attention._shared(None, (B, H, T, S))
    assert mask.shape == (1, 1, 1, S) and (sharing, step) == (B * H, 0)
    for shape, expected in (((T, S), ((T, S), B * H, S)), ((B, 1, 1, S), ((B, 1, 1, S), H, 0)),
                            ((1, H, T, S), ((B, H, T, S), 1, S)), ((B, 1, T, 1), ((B, 1, T, S), H, S))):
        mask, sharing, step = attention._shared(np.ones(shape, dtype=bool), (B, H, T, S))
        assert (mask.shape[-len(expected[0]):], sharing, step) == expected and mask.size == math.prod(expected[0])


# ---- these tests can fail: what is broken on purpose is noticed


def _softmax():
    return [part for scale in (1.0, 1e3)
            for part in passes(softmax_forward, softmax_backward, drawn((3, 300), scale=scale))]


def _layer_norm():
    return passes(layer_norm_forward, layer_norm_backward, drawn((70, 33), (33,), (33,)))


def _gelu():
    return [part for name in ("gelu", "gelu_tanh") for part in passes(*activations.ACTIVATIONS[name], drawn((300,)))]


def _cross_entropy():
    targets = np.array([IGNORED, 3, 39])
    return passes(cross_entropy_forward, cross_entropy_backward, drawn((3, 40)), targets, 0.1)


def _masked_attention():
    return _attention(MASKS["causal, padding"](), 0.3, backend.generator(5))


def _adamw():
    theta, g, m = drawn(300, 300, 300)
    v = m * m
    twin(optim.adamw_update)(theta, g, m, v, 0.1, 0.9, 0.95, 1e-3)
    return theta, m, v


BARRIER = "\n        __syncthreads();"
ROUND = f"numbers[me] += numbers[me + half];{BARRIER}"
BROKEN = {  # what is wrong: the problem that must tell, the text in the source, and what stands there instead
    "a sum begins before all have written": (_layer_norm, "numbers[me] = mine;\n    __syncthreads();",
                                             "numbers[me] = mine;"),
    "rounds of a sum overlap": (_layer_norm, ROUND, ROUND.replace(BARRIER, "")),
    "a sum overwrites what others still read": (_layer_norm, "__syncthreads();  // somebody", "// somebody"),
    "a barrier that some don't reach": (_layer_norm, ROUND, "if (me < half) { " + ROUND + " }"),
    "rounds of a maximum overlap": (_softmax, f"numbers[me + half]);{BARRIER}", "numbers[me + half]);"),
    "no maximum": (_softmax, "largest = block_largest(largest);", "largest = 0;"),
    "the maximum of a thread alone": (_softmax, "largest = block_largest(largest);", ""),
    "the stride of a row": (_softmax, "x += blockIdx.x * columns;", "x += blockIdx.x * (columns - 1);"),
    "the stride of a thread": (_softmax, "j += blockDim.x) along", "j += blockDim.x - 1) along"),
    "columns beyond a block's threads": (_softmax, "j += blockDim.x) y[j] /= total", "j += columns) y[j] /= total"),
    "the sum of a thread alone": (_softmax, "along = block_sum(along);", ""),
    "the variance without eps": (_layer_norm, " / columns + eps", " / columns"),
    "rows beyond the last": (_layer_norm, "(blockIdx.y + 1) * height < rows ? (blockIdx.y + 1) * height : rows",
                             "(blockIdx.y + 1) * height"),
    "all parts in one place": (_layer_norm, "dg[blockIdx.y * columns + j]", "dg[j]"),
    "elements beyond the last": (_gelu, "if (i >= size) return;", ""),
    "a slope without its second term": (_gelu, "cdf + x[i] * density", "cdf"),
    "an ignored row counts": (_cross_entropy, "counted[blockIdx.x] ? row : 0", "row"),
    "the target's probability": (_cross_entropy, "(v == targets[blockIdx.x])", "(v == targets[0])"),
    "no smoothing": (_cross_entropy, "row += smoothing", "row += 0 * smoothing"),
    "no mask": (_masked_attention, "mask[j] ? exp(s[j] * scale - largest) : 0", "exp(s[j] * scale - largest)"),
    "one mask for all texts": (_masked_attention, "long long matrix = blockIdx.x / queries / group",
                               "long long matrix = 0"),
    "no scale": (_masked_attention, "(dp[j] - along) * scale", "(dp[j] - along)"),
    "dropped weights stay": (_masked_attention, "keep[j] ? s[j] * factor : 0", "s[j] * factor"),
    "the square of the gradient": (_adamw, "rest2 * g[i] * g[i]", "rest2 * g[i]"),
    "eps in the root": (_adamw, "sqrt(v[i]) + eps", "sqrt(v[i] + eps)"),
}


@here
@pytest.mark.parametrize("problem, old, new", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_noticed(stand_in, monkeypatch, problem, old, new):
    source, met = kernels.source, []

    def broken(file):
        met.append(old in source(file))
        return source(file).replace(old, new)

    monkeypatch.setattr(kernels, "source", broken)
    noticed = []
    for cached in (kernels._module, kernels._compiled):
        cached.cache_clear()
    try:
        for backwards in (False, True):
            monkeypatch.setattr(cuda_on_cpu, "backwards", backwards)
            try:
                noticed.append(both("strict", "float64", problem) > TOLERANCE["float64"])
            except AssertionError:
                noticed.append(True)
    finally:
        for cached in (kernels._module, kernels._compiled):
            cached.cache_clear()
    assert any(met), "there is nothing to break"
    assert any(noticed)


# ---- the compiler of CUDA takes them


def _nvcc(folder, dtype, *options) -> Path:
    """All kernels compiled together."""
    parts = [(FOLDER / "block_reduce.cuh").read_text(encoding="utf-8"),
             *((FOLDER / f"{file}.cu").read_text(encoding="utf-8") for file in FILES)]
    code, made = folder / "all.cu", folder / "made"
    code.write_text("\n".join(parts), encoding="utf-8")
    done = subprocess.run(["nvcc", *kernels.options(np.dtype(dtype)), *options, "-Werror", "all-warnings", code, "-o",
                           made], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.mark.skipif(not shutil.which("nvcc"), reason="nvcc, the compiler of CUDA, is not here")
def test_they_compile_for_three_generations_of_gpus_and_float32_stays_float32(tmp_path):
    generations = [f"-gencode=arch=compute_{number},code=sm_{number}" for number in (75, 80, 90)]
    for dtype in TOLERANCE:
        assert _nvcc(tmp_path, dtype, "-fatbin", *generations).stat().st_size > 10_000
    text = _nvcc(tmp_path, "float32", "-ptx", "-arch=compute_75").read_text(encoding="utf-8")
    assert ".f32" in text and ".f64" not in text, "a number of double precision slows most GPUs down"
    assert set(re.findall(r"\.visible \.entry (\w+)", text)) == {
        name for file in FILES for name, _ in cuda_on_cpu.KERNEL.findall(kernels.source(file))}


@pytest.mark.parametrize("file", FILES)
def test_a_kernels_source_needs_nothing_else_and_says_what_is_known_of_it(file):
    text = kernels.source(file)
    assert "#include" not in text and "atomic" not in re.sub("//.*", "", text)
    assert text.count("Has not been run on a GPU, nor measured") == 2  # block_reduce's and its own
