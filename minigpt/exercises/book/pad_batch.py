"""Exercise of chapter 11: sentences of different lengths in one array, and a mask that says what is real."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.buckets import pad_batch, truncate

SKELETON = '''\
import numpy as np


def pad_batch(sequences, longest, pad):
    """B lists of ids -> ids (B, T) and mask (B, T), True where an id is real; T is at most `longest`."""
'''

ANSWER = '''\
import numpy as np


def pad_batch(sequences, longest, pad):
    sequences = [sequence[:longest] for sequence in sequences]
    T = max(len(sequence) for sequence in sequences)
    ids = np.full((len(sequences), T), pad)
    mask = np.zeros((len(sequences), T), dtype=bool)
    for row, sequence in enumerate(sequences):
        ids[row, :len(sequence)] = sequence
        mask[row, :len(sequence)] = True
    return ids, mask
'''


def solution(sequences, longest, pad):
    return pad_batch([truncate(sequence, longest) for sequence in sequences], pad)


def problems(rng):
    def draw(n):
        return [int(i) for i in rng.integers(0, 9, n)]

    return [Problem({}, {"sequences": [[7, 0, 5], [4], [3, 8]], "longest": 5, "pad": 0}),
            Problem({}, {"sequences": [[7, 2, 5, 9, 1, 6], [4, 3]], "longest": 4, "pad": 0}),
            Problem({}, {"sequences": [draw(n) for n in (3, 7, 1, 7)], "longest": 7, "pad": -1}),
            Problem({}, {"sequences": [[5]], "longest": 1, "pad": 1}),
            Problem({}, {"sequences": [draw(n) for n in (9, 2, 12)], "longest": 1, "pad": 50256})]


def _given_back(functions, problem):
    sequences, longest = problem.given["sequences"], problem.given["longest"]
    ids, mask = functions[0](**problem.given)
    for row, sequence in enumerate(sequences):
        real = np.asarray(ids)[row][np.asarray(mask)[row]].tolist()
        if real != sequence[:longest]:
            return Text(f"ids[{row}][mask[{row}]] is {real}, and should be {sequence[:longest]}: the mask must give "
                        "each sequence back",
                        f"ids[{row}][mask[{row}]] 是 {real}，应为 {sequence[:longest]}：用掩码应当能取回每条序列")
    return None


EXERCISE = Exercise(
    name="pad_batch",
    chapter=11,
    title=Text("Padding a batch", "批的填充"),
    task=Text(
        "A model takes an array; sentences have different lengths. Cut each sequence to its first `longest` ids, then "
        "fill the shorter ones up on the right with `pad`, to the length of the longest that is left: T. Return the "
        "ids, integers (B, T), and a mask of booleans (B, T), True where an id is real. An id may be equal to `pad`, "
        "so "
        "the mask can't be found by comparing. The lists given stay as they are.",
        "模型要的是数组，句子却长短不一。先把每条序列截到前 longest 个编号，再在短的右边用 pad 填充，"
        "填到剩下的最长者的长度 T。返回编号（整数，形状 (B, T)）和掩码（mask，布尔，形状 (B, T)），真实的编号处为 "
        "True。"
        "编号可能恰好等于 pad，所以掩码不能靠比较得到。传进来的列表保持不变。"),
    functions=("pad_batch",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the mask gives each sequence back", _given_back),),
    shown=(truncate, pad_batch),
    hints=(
        Text("Make both arrays first, full of what is not real: np.full((B, T), pad), and a mask that is all False.",
             "先建好两个数组，里面全是“不真实”的：np.full((B, T), pad)，以及全为 False 的掩码。"),
        Text("T is the length of the longest sequence after cutting; it may be less than `longest`.",
             "T 是截断之后最长序列的长度，可能小于 longest。"),
        Text("For each row: ids[row, :len(sequence)] = sequence; mask[row, :len(sequence)] = True.",
             "对每一行：ids[row, :len(sequence)] = sequence；mask[row, :len(sequence)] = True。"),
    ),
    wrong=(
        Wrong("mask_by_comparing", (("    return ids, mask", "    return ids, ids != pad"),), "value", "equal to `pad`",
              Text("a real id that is equal to `pad` was taken for padding: the mask must come from the lengths",
                   "一个真实的编号恰好等于 pad，被当成了填充：掩码应当由长度得到")),
        Wrong("to_longest", (("max(len(sequence) for sequence in sequences)", "longest"),), "shape", "(3, 5)"),
        Wrong("left", (("        ids[row, :len(sequence)] = sequence\n        mask[row, :len(sequence)] = True",
                        "        ids[row, T - len(sequence):] = sequence\n"
                        "        mask[row, T - len(sequence):] = True"),), "value", "on the left",
              Text("the padding is on the left; it was asked for on the right",
                   "填充放在了左边；要求放在右边")),
        Wrong("last_kept", (("sequence[:longest]", "sequence[-longest:]"),), "odd shapes", "last ids",
              Text("of a long sequence the last ids were kept; the first `longest` were asked for",
                   "长序列留下了最后的编号；要求留下前 longest 个")),
        Wrong("not_cut", (("    sequences = [sequence[:longest] for sequence in sequences]\n", ""),), "odd shapes",
              "longer than",
              Text("a row is longer than `longest`: cut every sequence to its first `longest` ids before anything else",
                   "有的行比 longest 还长：先把每条序列截到前 longest 个编号")),
        Wrong("mask_inverted", (("    return ids, mask", "    return ids, ~mask"),), "value",
              "True and False are exchanged"),
        Wrong("padded_with_zero", (("np.full((len(sequences), T), pad)", "np.zeros((len(sequences), T), dtype=int)"),),
              "odd shapes", "filled with 0",
              Text("the array is filled with 0, whatever `pad` is",
                   "不管 pad 是几，数组都用 0 填了")),
        Wrong("floats", (("np.full((len(sequences), T), pad)", "np.full((len(sequences), T), pad, dtype=float)"),),
              "dtype", "float"),
        Wrong("in_place", (("    sequences = [sequence[:longest] for sequence in sequences]\n",
                            "    for sequence in sequences:\n        del sequence[longest:]\n        "
                            "sequence.extend([])\n"),), "overwritten", "sequences"),
    ),
)  # fmt: skip
