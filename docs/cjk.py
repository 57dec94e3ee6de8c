"""Join the lines of Chinese text that are broken in its middle.

A line's end in Markdown becomes a line's end in HTML, and browsers show that as a space. Between English words there is
one anyway; between two Chinese characters it is a hole. So before a page is rendered, its Chinese lines are joined:

    一行字，              一行字，在这里折断。
    在这里折断。

Nothing else changes: no code, no formula on lines of its own, no table, and no line's end that is a space rightly, as
one beside a word in Latin letters or a number is.
"""

import re

# Radicals, punctuation, kana; the characters; forms of full width; quotation marks, dashes and ellipses as Chinese
# prints them.
CHINESE = r"⺀-ヿ㐀-鿿豈-﫿＀-￯“”‘’—…"
# Punctuation of full width carries its own space, so even beside Latin letters no more is wanted.
WIDE = r"、。〈-】〔-〟！（），：；？～"

# What may stand between the last character that is seen and the line's end, and likewise at the next line's start: the
# signs of emphasis, and of a link: [文字](address).
BEFORE, AFTER = r"(?:\*|\]\([^()\s]*\))*", r"[*\[]*"
JOINED = re.compile(rf"[{CHINESE}]{BEFORE}\n{AFTER}[{CHINESE}]|[{WIDE}]{BEFORE}\n|\n{AFTER}[{WIDE}]")
# Emphasis can't end between a punctuation mark and a letter, nor begin between a letter and a mark: were they joined,
# **这样。**就 would show its stars. There the line's end stays.
EMPHASIS = re.compile(r"[^\w\s*]\*+\n|\n\*+[^\w\s*]")

FENCE = re.compile(r" *(```+|~~~+|\$\$)")  # code, or formulas
# A line that is none of a paragraph's, or begins another: heading, table, quotation, comment, item of a list.
ALONE = re.compile(r" *(?:$|#|\||>|<!--|[-*+] |\d+[.)] |(?:[-*_] *){3,}$)")
LAST = re.compile(r" *(?:$|#|\||>|<!--)|.*(?:  |\\)$")  # nothing is joined to it


def join_lines(text: str) -> str:
    """The Markdown `text`, its Chinese lines joined."""
    lines, fence = [], ""
    for line in text.split("\n"):
        found, begun, start = FENCE.match(line), lines[-1] if lines else "", line.lstrip(" ")
        prose, pair = not (fence or found), f"{begun}\n{start}"
        if fence:
            fence = "" if line.strip() == fence or (fence == "$$" and "$$" in line) else fence
        elif found and not (found[1] == "$$" and line.count("$$") > 1):  # that is a formula, whole on its line
            fence = found[1]
        if (prose and begun and not LAST.match(begun) and not FENCE.match(begun) and not ALONE.match(line)
                and JOINED.search(pair) and not EMPHASIS.search(pair)):
            lines[-1] = begun + start
        else:
            lines.append(line)
    return "\n".join(lines)
