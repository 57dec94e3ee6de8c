"""Exercise of chapter 12: every string one edit away from a word."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models import spelling

SKELETON = '''\
def edits1(word, alphabet):
    """A sorted list of the different strings, other than word, that one edit makes of it."""
'''

ANSWER = '''\
def edits1(word, alphabet):
    found = set()
    for i in range(len(word) + 1):
        left, right = word[:i], word[i:]
        for letter in alphabet:
            found.add(left + letter + right)
            if right:
                found.add(left + letter + right[1:])
        if right:
            found.add(left + right[1:])
        if len(right) > 1:
            found.add(left + right[1] + right[0] + right[2:])
    return sorted(found - {word})
'''


def solution(word, alphabet):
    return sorted({*spelling.edits1(word, alphabet)} - {word})


def problems(rng):
    drawn = "".join(rng.choice(list("abcd"), 7))
    return [Problem({}, {"word": "ab", "alphabet": "ac"}),
            Problem({}, {"word": "cab", "alphabet": "ab"}),
            Problem({}, {"word": "aa", "alphabet": "a"}),
            Problem({}, {"word": "x", "alphabet": "abcdefghijklmnopqrstuvwxyz"}),
            Problem({}, {"word": "", "alphabet": "xyz"}),
            Problem({}, {"word": drawn, "alphabet": "abcde"}),
            Problem({}, {"word": "语言模型", "alphabet": "言型字"})]


def _there_and_back(functions, problem):
    word, alphabet = problem.given["word"], problem.given["alphabet"]
    for other in functions[0](word, alphabet):
        if word not in functions[0](other, "".join(sorted({*alphabet, *word}))):
            return Text(f"one edit leads from {word!r} to {other!r}, but none back: a swap is undone by a swap, a "
                        f"letter put in by leaving it out",
                        f"从 {word!r} 一步能到 {other!r}，却一步回不来：交换可以再换回去，多出的字母可以再删掉")
    return None


EXERCISE = Exercise(
    name="edits1",
    chapter=12,
    title=Text("One edit away", "一步编辑之内"),
    task=Text(
        "A writer makes one mistake. Return every string that may come of it: one letter left out; two neighbours "
        "swapped; one letter replaced by any letter of the alphabet; one letter of the alphabet put in anywhere, also "
        "in front and at the end. Each string once, in the order of Python's sorted, without the word itself.",
        "写字的人出了一个错。返回可能写成的所有字符串：漏掉一个字母；交换相邻的两个；把一个字母换成字母表里的任意一个；"
        "在任意位置（包括最前和最后）多写一个字母表里的字母。每个字符串只出现一次，按 Python 的 sorted 排序，"
        "不含这个词本身。"),
    functions=("edits1",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("there and back", _there_and_back),),
    shown=(spelling.edits1,),
    hints=(
        Text("Cut the word at every place into left and right, the ends included; every edit happens at such a cut.",
             "在每个位置把词切成 left 和 right，包括两端；每种编辑都发生在某个切口上。"),
        Text("A set keeps each string once. A word of n letters has n + 1 cuts: insertions use all of them, the others "
             "need a letter, or two, to the right.",
             "集合（set）让每个字符串只留一份。n 个字母的词有 n + 1 个切口：插入用到全部，"
             "其余的编辑要求右边有一个或两个字母。"),
        Text("left + right[1:]; left + right[1] + right[0] + right[2:]; left + letter + right[1:]; left + letter + "
             "right. At the end remove the word: found - {word}.",
             "left + right[1:]；left + right[1] + right[0] + right[2:]；left + letter + right[1:]；"
             "left + letter + right。最后去掉词本身：found - {word}。"),
    ),
    wrong=(
        Wrong("no_swaps", (("        if len(right) > 1:\n            found.add(left + right[1] + right[0] + "
                            "right[2:])\n", ""),), "value", "swapped",
              Text("two neighbours swapped are missing: one of the commonest mistakes, and one edit, not two",
                   "缺少相邻交换：这是最常见的错误之一，算一步而不是两步")),
        Wrong("no_end", (("range(len(word) + 1)", "range(len(word))"),), "value", "at the end",
              Text("no letter was put in at the end: a word of n letters has n + 1 places for one",
                   "没有在末尾插入字母：n 个字母的词有 n + 1 个位置可以插入")),
        Wrong("itself", (("sorted(found - {word})", "sorted(found)"),), "value", "the word itself",
              Text("the word itself is among them (a letter replaced by the same letter): take it out",
                   "词本身也在里面（把字母换成它自己）：应当去掉")),
        Wrong("repeated", (("found = set()", "found = []"), ("found.add(left + letter + right)",
                            "found.append(left + letter + right)"),
                           ("found.add(left + letter + right[1:])", "found.append(left + letter + right[1:])"),
                           ("found.add(left + right[1:])", "found.append(left + right[1:])"),
                           ("found.add(left + right[1] + right[0] + right[2:])",
                            "found.append(left + right[1] + right[0] + right[2:])"),
                           ("sorted(found - {word})", "sorted(w for w in found if w != word)")), "value",
              "more than once",
              Text("some strings stand there more than once, as two edits may give the same: collect them in a set",
                   "有的字符串出现了不止一次，因为不同的编辑可能得到同一个：请用集合收集")),
        Wrong("no_deletions", (("        if right:\n            found.add(left + right[1:])\n", ""),), "value",
              "left out",
              Text("a letter left out is missing among the mistakes", "缺少“漏写一个字母”这一类错误")),
        Wrong("swap_loses", (("left + right[1] + right[0] + right[2:]", "left + right[1] + right[0]"),), "odd shapes",
              "behind the swap",
              Text("the rest of the word behind the swap is lost: + right[2:]",
                   "交换之后，后面的部分丢了：要加上 right[2:]")),
        Wrong("any_two", (("found.add(left + right[1] + right[0] + right[2:])",
                           "found.update(left + right[j] + right[1:j] + right[0] + right[j + 1:]\n"
                           "                         for j in range(1, len(right)))"),), "odd shapes", "not neighbours",
              Text("letters that are not neighbours were swapped too: that takes more than one slip",
                   "不相邻的字母也交换了：那不止一步")),
        Wrong("unsorted", (("sorted(found - {word})", "sorted(found - {word}, reverse=True)"),), "value", "order",
              Text("the strings are right, the order isn't: from the smallest on, as sorted gives it",
                   "字符串都对，次序不对：应当从小到大，如 sorted 所给")),
    ),
)  # fmt: skip
