"""Of minigpt/exercises/bugs/clairvoyant.py: the causal mask is off by one."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.models.gpt import GPTConfig

T, VOCABULARY = 8, 11


def measure(script, seed):
    rng = backend.generator(seed)
    model = script.Model(GPTConfig(VOCABULARY, T, d_model=12, num_heads=2, num_layers=1), seed)
    model.flat.data[...] = backend.normal(rng, model.flat.data.shape, 0.5)
    ids = rng.integers(0, VOCABULARY, (1, T))
    z = model(ids)[0]
    for changed in range(T):
        others = ids.copy()
        others[0, changed] = (ids[0, changed] + 1) % VOCABULARY
        moved = np.abs(model(others)[0] - z).max(axis=-1)  # (T,)
        for position in range(T):
            if position < changed and moved[position] > 1e-12:
                return Text(f"another token at position {changed} changes the logits at position {position} by "
                            f"{moved[position]:.3g}: {position} has seen what it is asked to predict",
                            f"换掉位置 {changed} 的词元，位置 {position} 的 logits 变化了 {moved[position]:.3g}："
                            f"位置 {position} 已经看到了要它预测的东西")
            if position >= changed and moved[position] < 1e-12:
                return Text(f"another token at position {changed} changes nothing at position {position}, which may "
                            "see it and should",
                            f"换掉位置 {changed} 的词元，位置 {position} 毫无变化；它可以看到，也应当看到")
    return None


BUG = Bug(
    name="clairvoyant",
    chapter=6,
    title=Text("A model that knows too much", "知道得太多的模型"),
    symptom=Text("The loss is next to nothing, lower than any model of this size could have; what it writes is "
                 "gibberish.", "损失几乎为零，低于这种大小的模型所能达到的程度；写出来的却是胡言乱语。"),
    guilty=("return xp.tri(T, S, 1, dtype=bool)",),
    mended=(("xp.tri(T, S, 1, dtype=bool)", "xp.tri(T, S, dtype=bool)"),),
    why=Text("tri's third argument shifts the triangle: with 1, each position also sees the one after it, which is "
             "just what it has to predict. It learns to copy it. When it writes, there is no next token to copy. Where "
             "masks say what is forbidden, triu with k=2 instead of k=1 does the same. See minigpt/layers/masks.py.",
             "tri 的第三个参数会移动三角形：取 1 时，每个位置还能看到它后面的一个，而那正是要它预测的。"
             "它学会的是照抄；生成时没有下一个词元可抄。在用掩码表示“禁止”的代码里，把 triu 的 k=1 写成 k=2，效果相同。"
             "对照 minigpt/layers/masks.py。"),
    hints=(
        Text("A loss too good to be true: what could the model see that it won't see when it writes?",
             "损失好得不像真的：有什么是它训练时看得到、生成时看不到的？"),
        Text("Change one token of an input and look at which positions' logits change. None before it may.",
             "改动输入中的一个词元，看哪些位置的 logits 变了。它之前的位置一个都不该变。"),
        Text("Print the mask for T = 4. How many entries are True in its first row?",
             "打印 T = 4 时的掩码。第一行有几个 True？"),
    ),
    measure=measure,
    others=((("return xp.tri(T, S, 1, dtype=bool)",
              "return xp.arange(S)[None, :] <= xp.arange(T)[:, None]"),),),
    dodges=(
        ((("xp.tri(T, S, 1, dtype=bool)", "xp.eye(T, S, dtype=bool)"),), "changes nothing"),
        ((("xp.tri(T, S, 1, dtype=bool)", "xp.tri(T, S, 2, dtype=bool)"),), "has seen"),
        ((("STEPS, BATCH_SIZE, RATE = 300", "STEPS, BATCH_SIZE, RATE = 30"),), "has seen"),
        ((('print(f"step {step:4}  loss {float(loss):.3f}")', 'print("loss 2.0")'),), "has seen"),
    ),
)  # fmt: skip
