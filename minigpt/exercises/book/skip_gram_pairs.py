"""Exercise of chapter 14: which pairs of words skip-gram learns from."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.word2vec import batches

SKELETON = '''\
import numpy as np


def skip_gram_pairs(ids, window):
    """ids (T,) -> pairs (P, 2): a centre and a neighbour.

    In the order of the centres; the neighbours of one centre from left to right.
    """
'''

ANSWER = '''\
import numpy as np


def skip_gram_pairs(ids, window):
    pairs = []
    for t in range(len(ids)):
        for s in range(max(t - window, 0), min(t + window + 1, len(ids))):
            if s != t:
                pairs.append((ids[t], ids[s]))
    return np.array(pairs, dtype=ids.dtype).reshape(-1, 2)
'''


def solution(ids, window):
    T = len(ids)
    t, s = np.nonzero(np.abs(np.arange(T)[:, None] - np.arange(T)) <= window)  # row by row, from left to right
    t, s = t[t != s], s[t != s]
    return np.stack([ids[t], ids[s]], axis=1)


def problems(rng):
    def problem(T, window):
        return Problem({"ids": rng.permutation(np.arange(10, 10 + T))}, {"window": window})

    return [problem(4, 1), problem(6, 2), Problem({"ids": np.array([3, 3, 5, 3])}, {"window": 2}), problem(3, 5),
            problem(1, 2)]


def _both_ways(functions, problem):
    pairs = functions[0](problem.arrays["ids"], **problem.given).tolist()
    for a, b in pairs:
        if pairs.count([a, b]) != pairs.count([b, a]):
            return Text(f"({a}, {b}) is a pair and ({b}, {a}) is not: whoever is my neighbour has me as one",
                        f"有 ({a}, {b}) 却没有 ({b}, {a})：我的邻居也应当以我为邻居")
    return None


EXERCISE = Exercise(
    name="skip_gram_pairs",
    chapter=14,
    title=Text("Centres and their neighbours", "中心词与邻词"),
    task=Text(
        "Skip-gram learns from pairs: a word and one of the words at most `window` places before or behind it. List "
        "all of them for a text of T ids, without random reach. A word that occurs twice may be its own neighbour; a "
        "place may not.",
        "跳字模型（skip-gram）从词对学习：一个词，以及它前后至多 window 个位置之内的一个词。列出含 T 个编号的文本的"
        "所有词对，窗口不随机缩小。同一个词出现两次，可以互为邻词；同一个位置不行。"),
    functions=("skip_gram_pairs",),
    skeleton=SKELETON,
    solution=(solution,),
    shown=(batches,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("neighbourhood goes both ways", _both_ways),),
    hints=(
        Text("Two loops: over the places of the centres, and over the places around each.",
             "两重循环：一重走中心词的位置，一重走它周围的位置。"),
        Text("A range that begins at t - window would be negative near the beginning, and ids[-1] is the last word.",
             "靠近开头时 t - window 是负的，而 ids[-1] 是最后一个词。"),
        Text("for s in range(max(t - window, 0), min(t + window + 1, T)): skip s == t, keep (ids[t], ids[s]).",
             "for s in range(max(t - window, 0), min(t + window + 1, T))：跳过 s == t，记下 (ids[t], ids[s])。"),
    ),
    wrong=(
        Wrong("right_excluded", (("min(t + window + 1, len(ids))", "min(t + window, len(ids))"),), "shape",
              "right end",
              Text("the right end of a range is not in it: go to t + window + 1, or a neighbour is missing there",
                   "range 的右端不包含在内：应当到 t + window + 1，否则右边少一个邻词")),
        Wrong("itself", (("            if s != t:\n                pairs", "            pairs"),), "shape",
              "its own place",
              Text("each centre is paired with its own place as well: a word would learn to guess itself",
                   "每个中心词也和自己的位置配了对：那就成了自己猜自己")),
        Wrong("same_word", (("if s != t:", "if ids[s] != ids[t]:"),), "odd shapes", "another place",
              Text("a neighbour that is the same word at another place is left out: compare the places, not the words",
                   "同一个词出现在另一个位置，也被当成自己去掉了：比较位置，不要比较词")),
        Wrong("wraps", (("max(t - window, 0)", "t - window"),), "shape", "negative",
              Text("near the beginning the place is negative, and a negative index counts from the end of the text",
                   "靠近开头时位置是负数，负的下标从文本末尾数起")),
        Wrong("turned_round", (("pairs.append((ids[t], ids[s]))", "pairs.append((ids[s], ids[t]))"),), "value",
              "centre comes first",
              Text("the pairs are turned round: the centre comes first", "词对的次序反了：中心词在前")),
        Wrong("only_right", (("range(max(t - window, 0),", "range(t,"),), "shape", "left",
              Text("only the neighbours on the right are there: those on the left count as well",
                   "只有右边的邻词：左边的也算")),
    ),
)  # fmt: skip
