"""Exercise of chapter 11: Chinese words by the longest word of a dictionary, from the front."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.segmentation import MaximumMatching

SKELETON = '''\
def maximum_matching(text, words):
    """The words of text, a list: at each place the longest one of `words` that fits, or else one character."""
'''

ANSWER = '''\
def maximum_matching(text, words):
    longest = max(len(word) for word in words)
    found, start = [], 0
    while start < len(text):
        end = min(start + longest, len(text))
        while end > start + 1 and text[start:end] not in words:
            end -= 1
        found.append(text[start:end])
        start = end
    return found
'''
LOOP = ANSWER[ANSWER.index("        end = min"):ANSWER.index("        found.append")]


def solution(text, words):
    return MaximumMatching(words).forward(text)


def problems(rng):
    drawn = "".join(rng.choice(list("甲乙丙丁"), size=40))
    return [Problem({}, {"text": "研究生命很有意思",
                         "words": ["研究", "研究生", "生命", "很", "有", "有意思", "意思"]}),
            Problem({}, {"text": "他从小学音乐", "words": ["从小", "小学", "学", "音乐"]}),
            Problem({}, {"text": "abcd", "words": ["abc", "bcd", "d"]}),
            Problem({}, {"text": "大学", "words": ["大学生活", "大学"]}),
            Problem({}, {"text": "一二三", "words": ["四五"]}), Problem({}, {"text": "", "words": ["研究"]}),
            Problem({}, {"text": drawn, "words": ["甲乙", "甲乙丙", "乙丙丁甲", "丙", "丁丁", "甲甲甲"]})]


def _nothing_lost(functions, problem):
    text, found = problem.given["text"], functions[0](**problem.given)
    if "".join(found) != text:
        return Text(f"joined again, the words are {''.join(found)!r}, not {text!r}: every character belongs to one "
                    f"word",
                    f"把词接起来是 {''.join(found)!r}，而不是 {text!r}：每个字都要属于一个词")
    return None


EXERCISE = Exercise(
    name="maximum_matching",
    chapter=11,
    title=Text("Maximum matching", "最大匹配分词"),
    task=Text(
        "Cut a text without spaces into words. Begin at the first character; take the longest of `words` with which "
        "the rest of the text begins, or a single character when none does; go on behind it. What comes later in the "
        "text is not looked at. `words` is a list of at least one word.",
        "把没有空格的文本切成词。从第一个字开始，在 words 里找出剩余文本开头处能匹配的最长的词；一个也没有时，"
        "就取单个字；然后从它后面继续。后面的文本是什么，一概不看。words 是一个列表，至少有一个词。"),
    functions=("maximum_matching",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("nothing is lost", _nothing_lost),),
    shown=(MaximumMatching.forward,),
    hints=(
        Text("Two loops: one over the places where a word begins, in it one over the lengths, from the longest down.",
             "两层循环：外层是词的起点，内层是长度，从最长往下试。"),
        Text("How long can a word be at most? Not longer than the longest of `words`, and not beyond the end of the "
             "text. The inner loop may stop at length 1 without looking: one character is always taken.",
             "词最多有多长？不超过 words 里最长的词，也不超过文本的末尾。内层循环到长度 1 就停，不必再查："
             "单个字总是可以取的。"),
        Text("end = min(start + longest, len(text)); while end > start + 1 and text[start:end] not in words: end -= 1. "
             "Then text[start:end] is the word, and the next one starts at end.",
             "end = min(start + longest, len(text))；while end > start + 1 and text[start:end] not in words: end -= 1。"
             "这时 text[start:end] 就是词，下一个词从 end 开始。"),
    ),
    wrong=(
        Wrong("shortest", ((LOOP, "        end = start + 1\n"
                            "        while end < min(start + longest, len(text)) and text[start:end] not in words:\n"
                            "            end += 1\n"),), "value", "shortest",
              Text("the first, that is the shortest, word that fits was taken, and what fits nowhere is glued "
                   "together: "
                   "try the longest first",
                   "取了第一个能匹配的词，也就是最短的词，而匹配不上的字被粘在了一起：应当从最长的试起")),
        Wrong("backward", ((ANSWER[ANSWER.index("    found, start"):],
                            "    found, end = [], len(text)\n    while end > 0:\n"
                            "        start = max(end - longest, 0)\n"
                            "        while start < end - 1 and text[start:end] not in words:\n            start += 1\n"
                            "        found.insert(0, text[start:end])\n        end = start\n    return found\n"),),
              "value", "from the back",
              Text("this is matching from the back; it is often right more often, but here the front was asked for",
                   "这是从后往前的匹配；它往往更准，但这里要求的是从前往后")),
        Wrong("single_left_out", (("        found.append(text[start:end])",
                                   "        if text[start:end] in words:\n            found.append(text[start:end])"),),
              "value", "left out",
              Text("characters that are in no word were left out: nothing of the text may be lost",
                   "不在任何词里的字被丢掉了：文本一个字也不能丢")),
        Wrong("one_step", (("        start = end", "        start += 1"),), "value", "overlap",
              Text("after a word the next one starts a single character further, so that words overlap: go on behind "
                   "it",
                   "取出一个词之后只往前走了一个字，词就重叠了：应当从这个词的后面继续")),
        Wrong("too_short", (("min(start + longest, len(text))", "min(start + longest - 1, len(text))"),), "value",
              "never tried",
              Text("words of the greatest length are never tried: text[start:start + longest] has `longest` characters",
                   "最长的词从来没有试过：text[start:start + longest] 正好有 longest 个字")),
        Wrong("empty_word", (("end > start + 1 and text", "end > start and text"),
                             ("        start = end", "        start = max(end, start + 1)")), "value", "empty",
              Text("where no word fits an empty one came out: stop at one character",
                   "没有词能匹配时，得到的是空字符串：应当停在一个字上")),
    ),
)  # fmt: skip
