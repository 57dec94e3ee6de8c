"""Exercise of chapter 09: a learning rate that warms up and then falls along half a cosine."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.optim import Schedule

SKELETON = '''\
import numpy as np


def cosine_schedule(steps, peak, warmup, final):
    """The learning rates of the steps 0 .. steps - 1, an array: rates (N,) with N = steps."""
'''

ANSWER = '''\
import numpy as np


def cosine_schedule(steps, peak, warmup, final):
    rates = np.zeros(steps)
    for step in range(steps):
        if step < warmup:
            rates[step] = peak * (step + 1) / warmup
        else:
            progress = (step - warmup + 1) / (steps - warmup)
            rates[step] = final + (peak - final) * 0.5 * (1 + np.cos(np.pi * progress))
    return rates
'''


def _cosine_schedule(steps, peak, warmup, final):
    schedule = Schedule("cosine", peak, steps, warmup, final)
    return np.array([schedule(step) for step in range(steps)])


def problems(rng):
    def problem(steps, warmup, peak, final):
        return Problem({}, {"steps": steps, "peak": peak, "warmup": warmup, "final": final})

    return [problem(7, 3, 1.0, 0.2), problem(5, 0, 0.5, 0.0), problem(50, 10, 0.003, 0.0003), problem(4, 1, 1.0, 0.1),
            problem(1, 0, 2.0, 0.5), problem(3, 3, 0.6, 0.1)]


def _seam(functions, problem):
    steps, peak, warmup, _ = problem.given.values()
    rates = functions[0](**problem.given)
    if 0 < warmup and not abs(rates[warmup - 1] - peak) < 1e-9 * peak:
        return Text(f"the warm-up's last step {warmup - 1} has the rate {rates[warmup - 1]:.6g} and not the peak "
                    f"{peak:g}",
                    f"预热的最后一步（第 {warmup - 1} 步）学习率是 {rates[warmup - 1]:.6g}，不是峰值 {peak:g}")
    # Half a cosine over n steps never falls by more than π/2 times peak / n in one of them.
    fall = np.pi / 2 * peak / max(steps - warmup, 1)
    if 0 < warmup < steps and rates[warmup] < rates[warmup - 1] - fall:
        return Text(f"the rate jumps from {rates[warmup - 1]:.6g} to {rates[warmup]:.6g} where the warm-up ends, at "
                    f"step {warmup}",
                    f"预热结束时（第 {warmup} 步），学习率从 {rates[warmup - 1]:.6g} 跳到了 {rates[warmup]:.6g}")
    return None


def _falls(functions, problem):
    _, peak, warmup, final = problem.given.values()
    rates = functions[0](**problem.given)
    for step in range(max(warmup, 1), len(rates)):
        if not rates[step] < rates[step - 1]:
            return Text(f"after the warm-up the rate must fall, but step {step} has {rates[step]:.6g} after "
                        f"{rates[step - 1]:.6g}",
                        f"预热之后学习率应当下降，但第 {step} 步是 {rates[step]:.6g}，前一步是 {rates[step - 1]:.6g}")
    if len(rates) > warmup and not abs(rates[-1] - final) < 1e-9 * peak:
        return Text(f"the last step has the rate {rates[-1]:.6g} and not `final`, {final:g}",
                    f"最后一步的学习率是 {rates[-1]:.6g}，不是 final = {final:g}")
    return None


EXERCISE = Exercise(
    name="cosine_schedule",
    chapter=9,
    title=Text("A cosine schedule with warm-up", "带预热（warm-up）的余弦学习率"),
    task=Text(
        "The first `warmup` steps rise in a straight line, peak (step + 1) / warmup, so that the first one is not 0 "
        "and the last one is the peak. The steps after them fall along half a cosine, final + (peak - final) (1 + "
        "cos(π p)) / 2, where p is the share of those steps that is done, this one included: the last step of all "
        "has p = 1 and the rate `final`. Return the rates of all steps.",
        "前 warmup 步沿直线上升：peak (step + 1) / warmup，所以第一步不是 0，最后一步恰好是峰值。"
        "之后的各步沿半个余弦下降：final + (peak - final) (1 + cos(π p)) / 2，其中 p 是预热之后的步数中已完成的比例，"
        "包括这一步：最后一步 p = 1，学习率为 final。返回所有步的学习率。"),
    functions=("cosine_schedule",),
    skeleton=SKELETON,
    solution=(_cosine_schedule,),
    shown=(Schedule,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("no jump at the end of the warm-up", _seam), Property("falls to `final`", _falls)),
    hints=(
        Text("Two cases: step < warmup, and the rest. How many steps are in the rest, and which is this one among "
             "them?",
             "两种情形：step < warmup，以及其余。其余有多少步？这一步是其中第几步？"),
        Text("(1 + cos(π p)) / 2 goes from 1 at p = 0 to 0 at p = 1. It says how much of the way from final up to "
             "peak is left.",
             "(1 + cos(π p)) / 2 从 p = 0 时的 1 降到 p = 1 时的 0，它表示从 final 到 peak 的路程还剩多少。"),
        Text("p = (step - warmup + 1) / (steps - warmup), and rate = final + (peak - final) * 0.5 * (1 + "
             "np.cos(np.pi * p)).",
             "令 p = (step - warmup + 1) / (steps - warmup)，rate = final + (peak - final) * 0.5 * (1 + np.cos(np.pi * "
             "p))。"),
    ),
    wrong=(
        Wrong("starts_at_0", (("peak * (step + 1) / warmup", "peak * step / warmup"),), "value", "learns nothing",
              Text("the warm-up starts at 0, so that the first step learns nothing, and ends below the peak: use "
                   "step + 1",
                   "预热从 0 开始，第一步什么也学不到，而且到不了峰值：应当用 step + 1")),
        Wrong("counts_warmup", (("(step - warmup + 1) / (steps - warmup)", "(step + 1) / steps"),), "value",
              "counts the warm-up",
              Text("the cosine counts the warm-up's steps too, so that the rate jumps down where the warm-up ends: "
                   "count from its end",
                   "余弦把预热的步数也算进去了，预热一结束学习率就会跳下来：应当从预热结束处数起")),
        Wrong("one_late", (("step - warmup + 1", "step - warmup"),), "value", "one step late",
              Text("the cosine is one step late: the peak comes twice, and the last step is still above `final`",
                   "余弦晚了一步：峰值出现了两次，最后一步还高于 final")),
        Wrong("restarts", (("np.cos(np.pi * progress)", "np.cos(2 * np.pi * progress)"),), "value", "whole cosine",
              Text("a whole cosine, 2 π p, comes back up to the peak at the end: it is half a one, π p",
                   "整个余弦 2 π p 到最后又回到了峰值：应当是半个，π p")),
        Wrong("ends_at_0", (("final + (peak - final) * 0.5", "peak * 0.5"),), "value", "down to 0",
              Text("the rate falls down to 0 and not to `final`",
                   "学习率降到了 0，而不是 final")),
        Wrong("above_the_peak", (("(peak - final) * 0.5", "peak * 0.5"),), "value", "above the peak",
              Text("`final` is added, but the cosine still spans the whole peak, so that it starts above the peak: "
                   "it spans peak - final",
                   "加上了 final，余弦的幅度却还是整个 peak，于是开头会高过峰值：幅度应为 peak - final")),
        Wrong("rises", (("(1 + np.cos(np.pi * progress))", "(1 - np.cos(np.pi * progress))"),), "value", "rises",
              Text("the rate rises from `final` to the peak: (1 + cos) falls, (1 - cos) rises",
                   "学习率从 final 升到了峰值：(1 + cos) 是下降，(1 - cos) 是上升")),
        Wrong("linear", (("0.5 * (1 + np.cos(np.pi * progress))", "(1 - progress)"),), "value", "straight line",
              Text("this falls in a straight line: the share left is (1 + cos(π p)) / 2 and not 1 - p",
                   "这是直线下降：剩余的比例应为 (1 + cos(π p)) / 2，而不是 1 - p")),
    ),
)  # fmt: skip
