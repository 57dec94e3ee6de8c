"""Exercise of chapter 12: stupid backoff, the score of a token after a context."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.ngram_smoothing import stupid_backoff

SKELETON = '''\
def backoff(counts, context, token, alpha):
    """counts: {piece of text: how often it occurred} -> the score of token after context, a number."""
'''

ANSWER = '''\
def backoff(counts, context, token, alpha):
    found = counts.get(context + token, 0)
    if found > 0:
        return found / counts[context]
    if context == "":
        return 0.0
    return alpha * backoff(counts, context[1:], token, alpha)
'''


def solution(counts, context, token, alpha):
    score = 0.0
    for start in range(len(context), -1, -1):  # from no context to the whole of it
        known = context[start:]
        score = float(stupid_backoff(counts.get(known + token, 0), counts.get(known, 0), 0, score, alpha, 0))
    return score


def counted(text):
    """How often every piece of up to three characters occurs, and "" for all of them."""
    counts = {"": len(text)}
    for length in (1, 2, 3):
        for start in range(len(text) - length + 1):
            counts[text[start:start + length]] = counts.get(text[start:start + length], 0) + 1
    return counts


def problems(rng):
    counts = counted("abracadabra")
    letters = counted("".join(rng.choice(list("abc"), 25)))
    return [Problem({}, {"counts": counts, "context": "ra", "token": "b", "alpha": 0.4}),
            Problem({}, {"counts": counts, "context": "ca", "token": "r", "alpha": 0.4}),
            Problem({}, {"counts": counts, "context": "ab", "token": "r", "alpha": 0.4}),
            Problem({}, {"counts": counts, "context": "zz", "token": "a", "alpha": 0.5}),
            Problem({}, {"counts": counts, "context": "ra", "token": "z", "alpha": 0.4}),
            Problem({}, {"counts": counts, "context": "", "token": "d", "alpha": 0.4}),
            Problem({}, {"counts": letters, "context": "cb", "token": "a", "alpha": 0.9})]


def _no_context(functions, problem):
    counts, token = problem.given["counts"], problem.given["token"]
    came, due = functions[0](counts, "", token, alpha=0.1), counts.get(token, 0) / counts[""]
    if abs(came - due) > 1e-9:
        return Text(f"after no context the score is the share of the text, {due:.6g}; it came out as {came:.6g}",
                    f"没有上下文时，分数就是它在文本中的比例 {due:.6g}，得到的却是 {came:.6g}")
    return None


EXERCISE = Exercise(
    name="backoff",
    chapter=12,
    title=Text("Stupid backoff", "笨回退（stupid backoff）"),
    task=Text(
        "Tokens are characters here. counts[piece] is how often a piece of text occurred, and counts[\"\"] how many "
        "characters there were in all; a piece that never occurred isn't there. If the token was seen after the "
        "context, its score is counts[context + token] / counts[context]. If not, it is alpha times the score after "
        "the context without its oldest character. After the empty context, a token never seen has the score 0.",
        "这里的词元是字符。counts[piece] 是一段文本出现的次数，counts[\"\"] 是字符的总数；从未出现的片段不在字典里。"
        "如果 token 在 context 之后出现过，分数是 counts[context + token] / counts[context]；"
        "否则是 alpha 乘以去掉最旧一个字符之后的分数。上下文为空时，从未出现的词元分数为 0。"),
    functions=("backoff",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("no context", _no_context),),
    shown=(stupid_backoff,),
    hints=(
        Text("The rule calls itself with a shorter context: so may your function.",
             "规则里用到了更短上下文的分数：你的函数也可以调用自己。"),
        Text("The oldest character is the first one: context[1:] is the context without it.",
             "最旧的字符是第一个：context[1:] 就是去掉它之后的上下文。"),
        Text("Three cases in this order: seen, return the share; context empty, return 0.0; otherwise alpha times "
             "backoff(counts, context[1:], token, alpha).",
             "依次三种情形：出现过，返回比例；上下文为空，返回 0.0；否则返回 alpha 乘以 "
             "backoff(counts, context[1:], token, alpha)。"),
    ),
    wrong=(
        Wrong("newest_dropped", (("context[1:]", "context[:-1]"),), "value", "newest",
              Text("the newest character was dropped: what is nearest says most, so give up the oldest, context[1:]",
                   "去掉了最新的字符：离得越近越有用，应当放弃最旧的，即 context[1:]")),
        Wrong("no_alpha", (("alpha * backoff", "backoff"),), "value", "alpha",
              Text("alpha is missing: each character that is given up costs a factor alpha",
                   "漏了 alpha：每放弃一个字符，都要乘一个 alpha")),
        Wrong("of_all", (("found / counts[context]", "found / counts[\"\"]"),), "value", "whole text",
              Text("this is the share of the whole text: divide by how often the context occurred",
                   "这是在整段文本中的比例：应当除以上下文出现的次数")),
        Wrong("straight_to_one", (("alpha * backoff(counts, context[1:]", "alpha * backoff(counts, \"\""),), "value",
              "at once",
              Text("the whole context was given up at once: go back one character at a time",
                   "一下子放弃了整个上下文：应当一次只退一个字符")),
        Wrong("flat_alpha", (("return alpha * backoff(counts, context[1:], token, alpha)",
                              "return alpha * backoff(counts, context[1:], token, 1.0)"),), "odd shapes",
              "for each character",
              Text("alpha counts only once, however far the context was cut: it is a factor for each character given "
                   "up",
                   "不管退了几步，alpha 只乘了一次：每放弃一个字符都要乘一次")),
        Wrong("raises", (("counts.get(context + token, 0)", "counts[context + token]"),), "raised", "KeyError",
              Text("a piece that never occurred isn't in counts: counts.get(piece, 0)",
                   "从未出现的片段不在 counts 里：用 counts.get(piece, 0)")),
        Wrong("no_end", (("    if context == \"\":\n        return 0.0\n", ""),), "odd shapes", "recursion",
              Text("\"\"[1:] is \"\" again, so a token never seen leads into an endless recursion: after the empty "
                   "context its score is 0",
                   "\"\"[1:] 还是 \"\"，从未出现的词元会无穷递归：上下文为空时，它的分数是 0")),
        Wrong("interpolated", (("        return found / counts[context]\n",
                                "        rest = backoff(counts, context[1:], token, alpha) if context else 0.0\n"
                                "        return found / counts[context] + alpha * rest\n"),), "value", "added",
              Text("the shorter context was added although the token was seen: that is interpolation; backoff looks "
                   "there only where nothing was seen",
                   "词元明明出现过，却又加上了更短上下文的分数：那是插值；回退只在没有出现过时才看更短的上下文")),
    ),
)  # fmt: skip
