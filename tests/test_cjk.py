"""Chinese lines are joined where a browser would show a hole, and nothing else is touched."""

import re

import pytest
from course import ROOT, markdown, pages, script

join_lines = script("docs/cjk.py").join_lines
CHINESE_FILES = [path for path in pages() if "zh" in path.relative_to(ROOT).parts or path.name == "README.zh.md"]


@pytest.mark.parametrize(("text", "joined"), [
    ("一行字，\n在这里折断。", "一行字，在这里折断。"),
    ("三行\n都是\n中文", "三行都是中文"),
    ("- 列表里\n  也有三行，\n  缩进去掉\n- 下一项", "- 列表里也有三行，缩进去掉\n- 下一项"),
    ("1. 编号\n   也行\n2. 第二", "1. 编号也行\n2. 第二"),
    ("说“引文”\n与《书》", "说“引文”与《书》"),
    ("见[采样](../sampling.md)\n会用到", "见[采样](../sampling.md)会用到"),
    ("这里\n[采样](../sampling.md)用到", "这里[采样](../sampling.md)用到"),
    ("**要点**\n在此", "**要点**在此"),
    # Punctuation of full width has its space in itself, whatever stands on the other side.
    ("写在后面，\n$x$ 是输入", "写在后面，$x$ 是输入"),
    ("见 `xp`\n（数组库）", "见 `xp`（数组库）"),
    ("Dao\n，等", "Dao，等"),
])  # fmt: skip
def test_joined(text, joined):
    assert join_lines(text) == joined
    assert join_lines(joined) == joined


@pytest.mark.parametrize("text", [
    "用 softmax\n就是",  # a space stands beside Latin letters
    "均值\n0、方差 1",
    "得到 $y$\n之后",
    "two lines\nof English",
    "一段\n\n另一段",
    "# 标题\n正文",
    "正文\n# 标题",
    "正文\n- 列表",
    "正文\n1. 列表",
    "| 甲 |\n| 乙 |",
    "<!-- 注 -->\n正文",
    "正文\n<!-- 注 -->",
    "正文\n> 引文",
    "**要点。**\n之后",  # joined, the stars would show
    "之前\n**“要点”**",
    "硬换行  \n在此",
    "硬换行\\\n在此",
    "正文：\n```text\n代码\n不动\n```\n之后",
    "正文\n$$\n\\text{甲}\n\\text{乙}\n$$\n之后",
    "$$\\begin{aligned}\n\\text{甲}\n\\text{乙}\n\\end{aligned}$$\n之后",
    "````text\n```\n甲\n乙\n```\n````",
    "",
    "末尾换行\n",
])  # fmt: skip
def test_left_as_it_is(text):
    assert join_lines(text) == text


def test_what_follows_a_formula_is_prose():
    for formula in ("$$ x $$", "$$\nx\n$$", "$$x\n+ y$$"):
        assert join_lines(f"{formula}\n甲\n乙") == f"{formula}\n甲乙"


@pytest.mark.parametrize("file", CHINESE_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_page_keeps_all_but_line_ends(file):
    text = markdown(file)
    joined = join_lines(text)
    assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", text)
    assert re.findall(r"^```.*?^```$", joined, re.M | re.S) == re.findall(r"^```.*?^```$", text, re.M | re.S)
    prose = re.sub(r"^```.*?^```$|^\$\$.*?\$\$$", "", joined, flags=re.M | re.S)
    assert re.findall(r"[一-鿿，。；]\n *[一-鿿]", prose) == []
