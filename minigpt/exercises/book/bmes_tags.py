"""Exercise of chapter 11: words to the places of their characters, and back."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.bmes import to_places, to_words

SKELETON = '''\
def bmes_tags(words, text, places):
    """words: a list -> their places, a string of B, M, E, S; and the list of words that `places` spell in `text`."""
'''

ANSWER = '''\
def bmes_tags(words, text, places):
    tags = ""
    for word in words:
        if len(word) == 1:
            tags += "S"
        else:
            tags += "B" + "M" * (len(word) - 2) + "E"
    found, start = [], 0
    for i, place in enumerate(places):
        if place in "ES":
            found.append(text[start:i + 1])
            start = i + 1
    return tags, found
'''


def solution(words, text, places):
    return to_places(words), to_words(text, places)


def problems(rng):
    lengths = [int(n) for n in rng.integers(1, 6, 12)]
    drawn = ["".join(rng.choice(list("天地玄黄宇宙"), size=n)) for n in lengths]
    return [Problem({}, {"words": ["他", "喜欢", "图书馆"], "text": "我们喜欢植物园的花", "places": "BEBEBMESS"}),
            Problem({}, {"words": ["研究", "生命", "的", "起源"], "text": "我", "places": "S"}),
            Problem({}, {"words": ["中华人民共和国", "一"], "text": "一二三四五", "places": "BMMME"}),
            Problem({}, {"words": [], "text": "", "places": ""}),
            Problem({}, {"words": ["好"], "text": "好好好", "places": "SSS"}),
            Problem({}, {"words": drawn, "text": "".join(drawn), "places": to_places(drawn)})]


def _round_trip(functions, problem):
    words = problem.given["words"]
    tags, _ = functions[0](words, "", "")
    _, back = functions[0]([], "".join(words), tags)
    if back != words:
        return Text(f"{words} became {tags}, and that became {back}: the two directions must undo each other",
                    f"{words} 变成 {tags}，再变回来是 {back}：两个方向应当互为逆运算")
    return None


EXERCISE = Exercise(
    name="bmes_tags",
    chapter=11,
    title=Text("Words as the places of characters", "用字的位置表示词"),
    task=Text(
        "Segmentation becomes labelling: B begins a word of several characters, M stands in its middle, E ends it, and "
        "S is a word of a single character. Return two things: the labels of `words`, one letter for each character, "
        "as a string; and the words that the labels `places` spell in `text`. Both are independent; `places` has a "
        "letter "
        "for each character of `text` and is in an order that can be.",
        "分词变成了标注：B 是多字词的开头，M 在中间，E 是结尾，S 是单字词。返回两样东西：words 的标注，"
        "每个字一个字母，连成一个字符串；以及标注 places 在 text 中拼出的词的列表。两者互不相干；"
        "places 与 text 一样长，次序总是合理的。"),
    functions=("bmes_tags",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("there and back", _round_trip),),
    shown=(to_places, to_words),
    hints=(
        Text("A word of 1 character is S, one of 2 is BE, of 3 BME. What stands between B and E for n characters?",
             "1 个字的词是 S，2 个字是 BE，3 个字是 BME。n 个字时，B 和 E 之间是什么？"),
        Text("To go back, you need only know where a word ends: at E and at S. Keep where it started.",
             "往回走时，只要知道词在哪里结束：在 E 和 S 处。记住它从哪里开始。"),
        Text("\"B\" + \"M\" * (len(word) - 2) + \"E\" for words of several characters. Back: at place i, if it is E or "
             "S, append text[start:i + 1] and set start = i + 1.",
             "多字词是 \"B\" + \"M\" * (len(word) - 2) + \"E\"。"
             "往回：位置 i 是 E 或 S 时，加入 text[start:i + 1]，再令 start = i + 1。"),
    ),
    wrong=(
        Wrong("single_is_b", (('tags += "S"', 'tags += "B"'),), "value", "word by itself",
              Text("a word of one character is a word by itself: S, not the beginning of one",
                   "单字词自成一词，应当是 S，而不是某个词的开头")),
        Wrong("single_is_be", (('        if len(word) == 1:\n            tags += "S"\n        else:\n    ', "    "),),
              "value", "two letters",
              Text("a word of one character got two letters, B and E: each character has exactly one, and here it is S",
                   "单字词得到了 B 和 E 两个字母：每个字恰好一个，这里应当是 S")),
        Wrong("one_m", (('"M" * (len(word) - 2)', '"M" * (len(word) > 2)'),), "odd shapes", "more than one",
              Text("a longer word has more than one M: as many as it has characters, less two",
                   "较长的词不止一个 M：字数减二，就有几个 M")),
        Wrong("too_many_m", (("(len(word) - 2)", "(len(word) - 1)"),), "value", "one letter too many",
              Text("each word has one letter too many: B and E are two of its characters",
                   "每个词多了一个字母：B 和 E 已经占了两个字")),
        Wrong("only_e_ends", (('if place in "ES"', 'if place == "E"'),), "value", "S ends",
              Text("S ends a word as well: it is beginning and end at once",
                   "S 也是词的结尾：它既是开头，又是结尾")),
        Wrong("end_lost", (("text[start:i + 1]", "text[start:i]"),), "value", "last character",
              Text("the last character of each word is lost: text[a:b] ends before b, so write i + 1",
                   "每个词的最后一个字丢了：text[a:b] 不含 b，所以要写 i + 1")),
        Wrong("no_new_start", (("            start = i + 1\n", ""),), "value", "beginning of the text",
              Text("every word begins at the beginning of the text: after a word, set start behind it",
                   "每个词都从文本开头算起了：取出一个词之后，要把 start 移到它后面")),
    ),
)  # fmt: skip
