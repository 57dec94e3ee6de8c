"""Exercise of chapter 17: two models mixed into one, and what the mixture costs in bits a character."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.token_file import Counts

SKELETON = '''\
import numpy as np


def interpolate(p, q, weight, characters):
    """p (T,), q (T,): what two models gave to each token of a text -> the mixture's bits per character."""
'''

ANSWER = '''\
import numpy as np


def interpolate(p, q, weight, characters):
    mixed = weight * p + (1 - weight) * q
    return -np.log(mixed).sum() / (characters * np.log(2))
'''


def solution(p, q, weight, characters):
    loss = -float(np.log(weight * p + (1 - weight) * q).mean())
    return Counts(len(p), characters, characters).bits_per_character(loss)


def problems(rng):
    def draw(count):
        return rng.uniform(0.02, 0.9, count)

    return [Problem({"p": np.array([0.5, 0.5, 0.25, 0.02]), "q": np.array([0.25, 0.125, 0.25, 0.7])},
                    {"weight": 0.75, "characters": 11}),
            Problem({"p": draw(9), "q": draw(9)}, {"weight": 0.3, "characters": 9}),
            Problem({"p": np.array([0.5, 0.0, 0.25]), "q": np.array([0.0, 0.125, 0.5])},
                    {"weight": 0.5, "characters": 8}),
            Problem({"p": draw(1), "q": draw(1)}, {"weight": 0.9, "characters": 5})]


def _alone(functions, problem):
    p, q = (np.maximum(problem.arrays[name], 0.01) for name in "pq")
    characters = problem.given["characters"]
    for weight, name, one in ((1.0, "p", p), (0.0, "q", q)):
        expected = -np.log2(one).sum() / characters
        value = float(functions[0](p, q, weight=weight, characters=characters))
        if abs(value - expected) > 1e-9:
            return Text(f"with the weight {weight:g} the mixture is {name} alone: {expected:.6g} bits, not {value:.6g}",
                        f"权重为 {weight:g} 时混合模型就是 {name}，应为 {expected:.6g} 比特，得到的是 {value:.6g}")
    return None


def _never_worse(functions, problem):
    p, q = (np.maximum(problem.arrays[name], 0.01) for name in "pq")
    weight, characters = problem.given["weight"], problem.given["characters"]
    average = -(weight * np.log2(p) + (1 - weight) * np.log2(q)).sum() / characters
    value = float(functions[0](p, q, weight=weight, characters=characters))
    if value > average + 1e-9:
        return Text(f"a mixture costs no more than the average of both costs, {average:.6g} bits: got {value:.6g}",
                    f"混合模型的代价不会超过两个代价的加权平均 {average:.6g} 比特，得到的是 {value:.6g}")
    return None


EXERCISE = Exercise(
    name="interpolate",
    chapter=17,
    title=Text("Two models as one", "两个模型合成一个"),
    task=Text(
        "p (T,) are the probabilities that one model gave to the T tokens of a text, each to the token that stood "
        "there, and q (T,) those of another. The mixture gives λ p + (1 - λ) q to each, with λ = `weight`: it is a "
        "model too, as its probabilities add up to 1 over the vocabulary like those of both. Return what it needs for "
        "the text in bits per character: Σ -log2 of its probabilities, over the `characters` that the tokens stand "
        "for.",
        "p (T,) 是一个模型给文本中 T 个词元（token）的概率（每个位置上取真实出现的那个词元），"
        "q (T,) 是另一个模型的。混合模型给每个词元 λ p + (1 - λ) q，λ 即 weight："
        "两者的概率在词表上之和都是 1，混合之后也是，所以它也是一个模型。"
        "返回它在这段文本上的每字符比特数：各概率的 -log2 之和，除以这些词元所代表的 characters 个字符。"),
    functions=("interpolate",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("either model alone", _alone), Property("no worse than the average", _never_worse)),
    shown=(Counts.bits_per_character,),
    hints=(
        Text("Mix first, then take the logarithm: probabilities are mixed, not their costs.",
             "先混合，再取对数：混合的是概率，而不是代价。"),
        Text("The text costs the sum over its tokens; only at the end is it spread over the characters, of which there "
             "are more than tokens.",
             "整段文本的代价是对词元求和；最后才摊到字符上，而字符比词元多。"),
        Text("mixed = weight * p + (1 - weight) * q, then -np.log2(mixed).sum() / characters.",
             "mixed = weight * p + (1 - weight) * q，然后 -np.log2(mixed).sum() / characters。"),
    ),
    wrong=(
        Wrong("costs_mixed", (("-np.log(mixed).sum()", "-(weight * np.log(p) + (1 - weight) * np.log(q)).sum()"),),
              "value", "average of the two costs",
              Text("this is the average of the two costs, which is never below the better one. Probabilities are mixed "
                   "before the logarithm: then one model can rescue the other where that is badly wrong",
                   "这是两个代价的平均，永远不会低于较好的那个。应当在取对数之前混合概率：这样一个模型错得厉害时，另一个能救它")),
        Wrong("exchanged", (("weight * p + (1 - weight) * q", "(1 - weight) * p + weight * q"),), "value", "exchanged",
              Text("the weights are exchanged: `weight` belongs to p, 1 - weight to q",
                   "两个权重互换了：weight 属于 p，1 - weight 属于 q")),
        Wrong("half_each", (("weight * p + (1 - weight) * q", "(p + q) / 2"),), "value", "half",
              Text("each model got one half: `weight` was not used",
                   "两个模型各占一半：没有用到 weight")),
        Wrong("the_better", (("weight * p + (1 - weight) * q", "np.maximum(p, q)"),), "value", "afterwards",
              Text("this takes the better model at each token, which is known only afterwards; such \"probabilities\" "
                   "add up to more than 1 over the vocabulary",
                   "这在每个词元处取了较好的那个模型，而哪个较好事后才知道；这样的“概率”在词表上之和超过 1")),
        Wrong("mean_first", (("-np.log(mixed).sum()", "-np.log(mixed.mean()) * len(p)"),), "value",
              "before the logarithm",
              Text("the probabilities were averaged over the text before the logarithm: the text's probability is "
                   "their product, so the logarithms are what is added",
                   "在取对数之前对整段文本的概率取了平均：文本的概率是它们的乘积，所以应当把各个对数相加")),
        Wrong("nats", (("(characters * np.log(2))", "characters"),), "value", "nats",
              Text("these are nats per character: ln 2 = 0.693 nats are one bit, so divide by ln 2",
                   "这是每字符的奈特数：ln 2 = 0.693 奈特为一比特，所以要除以 ln 2")),
        Wrong("per_token", (("(characters * np.log(2))", "(len(p) * np.log(2))"),), "value", "per token",
              Text("these are bits per token: spread them over the characters, which do not depend on the tokenizer",
                   "这是每词元的比特数：应当摊到字符上，字符数与分词器无关")),
        Wrong("no_minus", (("-np.log(mixed)", "np.log(mixed)"),), "value", "minus",
              Text("the minus is missing: logarithms of probabilities are negative, a cost is positive",
                   "漏了负号：概率的对数为负，而代价为正")),
    ),
)  # fmt: skip
