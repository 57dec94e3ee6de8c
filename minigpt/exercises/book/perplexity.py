"""Exercise of chapter 02: from the probabilities of a text's tokens to perplexity and bits per character."""

import math

import numpy as np

from minigpt.evaluate import evaluate
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.token_file import Counts

SKELETON = '''\
import numpy as np


def perplexity(log_p, characters):
    """log_p (...), natural logarithms of each token's probability -> perplexity, bits per character."""
'''

ANSWER = '''\
import numpy as np


def perplexity(log_p, characters):
    loss = -log_p.mean()
    bits = loss * log_p.size / (characters * np.log(2))
    return np.exp(loss), bits
'''


def solution(log_p, characters):
    loss = float(-log_p.mean())
    return math.exp(loss), Counts(log_p.size, characters, characters).bits_per_character(loss)


def problems(rng):
    def draw(*shape):
        return np.log(rng.uniform(0.02, 0.9, shape))

    return [Problem({"log_p": np.log([0.5, 0.25, 0.5, 0.125])}, {"characters": 14}),
            Problem({"log_p": draw(9)}, {"characters": 9}),
            Problem({"log_p": draw(3, 5)}, {"characters": 61}),
            Problem({"log_p": np.log([0.125])}, {"characters": 6}),
            Problem({"log_p": np.zeros((2, 1))}, {"characters": 5})]


def _even(functions, problem):
    log_p = problem.arrays["log_p"]
    value = float(functions[0](np.full_like(log_p, -np.log(50)), **problem.given)[0])
    if abs(value - 50) > 1e-6:
        return Text(f"a model that chooses evenly among 50 tokens has perplexity 50, and got {value:.6g}",
                    f"在 50 个词元里均匀选择的模型，困惑度应为 50，得到的是 {value:.6g}")
    return None


def _twice(functions, problem):
    log_p, characters = problem.arrays["log_p"], problem.given["characters"]
    once = np.array([float(v) for v in functions[0](log_p, characters=characters)])
    twice = np.array([float(v) for v in functions[0](np.concatenate([log_p, log_p]), characters=2 * characters)])
    if np.abs(twice - once).max() > 1e-9:
        return Text(f"the same text twice is as hard as once, but {once[0]:.6g}, {once[1]:.6g} became {twice[0]:.6g}, "
                    f"{twice[1]:.6g}",
                    f"同一段文本读两遍，难度不变，结果却从 {once[0]:.6g}、{once[1]:.6g} "
                    f"变成了 {twice[0]:.6g}、{twice[1]:.6g}")
    return None


EXERCISE = Exercise(
    name="perplexity",
    chapter=2,
    title=Text("Perplexity and bits per character", "困惑度与每字符比特数"),
    task=Text(
        "log_p has, for each token of a text, the natural logarithm of the probability that a model gave to it. Return "
        "two numbers. The perplexity, exp of the mean of -ln p: among how many equally likely tokens the model was "
        "choosing. And the bits per character: the whole text costs Σ -ln p nats; ln 2 nats are a bit; spread them "
        "over the `characters` that the tokens stand for.",
        "log_p 是文本中每个词元的概率（由模型给出）的自然对数。返回两个数。困惑度（perplexity）："
        "-ln p 的平均再取 exp，相当于模型在多少个等可能的词元中选择。每字符比特数："
        "整段文本的代价是 Σ -ln p 奈特（nat），ln 2 奈特为一比特（bit），再摊到这些词元所代表的 characters 个字符上。"),
    functions=("perplexity",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("even choices", _even), Property("the same text twice", _twice)),
    shown=(evaluate, Counts.bits_per_character),
    hints=(
        Text("ln p is negative, as p < 1; a cost is positive.", "p < 1 时 ln p 为负；代价是正的。"),
        Text("The mean is over tokens, the bits are spread over characters: with longer tokens there are fewer of "
             "them, and each is harder to guess, so only the second number compares two tokenizers fairly.",
             "平均是对词元的，比特则摊到字符上：词元越长，个数越少，每个也越难猜，所以只有第二个数能公平地比较两种分词"
             "器。"),
        Text("loss = -log_p.mean(); perplexity = exp(loss); bits = loss · tokens / (characters · ln 2), where tokens = "
             "log_p.size.",
             "loss = -log_p.mean()；困惑度 = exp(loss)；比特数 = loss · tokens / (characters · ln 2)，"
             "其中 tokens = log_p.size。"),
    ),
    wrong=(
        Wrong("no_minus", (("-log_p.mean()", "log_p.mean()"),), "value", "minus",
              Text("the minus is missing: logarithms of probabilities are negative, a cost is positive and a "
                   "perplexity at least 1",
                   "漏了负号：概率的对数为负，而代价为正，困惑度至少是 1")),
        Wrong("sum", (("np.exp(loss), bits", "np.exp(loss * log_p.size), bits"),), "value", "mean over the tokens",
              Text("this is exp of the sum, 1/p of the whole text, which grows without bound as the text grows: take "
                   "the mean over the tokens first",
                   "这是对总和取 exp，即整段文本概率的倒数，文本越长越大：应当先对词元取平均")),
        Wrong("mean_of_probabilities", (("np.exp(loss), bits", "1 / np.exp(log_p).mean(), bits"),), "value",
              "mean of the probabilities",
              Text("this is 1 over the mean of the probabilities; a perplexity is 1 over their geometric mean: average "
                   "the logarithms, then take exp",
                   "这是概率的算术平均的倒数；困惑度是几何平均的倒数：先对对数取平均，再取 exp")),
        Wrong("mean_of_perplexities", (("np.exp(loss), bits", "np.exp(-log_p).mean(), bits"),), "value", "mean of 1/p",
              Text("this is the mean of 1/p, which one improbable token dominates: average the logarithms, then take "
                   "exp",
                   "这是 1/p 的平均，一个小概率的词元就能左右它：先对对数取平均，再取 exp")),
        Wrong("power_of_two", (("np.exp(loss), bits", "2**loss, bits"),), "value", "base",
              Text("2 ** loss needs a loss in bits; this one is in nats, so the base is e: exp(loss). One base for "
                   "both",
                   "2 ** loss 要求损失以比特为单位；这里是奈特，底数应为 e：exp(loss)。取对数与取幂要用同一个底")),
        Wrong("nats", (("(characters * np.log(2))", "characters"),), "value", "nats",
              Text("these are nats per character: ln 2 = 0.693 nats are one bit, so divide by ln 2",
                   "这是每字符的奈特数：ln 2 = 0.693 奈特为一比特，所以要除以 ln 2")),
        Wrong("times_ln_2", (("loss * log_p.size / (characters * np.log(2))",
                              "loss * log_p.size / characters * np.log(2)"),), "value", "multiplied",
              Text("ln 2 was multiplied: a nat is more than a bit, 1/ln 2 = 1.44 of them, so divide by ln 2",
                   "乘了 ln 2：一奈特比一比特大，等于 1/ln 2 = 1.44 比特，所以应当除以 ln 2")),
        Wrong("bits_per_token", (("loss * log_p.size / (characters * np.log(2))", "loss / np.log(2)"),), "value",
              "per token",
              Text("these are bits per token: the same bits, spread over the characters, are fewer for each where a "
                   "token has several characters",
                   "这是每词元的比特数：一个词元有好几个字符时，同样的比特摊到每个字符上就少一些")),
        Wrong("upside_down", (("log_p.size / (characters * np.log(2))", "characters / (log_p.size * np.log(2))"),),
              "value", "upside down",
              Text("tokens and characters stand upside down: loss · tokens are the nats of the whole text, and they "
                   "are divided by its characters",
                   "词元数与字符数上下颠倒了：loss · tokens 是整段文本的奈特数，再除以字符数")),
        Wrong("rows_as_tokens", (("loss * log_p.size /", "loss * len(log_p) /"),), "odd shapes", "len",
              Text("len counts the first axis only: (B, T) logarithms are B T tokens, log_p.size",
                   "len 只数第一个轴：形状 (B, T) 的对数代表 B T 个词元，即 log_p.size")),
    ),
)  # fmt: skip
