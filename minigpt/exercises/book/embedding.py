"""Exercise of chapter 04: looking up vectors by id, and the gradient of the table."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.embedding import embedding_backward, embedding_forward

SKELETON = '''\
import numpy as np


def embedding_forward(ids, w):
    """ids (...) integers, w (V, C) -> y (..., C), and saved, a tuple of what backward will need."""


def embedding_backward(dy, saved):
    """dy (..., C) -> dw (V, C). Ids are integers and have no gradient."""
'''

ANSWER = '''\
import numpy as np


def embedding_forward(ids, w):
    return w[ids], (ids, w.shape)


def embedding_backward(dy, saved):
    ids, shape = saved
    dw = np.zeros(shape, dy.dtype)
    np.add.at(dw, ids, dy)
    return dw
'''


def problems(rng):
    def draw(*shape, vocab, channels):
        return Problem({"ids": rng.integers(0, vocab, shape), "w": rng.standard_normal((vocab, channels))})

    by_hand = {"ids": np.array([1, 3, 1]), "w": np.array([[0.0, 1], [5, -2], [3, 7], [-4, 6], [8, 2]])}
    return [Problem(by_hand), draw(2, 7, vocab=5, channels=3), draw(3, 1, 2, vocab=4, channels=1),
            draw(1, vocab=1, channels=4), draw(vocab=3, channels=2), draw(0, 2, vocab=3, channels=2)]


def _one_hot(functions, problem):
    """Looking up is a product with one-hot rows, so the gradient of the table is that of a linear layer."""
    ids, w = problem.arrays.values()
    y, saved = functions[0](ids, w)
    dy = np.cos(np.arange(y.size)).reshape(y.shape)
    one_hot = np.eye(len(w))[ids].reshape(-1, len(w))  # (N, V)
    off = np.abs(functions[1](dy, saved) - one_hot.T @ dy.reshape(-1, w.shape[1]))
    if off.max() > 1e-9:
        row = int(off.max(axis=1).argmax())
        return Text(f"row {row} of dw is not that of one_hot(ids)ᵀ dy, the linear layer's rule: {off.max():.3g} off",
                    f"dw 的第 {row} 行与 one_hot(ids)ᵀ dy（线性层的规则）不符，相差 {off.max():.3g}")
    return None


EXERCISE = Exercise(
    name="embedding",
    chapter=4,
    title=Text("Embedding, forward and backward", "嵌入的前向与反向"),
    task=Text(
        "The table w has a vector of C numbers for each of the V tokens. Forward looks up the row of each id, whatever "
        "the shape of `ids`: y_n = w[id_n]. Backward gives the gradient of the whole table, (V, C): a row that was "
        "looked up several times hears from all these places, a row that was not looked up gets 0.",
        "嵌入（embedding）表 w 为 V 个词元各存一个含 C 个数的向量。前向按编号取行：y_n = w[id_n]，ids 的形状任意。"
        "反向给出整张表的梯度 (V, C)：被取过多次的行，要把这些位置的梯度都算上；没有取过的行，梯度为 0。"),
    functions=("embedding_forward", "embedding_backward"),
    skeleton=SKELETON,
    solution=(embedding_forward, embedding_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the same as a product with one-hot rows", _one_hot),),
    hints=(
        Text("NumPy looks up many rows at once: index the table with the whole array of ids.",
             "NumPy 可以一次取出许多行：用整个 ids 数组去索引表。"),
        Text("The gradient starts as zeros in the shape of w, and each place n adds its dy_n to row id_n. What does "
             "dw[ids] += dy do where an id occurs twice? Try it.",
             "梯度从 w 形状的全零开始，每个位置 n 把 dy_n 加到第 id_n 行。同一个编号出现两次时，"
             "dw[ids] += dy 会怎样？试一试。"),
        Text("np.add.at(dw, ids, dy) adds once for each occurrence. (A loop over ids.reshape(-1) and dy.reshape(-1, C) "
             "does the same.)",
             "np.add.at(dw, ids, dy) 对每次出现都加一遍。（对 ids.reshape(-1) 和 dy.reshape(-1, C) 循环也一样。）"),
    ),
    wrong=(
        Wrong("columns", (("return w[ids]", "return w[:, ids]"),), "raised", "rows",
              Text("w[:, ids] takes columns: the tokens are the rows of w, so w[ids]",
                   "w[:, ids] 取的是列：词元对应 w 的行，应当写 w[ids]")),
        Wrong("duplicates_lost", (("np.add.at(dw, ids, dy)", "dw[ids] = dy"),), "gradient", "more than once",
              Text("an id that occurs more than once has the gradient of its last place only: dw[ids] = dy and dw[ids] "
                   "+= dy both write each row once; use np.add.at(dw, ids, dy)",
                   "重复出现的编号只留下了最后一处的梯度：dw[ids] = dy 和 dw[ids] += dy 对每行都只写一次；"
                   "请用 np.add.at(dw, ids, dy)")),
        Wrong("one_row_back", (("w[ids], (", "w[ids - 1], ("),), "value", "row before",
              Text("this is the row before: ids count from 0, so the vector of id 1 is w[1]",
                   "取到的是前一行：id 从 0 数起，id 1 的向量是 w[1]")),
        Wrong("averaged", (("    return dw\n", "    times = np.bincount(ids.reshape(-1), minlength=len(dw))\n"
                            "    return dw / np.maximum(times, 1)[:, None].astype(dw.dtype)\n"),),
              "gradient", "averaged",
              Text("the gradients of an id's places were averaged: the loss depends on the row through each of them, "
                   "so they add up",
                   "同一编号各处的梯度取了平均：损失通过每一处依赖这一行，所以应当相加")),
        Wrong("gradient_of_y", (("    np.add.at(dw, ids, dy)\n    return dw", "    return dy"),), "shape", "table",
              Text("this is the gradient of the vectors that were looked up; the gradient of the table has the table's "
                   "shape, (V, C)",
                   "这是取出来的向量的梯度；表的梯度形状应与表相同，即 (V, C)")),
        Wrong("table_too_short", (("np.zeros(shape, dy.dtype)", "np.zeros((ids.max() + 1, shape[1]), dy.dtype)"),),
              "shape", "highest id",
              Text("dw ends at the highest id of this batch: rows that were not looked up belong to it too, with "
                   "gradient 0",
                   "dw 只到这一批中最大的编号为止：没有取到的行也在表里，梯度为 0")),
        Wrong("every_row", (("np.zeros(shape, dy.dtype)", "np.ones(shape, dy.dtype)"),), "gradient", "zeros",
              Text("rows that nobody looked up have a gradient: start from zeros",
                   "没有取过的行也有了梯度：应当从全零开始")),
        Wrong("zeros_in_float64", (("np.zeros(shape, dy.dtype)", "np.zeros(shape)"),), "dtype", "np.zeros makes",
              Text("np.zeros makes float64 unless told otherwise; a gradient has the dtype of what it belongs to: "
                   "np.zeros(shape, dtype=dy.dtype)",
                   "np.zeros 默认是 float64；梯度的类型应与它所属的数组相同：np.zeros(shape, dtype=dy.dtype)")),
        Wrong("one_text_at_a_time", (("np.add.at(dw, ids, dy)", "for ids_b, dy_b in zip(ids, dy):\n"
                                      "        dw[ids_b] += dy_b"),), "odd shapes", "within one row",
              Text("the loop walks along the first axis only, and an id that occurs twice within one row of ids still "
                   "loses a gradient: walk over ids.reshape(-1), or use np.add.at",
                   "循环只走第一个轴，同一行 ids 里重复的编号仍会丢梯度：对 ids.reshape(-1) 循环，或用 np.add.at")),
    ),
)  # fmt: skip
