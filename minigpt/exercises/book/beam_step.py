"""Exercise of chapter 10: a step of beam search, from B texts to the best continuations of all of them."""

import numpy as np

from minigpt.beam_search import beam_search
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong

SKELETON = '''\
import numpy as np


def beam_step(scores, log_p, beams):
    """scores (B,) of the texts so far, log_p (B, V) of each text's next token -> rows (K,), tokens (K,), best (K,).

    The K = beams best continuations, best first: which text each continues, with which token, and its score.
    """
'''

ANSWER = '''\
import numpy as np


def beam_step(scores, log_p, beams):
    V = log_p.shape[1]
    total = scores[:, None] + log_p
    order = np.argsort(-total.reshape(-1), kind="stable")[:beams]
    rows, tokens = order // V, order % V
    return rows, tokens, total.reshape(-1)[order]
'''


def _beam_step(scores, log_p, beams):
    """The lines of beam_search that choose, without the ends of texts."""
    total = scores[:, None] + log_p
    candidates = np.argsort(-total.ravel(), kind="stable")[:beams]
    rows, tokens = np.divmod(candidates, log_p.shape[1])
    return rows, tokens, total[rows, tokens]


def problems(rng):
    def problem(scores, p, beams):
        return Problem({"scores": np.array(scores), "log_p": np.log(p)}, {"beams": beams})

    # In the first, text 1 is so far ahead that both its good continuations beat the best one of text 0.
    return [problem([-2.0, -0.5], [[0.1, 0.3, 0.6], [0.1, 0.4, 0.5]], 2),
            problem(-rng.random(3), rng.dirichlet(np.ones(5), 3), 4), problem([0.0], rng.dirichlet(np.ones(4), 1), 3),
            problem([-1.0, -1.0], [[0.25, 0.5, 0.25], [0.25, 0.5, 0.25]], 4),
            problem([-0.7], [[0.25, 0.75]], 5), problem([-3.0, -1.0], [[1.0], [1.0]], 1)]


def _none_better(functions, problem):
    scores, log_p = problem.arrays.values()
    rows, tokens, best = functions[0](scores, log_p, **problem.given)
    left = {(row, token): scores[row] + log_p[row, token] for row, token in np.ndindex(log_p.shape)}
    for row, token in zip(rows, tokens):
        left.pop((int(row), int(token)), None)
    for (row, token), score in left.items():
        if len(best) and score > best.min() + 1e-9:
            return Text(f"token {token} after text {row} has the score {score:.6g} and was left out, though the last "
                        f"one kept has {best.min():.6g}",
                        f"文本 {row} 接词元 {token} 的分数是 {score:.6g}，没有入选，"
                        f"而入选的最后一个只有 {best.min():.6g}")
    return None


def _falling(functions, problem):
    scores, log_p = problem.arrays.values()
    rows, _, best = functions[0](scores, log_p, **problem.given)
    for place, (row, score) in enumerate(zip(rows, best)):
        if score > scores[row] + 1e-9:
            return Text(f"continuation {place} has the score {score:.6g}, more than {scores[row]:.6g} of the text it "
                        "continues: a longer text can only be less probable",
                        f"第 {place} 个延续的分数是 {score:.6g}，比它所延续的文本的 {scores[row]:.6g} 还高：文本越长，"
                        "概率只会越小")
    return None


EXERCISE = Exercise(
    name="beam_step",
    chapter=10,
    title=Text("A step of beam search", "束搜索的一步"),
    task=Text(
        "A beam search keeps several texts, and a text's score is the log-probability of all its tokens. log_p has for "
        "each text the log-probabilities of the next token; a continuation's score is the text's plus the token's. Of "
        "all B V continuations choose the `beams` best (or all, when there are fewer), best first; of equal ones first "
        "that of the earlier text, then the smaller token. Several may come from one text, and a text may end without "
        "any.",
        "束搜索（beam search）同时保留几段文本，一段文本的分数是它所有词元的对数概率之和。"
        "log_p 给出每段文本下一个词元的对数概率；延续的分数等于文本的分数加上词元的对数概率。"
        "在全部 B V 个延续中选出最好的 beams 个（不够时全选），最好的在前；分数相同时，先取靠前的文本，再取小的词元。"
        "几个延续可以来自同一段文本，也可能有的文本一个也没有。"),
    functions=("beam_step",),
    skeleton=SKELETON,
    solution=(_beam_step,),
    shown=(beam_search,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("no continuation left out is better", _none_better),
                Property("a score never rises", _falling)),
    hints=(
        Text("Add first: a column of scores (B, 1) and log_p (B, V) make one table of the scores of all continuations.",
             "先相加：一列分数 (B, 1) 与 log_p (B, V)，得到所有延续的分数表。"),
        Text("Sort the table as one long row, descending. Place i of that row is text i // V and token i % V.",
             "把整张表当成一长行，按降序排。这一行的第 i 个是文本 i // V、词元 i % V。"),
        Text("order = np.argsort(-total.reshape(-1), kind='stable')[:beams]; rows, tokens = order // V, order % V; the "
             "scores are total.reshape(-1)[order].",
             "order = np.argsort(-total.reshape(-1), kind='stable')[:beams]；rows, tokens = order // V, order % V；"
             "分数是 total.reshape(-1)[order]。"),
    ),
    wrong=(
        Wrong("scores_forgotten", (("scores[:, None] + log_p", "log_p"),), "value", "so far",
              Text("the scores so far are not added: a likely token after an unlikely text would win",
                   "没有加上到目前为止的分数：一段很不可能的文本接一个可能的词元也会胜出")),
        Wrong("one_a_text", (('np.argsort(-total.reshape(-1), kind="stable")[:beams]',
                              "np.argmax(log_p, axis=1) + V * np.arange(len(scores))\n"
                              "    order = order[np.argsort(-total.reshape(-1)[order])][:beams]"),), "value",
              "each text keeps",
              Text("each text keeps its own best token; the best continuations of all texts together are wanted, and "
                   "several may come from one text",
                   "每段文本各留了自己最好的词元；要的是所有文本放在一起最好的延续，几个可以来自同一段文本")),
        Wrong("worst", (("np.argsort(-total", "np.argsort(total"),), "value", "worst",
              Text("these are the worst continuations: argsort puts the smallest first, so sort -total",
                   "选出的是最差的延续：argsort 把最小的放在前面，应当对 -total 排序")),
        Wrong("best_last", (('np.argsort(-total.reshape(-1), kind="stable")[:beams]',
                             'np.argsort(total.reshape(-1), kind="stable")[-beams:]'),), "value", "best first",
              Text("the right continuations in rising order: the best first",
                   "延续选对了，但顺序是从差到好：应当最好的在前")),
        Wrong("swapped", (("rows, tokens = order // V, order % V", "rows, tokens = order % V, order // V"),), "value",
              "exchanged",
              Text("rows and tokens are exchanged: place i of the flattened table is text i // V and token i % V",
                   "rows 与 tokens 互换了：展平后第 i 个是文本 i // V、词元 i % V")),
        Wrong("divided_by_b", (("    V = log_p.shape[1]", "    V = len(scores)"),), "value", "number of texts",
              Text("the place is divided by the number of texts B; a row of the table has V entries, one a token",
                   "位置除以了文本数 B；表的一行有 V 项，每个词元一项")),
        Wrong("step_only", (("total.reshape(-1)[order]", "log_p.reshape(-1)[order]"),), "value", "last token alone",
              Text("the scores returned are those of the last token alone: they must hold the whole text's, for the "
                   "next step to add to",
                   "返回的分数只是最后一个词元的：应当是整段文本的，下一步还要往上加")),
        Wrong("multiplied", (("scores[:, None] + log_p", "-scores[:, None] * log_p"),), "value", "add up",
              Text("scores and log-probabilities are multiplied: probabilities multiply, so their logarithms add up",
                   "把分数与对数概率相乘了：概率相乘，对数就相加")),
        Wrong("ties_reversed", (('np.argsort(-total.reshape(-1), kind="stable")[:beams]',
                                 'np.argsort(total.reshape(-1), kind="stable")[::-1][:beams]'),), "odd shapes",
              "equal scores",
              Text("of equal scores the later comes first: an ascending order turned round turns the ties round too. "
                   "Sort -total, with kind='stable'",
                   "分数相同时，靠后的排在了前面：把升序倒过来，并列的顺序也倒了。应当对 -total 排序，kind='stable'")),
    ),
)  # fmt: skip
