"""Of minigpt/exercises/bugs/shrinking.py: weight decay on norms and biases."""

from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import witness


def measure(script, seed):
    model = witness(seed, 11, scale=1.0)
    parameters = model.parameters()
    optimizer, before = script.AdamW(model), {name: p.data.copy() for name, p in parameters.items()}
    for _ in range(5):
        optimizer.step(0.1)  # with a gradient of zero, nothing but decay is left
    for name, p in parameters.items():
        share = float((p.data / before[name]).mean())
        if p.data.ndim < 2 and not (p.data == before[name]).all():
            return Text(f"five steps without any gradient leave {share:.3f} of {name}; a norm's gain, or a bias, "
                        "should "
                        "stay as it is",
                        f"没有梯度的五步之后，{name} 只剩原来的 {share:.3f}；归一化的增益和偏置应当保持不变")
        if p.data.ndim == 2 and name.startswith("blocks") and not 0 <= share < 0.99:
            return Text(f"five steps without any gradient leave {share:.3f} of {name}: the matrices should decay, and "
                        "no "
                        "longer do", f"没有梯度的五步之后，{name} 还是原来的 {share:.3f}：矩阵应当衰减，现在却不衰减了")
    before = {name: p.data.copy() for name, p in parameters.items()}
    model.flat.grad.fill(1.0)
    optimizer.step(0.1)
    for name, p in parameters.items():
        if (p.data == before[name]).all():
            return Text(f"{name} no longer changes when it has a gradient", f"{name} 有梯度却不再更新")
    return None


BUG = Bug(
    name="shrinking",
    chapter=9,
    title=Text("Norms that fade away", "渐渐消失的归一化"),
    symptom=Text("The gains of the norms, 1 at the start, sink and sink, also where the data has no use for that.",
                 "归一化层的增益从 1 开始不断变小，数据并不需要它们变小。"),
    guilty=("p.data *= 1 - rate * DECAY",),
    mended=(("            p.data *= 1 - rate * DECAY",
             "            if p.data.ndim >= 2:\n                p.data *= 1 - rate * DECAY"),),
    why=Text("All parameters decayed, also the gains and biases. A matrix that is smaller makes a smoother function; a "
             "gain pulled to 0 only takes its channel's signal away, and what it takes the next layer must make up "
             "for. Only matrices should decay. See Optimizer in minigpt/optim.py.",
             "所有参数都在衰减，增益和偏置也不例外。矩阵变小，函数更平滑；增益被拉向 0，却只是削弱了那个通道的信号，"
             "还得由下一层补回来。只有矩阵应当衰减。对照 minigpt/optim.py 中的 Optimizer。"),
    hints=(
        Text("Which parameters gain something from being small? Print the names and shapes of all.",
             "哪些参数变小有好处？打印所有参数的名字和形状。"),
        Text("Take ten steps with a gradient of zero. What changes then is decay, and nothing else.",
             "在梯度为零时走十步。这时还在变的，只能是衰减造成的。"),
        Text("Gains and biases have one axis, matrices two: p.data.ndim.",
             "增益和偏置只有一个轴，矩阵有两个：p.data.ndim。"),
    ),
    measure=measure,
    others=((("p.data *= 1 - rate * DECAY", "p.data *= 1 - rate * DECAY * (p.data.ndim > 1)"),),),
    dodges=(
        ((("3e-3, 1.0", "3e-3, 0.0"),), "no longer do"),
        ((("3e-3, 1.0", "3e-3, 0.01"),), "should stay"),
        ((("        self.parameters, self.steps = list(model.parameters().values()), 0",
           "        self.parameters, self.steps = [p for p in model.parameters().values() if p.data.ndim > 1], 0"),),
         "no longer changes"),
        ((("mean gain {gain:.3f}", "mean gain 1.000"),), "should stay"),
    ),
)  # fmt: skip
