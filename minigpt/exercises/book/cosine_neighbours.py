"""Exercise of chapter 14: the words nearest to a word."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.word_vectors import WordVectors

SKELETON = '''\
import numpy as np


def cosine_neighbours(vectors, word, count):
    """vectors (V, C), word in 0 .. V - 1 -> the ids (count,) of the words with the largest cosine, largest first.

    The word itself is not among them.
    """
'''

ANSWER = '''\
import numpy as np


def cosine_neighbours(vectors, word, count):
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    unit = vectors / lengths
    cosine = unit @ unit[word]
    cosine[word] = -np.inf
    return np.argsort(-cosine)[:count]
'''


def _cosine_neighbours(vectors, word, count):
    names = [str(i) for i in range(len(vectors))]
    found = WordVectors(names, vectors).neighbours(str(word), count)
    return np.array([int(name) for name, _ in found])


def problems(rng):
    def problem(V, C, word, count):
        lengths = rng.permutation(np.arange(1, V + 1))[:, None]  # unlike, so that the inner product orders otherwise
        return Problem({"vectors": rng.standard_normal((V, C)) * lengths}, {"word": word, "count": count})

    by_hand = Problem({"vectors": np.array([[3.0, 0.0], [9.0, 9.0], [0.1, 0.01], [-1.0, 0.0], [5.0, 8.0]])},
                      {"word": 0, "count": 3})
    return [by_hand, problem(7, 3, 6, 6), problem(9, 4, 4, 2), problem(2, 1, 1, 1)]


def _length_does_not_matter(functions, problem):
    vectors = problem.arrays["vectors"]
    before = functions[0](vectors, **problem.given)
    longer = vectors * (1 + np.arange(len(vectors), dtype=vectors.dtype))[:, None]
    if not np.array_equal(before, functions[0](longer, **problem.given)):
        return Text("vectors of other lengths in the same directions have other neighbours: only angles may count",
                    "方向不变、只改长度，邻词就变了：起作用的只应是角度")
    return None


EXERCISE = Exercise(
    name="cosine_neighbours",
    chapter=14,
    title=Text("The nearest words", "最近的词"),
    task=Text(
        "How alike two words are is told by the angle between their vectors: cos(a, b) = a · b / (|a| |b|). Their "
        "lengths tell mostly how frequent they are. Give the ids of the `count` words most alike to a word, the most "
        "alike first, the word itself left out.",
        "两个词有多相像，看它们向量的夹角：cos(a, b) = a · b / (|a| |b|)（余弦相似度）。长度主要反映词有多常见。"
        "给出与某个词最相像的 count 个词的编号，最像的在前，不含它自己。"),
    functions=("cosine_neighbours",),
    skeleton=SKELETON,
    solution=(_cosine_neighbours,),
    shown=(WordVectors.unit, WordVectors.neighbours),
    answer=ANSWER,
    problems=problems,
    properties=(Property("only angles count", _length_does_not_matter),),
    hints=(
        Text("Divide each row by its length once; then a cosine is an inner product.",
             "先把每一行除以自己的长度；此后余弦就是内积。"),
        Text("unit @ unit[word] gives all cosines at once. The word's own is 1: how do you keep it out?",
             "unit @ unit[word] 一次给出所有余弦。这个词自己的余弦是 1：怎样把它排除？"),
        Text("Set its own to -np.inf and take np.argsort(-cosine)[:count].",
             "把它自己的设成 -np.inf，再取 np.argsort(-cosine)[:count]。"),
    ),
    wrong=(
        Wrong("inner_product", (("unit = vectors / lengths", "unit = vectors"),), "value", "long vectors",
              Text("this is the inner product: long vectors win, whatever their direction; divide by the lengths",
                   "这是内积：长向量不管方向都会赢；要除以长度")),
        Wrong("itself", (("    cosine[word] = -np.inf\n", ""),), "value", "itself",
              Text("the nearest word is the word itself, with cosine 1: leave it out",
                   "最近的词成了它自己，余弦为 1：要把它排除")),
        Wrong("first_dropped", (("    cosine[word] = -np.inf\n    return np.argsort(-cosine)[:count]",
                                 "    return np.delete(np.arange(len(cosine)), word)[:count]"),), "value", "sorted",
              Text("the ids are not sorted by cosine: argsort gives the order",
                   "编号没有按余弦排序：argsort 给出次序")),
        Wrong("ascending", (("np.argsort(-cosine)[:count]", "np.argsort(cosine)[1 : count + 1]"),), "value",
              "least alike",
              Text("argsort puts the smallest first, so these are the words least alike: sort -cosine",
                   "argsort 把最小的放在前面，这些是最不像的词：应当对 -cosine 排序")),
        Wrong("squared", (("lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))",
                           "lengths = (vectors**2).sum(axis=1, keepdims=True)"),), "value", "square root",
              Text("the vectors are divided by the square of their length: take the square root",
                   "向量除以了长度的平方：要开方")),
        Wrong("distance", (("    cosine = unit @ unit[word]\n",
                            "    cosine = -((vectors - vectors[word]) ** 2).sum(axis=1)\n"),), "value", "distance",
              Text("this is the distance between the points: two vectors of one direction can be far apart",
                   "这是两点之间的距离：方向相同的两个向量也可以相距很远")),
    ),
)  # fmt: skip
