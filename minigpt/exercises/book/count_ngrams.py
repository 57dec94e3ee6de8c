"""Exercise of chapter 12: how often each n-gram occurs, marks before the text included."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.ngram import NGram, NGramConfig

SKELETON = '''\
def count_ngrams(ids, n, mark):
    """ids: a list of whole numbers -> {(n ids): how often}, with n - 1 times `mark` before the text."""
'''

ANSWER = '''\
def count_ngrams(ids, n, mark):
    padded = [mark] * (n - 1) + list(ids)
    counts = {}
    for end in range(n, len(padded) + 1):
        ngram = tuple(padded[end - n:end])
        counts[ngram] = counts.get(ngram, 0) + 1
    return counts
'''


def solution(ids, n, mark):
    model, ngrams = NGram.count([ids], NGramConfig(vocab_size=mark, order=n)), []
    for length, (keys, _) in enumerate(model.tables):
        contexts = [*ngrams, (mark,) * length]  # the context of marks alone has the place behind the last
        ngrams = [(*contexts[key // mark], key % mark) for key in keys.tolist()]
    return dict(zip(ngrams, model.tables[-1][1].tolist()))


def problems(rng):
    def draw(length):
        return [int(i) for i in rng.integers(0, 3, length)]

    return [Problem({}, {"ids": [0, 1, 2, 0, 1], "n": 2, "mark": 9}),
            Problem({}, {"ids": draw(12), "n": 3, "mark": 3}),
            Problem({}, {"ids": draw(9), "n": 1, "mark": 5}),
            Problem({}, {"ids": [0] * 6, "n": 4, "mark": 1}),
            Problem({}, {"ids": draw(60), "n": 5, "mark": 7})]


def _every_token_once(functions, problem):
    counts, ids = functions[0](**problem.given), problem.given["ids"]
    if sum(counts.values()) != len(ids):
        return Text(f"{sum(counts.values())} n-grams were counted for {len(ids)} tokens: each token ends exactly one",
                    f"{len(ids)} 个词元却数出了 {sum(counts.values())} 个 n 元组：每个词元恰好是一个 n 元组的末尾")
    return None


EXERCISE = Exercise(
    name="count_ngrams",
    chapter=12,
    title=Text("Count n-grams", "统计 n 元组"),
    task=Text(
        "An n-gram is n tokens in a row. Count how often each occurs in the list `ids`; the keys of the result are "
        "tuples. So that the first tokens end an n-gram too, n - 1 marks stand before the text: with n = 3, the text "
        "5 6 has the n-grams (mark, mark, 5) and (mark, 5, 6). Nothing stands behind the text.",
        "n 元组（n-gram）是连续的 n 个词元。统计列表 ids 中每个 n 元组出现的次数；结果的键是元组（tuple）。"
        "为了让开头的词元也成为某个 n 元组的末尾，文本之前放 n - 1 个 mark：n = 3 时，文本 5 6 的 n 元组是 "
        "(mark, mark, 5) 和 (mark, 5, 6)。文本之后什么也不放。"),
    functions=("count_ngrams",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("every token ends one n-gram", _every_token_once),),
    shown=(NGram.count,),
    hints=(
        Text("Put the marks in front first; then every n-gram is a slice of n neighbours.",
             "先把 mark 放到前面；这样每个 n 元组都是连续 n 个元素的切片。"),
        Text("A list can't be the key of a dictionary, a tuple can. counts.get(key, 0) is 0 for a key not there yet.",
             "列表不能作字典的键，元组可以。键还不在字典里时，counts.get(key, 0) 返回 0。"),
        Text("padded = [mark] * (n - 1) + ids has len(ids) + n - 1 places, so len(ids) slices: padded[i:i + n] for i "
             "in range(len(ids)).",
             "padded = [mark] * (n - 1) + ids 有 len(ids) + n - 1 个位置，所以有 len(ids) 个切片："
             "padded[i:i + n]，i 取 range(len(ids))。"),
    ),
    wrong=(
        Wrong("no_marks", (("[mark] * (n - 1) + list(ids)", "list(ids)"),), "value", "first n - 1 tokens",
              Text("the first n - 1 tokens end no n-gram here: put n - 1 marks before the text",
                   "这里开头的 n - 1 个词元不是任何 n 元组的末尾：要在文本之前放 n - 1 个 mark")),
        Wrong("n_marks", (("[mark] * (n - 1)", "[mark] * n"),), "value", "marks alone",
              Text("n marks are one too many: an n-gram of marks alone was counted, which ends in no token",
                   "n 个 mark 多了一个：数进了一个全是 mark 的 n 元组，它的末尾不是词元")),
        Wrong("last_lost", (("range(n, len(padded) + 1)", "range(n, len(padded))"),), "value", "last token",
              Text("the last token ends no n-gram: the end of a slice is one behind its last element, so it may be "
                   "len(padded)",
                   "最后一个词元没有成为任何 n 元组的末尾：切片的终点比最后一个元素大 1，所以可以等于 len(padded)")),
        Wrong("marks_behind", (("[mark] * (n - 1) + list(ids)", "[mark] * (n - 1) + list(ids) + [mark]"),), "value",
              "behind the text",
              Text("a mark was put behind the text and counted as if it were a token: marks stand only in front",
                   "文本之后也放了 mark，并把它当作词元数了进去：mark 只放在前面")),
        Wrong("once_each", (("counts.get(ngram, 0) + 1", "1"),), "value", "counted once",
              Text("an n-gram that occurs several times was counted once: add 1 to the count it has",
                   "出现多次的 n 元组只数了一次：应当在原有计数上加 1")),
        Wrong("side_by_side", (("range(n, len(padded) + 1)", "range(n, len(padded) + 1, n)"),), "value", "overlap",
              Text("these n-grams stand side by side, n tokens apart: they must overlap, one ends at each token",
                   "这些 n 元组首尾相接，每隔 n 个词元才有一个：它们应当重叠，每个词元处都有一个结束")),
        Wrong("one_mark", (("[mark] * (n - 1)", "[mark][:n - 1]"),), "odd shapes", "a single mark",
              Text("a single mark is enough for n = 2 alone: the first token of a trigram needs two in front of it",
                   "只放一个 mark，只够 n = 2 用：三元组的第一个词元前面需要两个")),
        Wrong("a_list", (("tuple(padded[end - n:end])", "padded[end - n:end]"),), "raised", "TypeError",
              Text("a list can't be a key: make a tuple of the slice", "列表不能作键：把切片变成元组")),
    ),
)  # fmt: skip
