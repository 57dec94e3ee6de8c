"""Exercise of chapter 16: one step of the GRU of Cho et al. and its backward."""

import numpy as np

from minigpt import backend
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.gru import gru_cell_backward, gru_cell_forward

SKELETON = '''\
import numpy as np


def gru_step_forward(x, h, w, u, b):
    """x (B, I), h (B, C), w (I, 3C), u (C, 3C), b (3C,) -> the next h (B, C), and saved.

    The 3C columns are those of r, z, n. The reset is before the product, as in Cho et al. (2014).
    """


def gru_step_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, 3C), du (C, 3C), db (3C,)."""
'''

ANSWER = '''\
import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def gru_step_forward(x, h, w, u, b):
    a_r, a_z, a_n = np.split(x @ w + b, 3, axis=1)
    u_r, u_z, u_n = np.split(u, 3, axis=1)
    r = sigmoid(a_r + h @ u_r)
    z = sigmoid(a_z + h @ u_z)
    n = np.tanh(a_n + (r * h) @ u_n)
    return (1 - z) * n + z * h, (x, h, w, u, r, z, n)


def gru_step_backward(dh_next, saved):
    x, h, w, u, r, z, n = saved
    u_r, u_z, u_n = np.split(u, 3, axis=1)
    da_n = dh_next * (1 - z) * (1 - n ** 2)
    da_z = dh_next * (h - n) * z * (1 - z)
    d_rh = da_n @ u_n.T
    da_r = d_rh * h * r * (1 - r)
    dh = dh_next * z + d_rh * r + da_r @ u_r.T + da_z @ u_z.T
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    du = np.concatenate([h.T @ da_r, h.T @ da_z, (r * h).T @ da_n], axis=1)
    return da @ w.T, dh, x.T @ da, du, da.sum(axis=0)
'''


def _forward(x, h, w, u, b):
    with backend.using("numpy", x.dtype.name):
        return gru_cell_forward(x, h, w, u, b)


def problems(rng):
    def draw(B, I, C):  # noqa: E741
        shapes = {"x": (B, I), "h": (B, C), "w": (I, 3 * C), "u": (C, 3 * C), "b": (3 * C,)}
        return Problem({name: rng.standard_normal(shape) for name, shape in shapes.items()})

    return [draw(1, 3, 2), draw(3, 5, 4), draw(2, 1, 3), draw(4, 2, 1)]


def _keeps(functions, problem):
    x, h, w, u, b = problem.arrays.values()
    C = h.shape[1]
    bias = np.concatenate([np.zeros(C), np.full(C, 60.0), np.zeros(C)])
    difference = np.abs(functions[0](x, h, 0 * w, 0 * u, bias)[0] - h).max()
    if difference > 1e-9:
        return Text(f"with z = 1 the state must stay as it is; it changes by {difference:.3g}",
                    f"z = 1 时状态应当保持不变；它却变了 {difference:.3g}")
    return None


EXERCISE = Exercise(
    name="gru_step",
    chapter=16,
    title=Text("One step of a GRU", "GRU 的一步"),
    task=Text(
        "r = sigmoid(x W_r + h U_r + b_r), z likewise; the proposal n = tanh(x W_n + (r h) U_n + b_n), where r "
        "resets the state before the product, as in Cho et al. (2014); then h' = (1 - z) n + z h. The 3C columns "
        "stand in the order r, z, n. In backward, h is reached in five places: count them first.",
        "r = sigmoid(x W_r + h U_r + b_r)，z 也一样；新提议 n = tanh(x W_n + (r h) U_n + b_n)，其中 r "
        "在相乘之前重置状态，如 Cho 等（2014）；然后 h' = (1 - z) n + z h。3C 列的顺序是 r、z、n。反向时，"
        "梯度从五处到达 h：先数一数。"),
    functions=("gru_step_forward", "gru_step_backward"),
    skeleton=SKELETON,
    solution=(_forward, gru_cell_backward),
    shown=(gru_cell_forward, gru_cell_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("z = 1 keeps the state", _keeps),),
    hints=(
        Text("Split U into U_r, U_z and U_n. Backward begins with the last line, the mixture of n and h.",
             "把 U 分成 U_r、U_z、U_n。反向从最后一行开始，即 n 与 h 的混合。"),
        Text("Name the product r h: d(rh) = da_n U_nᵀ, and it goes to r (times h) and to h (times r).",
             "给乘积 r h 取个名字：d(rh) = da_n U_nᵀ，它分给 r（乘 h）和 h（乘 r）。"),
        Text("dh = dh' z + d(rh) r + da_r U_rᵀ + da_z U_zᵀ; dU_n = (r h)ᵀ da_n, and not hᵀ da_n.",
             "dh = dh' z + d(rh) r + da_r U_rᵀ + da_z U_zᵀ；dU_n = (r h)ᵀ da_n，不是 hᵀ da_n。"),
    ),
    wrong=(
        Wrong("reset_after", (("(r * h) @ u_n", "r * (h @ u_n)"),), "value", "cuDNN",
              Text("the reset is after the product: that is the GRU of cuDNN and PyTorch; asked for is Cho et al.'s, "
                   "(r h) U_n",
                   "先相乘后重置，那是 cuDNN 与 PyTorch 的 GRU；题目要的是 Cho 等的 (r h) U_n")),
        Wrong("exchanged", (("(1 - z) * n + z * h", "z * n + (1 - z) * h"),), "value", "exchanged",
              Text("the roles of z and 1 - z are exchanged, as in Chung et al.: here z is how much of the old state "
                   "stays",
                   "z 与 1 - z 的角色对调了，像 Chung 等那样：这里 z 是旧状态留下的比例")),
        Wrong("no_reset", (("(r * h) @ u_n)", "h @ u_n)"),), "value", "never used",
              Text("r is never used: the proposal looks at r h, not at h", "r 没有用上：新提议看的是 r h，不是 h")),
        Wrong("du_without_reset", (("(r * h).T @ da_n", "h.T @ da_n"),), "gradient", "(r h)ᵀ",
              Text("U_n multiplied r h, so dU_n = (r h)ᵀ da_n, with the reset",
                   "与 U_n 相乘的是 r h，所以 dU_n = (r h)ᵀ da_n，带着重置")),
        Wrong("no_way_past", (("dh = dh_next * z + d_rh", "dh = d_rh"),), "gradient", "way past",
              Text("the way past everything is missing: h' = ... + z h gives dh the term dh' z",
                   "漏了绕过一切的那条路：h' = …… + z h 给 dh 带来 dh' z 这一项")),
        Wrong("z_from_n_alone", (("(h - n) * z", "(-n) * z"),), "gradient", "both places",
              Text("z stands in both places, (1 - z) n and z h: dz = dh' (h - n)",
                   "z 出现在两处，(1 - z) n 与 z h：dz = dh' (h - n)")),
        Wrong("reset_not_handed_on", (("d_rh * r + da_r", "d_rh + da_r"),), "gradient", "times r",
              Text("what reaches h through r h is d(rh) times r", "经由 r h 到达 h 的是 d(rh) 乘以 r")),
    ),
)  # fmt: skip
