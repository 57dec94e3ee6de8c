"""Exercise of chapter 10: probabilities of the next token at a temperature."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.sampling import Sampling, distribution

SKELETON = '''\
import numpy as np


def with_temperature(logits, temperature):
    """logits (V,), temperature a number from 0 on -> p (V,), the probabilities to draw the next token from."""
'''

ANSWER = '''\
import numpy as np


def with_temperature(logits, temperature):
    if temperature == 0:
        p = np.zeros_like(logits)
        p[logits.argmax()] = 1
        return p
    z = (logits - logits.max()) / temperature
    e = np.exp(z)
    return e / e.sum()
'''


def _with_temperature(logits, temperature):
    return distribution(logits, Sampling(temperature=temperature)).astype(logits.dtype)


def problems(rng):
    def problem(logits, temperature):
        return Problem({"logits": np.array(logits, dtype=float)}, {"temperature": temperature})

    return [problem(rng.standard_normal(3), 0.5), problem(rng.standard_normal(6), 2.0), problem([1, 3, 3, -2], 0.0),
            problem([1000, 999.9, -1000, 0], 0.1), problem([-7], 1.5), problem(rng.standard_normal(5), 0)]


def _adds_up(functions, problem):
    total = functions[0](problem.arrays["logits"], **problem.given).sum()
    if not abs(total - 1) < 1e-9:
        return Text(f"the probabilities add up to {total:.6g} and not to 1", f"概率之和为 {total:.6g}，不是 1")
    return None


def _sharper(functions, problem):
    logits, temperature = problem.arrays["logits"], problem.given["temperature"]
    highest, lower = (functions[0](logits, temperature=t).max() for t in (temperature, temperature / 2))
    if lower < highest - 1e-9:
        return Text(f"at half the temperature {temperature:g} the most probable token has {lower:.6g} instead of "
                    f"{highest:.6g}: colder must be sharper",
                    f"温度 {temperature:g} 减半之后，最可能的词元的概率从 {highest:.6g} 变成了 {lower:.6g}："
                    "温度越低应当越集中")
    return None


EXERCISE = Exercise(
    name="temperature",
    chapter=10,
    title=Text("Temperature", "温度"),
    task=Text(
        "Divide the logits by the temperature τ, then take the softmax: p = softmax(z / τ). Below 1 the probable "
        "tokens become more probable, above 1 all become more alike. Temperature 0 is the limit, greedy choice: all "
        "probability on the largest logit, on the first one where several are equal. Logits may be as large as 1000.",
        "先把 logits 除以温度（temperature）τ，再做 softmax：p = softmax(z / τ)。τ 小于 1 时，"
        "本来可能的词元变得更可能；大于 1 时，各词元更接近。温度 0 是极限情形，即贪心选择：全部概率给最大的 logit；"
        "有几个并列最大时，给第一个。logits 可能大到 1000。"),
    functions=("with_temperature",),
    skeleton=SKELETON,
    solution=(_with_temperature,),
    shown=(distribution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("probabilities add up to 1", _adds_up), Property("colder is sharper", _sharper)),
    hints=(
        Text("It is the softmax of chapter 02 with one division more. Temperature 0 is a case of its own.",
             "就是第 02 章的 softmax，多一个除法。温度 0 单独处理。"),
        Text("Divided by 0.1, a logit of 1000 becomes 10000: subtract the largest logit before exp.",
             "1000 除以 0.1 是 10000：取 exp 之前先减去最大的 logit。"),
        Text("z = (logits - logits.max()) / temperature; e = np.exp(z); p = e / e.sum(). At 0: zeros, and a 1 at "
             "logits.argmax().",
             "z = (logits - logits.max()) / temperature；e = np.exp(z)；p = e / e.sum()。温度为 0 时：全 0，"
             "在 logits.argmax() 处为 1。"),
    ),
    wrong=(
        Wrong("multiplies", (("(logits - logits.max()) / temperature", "(logits - logits.max()) * temperature"),),
              "value", "multiplied by",
              Text("the logits are multiplied by the temperature: divide by it, so that a low temperature makes large "
                   "differences",
                   "logits 乘上了温度：应当除以温度，温度低时差别才会变大")),
        Wrong("ignored", (("(logits - logits.max()) / temperature", "logits - logits.max()"),), "value",
              "makes no difference",
              Text("the temperature makes no difference here: dividing probabilities by it is undone when they are "
                   "made to add up to 1. Divide the logits, before exp",
                   "温度在这里没有起作用：如果除的是概率，归一化时又抵消了。应当在 exp 之前除 logits")),
        Wrong("root_of_p", (("z = (logits - logits.max()) / temperature", "z = logits - logits.max()"),
                            ("return e / e.sum()", "p = e / e.sum()\n    return p ** (1 / temperature)")), "value",
              "no longer add up",
              Text("p to the power 1/τ is right up to a factor, but these numbers no longer add up to 1: divide them "
                   "by their sum",
                   "p 的 1/τ 次方只差一个倍数，但这些数加起来不再是 1：还要除以它们的和")),
        Wrong("zero_divides", (("temperature == 0:", "temperature < 0:"),), "finite", "greedy",
              Text("temperature 0 divides by 0: make it a case of its own, the greedy choice",
                   "温度为 0 时除以了 0：把它单独处理，即贪心选择")),
        Wrong("zero_is_one", (("        p = np.zeros_like(logits)\n        p[logits.argmax()] = 1\n        return p\n",
                               "        temperature = 1\n"),), "odd shapes", "as if it were 1",
              Text("temperature 0 is treated as if it were 1; it is the coldest: all probability on the largest logit",
                   "温度 0 被当成了 1；它其实是最冷的情形：全部概率给最大的 logit")),
        Wrong("ties_share", (("        p[logits.argmax()] = 1\n        return p\n",
                              "        p[logits == logits.max()] = 1\n        return p / p.sum()\n"),), "odd shapes",
              "first of them",
              Text("at temperature 0 equal logits share the probability; the greedy choice is one token, the first of "
                   "them",
                   "温度为 0 时，并列最大的 logits 平分了概率；贪心选择只选一个词元，即其中第一个")),
        Wrong("no_shift", (("(logits - logits.max()) / temperature", "logits / temperature"),), "finite", "subtract",
              Text("exp of a large logit is infinite: subtract the largest one first, it changes nothing",
                   "大的 logit 取 exp 得到无穷大：先减去最大的那个，结果不变")),
    ),
)  # fmt: skip
