"""Of minigpt/exercises/bugs/headstrong.py: the gradient is never set to zero."""

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import Recorder, apart, length, witness

STEPS = 4


def measure(script, seed):
    model = witness(seed, 11, scale=0.3)
    recorder = Recorder(model)
    script.train(model, recorder, backend.generator(seed).integers(0, 11, 100), STEPS, seed)
    if len(recorder.records) != STEPS:
        return Text(f"asked for {STEPS} steps, train makes {len(recorder.records)}",
                    f"要求训练 {STEPS} 步，train 走了 {len(recorder.records)} 步")
    for number, step in enumerate(recorder.records, 1):
        if apart(step.gradient, step.due) > 1e-9:
            return Text(f"step {number} is made with a gradient of length {length(step.gradient):.4f}; that of its "
                        f"batch has {length(step.due):.4f}, and another direction",
                        f"第 {number} 步所用的梯度长度为 {length(step.gradient):.4f}；这一批的梯度长度是 "
                        f"{length(step.due):.4f}，方向也不同")
    return None


BUG = Bug(
    name="headstrong",
    chapter=9,
    title=Text("Descent that can't stop", "停不下来的下降"),
    symptom=Text("The loss sinks for some steps, ever faster, then shoots past the valley, up and away.",
                 "损失先下降，而且越来越快，然后冲过谷底，一路上升。"),
    guilty=("model.backward(saved)", "loss, saved = model.forward(ids, targets)", "optimizer.step(RATE)"),
    mended=(("        model.backward(saved)", "        model.zero_grad()\n        model.backward(saved)"),),
    why=Text("backward adds to the gradients that are there, so that weights used twice hear from both places. "
             "Somebody has to set them to zero between two steps. Without that, each step is made with the sum of all "
             "gradients since the start: a heavy ball without friction. See Alone.gradient in "
             "minigpt/parallel/workers.py, which training_step in minigpt/train.py calls.",
             "backward 把梯度加到已有的梯度上，这样用到两次的权重才能收到两处的梯度。因此两步之间必须有人把它清零。"
             "否则每一步用的都是从头到现在所有梯度之和：一个没有摩擦的重球。对照 minigpt/parallel/workers.py 中的 "
             "Alone.gradient，minigpt/train.py 的 training_step 会调用它。"),
    hints=(
        Text("Something is missing. Compare the loop, line by line, with what a step must do.",
             "少了点什么。把循环逐行与“一步该做的事”对照。"),
        Text("Print the length of model.flat.grad before backward, at each step.",
             "每一步在 backward 之前打印 model.flat.grad 的长度。"),
        Text("backward only ever adds (minigpt/module.py, zero_grad).",
             "backward 从来只做加法（minigpt/module.py 的 zero_grad）。"),
    ),
    measure=measure,
    others=(
        (("        optimizer.step(RATE)", "        optimizer.step(RATE)\n        model.zero_grad()"),),
        (("        loss, saved", "        model.flat.grad[...] = 0\n        loss, saved"),),
    ),
    dodges=(
        ((("RATE = 200, 16, 0.5", "RATE = 200, 16, 0.005"),), "gradient of length"),
        ((("        optimizer.step(RATE)", "        optimizer.step(RATE / (step + 1))"),), "gradient of length"),
        ((("    for step in range(steps):", "    for step in range(1):"),), "asked for"),
        ((("        optimizer.step(RATE)",
           "        model.flat.grad *= 0.5\n        optimizer.step(RATE)"),), "gradient of length"),
    ),
)  # fmt: skip
