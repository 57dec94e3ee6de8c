"""Exercise of chapter 06: attention with a mask, and its three gradients."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.attention import attention_backward, attention_forward

SKELETON = '''\
import numpy as np


def attention_forward(q, k, v, mask=None):
    """q (..., T, D), k (..., S, D), v (..., S, D) -> y (..., T, D); and saved, a tuple of what backward will need.

    mask: booleans that broadcast to (..., T, S), True where attention is allowed. A row without any gives zeros.
    """


def attention_backward(dy, saved):
    """dy (..., T, D) -> dq (..., T, D), dk (..., S, D), dv (..., S, D)."""
'''

ANSWER = '''\
import numpy as np


def attention_forward(q, k, v, mask=None):
    scale = q.shape[-1] ** -0.5
    s = q @ k.swapaxes(-1, -2) * scale
    if mask is not None:
        s = np.where(mask, s, -np.inf)
    largest = s.max(axis=-1, keepdims=True)
    e = np.exp(s - np.where(largest == -np.inf, 0, largest))
    total = e.sum(axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1, total)
    return p @ v, (q, k, v, p)


def attention_backward(dy, saved):
    q, k, v, p = saved
    scale = q.shape[-1] ** -0.5
    dv = p.swapaxes(-1, -2) @ dy
    dp = dy @ v.swapaxes(-1, -2)
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    dq = ds @ k * scale
    dk = ds.swapaxes(-1, -2) @ q * scale
    return dq, dk, dv
'''


def problems(rng):
    def problem(T, S, D, *batch, mask=None):
        arrays = {"q": rng.standard_normal((*batch, T, D)), "k": rng.standard_normal((*batch, S, D)),
                  "v": rng.standard_normal((*batch, S, D))}
        return Problem(arrays, {"mask": mask})

    padded = np.array([True, True, False, True, False])
    triangle = np.arange(4) <= np.arange(4)[:, None]
    nothing_to_see = np.array([[True, False, True, True], [False, False, False, False], [False, True, False, False]])
    valid = np.array([[True, True, True, False, False], [False, True, True, True, True]])[:, None, None, :]
    large = problem(2, 3, 2)
    large.arrays["q"][:, 0] += 35
    large.arrays["k"][:, 0] = 35, 35, -35  # two keys alike, so that no weight is all of it
    return [problem(2, 4, 3), problem(3, 5, 2, mask=padded), problem(4, 4, 3, 2, mask=triangle),
            problem(3, 4, 2, mask=nothing_to_see), problem(3, 5, 4, 2, 3, mask=valid), problem(1, 2, 1, 1, 1),
            large]


def _hidden_keys(functions, problem):
    mask = problem.given["mask"]
    if mask is None:
        return None
    q, k, v = problem.arrays.values()
    y, _ = functions[0](q, k, v, mask=mask)
    for key in range(k.shape[-2]):
        k_other, v_other = k.copy(), v.copy()
        k_other[..., key, :] += 100
        v_other[..., key, :] -= 100
        hidden = ~np.broadcast_to(mask, (*y.shape[:-1], k.shape[-2]))[..., key]  # (..., T)
        moved = np.abs(functions[0](q, k_other, v_other, mask=mask)[0] - y).max(axis=-1) * hidden
        if moved.max() > 1e-9:
            row = tuple(int(i) for i in np.unravel_index(moved.argmax(), moved.shape))
            return Text(f"key {key} is hidden from query {row}, and yet changing that key and its value changes the "
                        f"query's result by {moved.max():.3g}",
                        f"键 {key} 对查询 {row} 是遮住的，但改变这个键和它的值，结果却变了 {moved.max():.3g}")
    return None


def _average(functions, problem):
    q, k, v = problem.arrays.values()
    mask = problem.given["mask"]
    sums = functions[0](q, k, np.ones_like(v), mask=mask)[0]
    seen = np.ones(sums.shape) if mask is None else np.broadcast_to(
        np.broadcast_to(mask, (*sums.shape[:-1], k.shape[-2])).any(axis=-1)[..., None], sums.shape)
    worst = np.unravel_index(np.abs(sums - seen).argmax(), sums.shape)
    if abs(sums[worst] - seen[worst]) > 1e-9:
        row = tuple(int(i) for i in worst[:-1])
        return Text(f"with all values 1 the result of query {row} is {sums[worst]:.6g} and not {seen[worst]:.0f}: its "
                    "weights must add up to that",
                    f"所有的值都为 1 时，查询 {row} 的结果是 {sums[worst]:.6g}，不是 {seen[worst]:.0f}："
                    "它的权重之和应当等于后者")
    return None


EXERCISE = Exercise(
    name="attention",
    chapter=6,
    title=Text("Attention, forward and backward", "注意力（attention）的前向与反向"),
    task=Text(
        "s = q kᵀ / √D (..., T, S), p = softmax(s) over the keys, y = p v. A key whose mask is False gets the score "
        "-∞ and so the weight 0; a query that may look at no key at all gets the result 0, not NaN. Scores may be as "
        "large as 1000. Then the gradients dq, dk and dv. The leading axes (batch, heads) may be any number of axes: "
        "write matrix products that leave them alone. You may not call the library's softmax, but you know its "
        "gradient from chapter 02.",
        "s = q kᵀ / √D (..., T, S)，p = softmax(s)（沿键的方向），y = p v。掩码为 False 的键得分为 -∞，权重因此为 0；"
        "如果一个查询一个键也不能看，它的结果是 0，而不是 NaN。分数可能大到 1000。然后写梯度 dq、dk、dv。"
        "前面的轴（批量、头）可以有任意多个：写出的矩阵乘法不要去动它们。不要调用库里的 softmax；"
        "它的梯度你在第 02 章已经推导过。"),
    functions=("attention_forward", "attention_backward"),
    skeleton=SKELETON,
    solution=(attention_forward, attention_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("a hidden key changes nothing", _hidden_keys),
                Property("the weights of a query add up to 1", _average)),
    hints=(
        Text("k.swapaxes(-1, -2) is kᵀ whatever axes come before. Softmax runs over the keys, the last axis of s.",
             "不管前面有几个轴，k.swapaxes(-1, -2) 都是 kᵀ。softmax 沿键的方向，也就是 s 的最后一个轴。"),
        Text("Both y = p v and s = q kᵀ / √D are products of matrices: C = A B gives dA = dC Bᵀ and dB = Aᵀ dC. "
             "Between the two stands the softmax. The √D divides both dq and dk.",
             "y = p v 与 s = q kᵀ / √D 都是矩阵乘积：由 C = A B 得 dA = dC Bᵀ，dB = Aᵀ dC。两者之间隔着 softmax。"
             "dq 和 dk 都要除以 √D。"),
        Text("dv = pᵀ dy; dp = dy vᵀ; ds = p (dp - Σ_j dp_j p_j); dq = ds k / √D; dk = dsᵀ q / √D. An empty row has "
             "the largest score -∞: subtract 0 there, and divide by 1 where the sum of the exponentials is 0.",
             "dv = pᵀ dy；dp = dy vᵀ；ds = p (dp - Σ_j dp_j p_j)；dq = ds k / √D；dk = dsᵀ q / √D。一个键也看不到的行，"
             "最大分数是 -∞：这时改减 0，指数之和为 0 的地方改除以 1。"),
    ),
    wrong=(
        Wrong("over_queries", (("largest = s.max(axis=-1, keepdims=True)", "largest = s.max(axis=-2, keepdims=True)"),
                               ("e.sum(axis=-1, keepdims=True)", "e.sum(axis=-2, keepdims=True)")), "value",
              "over the queries",
              Text("the softmax runs over the queries (axis -2): each query's weights over its keys, the last axis, "
                   "must add up to 1",
                   "softmax 沿查询的方向（轴 -2）算了：应当让每个查询对各个键的权重（最后一个轴）之和为 1")),
        Wrong("no_scale", (("q @ k.swapaxes(-1, -2) * scale", "q @ k.swapaxes(-1, -2)"),), "value", "√D",
              Text("the scores are not divided by √D, D being the channels of one head",
                   "分数没有除以 √D，D 是一个头的通道数")),
        Wrong("divided_by_d", (("    scale = q.shape[-1] ** -0.5\n    s =", "    scale = 1 / q.shape[-1]\n    s ="),),
              "value", "root",
              Text("the scores are divided by D and not by its root √D",
                   "分数除以了 D，而不是 D 的平方根 √D")),
        Wrong("mask_inverted", (("np.where(mask, s, -np.inf)", "np.where(mask, -np.inf, s)"),), "odd shapes",
              "True where",
              Text("the mask is read the wrong way round: it is True where attention is allowed",
                   "掩码用反了：True 的地方才是允许看的")),
        Wrong("mask_after_softmax", (("        s = np.where(mask, s, -np.inf)\n", "        pass\n"),
                                     ("    return p @ v, (q, k, v, p)",
                                      "    if mask is not None:\n        p = p * mask\n"
                                      "    return p @ v, (q, k, v, p)")),
              "odd shapes", "add up to 1",
              Text("hidden keys get the weight 0 only after the softmax, so that the weights left no longer add up "
                   "to 1: put -∞ into the scores before it",
                   "在 softmax 之后才把遮住的键置 0，剩下的权重之和就不是 1 了：应当在 softmax 之前把分数设为 -∞")),
        Wrong("large_negative", (("np.where(mask, s, -np.inf)", "np.where(mask, s, -1e9)"),), "odd shapes",
              "average of all values",
              Text("with a large negative number in place of -∞, a query with nothing to attend to takes the average "
                   "of all values, padding included: its result must be 0",
                   "用一个很大的负数代替 -∞，什么都不能看的查询就会取所有值的平均，连填充也算进去：它的结果应当是 0")),
        Wrong("empty_row", (("s - np.where(largest == -np.inf, 0, largest)", "s - largest"),), "finite", "-∞ - (-∞)",
              Text("in a row that may look at no key all scores are -∞, and -∞ - (-∞) is NaN: subtract 0 there, and "
                   "don't divide by a sum of 0",
                   "一个键也不能看的行，所有分数都是 -∞，而 -∞ - (-∞) 是 NaN：这样的行改减 0，也不要除以等于 0 的和")),
        Wrong("no_shift", (("s - np.where(largest == -np.inf, 0, largest)", "s"),), "finite", "subtract",
              Text("exp of a large score is infinite: subtract the row's largest score first, it changes nothing",
                   "大分数的 exp 是无穷大：先减去该行的最大值，结果不变")),
        Wrong("dq_scale", (("dq = ds @ k * scale", "dq = ds @ k"),), "gradient", "dq lacks",
              Text("dq lacks the factor 1/√D: s was q kᵀ / √D, so both dq and dk carry it",
                   "dq 漏了因子 1/√D：s = q kᵀ / √D，所以 dq 与 dk 都带着它")),
        Wrong("dk_scale", (("@ q * scale", "@ q"),), "gradient", "dk lacks",
              Text("dk lacks the factor 1/√D: s was q kᵀ / √D, so both dq and dk carry it",
                   "dk 漏了因子 1/√D：s = q kᵀ / √D，所以 dq 与 dk 都带着它")),
        Wrong("dk_reshaped", (("ds.swapaxes(-1, -2) @ q * scale",
                               "(q.swapaxes(-1, -2) @ ds * scale).reshape(k.shape)"),), "gradient", "reshaped",
              Text("dk was computed as qᵀ ds, which is dkᵀ, and then reshaped to k's shape: that leaves the numbers in "
                   "the wrong places. dk = dsᵀ q / √D comes out as (S, D) by itself",
                   "dk 是按 qᵀ ds 算的，那是 dkᵀ，再 reshape 成 k 的形状，数就放错了地方。"
                   "dk = dsᵀ q / √D 本来就是 (S, D)")),
        Wrong("softmax_elementwise", (("ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))",
                                       "ds = dp * p * (1 - p)"),), "gradient", "elementwise",
              Text("the softmax is treated as elementwise: each score also changes the other weights of its row, "
                   "ds = p (dp - Σ_j dp_j p_j)",
                   "把 softmax 当成逐元素的函数了：每个分数还会改变同一行其他的权重，ds = p (dp - Σ_j dp_j p_j)")),
    ),
)  # fmt: skip
