"""Of minigpt/exercises/bugs/sleepy.py: the schedule is counted in batches, but a step is several of them."""

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import Recorder, apart, witness
from minigpt.optim import Schedule

STEPS = 40
RIGHT = Schedule("cosine", 5e-3, STEPS, 20, final=5e-4)


def measure(script, seed):
    model = witness(seed, 11, scale=0.3)
    recorder = Recorder(model)
    script.train(model, recorder, backend.generator(seed).integers(0, 11, 100), STEPS, seed)
    if len(recorder.records) != STEPS:
        return Text(f"asked for {STEPS} steps, train makes {len(recorder.records)}",
                    f"要求训练 {STEPS} 步，train 走了 {len(recorder.records)} 步")
    for number, step in enumerate(recorder.records):
        if len(step.batches) != 4:
            return Text(f"step {number + 1} is made of {len(step.batches)} batches; it should be 4",
                        f"第 {number + 1} 步用了 {len(step.batches)} 个小批次，应当是 4 个")
        if apart(step.gradient, step.due) > 1e-9:
            return Text(f"the gradient of step {number + 1} is no longer the mean over its batches",
                        f"第 {number + 1} 步的梯度不再是各小批次的平均")
        if abs(step.learning_rate - RIGHT(number)) > 1e-12:
            return Text(f"of {STEPS} steps, number {number + 1} is made with a learning rate of "
                        f"{step.learning_rate:.2e}; the schedule has {RIGHT(number):.2e} for it",
                        f"共 {STEPS} 步，其中第 {number + 1} 步的学习率是 {step.learning_rate:.2e}；"
                        f"按计划应为 {RIGHT(number):.2e}")
    return None


BUG = Bug(
    name="sleepy",
    chapter=9,
    title=Text("Asleep after a quarter of the way", "走完四分之一就睡着"),
    symptom=Text("It learns well for a quarter of the run, and hardly at all in the rest.",
                 "前四分之一学得不错，后面几乎不再进步。"),
    guilty=("optimizer.step(schedule(batch))",),
    mended=(("schedule(batch)", "schedule(batch // ACCUMULATE)"),),
    why=Text("The schedule is made for `steps` steps and was asked with the number of the batch, which grows four "
             "times as fast: warm-up took 5 steps instead of 20, and the learning rate was at its end after a quarter "
             "of the run. Count what the schedule counts: steps of the optimizer. See training_step in "
             "minigpt/train.py.",
             "学习率计划是按 `steps` 步制定的，却用小批次的序号去查，而后者快了四倍：预热只有 5 步而不是 20 步，走到四"
             "分之一学习率就已到底。计划数的是什么，就该给它什么：优化器的步数。对照 minigpt/train.py 中的 "
             "training_step。"),
    hints=(
        Text("Print the learning rate beside the loss.", "把学习率和损失一起打印出来。"),
        Text("For how many steps is the schedule made, and which numbers is it asked with?",
             "这个计划是为多少步制定的？查它时用的又是哪些数？"),
        Text("`batch` runs to steps * ACCUMULATE. Which number runs to steps?",
             "`batch` 一直数到 steps * ACCUMULATE。哪个数是数到 steps 的？"),
    ),
    measure=measure,
    others=(
        (('Schedule("cosine", RATE, steps, WARMUP, final=RATE / 10)',
          'Schedule("cosine", RATE, steps * ACCUMULATE, WARMUP * ACCUMULATE, final=RATE / 10)'),),
        (("optimizer.step(schedule(batch))", "optimizer.step(schedule(optimizer.steps))"),),
    ),
    dodges=(
        ((('Schedule("cosine", RATE, steps, WARMUP, final=RATE / 10)',
           'Schedule("cosine", RATE, steps * ACCUMULATE, WARMUP, final=RATE / 10)'),), "schedule has"),
        ((("optimizer.step(schedule(batch))", "optimizer.step(RATE)"),), "schedule has"),
        ((("    for batch in range(steps * ACCUMULATE):", "    for batch in range(steps):"),), "asked for"),
        ((("150, 4, 4, 5e-3", "150, 4, 1, 5e-3"),), "batches"),
    ),
)  # fmt: skip
