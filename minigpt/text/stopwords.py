"""Words that are everywhere and tell little of what a text is about; and how to leave them out.

For counting words to find a text's subject (search, classification by counts) they are noise: the, of, 的. For a
language model they are the sentence: leave them out, and there is no sentence left to predict.

The lists are our own, short on purpose. "not", "no", 不 and 没 are not on them: they turn a review into its opposite.
"""

from collections.abc import Collection, Iterable

ENGLISH = """
a an the this that these those i you he she it we they me him her us them my your his its our their who which
what there here and or but if so as than because while of in on at to from by with for about into over under
between through after before up down out off be am is are was were been being have has had having do does did
will would shall should can could may might must just also very too then"""
CHINESE = """
的 地 得 了 着 过 是 在 有 和 与 或 而 但 但是 因为 所以 如果 就 也 都 很 还 又 再 把 被 让 给 从 到 对 向 于
以 为 之 其 我 你 他 她 它 我们 你们 他们 她们 它们 这 那 这个 那个 这些 那些 哪 什么 谁 吗 呢 吧 啊 个 一个
上 下 里 中 等"""
ENGLISH, CHINESE = frozenset(ENGLISH.split()), frozenset(CHINESE.split())
BOTH = ENGLISH | CHINESE


def remove_stopwords(words: Iterable[str], stopwords: Collection[str] = BOTH) -> list[str]:
    """The words that are not in stopwords, whatever their case, in their order."""
    return [word for word in words if word.casefold() not in stopwords]
