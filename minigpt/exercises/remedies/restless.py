"""Of minigpt/exercises/bugs/restless.py: dropout is on while the validation loss is measured."""

from minigpt import backend
from minigpt.evaluate import mean_loss
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import witness
from minigpt.optim import AdamW


def measure(script, seed):
    tokens = backend.generator(seed).integers(0, 11, 100)
    for number in range(2):  # two models, so that one number won't do
        model = witness(seed + number, 11, scale=0.5, dropout=0.3)
        right = mean_loss(model, tokens, 16)
        first, second = float(script.validation_loss(model, tokens)), float(script.validation_loss(model, tokens))
        if first != second:
            return Text(f"the same model on the same text has the loss {first:.4f}, and then {second:.4f}; without "
                        f"chance it is {right:.4f}",
                        f"同一个模型、同一段文本，先得到 {first:.4f}，再得到 {second:.4f}；不含随机性时是 {right:.4f}")
        if abs(first - right) > 1e-9 * right:
            return Text(f"the loss is said to be {first:.6f}; it is {right:.6f}",
                        f"给出的损失是 {first:.6f}，实际是 {right:.6f}")
    model = witness(seed, 11, dropout=0.3)
    script.train(model, AdamW(model), tokens, 3, seed)
    if not model._taught or any(batch.rng is None for batch in model._taught):
        return Text("training goes without dropout now: only the measurement should",
                    "现在训练也不用 dropout 了：只有测量才不该用")
    return None


BUG = Bug(
    name="restless",
    chapter=8,
    title=Text("A loss that never stays the same", "量一次变一次的损失"),
    symptom=Text("Every measurement of the same model on the same text gives another number, and all are too high.",
                 "同一个模型、同一段文本，每次测得的损失都不同，而且都偏高。"),
    guilty=("loss, _ = model.forward(ids, targets, RNG)",),
    mended=(("loss, _ = model.forward(ids, targets, RNG)", "loss, _ = model.forward(ids, targets)"),),
    why=Text("Dropout is for training: it switches off a share of the model, at random. What is measured should be the "
             "whole model. In minigpt there is no mode to forget: forward drops only where it is given a generator. "
             "See minigpt/layers/dropout.py and mean_loss in minigpt/evaluate.py.",
             "dropout 只用于训练：它随机关掉模型的一部分。测量的应当是完整的模型。minigpt 里没有会忘记切换的“模式”：只"
             "有给 forward 传入随机数生成器，才会丢弃。对照 minigpt/layers/dropout.py 和 minigpt/evaluate.py 中的 "
             "mean_loss。"),
    hints=(
        Text("Which part of the model is random, and when should it be?",
             "模型的哪一部分是随机的？什么时候才应当随机？"),
        Text("Set dropout=0.0 in main and measure again: the two numbers now agree. (That's a clue, not a repair.)",
             "在 main 里设 dropout=0.0 再测：两个数一样了。（这是线索，不是修复。）"),
        Text("forward drops only where it is given a generator. Which of the two calls should give it one?",
             "forward 只有收到生成器才会丢弃。两处调用中，哪一处该给它？"),
    ),
    measure=measure,
    others=(
        (("loss, _ = model.forward(ids, targets, RNG)", "loss, _ = model.forward(ids, targets, rng=None)"),),
        (("def validation_loss(model, tokens):\n", "from minigpt.evaluate import mean_loss\n\n\n"
          "def validation_loss(model, tokens):\n    return mean_loss(model, tokens, 16)\n"),),
    ),
    dodges=(
        ((("loss, _ = model.forward(ids, targets, RNG)",
           "loss, _ = model.forward(ids, targets, backend.generator(1, backend.DROPOUT))"),), "is said to be"),
        ((("RNG = backend.generator(1, backend.DROPOUT)", "RNG = None"),), "training goes without"),
        ((("    return total / count", "    return 2.5"),), "is said to be"),
        ((("    return total / count", "    return round(total / count)"),), "is said to be"),
    ),
)  # fmt: skip
