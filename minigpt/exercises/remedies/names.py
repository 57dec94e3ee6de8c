"""Of minigpt/exercises/bugs/names.py: padding is counted in the loss."""

from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import apart, witness
from minigpt.models.gpt import GPT

WORDS = ["a", "bcd", "zebra", "of", "fourteenletter"]


def measure(script, seed):
    model = witness(seed, 27, 15, scale=0.3)
    letters = sum(len(word) + 1 for word in WORDS)
    total = 0.0
    model.zero_grad()
    for word in WORDS:  # one at a time nothing is filled up
        ids = [script.LETTERS.index(letter) for letter in f".{word}."]
        loss, saved = GPT.forward(model, [ids[:-1]], [ids[1:]])
        total += float(loss) * (len(word) + 1)
        GPT.backward(model, saved, (len(word) + 1) / letters)
    right, gradient = total / letters, model.flat.grad.copy()
    loss, saved = script.loss_of(model, WORDS)
    if abs(float(loss) - right) > 1e-9 * right:
        return Text(f"five words together cost {float(loss):.4f} nats a letter, one at a time {right:.4f}; what stands "
                    "beside a word must not matter",
                    f"五个词放在一批里，每个字母 {float(loss):.4f} 奈特；逐个计算则是 {right:.4f}。"
                    "旁边放什么词不应有影响")
    model.zero_grad()
    model.backward(saved)
    if apart(model.flat.grad, gradient) > 1e-9:
        return Text("the loss is right, but its gradient is not that of the words one at a time",
                    "损失对了，但梯度与逐词计算的不同")
    return None


BUG = Bug(
    name="names",
    chapter=2,
    title=Text("Spelling words of different length", "拼写长短不一的词"),
    symptom=Text("The loss looks splendid, but the same words one at a time cost far more.",
                 "损失看起来好极了，但同样的词逐个计算，损失要高得多。"),
    guilty=("ids, targets = np.zeros((len(words), T), dtype=int), np.zeros((len(words), T), dtype=int)",),
    mended=(("np.zeros((len(words), T), dtype=int), np.zeros((len(words), T), dtype=int)",
             "np.zeros((len(words), T), dtype=int), np.full((len(words), T), -100)"),),
    why=Text("The targets behind the end of a word were 0, the id of \".\", so the model was asked, and praised, for "
             "predicting padding: trivial predictions that lower the mean. A target of IGNORED (-100) isn't counted, "
             "neither in the sum nor in the number it is divided by. See minigpt/layers/cross_entropy.py.",
             "词尾之后的目标是 0，也就是 \".\" 的编号，于是模型被要求预测填充，并因此得到奖励：这些预测毫无难度，"
             "却拉低了平均值。目标为 IGNORED（-100）时不计入损失，既不计入总和，也不计入除数。"
             "对照 minigpt/layers/cross_entropy.py。"),
    hints=(
        Text("Print ids and targets of a batch of a short and a long word. What is the model asked behind the end of "
             "the short one?",
             "打印由一个短词和一个长词组成的批次的 ids 和 targets。短词结束之后，模型被要求预测什么？"),
        Text("What stands in the inputs there doesn't matter, under a causal mask. What stands in the targets does.",
             "有因果掩码，那里的输入是什么并不要紧；要紧的是那里的目标。"),
        Text("minigpt's cross-entropy leaves out rows whose target is IGNORED, which is -100. What are they here?",
             "minigpt 的交叉熵会跳过目标为 IGNORED（即 -100）的行。这里它们是什么？"),
    ),
    measure=measure,
    others=((("    return model.forward(ids, targets)",
              "    for row, word in enumerate(words):\n        targets[row, len(word) + 1:] = -100\n"
              "    return model.forward(ids, targets)"),),),
    dodges=(
        ((("choice(words, BATCH_SIZE)", "choice(words, 1)"),), "together"),
        ((("STEPS, BATCH_SIZE, LONGEST = 250", "STEPS, BATCH_SIZE, LONGEST = 10"),), "together"),
        ((("    return model.forward(ids, targets)",
           "    loss, saved = model.forward(ids, targets)\n    return 2 * loss, saved"),), "together"),
    ),
)  # fmt: skip
