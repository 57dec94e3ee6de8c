"""Exercise of chapter 01: how often each pair of neighbours occurs, the first half of a byte-pair merge."""

from collections import Counter
from itertools import pairwise

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.bpe_training import learn_merges

SKELETON = '''\
def count_pairs(chunks, counts):
    """chunks: lists of ids; counts: how often the text has each of them -> {(left, right): how often}."""
'''

ANSWER = '''\
def count_pairs(chunks, counts):
    pairs = {}
    for ids, count in zip(chunks, counts):
        for i in range(len(ids) - 1):
            pair = (ids[i], ids[i + 1])
            pairs[pair] = pairs.get(pair, 0) + count
    return pairs
'''


def solution(chunks, counts):
    pairs = Counter()
    for ids, count in zip(chunks, counts):
        for pair in pairwise(ids):
            pairs[pair] += count
    return dict(pairs)


def problems(rng):
    def draw(length):
        return [int(i) for i in rng.integers(0, 4, length)]

    return [Problem({}, {"chunks": [[2, 0, 1], [0, 0, 0, 1]], "counts": [5, 1]}),
            Problem({}, {"chunks": [list(b"low"), list(b"lower"), list(b"newest"), list(b"wool")],
                         "counts": [5, 2, 6, 3]}),
            Problem({}, {"chunks": [[7], [], [7, 7]], "counts": [4, 2, 3]}),
            Problem({}, {"chunks": [], "counts": []}),
            Problem({}, {"chunks": [draw(9), draw(1), draw(14)], "counts": [1, 8, 3]})]


def _most_frequent(functions, problem):
    """The trainer of the library merges what is counted most; among equals the lowest ids."""
    pairs = functions[0](**problem.given)
    first = learn_merges({bytes(ids): n for ids, n in zip(problem.given["chunks"], problem.given["counts"])}, 1)
    best = sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:1]
    if best != first:
        return Text(f"by these counts the first merge is {best}; the library's trainer chooses {first}",
                    f"按这些计数，第一次合并是 {best}；库里的训练器选的是 {first}")
    return None


EXERCISE = Exercise(
    name="count_pairs",
    chapter=1,
    title=Text("Count the pairs of neighbours", "统计相邻对"),
    task=Text(
        "Byte-pair encoding merges the pair of neighbours that occurs most often, so it must count them. The text "
        "comes as different chunks (words, roughly): chunks[n] is a list of ids and stands in the text counts[n] "
        "times. Return {(left, right): how often}, only for pairs that occur. A pair never reaches from one chunk into "
        "the next. Every place counts: the ids 0 0 0 have the pair (0, 0) twice.",
        "字节对编码（byte-pair encoding）每次合并出现最多的相邻对，所以先要计数。文本已切成各不相同的片段（大致是单"
        "词）：chunks[n] 是一串编号，在文本中出现 counts[n] 次。返回 {(左, 右): 次数}，只列出现过的对。"
        "一对不会跨越两个片段。每个位置都算：0 0 0 里 (0, 0) 出现两次。"),
    functions=("count_pairs",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the most frequent pair is the first merge", _most_frequent),),
    shown=(learn_merges,),
    hints=(
        Text("How many pairs has a chunk of 5 ids? Of 1? Of none?", "5 个编号的片段里有几对？1 个呢？空的呢？"),
        Text("For each chunk, walk i over range(len(ids) - 1) and look at ids[i] and ids[i + 1]. What does one such "
             "place weigh, if the chunk occurs counts[n] times?",
             "对每个片段，让 i 走遍 range(len(ids) - 1)，看 ids[i] 和 ids[i + 1]。片段出现 counts[n] 次时，"
             "这样一个位置该算几次？"),
        Text("pairs[pair] = pairs.get(pair, 0) + count, with `for ids, count in zip(chunks, counts)` around it. The "
             "key is a tuple: a list can't be one.",
             "pairs[pair] = pairs.get(pair, 0) + count，外层是 for ids, count in zip(chunks, counts)。键要用元组，"
             "列表不能作键。"),
    ),
    wrong=(
        Wrong("unweighted", (("+ count", "+ 1"),), "value", "counts[n]",
              Text("each place counts once, whatever its chunk's count: a chunk that occurs counts[n] times gives "
                   "counts[n] of each of its pairs",
                   "每个位置只算了一次：片段出现 counts[n] 次，它的每一对就要加 counts[n]")),
        Wrong("assigned", (("pairs.get(pair, 0) + count", "count"),), "value", "overwrites",
              Text("a later place overwrites what was counted before: add to it",
                   "后来的位置覆盖了先前的计数：应当累加")),
        Wrong("last_lost", (("range(len(ids) - 1)", "range(len(ids) - 2)"),), "value", "last pair",
              Text("the last pair of each chunk is missing: n ids have n - 1 pairs",
                   "每个片段的最后一对漏掉了：n 个编号有 n - 1 对")),
        Wrong("beyond_the_end", (("range(len(ids) - 1)", "range(len(ids))"),), "raised", "IndexError",
              Text("the last id has no right neighbour: n ids have n - 1 pairs, so stop at len(ids) - 1",
                   "最后一个编号没有右邻：n 个编号只有 n - 1 对，循环到 len(ids) - 1 为止")),
        Wrong("wraps_around", (("range(len(ids) - 1)", "range(len(ids))"),
                               ("(ids[i], ids[i + 1])", "(ids[i - 1], ids[i])")), "value", "wraps",
              Text("at i = 0, ids[i - 1] is ids[-1], the last id: the count wraps around from the end of a chunk to "
                   "its beginning",
                   "i = 0 时 ids[i - 1] 就是 ids[-1]，即最后一个：片段的末尾和开头被接成了一对")),
        Wrong("across_chunks", (("    for ids, count in zip(chunks, counts):\n",
                                 "    text = [i for ids, count in zip(chunks, counts) for i in ids * count]\n"
                                 "    for ids, count in [(text, 1)]:\n"),),
              "value", "border",
              Text("pairs were counted across the border of two chunks: walk through each chunk on its own",
                   "有的对跨过了片段的边界：每个片段要单独走一遍")),
        Wrong("without_overlap", (("        for i in range(len(ids) - 1):\n            pair = (ids[i], ids[i + 1])\n",
                                   "        last = None\n        for i in range(len(ids) - 1):\n"
                                   "            pair = (ids[i], ids[i + 1])\n            if pair == last:\n"
                                   "                last = None\n                continue\n"
                                   "            last = pair\n"),),
              "value", "overlap",
              Text("in a run such as 0 0 0 the overlapping pair was left out: both places count, although only one of "
                   "them can be merged later",
                   "0 0 0 这样连续相同时，重叠的那一对没算：两个位置都算，虽然以后只能合并其中一个")),
        Wrong("every_second", (("range(len(ids) - 1)", "range(0, len(ids) - 1, 2)"),), "value", "every second",
              Text("only every second place was looked at: a pair may begin at any id, odd places too",
                   "只看了每隔一个的位置：一对可以从任何一个编号开始，奇数位置也要看")),
        Wrong("unordered", (("(ids[i], ids[i + 1])", "tuple(sorted(ids[i:i + 2]))"),), "value", "different pairs",
              Text("(left, right) and (right, left) were counted together: they are different pairs, as \"on\" and "
                   "\"no\" are",
                   "(左, 右) 和 (右, 左) 被算成了一对：它们不同，正如 on 和 no 不同")),
    ),
)  # fmt: skip
