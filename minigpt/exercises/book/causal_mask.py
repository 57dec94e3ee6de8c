"""Exercise of chapter 06: the causal mask, for as many queries and keys as there are, with or without a window."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.masks import causal_mask

SKELETON = '''\
import numpy as np


def causal_mask(queries, keys, window=0):
    """Booleans (T, S) for T = queries and S = keys, S >= T: True where the query may look at the key.

    The queries are the last T of the S positions. window: how many positions back a query sees, itself included; 0
    means no limit.
    """
'''

ANSWER = '''\
import numpy as np


def causal_mask(queries, keys, window=0):
    position = np.arange(keys - queries, keys)[:, None]
    key = np.arange(keys)[None, :]
    allowed = key <= position
    if window > 0:
        allowed = allowed & (key > position - window)
    return allowed
'''


def problems(rng):
    def mask(queries, keys, window=0):
        return Problem({}, {"queries": queries, "keys": keys, "window": window})

    return [mask(3, 5), mask(4, 4), mask(4, 6, 2), mask(1, 5), mask(3, 3, 1), mask(2, 7, 3), mask(1, 1),
            mask(3, 4, 9)]


def _no_future(functions, problem):
    T, S, window = problem.given.values()
    mask = np.asarray(functions[0](**problem.given))
    for i, row in enumerate(mask):
        later = np.flatnonzero(row[S - T + i + 1:])
        if later.size:
            key = S - T + i + 1 + int(later[0])
            return Text(f"with T = {T}, S = {S}, window = {window}, query {i} stands at position {S - T + i} and may "
                        f"look at key {key}: a later token would change what is computed for an earlier one",
                        f"T = {T}、S = {S}、window = {window} 时，查询 {i} 在位置 {S - T + i}，却能看到键 {key}："
                        "后面的词元会改变前面的结果")
    return None


def _same_rows(functions, problem):
    T, S, window = problem.given.values()
    mask, whole = functions[0](**problem.given), functions[0](queries=S, keys=S, window=window)
    for i in range(T):
        if not np.array_equal(mask[i], whole[S - T + i]):
            return Text(f"query {i} of {T} over {S} keys sees other keys than position {S - T + i} of the whole text: "
                        "generating with a cache would differ from training",
                        f"{S} 个键上 {T} 个查询中的第 {i} 个，与整段文本中位置 {S - T + i} 看到的键不同："
                        "带缓存的生成会与训练不一致")
    return None


EXERCISE = Exercise(
    name="causal_mask",
    chapter=6,
    title=Text("The causal mask", "因果掩码（causal mask）"),
    task=Text(
        "T queries are the last T of S positions, so query i stands at position S - T + i. It may look at key j where "
        "j <= S - T + i: at itself and at everything before it. Return booleans (T, S), True where it may. With "
        "window = n > 0 it sees only the last n of those keys, itself included. In training T = S; with a key/value "
        "cache T is 1 and S grows: one rule for both.",
        "T 个查询（query）是 S 个位置中的最后 T 个，所以查询 i 位于位置 S - T + i。"
        "它可以看到满足 j <= S - T + i 的键（key）j，也就是它自己和它之前的一切。返回布尔数组 (T, S)，"
        "可以看的地方为 True。window = n > 0 时，它只看其中最后 n 个键，包括它自己。训练时 T = S；"
        "用键值缓存生成时 T 是 1，S 不断增长：同一条规则管两种情形。"),
    functions=("causal_mask",),
    skeleton=SKELETON,
    solution=(causal_mask,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("no query sees a later key", _no_future),
                Property("the last rows are those of the whole text", _same_rows)),
    hints=(
        Text("Write down, for T = 3 and S = 5, at which positions the three queries stand: 2, 3 and 4.",
             "先写出 T = 3、S = 5 时三个查询的位置：2、3、4。"),
        Text("A column of positions (T, 1) compared with a row of keys (1, S) broadcasts to (T, S). No loop is needed.",
             "一列位置 (T, 1) 与一行键 (1, S) 比较，会广播成 (T, S)，不需要循环。"),
        Text("position = np.arange(S - T, S)[:, None]; allowed = key <= position. With a window also key > position - "
             "window: for window = 1 that leaves key = position alone.",
             "position = np.arange(S - T, S)[:, None]，allowed = key <= position；"
             "有窗口时再加上 key > position - window：window = 1 时只剩 key = position。"),
    ),
    wrong=(
        Wrong("upper_left", (("np.arange(keys - queries, keys)", "np.arange(queries)"),), "value", "last T",
              Text("query i is taken to stand at position i, but the queries are the last T of the S positions: it "
                   "stands at S - T + i",
                   "你把查询 i 放在了位置 i，但查询是 S 个位置中的最后 T 个：它在位置 S - T + i")),
        Wrong("other_triangle", (("key <= position", "key >= position"),), "value", "other triangle",
              Text("this is the other triangle: each query sees itself and what comes after it, instead of what came "
                   "before",
                   "三角形反了：每个查询看到的是自己和后面的词元，而不是前面的")),
        Wrong("not_itself", (("key <= position", "key < position"),), "value", "itself",
              Text("off by one: a query may look at itself too; at position 0 there would be nothing else to look at",
                   "差了一格：查询也可以看自己；位置 0 除了自己没有别的可看")),
        Wrong("one_ahead", (("key <= position", "key <= position + 1"),), "value", "next token",
              Text("off by one: each query sees the next token, which is the very one it has to predict; the training "
                   "loss would fall to nearly 0 and the model would be useless",
                   "差了一格：每个查询都看得到下一个词元，而那正是它要预测的；训练损失会降到接近 0，模型却毫无用处")),
        Wrong("inverted", (("return allowed", "return ~allowed"),), "value", "True means",
              Text("every element is the opposite of what it should be: here True means that the query may look, not "
                   "that the key is hidden",
                   "每个元素都反了：这里 True 表示可以看，而不是要遮住")),
        Wrong("additive", (("return allowed", "return np.where(allowed, 0.0, -np.inf)"),), "dtype", "bool"),
        Wrong("no_window", (("    if window > 0:\n        allowed = allowed & (key > position - window)\n", ""),),
              "odd shapes", "window",
              Text("the window is not used: with window = n a query sees the last n keys up to itself, and no more",
                   "没有用到 window：window = n 时，一个查询只看到包括自己在内的最后 n 个键")),
        Wrong("window_0_hides_all", (("if window > 0", "if window >= 0"),), "value", "no limit",
              Text("window = 0 means no limit here, and not that nothing may be seen: leave the window out then",
                   "这里 window = 0 表示不限制，而不是什么都看不到：这时不要用窗口")),
        Wrong("window_too_wide", (("key > position - window", "key >= position - window"),), "odd shapes",
              "one key too many",
              Text("the window has one key too many: it counts the query's own position, so window = 1 leaves only "
                   "itself",
                   "窗口多了一个键：窗口把查询自己也算在内，window = 1 时只剩它自己")),
    ),
)  # fmt: skip
