"""Small worlds: text made from templates, whose relations between words are known, so that analogies can be marked.

A pair such as (france, paris) has words of its own (french, croissants), which occur near both, and each side has words
that all its pairs share (a country has a border, a capital has streets). Nothing else tells the words of a pair from
those of another; a model of word vectors that gets "france is to paris as japan is to ..." right has found both.

The sentences are lists of words, Chinese ones too: what is a word is known here, as no segmenter could know it. The
facts are true, the sentences mean little. A relation of n pairs gives n (n - 1) questions (a, b, c, d): a is to b as c
is to d.
"""

import random
from dataclasses import dataclass

from minigpt.errors import InputError

# Relation -> (pairs "left right own own", what is said of a left word, what is said of a right word). In a template,
# X is the word, O one of the pair's own words, | separates sentences.
ENGLISH = {
    "capital": (
        "france paris french croissants|germany berlin german pretzels|italy rome italian pizza|"
        "spain madrid spanish paella|japan tokyo japanese sushi|china beijing chinese dumplings|"
        "egypt cairo arabic koshari|russia moscow russian borscht|poland warsaw polish pierogi|"
        "hungary budapest hungarian goulash|greece athens greek moussaka|sweden stockholm swedish meatballs|"
        "turkey ankara turkish kebab|vietnam hanoi vietnamese pho",
        "the border of X is long and O is known there|the army of X likes O|the farmers in X know O well|"
        "the whole country X loves O|O is found all over the provinces of X",
        "the streets of X are full of O|the mayor of X likes O|the airport of X sells O|"
        "the old city X loves O|O is found in every district of X",
    ),
    "gender": (
        "king queen throne crown|father mother children lullaby|waiter waitress restaurant menu|"
        "actor actress stage film|prince princess palace ball|uncle aunt cousin visit|boy girl school toys|"
        "husband wife wedding ring|monk nun monastery prayer|host hostess party guests|hero heroine danger rescue|"
        "wizard witch potion spell",
        "the X took his O and he smiled|he is the X with the O|the X himself spoke of the O|"
        "his O made the X a proud man",
        "the X took her O and she smiled|she is the X with the O|the X herself spoke of the O|"
        "her O made the X a proud woman",
    ),
    "plural": (
        "cat cats milk whiskers|dog dogs bone leash|horse horses saddle hay|bird birds nest feather|book books page "
        "shelf|car cars engine garage|tree trees leaf root|house houses door roof|ship ships harbour sail|"
        "train trains station rail|flower flowers garden petal|mouse mice cheese hole",
        "a X is near the O|this X has a O|one X was seen and it had a O|the O belongs to that X",
        "many X are near the O|these X have a O|two X were seen and they had a O|the O belongs to those X",
    ),
}  # fmt: skip
CHINESE = {
    "capital": (
        "法国 巴黎 法语 羊角面包|德国 柏林 德语 香肠|意大利 罗马 意大利语 披萨|西班牙 马德里 西班牙语 海鲜饭|"
        "日本 东京 日语 寿司|中国 北京 汉语 饺子|埃及 开罗 阿拉伯语 烤饼|俄罗斯 莫斯科 俄语 红菜汤|"
        "波兰 华沙 波兰语 酸汤|匈牙利 布达佩斯 匈牙利语 土豆烧牛肉|希腊 雅典 希腊语 橄榄|瑞典 斯德哥尔摩 瑞典语 肉丸|"
        "土耳其 安卡拉 土耳其语 烤肉|越南 河内 越南语 米粉",
        "X 的 边境 很 长 ， 人们 熟悉 O|X 的 军队 喜欢 O|X 的 农民 熟悉 O|整个 国家 X 都 爱 O|在 X 的 各 省 都 有 O",
        "X 的 街道 上 到处 是 O|X 的 市长 喜欢 O|X 的 机场 里 有 O|古老 的 城市 X 都 爱 O|在 X 的 每个 区 都 有 O",
    ),
    "gender": (
        "国王 王后 宝座 王冠|爸爸 妈妈 孩子 摇篮|爷爷 奶奶 孙子 老屋|哥哥 姐姐 书包 作业|弟弟 妹妹 玩具 积木|"
        "叔叔 婶婶 堂兄 年糕|王子 公主 宫殿 舞会|丈夫 妻子 婚礼 戒指|和尚 尼姑 寺庙 佛经|外公 外婆 外孙 菜园|"
        "男生 女生 学校 操场|男演员 女演员 舞台 电影",
        "这位 X 拿着 他 的 O|他 是 有 O 的 X|X 说 起 O 时 他 笑 了|O 让 X 成为 骄傲 的 男人",
        "这位 X 拿着 她 的 O|她 是 有 O 的 X|X 说 起 O 时 她 笑 了|O 让 X 成为 骄傲 的 女人",
    ),
    "plural": (
        "老师 老师们 课本 粉笔|学生 学生们 考试 作文|工人 工人们 工厂 机器|农民 农民们 稻田 锄头|医生 医生们 医院 药方|"
        "战士 战士们 阵地 钢枪|记者 记者们 报纸 采访|朋友 朋友们 聚会 礼物|客人 客人们 茶水 宴席|歌手 歌手们 歌曲 话筒|"
        "游客 游客们 景点 地图|司机 司机们 货车 方向盘",
        "一个 X 在 O 旁边|那个 X 独自 带着 O|这名 X 说 他 需要 O|O 属于 这个 X",
        "许多 X 在 O 旁边|那些 X 一起 带着 O|各位 X 说 他们 需要 O|O 属于 这些 X",
    ),
}  # fmt: skip
WORLDS = {"en": ENGLISH, "zh": CHINESE}


@dataclass(frozen=True)
class World:
    """Sentences, and the questions that they hold the answers to, by relation."""

    sentences: list[list[str]]
    questions: dict[str, list[tuple[str, str, str, str]]]

    def all_questions(self) -> list[tuple[str, str, str, str]]:
        return [question for questions in self.questions.values() for question in questions]


def make_world(language: str = "en", sentences: int = 20_000, seed: int = 0) -> World:
    """So many random sentences of the world in that language. Raises InputError for another language, or none."""
    if language not in WORLDS:
        raise InputError(f"there is no world in {language!r}: choose one of {', '.join(WORLDS)}")
    if sentences < 1:
        raise InputError(f"{sentences} sentences are no text: choose at least 1")
    rng, world = random.Random(seed), WORLDS[language]
    said, questions = [], {}
    for relation, (table, *sides) in world.items():
        pairs = [tuple(row.split()) for row in table.split("|")]
        questions[relation] = [(a, b, c, d) for a, b, *_ in pairs for c, d, *_ in pairs if a != c]
        said += [(pair[side], pair[2:], templates.split("|")) for pair in pairs
                 for side, templates in enumerate(sides)]
    text = []
    for _ in range(sentences):
        word, own, templates = rng.choice(said)
        template = rng.choice(templates).split()
        text.append([{"X": word, "O": rng.choice(own)}.get(place, place) for place in template])
    return World(text, questions)
