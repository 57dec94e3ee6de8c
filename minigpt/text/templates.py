"""Sentences whose words and parts of speech are known, in English and Chinese, made from templates: as many as wanted.

Corpora with labels belong to somebody. These belong to nobody else, need no network, and are right by construction: a
template is written with its words and tags, and its slots ($noun) are filled from lists. They are no natural language,
and a score on them is no score on a newspaper. What they keep of it is what makes both tasks hard:

- the same word with several tags: "book" and "plant" (noun, verb), "open" (adjective, verb), "fast" (adjective,
  adverb), "her" (pronoun, determiner), "to"; 研究, 工作, 发展 (verb, noun), 在 (adposition, verb);
- Chinese strings in which words overlap (研究生命, 从小学, 大学生活, 和服务, 出现在, 白天鹅, 有意见), and strings
  that are one word or two (才能, 将来, 把手, 学生会);
- part "test" has other templates than part "train", and words behind the | of a list that "train" never has.

The tags are those of Universal Dependencies, as far as they are needed here, AUX also for the modal verbs.
"""

from minigpt import backend
from minigpt.errors import InputError

Tagged = list[tuple[str, str]]
LANGUAGES, PARTS = ("en", "zh"), ("train", "test")

# slot: its tag, the words of both parts, and behind the | those of "test" alone
ENGLISH = {
    "noun": "NOUN book plant watch train park guard cook walk dance paint light call visit drink answer garden river "
            "teacher window letter doctor cat house bridge song fish run | harbour kettle sketch promise",
    "nouns": "NOUN books plants watches trains parks guards cooks walks dances lights calls visits drinks answers "
             "gardens rivers teachers windows letters doctors cats bridges songs | harbours kettles sketches promises",
    "person": "NOUN guard cook teacher doctor visitor girl boy neighbour driver | sailor baker",
    "verb": "VERB book plant watch train park guard cook paint light call visit drink answer see find like need bring "
            "open clean dry | sketch promise borrow",
    "verbs": "VERB books plants watches trains guards cooks paints lights calls visits drinks answers sees finds likes "
             "needs brings opens cleans | sketches promises borrows",
    "did": "VERB planted watched trained guarded cooked painted called visited answered saw found liked opened cleaned "
           "| sketched promised borrowed",
    "go": "VERB walk dance run sleep wait sing fish cook work | sail",
    "goes": "VERB walks dances runs sleeps waits sings works cooks | sails",
    "adj": "ADJ open clean light dry old new small quiet green slow fast hard cold | narrow purple",
    "adv": "ADV fast hard slowly often quietly soon well late | carefully",
    "name": "PROPN Anna Omar Lin Peter Maria London | Zoe Ivan",
    "at": "ADP in near behind under from with by",
    "num": "NUM two three seven ten 12 | forty 85",
    "can": "AUX can will must should may",
    "they": "PRON they we you I",
    "she": "PRON she he it",
    "det": "DET the a this that every her",
}
ENGLISH_TRAIN = """
the/DET $adj $noun $verbs $det $noun ./PUNCT
$they $verb $det $noun $at $det $noun ./PUNCT
$det $noun $at $det $noun is/AUX $adj ./PUNCT
$name $goes $adv and/CCONJ $verbs $det $adj $noun ./PUNCT
$they $can $verb the/DET $nouns $at $name ./PUNCT
$they want/VERB to/PART $verb $det $noun ./PUNCT
$she $goes to/ADP the/DET $noun ./PUNCT
$name $did her/PRON $at the/DET $noun ./PUNCT
her/DET $noun is/AUX $adj and/CCONJ $adj ./PUNCT
$num $nouns $go $adv ./PUNCT
$name said/VERB that/SCONJ the/DET $noun is/AUX $adj ./PUNCT
that/PRON is/AUX $det $adj $noun ,/PUNCT $name ./PUNCT
the/DET $person $did the/DET $nouns ,/PUNCT but/CCONJ $they $go ./PUNCT
do/AUX $they $verb $num $nouns ?/PUNCT
the/DET $nouns are/AUX $adj ./PUNCT
$she is/AUX $adv here/ADV ./PUNCT
the/DET $person $can $go $adv ./PUNCT
$verb the/DET $adj $nouns !/PUNCT
$name $verbs $nouns $at the/DET $noun ./PUNCT
a/DET $person $verbs the/DET $noun to/PART $verb it/PRON ./PUNCT
"""
ENGLISH_TEST = """
$name $can $verb $det $noun ,/PUNCT and/CCONJ the/DET $nouns $go ./PUNCT
the/DET $person wants/VERB to/PART $go to/ADP the/DET $noun ./PUNCT
$they said/VERB that/SCONJ her/DET $noun $verbs $nouns ./PUNCT
the/DET $adj $nouns $verb the/DET $noun ./PUNCT
do/AUX the/DET $nouns $verb her/PRON ?/PUNCT
$det $noun of/ADP $num $nouns is/AUX $adv $adj ./PUNCT
$name $verbs that/DET $noun $adv ./PUNCT
that/DET $person $goes but/CCONJ $she $can $go ./PUNCT
$nouns $verb $nouns ,/PUNCT $they $can see/VERB ./PUNCT
the/DET $noun $did $adj $nouns ./PUNCT
"""
CHINESE = {
    "person": "NOUN 学生 老师 医生 研究生 大学生 工人 朋友 孩子 作家 校长 学生会 | 护士 木匠",
    "name": "PROPN 小明 李华 王芳 张伟 | 赵敏 孙丽华",
    "land": "PROPN 中国 美国 北京 上海 | 云南",
    "place": "NOUN 学校 图书馆 公园 小学 大学 医院 国会 球场 | 码头 植物园",
    "thing": "NOUN 书 信 乒乓球 球拍 和服 天鹅 画 意见 计划 报告 茶 把手 马 | 风筝 显微镜",
    "matter": "NOUN 生命 生活 文化 经济 服务 研究 发展 历史 音乐 才能 工作 | 气候 几何",
    "verb": "VERB 研究 讨论 喜欢 学 学习 介绍 看 发展 计划 报告 拍卖 有 学会 | 珍惜 翻译",
    "go": "VERB 工作 学习 生活 休息 出现 发展 来 | 散步",
    "adj": "ADJ 新 旧 好 漂亮 重要 白 小 大 安静 有意思 | 脆弱",
    "day": "NOUN 今天 昨天 将来 现在 白天 早上 | 傍晚",
    "adv": "ADV 常常 已经 都 才 马上 将 的确 | 刚刚",
    "can": "AUX 能 会 要 可以",
    "num": "NUM 一 两 三 十",
    "unit": "NOUN 个 本 张 位 只",
    "of": "PART 的",
}
CHINESE_TRAIN = """
$person 在/ADP $place $verb $matter 。/PUNCT
$name 研究/VERB $matter 的/PART 历史/NOUN 。/PUNCT
$day $name 在/ADP $place $go 。/PUNCT
$person 和/CCONJ $person $adv $verb $thing 。/PUNCT
我们/PRON $can $verb $matter ，/PUNCT 也/ADV $can $go 。/PUNCT
$land 的/PART $matter 很/ADV $adj 。/PUNCT
$name 从小/ADV 学/VERB $matter 。/PUNCT
从/ADP $place 到/ADP $place 很/ADV 远/ADJ 。/PUNCT
$num $unit $adj $thing 在/VERB $place 。/PUNCT
$person 把/ADP $thing 卖/VERB 了/PART 。/PUNCT
$person 的/PART $thing $adv 很/ADV $adj 。/PUNCT
$matter 和/CCONJ $matter 都/ADV 很/ADV $adj 。/PUNCT
$day $person $can 来/VERB $place 吗/PART ？/PUNCT
$name 有意/ADV 见/VERB $person 。/PUNCT
结果/NOUN 的/PART 确定/NOUN 要/VERB $num 天/NOUN 。/PUNCT
他们/PRON 在/ADP $land 有/VERB $num $unit $thing 。/PUNCT
$adj 的/PART $thing 在/VERB 手/NOUN 上/ADP 。/PUNCT
乒乓/NOUN 球拍/NOUN $adv 卖/VERB 完/VERB 了/PART 。/PUNCT
$person 出/VERB 了/PART $place ，/PUNCT 见/VERB 了/PART $name 。/PUNCT
$name $adv $verb $adj 的/PART $matter 。/PUNCT
"""
CHINESE_TEST = """
$person 研究/VERB 生命/NOUN 和/CCONJ $matter 。/PUNCT
$name 的/PART 大学/NOUN 生活/NOUN 很/ADV $adj 。/PUNCT
$matter 和/CCONJ 服务/NOUN 都/ADV $can 发展/VERB 。/PUNCT
$person $day 出现/VERB 在/ADP $place 。/PUNCT
$day $person 才/ADV 能/AUX $verb $thing 。/PUNCT
他们/PRON 把/ADP 手/NOUN 上/ADP 的/PART $thing 卖/VERB 了/PART 。/PUNCT
$person 会/AUX $verb $land 的/PART $matter 吗/PART ？/PUNCT
从/ADP 小学/NOUN 到/ADP 大学/NOUN ，/PUNCT $name $adv $verb $matter 。/PUNCT
$name 的/PART $num $unit $thing 要/AUX 拍卖/VERB 。/PUNCT
$person 对/ADP $matter 有/VERB 意见/NOUN 。/PUNCT
一/NUM 只/NOUN 白/ADJ 天鹅/NOUN $go 在/ADP $place 。/PUNCT
$land 会/AUX $go ，/PUNCT $person 将/ADV 来/VERB $place 。/PUNCT
"""


def make_sentences(language: str, part: str, number: int, seed: int = 0) -> list[Tagged]:
    """`number` sentences of (word, tag), drawn from (seed, language, part); "test" from other templates, new words too.

    Each template is as likely as any other, and so is each word of a slot. InputError for a language or part that there
    isn't, and for a number under 1.
    """
    if language not in LANGUAGES or part not in PARTS:
        raise InputError(f"there are no sentences of language {language!r} and part {part!r}: choose one of "
                         f"{', '.join(LANGUAGES)} and of {', '.join(PARTS)}")
    if number < 1:
        raise InputError(f"{number} sentences are none: choose 1 or more")
    rng = backend.generator(seed, LANGUAGES.index(language), PARTS.index(part))
    train, test, slots = (ENGLISH_TRAIN, ENGLISH_TEST, ENGLISH) if language == "en" else (
        CHINESE_TRAIN, CHINESE_TEST, CHINESE)
    templates = [line.split() for line in (train if part == "train" else test).strip().split("\n")]
    return [_fill(templates[rng.integers(len(templates))], slots, part == "test", rng) for _ in range(number)]


def _fill(template: list[str], slots: dict[str, str], with_new: bool, rng) -> Tagged:
    sentence = []
    for place in template:
        if place.startswith("$"):
            tag, *words = slots[place[1:]].split()
            if "|" in words:
                words = [word for word in words if word != "|"] if with_new else words[:words.index("|")]
            sentence.append((words[rng.integers(len(words))], tag))
        else:
            word, _, tag = place.rpartition("/")
            sentence.append((word, tag))
    return sentence


def words_of(sentences: list[Tagged]) -> list[list[str]]:
    """The words alone."""
    return [[word for word, _ in sentence] for sentence in sentences]
