"""Exercise of chapter 01: text to ids, one a character."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.base import UNKNOWN
from minigpt.text.characters import CharacterTokenizer

SKELETON = '''\
def encode_characters(text, training):
    """The ids of text, a list of integers, by the vocabulary of the text `training`."""
'''

ANSWER = '''\
def encode_characters(text, training):
    vocabulary = sorted(set(training))
    ids = {character: i for i, character in enumerate(vocabulary)}
    return [ids.get(character, len(vocabulary)) for character in text]
'''


def solution(text, training):
    return CharacterTokenizer.train([training], unknown=UNKNOWN).encode(text)


def problems(rng):
    letters = "".join(rng.choice(list("abcdefgh"), size=40))
    return [Problem({}, {"text": "abed!c", "training": "bead a bed"}),
            Problem({}, {"text": "Be a bee.\n", "training": "To be, or not to be.\n"}),
            Problem({}, {"text": "词元 tok🙂n 元", "training": "一个字就是一个词元🙂"}),
            Problem({}, {"text": "x", "training": "x"}),
            Problem({}, {"text": "", "training": "abc"}),
            Problem({}, {"text": letters[::-1] + "xyz", "training": letters})]


def _joined(functions, problem):
    (encode,), text, training = functions, problem.given["text"], problem.given["training"]
    middle = len(text) // 2
    whole, halves = encode(text, training), encode(text[:middle], training) + encode(text[middle:], training)
    if whole != halves:
        return Text(f"cut after character {middle}, the two halves have the ids {halves}, the whole text {whole}: the "
                    "id of a character may not depend on what stands beside it",
                    f"在第 {middle} 个字符后切开，两半的编号合起来是 {halves}，整段的编号是 {whole}："
                    f"一个字符的编号不应取决于它旁边是什么")
    return None


EXERCISE = Exercise(
    name="encode_characters",
    chapter=1,
    title=Text("Characters to ids", "从字符到编号"),
    task=Text(
        "The vocabulary is the set of different characters in `training`, in the order of their code points (Python's "
        "sorted); a character's id is its place in it, from 0. Return the ids of `text`, one for each character. A "
        "character that the vocabulary lacks gets one id more than the last: the id of <unk>.",
        "词表（vocabulary）是 training 中出现的不同字符，按码位（code point）排序（即 Python 的 sorted）；"
        "字符的编号是它在词表中的位置，从 0 开始。返回 text 的编号列表，每个字符一个。词表里没有的字符，"
        "编号取最后一个编号加 1，这就是 <unk> 的编号。"),
    functions=("encode_characters",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("halves join to the whole", _joined),),
    shown=(CharacterTokenizer.train, CharacterTokenizer.encode),
    hints=(
        Text("Two steps: first the vocabulary, from `training` alone, then a look-up for each character of `text`.",
             "分两步：先只用 training 建词表，再为 text 的每个字符查编号。"),
        Text("set() removes repetitions but has no order of its own: sort it. A dictionary {character: id} makes each "
             "look-up one step.",
             "set() 去掉重复，但没有固定的次序，所以要排序。用字典 {字符: 编号}，每次查找只要一步。"),
        Text("With ids = {c: i for i, c in enumerate(sorted(set(training)))}, the method ids.get(c, DEFAULT) gives "
             "DEFAULT for a character that isn't there. Which number must DEFAULT be?",
             "令 ids = {c: i for i, c in enumerate(sorted(set(training)))}，查不到时 ids.get(c, DEFAULT) 返回 DEFAULT。"
             "DEFAULT 应当是几？"),
    ),
    wrong=(
        Wrong("order_of_appearance", (("sorted(set(training))", "list(dict.fromkeys(training))"),), "value",
              "first appear",
              Text("the ids follow the order in which characters first appear in `training`; sort the vocabulary, so "
                   "that the same characters get the same ids whichever text came first",
                   "编号按字符在 training 中首次出现的次序给出；词表应当排序，这样字符相同编号就相同，与文本先后无关")),
        Wrong("repeated", (("sorted(set(training))", "sorted(training)"),), "value", "repeated",
              Text("a repeated character takes up several ids: the vocabulary must hold each character once",
                   "重复的字符占用了好几个编号：词表里每个字符只应出现一次")),
        Wrong("vocabulary_of_text", (("sorted(set(training))", "sorted(set(text))"),), "value", "from `text`",
              Text("the vocabulary was built from `text`: it must come from `training`, or each text would have a "
                   "vocabulary of its own and ids could not be compared",
                   "词表是用 text 建的：应当用 training，否则每段文本各有一套词表，编号无法对应")),
        Wrong("code_points", (("ids.get(character, len(vocabulary))", "ord(character)"),), "value", "code points",
              Text("these are Unicode code points, up to 1,114,111; an id is the character's place in the vocabulary",
                   "这是 Unicode 码位，最大可到 1,114,111；编号应当是字符在词表中的位置")),
        Wrong("from_one", (("enumerate(vocabulary)", "enumerate(vocabulary, 1)"),), "value", "from 1",
              Text("the ids count from 1: they will be indices of an embedding's rows, and those start at 0",
                   "编号从 1 数起了：它们将来是嵌入表的行号，行号从 0 开始")),
        Wrong("unknown_is_last", (("len(vocabulary))", "len(vocabulary) - 1)"),), "value", "shares",
              Text("an unknown character shares its id with the last one of the vocabulary: <unk> needs an id of its "
                   "own, len(vocabulary)",
                   "未知字符与词表最后一个字符共用了编号：<unk> 要有自己的编号，即 len(vocabulary)")),
        Wrong("unknown_is_minus_one", (("ids.get(character, len(vocabulary))", "''.join(vocabulary).find(character)"),),
              "value", "-1",
              Text("an unknown character has the id -1, which NumPy will take for the last row, without an error: use "
                   "len(vocabulary)",
                   "未知字符的编号成了 -1，而 NumPy 会把 -1 当作最后一行，还不报错：应当用 len(vocabulary)")),
        Wrong("unknown_left_out", (("ids.get(character, len(vocabulary)) for character in text",
                                    "ids[character] for character in text if character in ids"),), "value", "left out",
              Text("unknown characters were left out, so what follows them has moved: each character must give one id",
                   "未知字符被跳过了，后面的编号随之前移：每个字符都要有一个编号")),
        Wrong("unknown_raises", (("ids.get(character, len(vocabulary))", "ids[character]"),), "raised", "KeyError",
              Text("a character of `text` is not in the vocabulary: give it the id len(vocabulary), for instance with "
                   "ids.get(character, len(vocabulary))",
                   "text 里有词表之外的字符：给它编号 len(vocabulary)，例如用 ids.get(character, len(vocabulary))")),
    ),
)  # fmt: skip
