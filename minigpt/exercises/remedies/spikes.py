"""Of minigpt/exercises/bugs/spikes.py: the gradient is clipped after the step."""

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import Recorder, apart, length, witness

STEPS, LONGEST = 4, 0.25


def measure(script, seed):
    for scale in (1.0, 0.02):  # the gradients of the first model are long, those of the second short
        model = witness(seed, 11, scale=scale)
        recorder = Recorder(model)
        script.train(model, recorder, backend.generator(seed).integers(0, 11, 100), STEPS, seed)
        if len(recorder.records) != STEPS:
            return Text(f"asked for {STEPS} steps, train makes {len(recorder.records)}",
                        f"要求训练 {STEPS} 步，train 走了 {len(recorder.records)} 步")
        for number, step in enumerate(recorder.records, 1):
            norm, due = length(step.gradient), length(step.due)
            if norm > LONGEST * (1 + 1e-9):
                return Text(f"step {number} is made with a gradient of length {norm:.3f}; {LONGEST:g} is the longest "
                            "allowed", f"第 {number} 步所用的梯度长度为 {norm:.3f}；允许的最大长度是 {LONGEST:g}")
            if apart(step.gradient, step.due * min(1, LONGEST / due)) > 1e-9:
                return Text(f"the gradient of step {number}, of length {due:.3f}, has become another one of length "
                            f"{norm:.3f}: only longer ones than {LONGEST:g} should change, and only in length",
                            f"第 {number} 步的梯度原来长 {due:.3f}，变成了另一个长 {norm:.3f} 的：只有超过 {LONGEST:g} "
                            "的才该改，而且只改长度")
    return None


BUG = Bug(
    name="spikes",
    chapter=9,
    title=Text("A loss that explodes", "爆炸的损失"),
    symptom=Text("The loss explodes as if nothing were clipped, though clip_gradient is called in every step.",
                 "损失爆炸，好像根本没有裁剪，可每一步明明都调用了 clip_gradient。"),
    guilty=("norm = clip_gradient(model, LONGEST)", "optimizer.step(RATE)"),
    mended=(("        optimizer.step(RATE)\n        norm = clip_gradient(model, LONGEST)\n",
             "        norm = clip_gradient(model, LONGEST)\n        optimizer.step(RATE)\n"),),
    why=Text("The step was made with the unclipped gradient; what was clipped afterwards is set to zero before it is "
             "ever used. clip_gradient returns the norm from before the clipping, so the log looked right. The order "
             "is: zero, backward, clip, step. See training_step in minigpt/train.py.",
             "一步用的是没裁剪过的梯度；之后裁剪的，还没用到就被清零了。clip_gradient 返回的是裁剪之前的范数，所以日志"
             "看上去没问题。次序应当是：清零、反向、裁剪、更新。对照 minigpt/train.py 中的 training_step。"),
    hints=(
        Text("How long is the gradient that the optimizer gets? Print it inside its step.",
             "优化器拿到的梯度有多长？在它的 step 里打印出来。"),
        Text("Write down in which order a gradient is made, shortened, used and thrown away.",
             "按次序写下：梯度在哪里产生、缩短、使用、丢弃。"),
        Text("Of the four, two have changed places here.", "四件事里，这里有两件换了位置。"),
    ),
    measure=measure,
    others=((("        optimizer.step(RATE)\n        norm = clip_gradient(model, LONGEST)\n",
              "        norm = float(np.sqrt((model.flat.grad**2).sum()))\n"
              "        model.flat.grad *= LONGEST / max(norm, LONGEST)\n        optimizer.step(RATE)\n"),),),
    dodges=(
        ((("RATE, LONGEST = 200, 16, 1.0", "RATE, LONGEST = 200, 16, 0.001"),), "longest allowed"),
        ((("        optimizer.step(RATE)\n        norm = clip_gradient(model, LONGEST)\n",
           "        norm = np.linalg.norm(model.flat.grad)\n"
           "        model.flat.grad[...] = np.clip(model.flat.grad, -0.001, 0.001)\n        optimizer.step(RATE)\n"),),
         "only in length"),
        ((("        optimizer.step(RATE)\n        norm = clip_gradient(model, LONGEST)\n",
           "        norm = clip_gradient(model, 1e9)\n        optimizer.step(RATE)\n"),), "longest allowed"),
        ((("    for step in range(steps):", "    for step in range(2):"),), "asked for"),
    ),
)  # fmt: skip
