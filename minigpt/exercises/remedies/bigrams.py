"""Of minigpt/exercises/bugs/bigrams.py: softmax over the wrong axis."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.layers.softmax import softmax_forward

VOCABULARY = 12


def measure(script, seed):
    rng = backend.generator(seed)
    w, ids = backend.normal(rng, (VOCABULARY, VOCABULARY)), rng.integers(0, VOCABULARY, 5)
    p = script.probabilities(w, ids)
    sums = p.sum(axis=-1)
    worst = float(sums[abs(sums - 1).argmax()])
    if abs(worst - 1) > 1e-9:
        return Text(f"the probabilities of all that may follow one character add up to {worst:.3g}; they must add up "
                    "to 1",
                    f"同一个字符之后所有可能字符的概率之和是 {worst:.3g}；它应当是 1")
    difference = float(abs(p - softmax_forward(w[ids])[0]).max())
    if difference > 1e-9:
        return Text(f"the probabilities differ by {difference:.3g} from the softmax of the scores",
                    f"概率与分数的 softmax 相差 {difference:.3g}")
    tokens = rng.integers(0, VOCABULARY, 300)
    best = script.counted_loss(tokens, VOCABULARY)
    p = script.probabilities(script.train(tokens, VOCABULARY, 600, seed), tokens[:-1])
    loss = -np.log(p[np.arange(len(p)), tokens[1:]]).mean()
    if not loss < best + 0.1:
        return Text(f"after 600 steps on a text of 12 letters the loss is {loss:.3f}; the counted table has {best:.3f}",
                    f"在只有 12 种字母的文本上训练 600 步后，损失为 {loss:.3f}；计数得到的表是 {best:.3f}")
    return None


BUG = Bug(
    name="bigrams",
    chapter=2,
    title=Text("A table that learns what follows what", "学习“什么之后是什么”的一张表"),
    symptom=Text("The loss of a table of zeros isn't ln V, as it must be, and after some hundred steps it is infinite.",
                 "全零的表，损失本该是 ln V，却不是；几百步之后损失变成无穷大。"),
    guilty=("return e / e.sum(axis=0, keepdims=True)",),
    mended=(("e.sum(axis=0, keepdims=True)", "e.sum(axis=-1, keepdims=True)"),),
    why=Text("The sum ran over the pairs of the batch (axis 0) and not over the V characters that may follow (the last "
             "axis). keepdims made the shapes fit, so nothing complained; what came out added up to 1 along the wrong "
             "axis. The largest score of the line above was taken along the right one. See minigpt/layers/softmax.py.",
             "求和沿着批次中的各对字符（第 0 轴），而不是沿着可能出现的 V 个字符（最后一轴）。keepdims 使形状恰好相容，"
             "所以没有报错，只是结果沿错误的轴加起来才等于 1。上一行取最大值用的轴倒是对的。"
             "对照 minigpt/layers/softmax.py。"),
    hints=(
        Text("What must hold of every row that `probabilities` returns? Print it.",
             "`probabilities` 返回的每一行必须满足什么？把它打印出来看看。"),
        Text("p has the shape (N, V): N pairs, V characters that may follow. Print p.sum(axis=1) for a few pairs.",
             "p 的形状是 (N, V)：N 对字符，V 个可能的后继。对几对字符打印 p.sum(axis=1)。"),
        Text("Along which axis is the largest score taken, and along which one is the sum?",
             "最大值是沿哪个轴取的？求和又是沿哪个轴？"),
    ),
    measure=measure,
    others=((("return e / e.sum(axis=0, keepdims=True)", "return (e.T / e.sum(axis=1)).T"),),),
    dodges=(
        ((("e.sum(axis=0, keepdims=True)", "e.sum()"),), "add up to"),
        ((("STEPS, BATCH_SIZE, RATE = 3000", "STEPS, BATCH_SIZE, RATE = 1"),), "add up to"),
        ((('print(f"trained     loss {-np.log(p[np.arange(len(p)), tokens[1:]]).mean():.3f}")',
           'print("trained     loss 2.41")'),), "add up to"),
    ),
)  # fmt: skip
