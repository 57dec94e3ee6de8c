"""Exercise of chapter 17: how much of each model a mixture should take, found by expectation and maximisation."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong

SKELETON = '''\
import numpy as np


def mixture_weight(p, q, weight, rounds):
    """p (T,), q (T,): what two models gave to each token; weight: of p, to begin with -> the weight after rounds."""
'''

ANSWER = '''\
import numpy as np


def mixture_weight(p, q, weight, rounds):
    for _ in range(rounds):
        shares = weight * p / (weight * p + (1 - weight) * q)
        weight = shares.mean()
    return weight
'''


def solution(p, q, weight, rounds):
    for _ in range(rounds):
        from_p, from_q = weight * p, (1 - weight) * q  # (T,), the two parts of what the mixture gave to each token
        weight = float((from_p / (from_p + from_q)).mean())
    return weight


def problems(rng):
    def draw(count):
        return rng.uniform(0.02, 0.9, count)

    return [Problem({"p": np.array([0.5, 0.5, 0.25, 0.02]), "q": np.array([0.25, 0.125, 0.25, 0.7])},
                    {"weight": 0.75, "rounds": 2}),
            Problem({"p": draw(11), "q": draw(11)}, {"weight": 0.3, "rounds": 5}),
            Problem({"p": np.array([0.5, 0.0, 0.25]), "q": np.array([0.0, 0.125, 0.5])}, {"weight": 0.5, "rounds": 1}),
            Problem({"p": draw(1), "q": draw(1)}, {"weight": 0.9, "rounds": 3}),
            Problem({"p": draw(6), "q": draw(6)}, {"weight": 0.4, "rounds": 0})]


def _cost(problem, weight):
    return -float(np.log(weight * problem.arrays["p"] + (1 - weight) * problem.arrays["q"]).mean())


def _never_rises(functions, problem):
    weight = problem.given["weight"]
    after = float(functions[0](problem.arrays["p"], problem.arrays["q"], weight=weight, rounds=1))
    if not 0 <= after <= 1:
        return Text(f"a weight lies between 0 and 1, and got {after:.6g}",
                    f"权重应在 0 与 1 之间，得到的是 {after:.6g}")
    before_cost, after_cost = _cost(problem, weight), _cost(problem, after)
    if after_cost > before_cost + 1e-12:
        return Text(f"a round never makes the mixture worse, and the loss rose from {before_cost:.6g} to "
                     "{after_cost:.6g}",
                    f"每一轮都不会使混合模型变差，损失却从 {before_cost:.6g} 升到了 {after_cost:.6g}")
    return None


def _equal_models(functions, problem):
    q, weight = problem.arrays["q"] + 0.01, problem.given["weight"]
    after = float(functions[0](q, q, weight=weight, rounds=4))
    if abs(after - weight) > 1e-12:
        return Text(f"where both models say the same, no weight is better than {weight:g}, and it became {after:.6g}",
                    f"两个模型完全相同时，没有比 {weight:g} 更好的权重，它却变成了 {after:.6g}")
    return None


EXERCISE = Exercise(
    name="mixture_weight",
    chapter=17,
    title=Text("How much of each model", "每个模型占多少"),
    task=Text(
        "A mixture gives λ p + (1 - λ) q to a token. Which λ suits a text best? Say that for each token the mixture "
        "first chooses one of the models, p with the probability λ, and lets it speak. Which one spoke is not seen, "
        "but how probably it was p is known: the share λ p / (λ p + (1 - λ) q) of what the token got. The mean of "
        "these shares over the text is a better λ. p (T,) and q (T,) are what the models gave to the T tokens of a "
        "text; begin with λ = `weight`, and return λ after so many rounds.",
        "混合模型给一个词元 λ p + (1 - λ) q。哪个 λ 最适合一段文本？不妨设想：对每个词元，混合模型先选一个模型，"
        "以概率 λ 选 p，再让它说话。谁说了话是看不见的，但是 p 的可能性算得出来：它在这个词元的概率中所占的份额，"
        "λ p / (λ p + (1 - λ) q)。这些份额在整段文本上的平均，就是一个更好的 λ。p (T,) 与 q (T,) "
        "是两个模型给文本中 T 个词元的概率；从 λ = weight 开始，返回 rounds 轮之后的 λ。"),
    functions=("mixture_weight",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("a round never makes it worse", _never_rises), Property("equal models", _equal_models)),
    hints=(
        Text("For one token: the mixture gave it two parts, λ p and (1 - λ) q. Which part of their sum is the first?",
             "先看一个词元：混合模型给了它两部分，λ p 与 (1 - λ) q。第一部分占总和的多少？"),
        Text("Each token has one vote, which it divides among the models: divide token by token, then take the mean.",
             "每个词元有一票，由它分给两个模型：先逐个词元相除，再取平均。"),
        Text("shares = weight * p / (weight * p + (1 - weight) * q); weight = shares.mean(); again with the new "
             "weight, `rounds` times in all.",
             "shares = weight * p / (weight * p + (1 - weight) * q)；weight = shares.mean()；再用新的 weight 重来，"
             "一共 rounds 次。"),
    ),
    wrong=(
        Wrong("no_weight", (("weight * p / (weight * p + (1 - weight) * q)", "p / (p + q)"),), "value",
              "without the weight",
              Text("these are the shares without the weight: a model that is chosen more often has the larger share "
                   "of the same token, λ p and (1 - λ) q",
                   "这些份额没有用到权重：同一个词元，更常被选中的模型占的份额更大，两部分是 λ p 与 (1 - λ) q")),
        Wrong("hard", (("weight * p / (weight * p + (1 - weight) * q)", "(weight * p > (1 - weight) * q)"),), "value",
              "whole vote",
              Text("each token gave its whole vote to one model: it belongs to both, in the share of what each gave "
                   "to it",
                   "每个词元把整张票投给了一个模型：它同时属于两者，按各自给它的概率分摊")),
        Wrong("ratio_of_sums", (("shares = weight * p / (weight * p + (1 - weight) * q)", "from_p = weight * p.sum()"),
                                ("shares.mean()", "from_p / (from_p + (1 - weight) * q.sum())")), "value",
              "before dividing",
              Text("the probabilities were added up before dividing, so probable tokens had more votes: divide token "
                   "by token, then take the mean",
                   "先求和后相除，概率大的词元就有了更多的票：应当逐个词元相除，再取平均")),
        Wrong("share_of_q", (("shares = weight * p /", "shares = (1 - weight) * q /"),), "value", "share of q",
              Text("this is the share of q, and `weight` is that of p",
                   "这是 q 的份额，而 weight 是 p 的")),
        Wrong("one_round", (("for _ in range(rounds):", "if rounds:"),), "value", "one round",
              Text("this is the weight after one round: each round begins with the weight that the last one found, "
                   "not with the first",
                   "这是一轮之后的权重：每一轮都从上一轮得到的权重开始，而不是从最初的权重")),
        Wrong("sum_of_shares", (("shares.mean()", "shares.sum()"),), "value", "mean",
              Text("the shares were added up: T tokens have T votes, and the weight is their mean",
                   "把份额加起来了：T 个词元有 T 票，权重是它们的平均")),
    ),
)  # fmt: skip
