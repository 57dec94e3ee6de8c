"""Search that finds Chinese: each two neighbouring characters are a word, in the pages and in what is asked.

Chinese is written without spaces, and Sphinx's own search takes what is typed as one word, which no page contains.
Cut into pairs, 注意力 is 注意 and 意力 on both sides, and a page is found that has both. Single characters are kept
as well, for who asks for one. Words in letters go the way of English, by their stems. No dictionary is needed.
"""

import regex
from sphinx.search.en import SearchEnglish

WORD = regex.compile(r"\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}_])+")

# The same for the browser, but for the single characters: what is asked in pairs is found by its pairs.
SPLIT = r"""
var splitQuery = (query) =>
  [...query.matchAll(/\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}_])+/gu)].flatMap(([word]) => {
    const signs = [...word];
    if (signs.length < 2 || !/^\p{Script=Han}/u.test(word)) return [word];
    return signs.slice(1).map((sign, i) => signs[i] + sign);
  });
"""


def split(text: str) -> list[str]:
    """Words of letters; Chinese characters, and pairs of neighbours."""
    found = []
    for word in WORD.findall(text):
        found.append(word) if not regex.match(r"\p{Script=Han}", word) else found.extend(
            [*word, *(word[i : i + 2] for i in range(len(word) - 1))])
    return found


class Pairs(SearchEnglish):
    """The search of both languages: English pages have Chinese terms, too, and the reverse."""

    js_splitter_code = SPLIT

    def split(self, input: str) -> list[str]:
        return split(input)


class ChinesePairs(Pairs):
    """The same under Sphinx's name of the language. language_name stays English: it is the name of the stemmer."""

    lang = "zh"
