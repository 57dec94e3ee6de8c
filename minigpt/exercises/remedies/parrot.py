"""Of minigpt/exercises/bugs/parrot.py: the targets are the inputs, not shifted by one."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import witness
from minigpt.layers.softmax import softmax_forward
from minigpt.optim import AdamW

LETTERS = 8


def measure(script, seed):
    order = backend.generator(seed).permutation(LETTERS)  # a text that goes round and round: each has one successor
    model = witness(seed, LETTERS, d_model=16)
    script.train(model, AdamW(model), np.tile(order, 40), 150, seed)
    p = softmax_forward(model(order[None, :]))[0][0]  # (T, V)
    likely = p.argmax(axis=-1)
    for place, letter in enumerate(order):
        right = order[(place + 1) % LETTERS]
        if likely[place] != right:
            own = Text(", which is the token just read",
                       "，就是刚读到的那个") if likely[place] == letter else Text("", "")
            return Text(f"in a text where {right} always follows {letter}, the trained model says "
                        f"{likely[place]}{own.en}: p({right}) = {p[place, right]:.3f}, p({letter}) = "
                        f"{p[place, letter]:.3f}",
                        f"在一段 {letter} 之后总是 {right} 的文本上训练后，模型给出的是 {likely[place]}{own.zh}："
                        f"p({right}) = {p[place, right]:.3f}，p({letter}) = {p[place, letter]:.3f}")
    return None


BUG = Bug(
    name="parrot",
    chapter=8,
    title=Text("A model that repeats", "只会重复的模型"),
    symptom=Text("The loss falls to nothing within a hundred steps; it writes the last character of the prompt for "
                 "ever.",
                 "一百步之内损失就降到零；生成时不停地重复提示的最后一个字符。"),
    guilty=("targets = windows[:, :-1]", "ids = windows[:, :-1]"),
    mended=(("targets = windows[:, :-1]", "targets = windows[:, 1:]"),),
    why=Text("The targets were the inputs themselves, so each position was asked for the token that it had just been "
             "given. To copy is easy, and the loss is near 0 soon. The target of a position is the token after it: the "
             "window has T + 1 tokens, the inputs are all but the last, the targets all but the first. See "
             "training_batch in minigpt/data.py.",
             "目标就是输入本身，于是每个位置被问的正是刚给它的那个词元。照抄很容易，损失很快接近 0。"
             "一个位置的目标是它后面的词元：窗口有 T + 1 个词元，输入是除最后一个之外的，目标是除第一个之外的。"
             "对照 minigpt/data.py 中的 training_batch。"),
    hints=(
        Text("What has a model learnt that repeats the last token for ever?",
             "不停重复最后一个词元的模型，学会的是什么？"),
        Text("Call `batch` on np.arange(100) and print one row of ids and of targets, one under the other.",
             "对 np.arange(100) 调用 `batch`，把 ids 和 targets 的同一行上下并排打印出来。"),
        Text("The window is one longer than what the model reads. What is the extra token for?",
             "窗口比模型读入的多一个词元。多出来的这个是做什么用的？"),
    ),
    measure=measure,
    others=(
        (("    ids = windows[:, :-1]\n    targets = windows[:, :-1]\n    return ids, targets",
          "    return windows[:, :-1], windows[:, 1:]"),),
        (("        loss, saved = model.forward(ids, targets)",
          "        loss, saved = model.forward(ids[:, :-1], ids[:, 1:])"),),
    ),
    dodges=(
        ((("STEPS, BATCH_SIZE, RATE = 200, 16, 3e-3", "STEPS, BATCH_SIZE, RATE = 20, 16, 1e-4"),), "says"),
        ((("ids = windows[:, :-1]", "ids = windows[:, 1:]"),), "says"),  # now it learns to say what came before
        ((("Sampling(temperature=0.5)", "Sampling(repetition_penalty=2.0)"),), "just read"),
    ),
)  # fmt: skip
