"""Of minigpt/exercises/bugs/unsurprised.py: the model is trained on the validation text too."""

import numpy as np

from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import witness
from minigpt.optim import AdamW

LENGTH = 240


def measure(script, seed):
    tokens = np.arange(LENGTH)  # every token is another, so each tells where it stood
    model = witness(seed, LENGTH)
    script.train(model, AdamW(model), tokens, 80, seed)
    validation = set(script.split(tokens)[1].tolist())
    if len(validation) < LENGTH // 20:
        return Text(f"only {len(validation)} of {LENGTH} tokens are kept back for validation: the last fifth should be",
                    f"{LENGTH} 个词元中只留了 {len(validation)} 个作验证：应当是最后五分之一")
    taught = {int(token) for batch in model._taught for part in (batch.ids, batch.targets) for token in part.ravel()}
    if seen := validation & taught:
        return Text(f"{len(seen)} of the {len(validation)} tokens kept back for validation were trained on",
                    f"留作验证的 {len(validation)} 个词元中，有 {len(seen)} 个参与了训练")
    if len(taught) < LENGTH // 2:
        return Text(f"of {LENGTH} tokens only {len(taught)} were trained on in 80 steps: the first four fifths should "
                    "be",
                    f"{LENGTH} 个词元中，80 步只训练到了 {len(taught)} 个：前五分之四都应当用上")
    return None


BUG = Bug(
    name="unsurprised",
    chapter=8,
    title=Text("Never surprised by new text", "对新文本毫不意外"),
    symptom=Text("The validation loss falls as far as the training loss, however large the model is for its text.",
                 "无论模型相对于文本多么大，验证损失总和训练损失一样低。"),
    guilty=("ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)",),
    mended=(("training_batch(tokens, BATCH_SIZE", "training_batch(training, BATCH_SIZE"),),
    why=Text("The text was split, and then the batches were drawn from the whole of it. A model that has read the "
             "validation text says nothing about text it hasn't read. Watch the split where it is used, not only where "
             "it is made. See prepare in minigpt/data.py, which writes the two parts into two files.",
             "文本是切分了，但批次取自整个文本。读过验证文本的模型，说明不了它对没读过的文本会怎样。"
             "切分要在使用它的地方检查，而不只在切的地方。对照 minigpt/data.py 中的 prepare：它把两部分写进两个文件。"),
    hints=(
        Text("When can a model that overfits be good on text that it has never seen?",
             "一个过拟合的模型，什么时候会在“没见过”的文本上也表现很好？"),
        Text("Use a text of numbers, np.arange(1000), and print the largest id of each batch.",
             "用 np.arange(1000) 作文本，打印每个批次里最大的编号。"),
        Text("Follow `training` from where it is made: where is it used?",
             "从产生 `training` 的地方往下看：它用在哪里？"),
    ),
    measure=measure,
    others=((("    training, validation = split(tokens)\n",
              "    training, validation = split(tokens)\n    tokens = training\n"),),),
    dodges=(
        ((("cut = len(tokens) * 4 // 5", "cut = len(tokens) - 9"),), "kept back"),
        ((("return mean_loss(model, training, BATCH_SIZE), mean_loss(model, validation, BATCH_SIZE)",
           "return mean_loss(model, training, BATCH_SIZE), 3.0"),), "trained on"),
        ((("training_batch(tokens, BATCH_SIZE", "training_batch(validation, BATCH_SIZE"),), "trained on"),
        ((("STEPS, BATCH_SIZE, RATE = 500", "STEPS, BATCH_SIZE, RATE = 100"),), "trained on"),
    ),
)  # fmt: skip
