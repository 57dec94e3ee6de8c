"""Exercise of chapter 11: the most probable states of a hidden Markov model."""

import itertools

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.text.hmm import HMM
from minigpt.text.hmm import viterbi as library_viterbi

SKELETON = '''\
import numpy as np


def viterbi(start, transition, emission, symbols):
    """start (K,), transition (K, K), emission (K, V): logarithms; symbols (T,) -> states (T,) and ln p of them.

    transition[i, j] = ln p(state j | state i before); emission[j, o] = ln p(symbol o | state j).
    """
'''

ANSWER = '''\
import numpy as np


def viterbi(start, transition, emission, symbols):
    T = len(symbols)
    best = start + emission[:, symbols[0]]
    came_from = np.zeros((T, len(start)), dtype=int)
    for t in range(1, T):
        ways = best[:, None] + transition
        came_from[t] = ways.argmax(axis=0)
        best = ways.max(axis=0) + emission[:, symbols[t]]
    states = np.zeros(T, dtype=int)
    states[-1] = best.argmax()
    for t in range(T - 1, 0, -1):
        states[t - 1] = came_from[t, states[t]]
    return states, best.max()
'''


def solution(start, transition, emission, symbols):
    states, log_p = library_viterbi(HMM(start, transition, emission, np.zeros(len(start))), symbols)
    return np.array(states), log_p


def problems(rng):
    def problem(p_start, p_transition, p_emission, symbols):
        arrays = {"start": p_start, "transition": p_transition, "emission": p_emission}
        return Problem({**{name: np.log(np.array(p)) for name, p in arrays.items()}, "symbols": np.array(symbols)})

    def drawn(K, V, T):
        return problem(rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K), K), rng.dirichlet(np.ones(V), K),
                       rng.integers(0, V, T))

    # In the first, one after the other the states would be 1 0 0 0; seen as a whole they are 1 0 1 0.
    return [problem([0.3, 0.7], [[0.5, 0.5], [0.7, 0.3]], [[0.3, 0.5, 0.2], [0.5, 0.3, 0.2]], [1, 0, 2, 2]),
            drawn(3, 4, 9), drawn(4, 3, 1), drawn(1, 2, 3), drawn(3, 3, 12),
            problem([0.2, 0.8], [[0.7, 0.3], [0.05, 0.95]], [[0.9, 0.1], [0.2, 0.8]], [0, 0, 1] * 400)]


def _none_better(functions, problem):
    start, transition, emission, symbols = problem.arrays.values()
    K, T = len(start), len(symbols)
    if K**T > 5000:
        return None
    _, log_p = functions[0](start, transition, emission, symbols)
    for states in itertools.product(range(K), repeat=T):
        s = np.array(states)
        other = start[s[0]] + transition[s[:-1], s[1:]].sum() + emission[s, symbols].sum()
        if other > log_p + 1e-9:
            return Text(f"the states {list(states)} have ln p = {other:.6g}, more than your {log_p:.6g}",
                        f"状态 {list(states)} 的 ln p = {other:.6g}，比你给出的 {log_p:.6g} 更大")
    return None


EXERCISE = Exercise(
    name="viterbi",
    chapter=11,
    title=Text("The Viterbi algorithm", "维特比算法"),
    task=Text(
        "A hidden Markov model gives symbols (T,) from states that nobody sees. Of all K^T sequences of states find "
        "the "
        "most probable, and ln of its probability p(s_1) p(o_1|s_1) ∏ p(s_t|s_t-1) p(o_t|s_t), in T K² steps. All "
        "tables are logarithms. For each state j keep the best score of a way that ends there, and from which state i "
        "that way came; at the end go back. The text may be 1,200 symbols long.",
        "隐马尔可夫模型（hidden Markov model）由看不见的状态给出符号 symbols (T,)。在全部 K^T "
        "条状态序列中找出概率最大的一条，"
        "以及它的概率 p(s_1) p(o_1|s_1) ∏ p(s_t|s_t-1) p(o_t|s_t) 的对数，步数为 T K²。所有的表都是对数。"
        "对每个状态 j，记住到达它的最好路径的分数，以及这条路径是从哪个状态 i 来的；最后往回走。文本可能有 1,200 "
        "个符号。"),
    functions=("viterbi",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("no states are more probable", _none_better),),
    shown=(library_viterbi,),
    hints=(
        Text("Suppose you know, for each state i, the best way that ends in i at t - 1. Which ways can be the best "
             "one to "
             "state j at t? Only K of them need to be looked at.",
             "假设对每个状态 i，你已经知道 t - 1 时到达 i 的最好路径。t 时到达状态 j 的最好路径，只需从哪 K 条里挑？"),
        Text("ways = best[:, None] + transition is (K, K): the row is where a way comes from, the column where it "
             "goes. "
             "The maximum and argmax run over where it comes from.",
             "ways = best[:, None] + transition，形状 (K, K)：行是从哪里来，列是到哪里去。max 和 argmax "
             "沿“从哪里来”的轴取。"),
        Text("came_from[t] = ways.argmax(axis=0); best = ways.max(axis=0) + emission[:, symbols[t]]. At the end "
             "states[-1] = best.argmax(), and states[t - 1] = came_from[t, states[t]] for t from T - 1 down to 1.",
             "came_from[t] = ways.argmax(axis=0)；best = ways.max(axis=0) + emission[:, symbols[t]]。最后 "
             "states[-1] = best.argmax()，再让 t 从 T - 1 到 1：states[t - 1] = came_from[t, states[t]]。"),
    ),
    wrong=(
        Wrong("greedy", ((ANSWER[ANSWER.index("    T ="):],
                          "    states = [int((start + emission[:, symbols[0]]).argmax())]\n"
                          "    log_p = (start + emission[:, symbols[0]]).max()\n"
                          "    for o in symbols[1:]:\n        scores = transition[states[-1]] + emission[:, o]\n"
                          "        states.append(int(scores.argmax()))\n        log_p = log_p + scores.max()\n"
                          "    return np.array(states), log_p\n"),), "value", "one after the other",
              Text("the states were chosen one after the other, each the best for the moment: a state that looks worse "
                   "now may lead to more. Keep a score for every state until the end",
                   "状态是一个接一个选的，每次只取眼前最好的：眼下较差的状态，后来可能更好。"
                   "要把每个状态的分数都留到最后")),
        Wrong("transposed", (("best[:, None] + transition", "best[:, None] + transition.T"),), "value", "exchanged",
              Text("from and to are exchanged: transition[i, j] goes from i, the row, to j",
                   "“从”和“到”弄反了：transition[i, j] 是从行 i 到列 j")),
        Wrong("over_columns", (("best[:, None] + transition", "(best[:, None] + transition).T"),), "value", "axis 0",
              Text("the maximum runs over where a way goes instead of where it comes from: that is axis 0 of "
                   "best[:, None] + transition",
                   "最大值沿“到哪里去”的轴取了；应当沿“从哪里来”的轴，即 best[:, None] + transition 的轴 0")),
        Wrong("no_way_back", (("        states[t - 1] = came_from[t, states[t]]",
                               "        states[t - 1] = came_from[t].argmax()"),), "value", "way back",
              Text("the way back doesn't follow the states: the state before states[t] is came_from[t, states[t]]",
                   "往回走时没有沿着状态走：states[t] 的前一个状态是 came_from[t, states[t]]")),
        Wrong("first_forgotten", (("best = start + emission[:, symbols[0]]", "best = start"),), "value", "first symbol",
              Text("the first symbol was forgotten: it has an emission too",
                   "忘了第一个符号：它也有发射概率")),
        Wrong("start_forgotten", (("best = start + emission[:, symbols[0]]", "best = emission[:, symbols[0]]"),),
              "value", "first state",
              Text("the probability of the first state was forgotten: add start",
                   "忘了第一个状态的概率：要加上 start")),
        Wrong("probabilities", (("    T = len(symbols)\n    best = start + emission[:, symbols[0]]",
                                 "    T = len(symbols)\n    start, transition, emission = map(np.exp, (start, "
                                 "transition, emission))\n    best = start * emission[:, symbols[0]]"),
                                ("best[:, None] + transition", "best[:, None] * transition"),
                                ("ways.max(axis=0) + emission", "ways.max(axis=0) * emission"),
                                ("return states, best.max()", "return states, np.log(best.max())")), "finite",
              "underflow",
              Text("the product of 1,200 probabilities is smaller than the smallest float: an underflow to 0, whose "
                   "logarithm is -inf. Add logarithms instead",
                   "1,200 个概率相乘，比最小的浮点数还小，下溢成了 0，它的对数是 -inf。应当把对数相加")),
        Wrong("forward", (("best = ways.max(axis=0) + emission",
                           "best = np.log(np.exp(ways).sum(axis=0)) + emission"),), "value", "sum",
              Text("this is the sum over all ways (the forward algorithm): the best one alone was asked for",
                   "这是对所有路径求和（前向算法）；要的只是最好的那一条")),
    ),
)  # fmt: skip
