"""Of minigpt/exercises/bugs/flatline.py: the schedule is computed, printed, and not used."""

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import Recorder, witness

STEPS, PEAK = 200, 5e-3


def measure(script, seed):
    model = witness(seed, 11, norm="post")
    recorder = Recorder(model, anew=False)
    script.train(model, recorder, backend.generator(seed).integers(0, 11, 100), STEPS, seed)
    rates = [step.learning_rate for step in recorder.records]
    if len(rates) != STEPS:
        return Text(f"asked for {STEPS} steps, train makes {len(rates)}",
                    f"要求训练 {STEPS} 步，train 走了 {len(rates)} 步")
    top = rates.index(max(rates))
    if rates[0] > max(rates) / 5:
        return Text(f"the first step is made with a learning rate of {rates[0]:g}, the highest of all steps is "
                    f"{max(rates):g}: there is no warm-up",
                    f"第一步的学习率是 {rates[0]:g}，全程最高是 {max(rates):g}：没有预热")
    if top < 20 or rates[:top + 1] != sorted(rates[:top + 1]):
        return Text(f"the learning rate doesn't rise steadily: it is highest in step {top + 1}",
                    f"学习率不是平稳上升的：第 {top + 1} 步就到了最高")
    if not 0.9 * PEAK < max(rates) < 1.1 * PEAK:
        return Text(f"the highest learning rate is {max(rates):g}; with a warm-up {PEAK:g} is right for this model",
                    f"最高学习率是 {max(rates):g}；有预热时，这个模型可以用 {PEAK:g}")
    if rates[-1] > PEAK / 10:
        return Text(f"the last step is made with a learning rate of {rates[-1]:g}: it should fall after the warm-up",
                    f"最后一步的学习率是 {rates[-1]:g}：预热之后它应当下降")
    return None


BUG = Bug(
    name="flatline",
    chapter=9,
    title=Text("Struck down at the start", "一开始就倒下"),
    symptom=Text("The loss falls to what letter frequencies alone explain and never moves again; the printed learning "
                 "rates are right.", "损失降到仅凭字母频率就能达到的程度，再也不动；打印出来的学习率却是对的。"),
    guilty=("optimizer.step(PEAK)",),
    mended=(("optimizer.step(PEAK)", "optimizer.step(rate)"),),
    why=Text("The schedule was computed and printed, but every step was made with its peak, the very first too. Adam's "
             "first steps have the full size whatever the gradient's; in a post-norm model, they push the layers near "
             "the output so far that little gradient reaches those below. A log should show the value that was used. "
             "See training_step in minigpt/train.py; Xiong et al. (2020) on post-norm and warm-up.",
             "学习率按计划算出来、打印出来了，但每一步用的都是最大值，第一步也是。Adam 最初几步不论梯度大小都迈满一步；"
             "在 post-norm 模型里，这会把靠近输出的层推得很远，下面的层几乎收不到梯度。日志应当记录真正用到的值。"
             "对照 minigpt/train.py 中的 training_step；post-norm 与预热见 Xiong et al. (2020)。"),
    hints=(
        Text("Try a learning rate a hundred times smaller: it learns. What is too large, and when?",
             "把学习率缩小一百倍试试：它学得动了。是什么太大？在什么时候？"),
        Text("What is printed and what is used need not be the same. Print inside the optimizer's step.",
             "打印的和使用的未必是同一个值。在优化器的 step 里打印看看。"),
        Text("Follow `rate` through the loop.", "在循环里跟踪 `rate`。"),
    ),
    measure=measure,
    others=(
        (("optimizer.step(PEAK)", "optimizer.step(schedule(step))"),),
        (("optimizer.step(PEAK)",
          "optimizer.step(PEAK * min((step + 1) / WARMUP, (steps - step) / (steps - WARMUP)))"),),
    ),
    dodges=(
        ((("STEPS, BATCH_SIZE, PEAK, WARMUP = 300, 16, 5e-3", "STEPS, BATCH_SIZE, PEAK, WARMUP = 300, 16, 1e-4"),),
         "no warm-up"),
        ((("optimizer.step(PEAK)", "optimizer.step(rate / 100)"),), "highest learning rate"),
        ((("    for step in range(steps):", "    for step in range(10):"),), "asked for"),
        ((("learning rate {rate:.5f}", "learning rate {PEAK:.5f}"),), "no warm-up"),
    ),
)  # fmt: skip
