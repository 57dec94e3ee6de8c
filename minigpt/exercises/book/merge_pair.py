"""Exercise of chapter 01: make one token of a pair of neighbours, the second half of a byte-pair merge."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.bpe import apply_merges

SKELETON = '''\
def merge_pair(ids, pair, new_id):
    """A new list: ids with new_id in each place where the two ids of pair stand side by side."""
'''

ANSWER = '''\
def merge_pair(ids, pair, new_id):
    merged, i = [], 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == tuple(pair):
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged
'''
BODY = ANSWER[ANSWER.index("    merged"):]


def solution(ids, pair, new_id):
    return apply_merges(ids, {tuple(pair): new_id})


def problems(rng):
    noise = [int(i) for i in rng.integers(0, 3, 30)]
    return [Problem({}, {"ids": [1, 2, 3, 1, 2, 2, 1], "pair": (1, 2), "new_id": 4}),
            Problem({}, {"ids": [7, 7, 7, 5, 7, 7, 7, 7], "pair": (7, 7), "new_id": 8}),
            Problem({}, {"ids": [11, 2, 21, 1, 2], "pair": (1, 2), "new_id": 256}),
            Problem({}, {"ids": [3, 1], "pair": (3, 1), "new_id": 300}),
            Problem({}, {"ids": [1], "pair": (1, 1), "new_id": 2}),
            Problem({}, {"ids": [], "pair": (0, 1), "new_id": 2}),
            Problem({}, {"ids": noise, "pair": (2, 0), "new_id": 3}),
            Problem({}, {"ids": noise, "pair": (1, 1), "new_id": 3})]


def _undone(functions, problem):
    ids, pair, new_id = problem.given["ids"], problem.given["pair"], problem.given["new_id"]
    merged = functions[0](list(ids), pair, new_id)
    spelled = [i for token in merged for i in (pair if token == new_id else (token,))]
    if spelled != ids:
        return Text(f"with {new_id} written out again as {pair} the ids are {spelled}, not {ids}: a merge may lose "
                    f"nothing",
                    f"把 {new_id} 还原成 {pair} 之后得到 {spelled}，而不是 {ids}：合并不能丢失任何内容")
    return None


EXERCISE = Exercise(
    name="merge_pair",
    chapter=1,
    title=Text("Merge one pair", "合并一对"),
    task=Text(
        "Return a new list in which new_id replaces the two ids of `pair` wherever they stand side by side in this "
        "order. Go from left to right; an id that has been merged is used up, so 7 7 7 with the pair (7, 7) becomes "
        "new_id 7. `ids` itself stays as it is.",
        "返回一个新列表：凡是 pair 的两个编号按次序相邻之处，都换成一个 new_id。从左往右进行；合并过的编号不能再用，"
        "所以 7 7 7 遇到 (7, 7) 变成 new_id 7。原来的 ids 不变。"),
    functions=("merge_pair",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("writing the pair out again gives back the ids", _undone),),
    shown=(apply_merges,),
    hints=(
        Text("A for loop goes one step at a time. After a merge you need a step of two: use while, and your own i.",
             "for 循环每次只走一步，而合并之后要走两步：用 while，自己管理 i。"),
        Text("The last id has no right neighbour, but it must be in the result all the same.",
             "最后一个编号没有右邻，但它同样要出现在结果里。"),
        Text("while i < len(ids): if i + 1 < len(ids) and (ids[i], ids[i + 1]) is the pair, append new_id and add 2 to "
             "i; otherwise append ids[i] and add 1.",
             "while i < len(ids)：如果 i + 1 < len(ids) 且 (ids[i], ids[i + 1]) 就是这一对，追加 new_id，i 加 2；"
             "否则追加 ids[i]，i 加 1。"),
    ),
    wrong=(
        Wrong("one_step", (("i += 2", "i += 1"),), "value", "again",
              Text("after a merge the right id of the pair is looked at again, and stands in the result as well: go on "
                   "two places further",
                   "合并之后又看了一次右边那个编号，它也留在了结果里：应当往后走两步")),
        Wrong("last_lost", (("while i < len(ids):", "while i < len(ids) - 1:"),), "value", "last id",
              Text("the last id is lost when no merge ends in it: it has no right neighbour, but it must be kept",
                   "最后一个编号没有参与合并时丢失了：它没有右邻，但要保留")),
        Wrong("first_only", (("and (ids[i]", "and new_id not in merged and (ids[i]"),), "value", "first place",
              Text("only the first place was merged: replace every place where the pair stands",
                   "只合并了第一处：凡是这一对出现的地方都要换")),
        Wrong("either_order", (("(ids[i], ids[i + 1]) == tuple(pair)", "{ids[i], ids[i + 1]} == set(pair)"),), "value",
              "order",
              Text("the pair was merged in either order: (2, 1) is not (1, 2)",
                   "次序相反的也合并了：(2, 1) 不是 (1, 2)")),
        Wrong("beyond_the_end", (("i + 1 < len(ids) and ", ""),), "raised", "IndexError",
              Text("the last id has no right neighbour: ask i + 1 < len(ids) before you look at ids[i + 1]",
                   "最后一个编号没有右邻：看 ids[i + 1] 之前，先判断 i + 1 < len(ids)")),
        Wrong("from_the_right", (
            ("merged, i = [], 0", "ids, pair, merged, i = ids[::-1], pair[::-1], [], 0"),
            ("return merged", "return merged[::-1]")), "odd shapes", "from the right",
              Text("this merges from the right: 7 7 7 must become new_id 7 and not 7 new_id, or text that was encoded "
                   "would not be cut as it was in training",
                   "这是从右往左合并：7 7 7 应当变成 new_id 7，而不是 7 new_id，否则编码时的切法会与训练时不同")),
        Wrong("as_text", ((BODY,
                           '    text = " ".join(map(str, ids)).replace(f"{pair[0]} {pair[1]}", str(new_id))\n'
                           "    return [int(word) for word in text.split()]\n"),), "odd shapes", "digits",
              Text("replacing in the printed numbers also hits digits inside longer ones: \"11 2\" contains \"1 2\"; "
                   "compare ids, not their digits",
                   "在打印出来的数字里替换，会误中更长数字里的几位：\"11 2\" 里含有 \"1 2\"；要比较编号本身，"
                   "而不是数字串")),
        Wrong("in_place", ((BODY,
                            "    i = 0\n"
                            "    while i + 1 < len(ids):\n"
                            "        if (ids[i], ids[i + 1]) == tuple(pair):\n"
                            "            ids[i:i + 2] = [new_id]\n"
                            "        i += 1\n"
                            "    return ids\n"),), "overwritten", "`ids` itself",
              Text("`ids` itself was changed: whoever called may still need it; build a new list",
                   "ids 本身被改动了：调用者可能还要用它；应当另建一个列表")),
    ),
)  # fmt: skip
