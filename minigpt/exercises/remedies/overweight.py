"""Of minigpt/exercises/bugs/overweight.py: tied weights that are copied instead of shared."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import apart
from minigpt.gradient_check import numeric_gradient
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.optim import SGD

VOCABULARY = 7


def measure(script, seed):
    rng = backend.generator(seed)
    model = script.Model(VOCABULARY, seed)
    table, C = model.table.w, script.C
    number = sum(p.data.shape == table.data.shape for p in model.parameters().values())
    if number != 1:
        return Text(f"among the model's parameters are {number} of the shape ({VOCABULARY}, {C}), "
                    f"{number * VOCABULARY * C} numbers: the table should be there once, with {VOCABULARY * C}",
                    f"模型的参数中有 {number} 个形状为 ({VOCABULARY}, {C}) 的，共 {number * VOCABULARY * C} 个数；"
                    f"这张表应当只有一份，{VOCABULARY * C} 个数")
    script.train(model, SGD(model), rng.integers(0, VOCABULARY, 100), 3, seed)
    ids, targets = np.array([[0, 1, 2, 1, 3]]), np.array([[1, 2, 1, 3, 6]])
    before = model.forward(ids)[0].copy()
    table.data[6] += 1  # of a character that is not read here
    moved = abs(model.forward(ids)[0] - before).max(axis=(0, 1))  # (V,)
    table.data[6] -= 1
    if moved[6] < 1e-9:
        return Text("after training, changing a character's vector in the table leaves its score as it was: the scores "
                    "come from another table", "训练之后，改动表中某个字符的向量，它的分数不变：分数来自另一张表")
    model.zero_grad()
    z, saved = model.forward(ids)
    model.backward(cross_entropy_backward(1.0, cross_entropy_forward(z, targets)[1]), saved)
    right = numeric_gradient(lambda: cross_entropy_forward(model.forward(ids)[0], targets)[0], table.data)
    error = apart(table.grad, right)
    if error > 1e-6:
        return Text(f"the gradient of the table is wrong (relative error {error:.1e}): both its uses must add to it",
                    f"表的梯度不对（相对误差 {error:.1e}）：两处用到它，两处的梯度都要加进去")
    return None


BUG = Bug(
    name="overweight",
    chapter=8,
    title=Text("A model with too many parameters", "参数过多的模型"),
    symptom=Text("It has V · C parameters more than it should, and a character's vector below and above are two "
                 "different ones.",
                 "比应有的多 V · C 个参数；同一个字符，下方查表用的向量与上方打分用的向量并不相同。"),
    guilty=("self.out = Parameter(self.table.w.data)",),
    mended=(("self.out = Parameter(self.table.w.data)", "self.out = self.table.w"),),
    why=Text("A new Parameter is a new weight, with a gradient of its own, whatever numbers it starts from; `pack` "
             "then gives it memory of its own too. Tied means one Parameter under two names: it is counted and stepped "
             "once, and both uses add to the same gradient. See _head_forward and _head_backward in "
             "minigpt/models/gpt.py.",
             "新建的 Parameter 就是一个新的权重，有自己的梯度，不管它从什么数开始；`pack` 之后连内存也是自己的。"
             "共享是指同一个 Parameter 有两个名字：只计数一次，只更新一次，两处的梯度加到同一个数组里。"
             "对照 minigpt/models/gpt.py 中的 _head_forward 和 _head_backward。"),
    hints=(
        Text("List model.parameters() with their shapes. Which one should not be there?",
             "列出 model.parameters() 及其形状。哪一个不该出现？"),
        Text("Compare model.table.w and model.out: are they the same object, or only the same numbers?",
             "比较 model.table.w 和 model.out：是同一个对象，还是只是数值相同？"),
        Text("What does Parameter(...) make, and which array does the table's lookup add its gradient to?",
             "Parameter(...) 创建了什么？查表的梯度又加到了哪个数组里？"),
    ),
    measure=measure,
    others=((("        self.out = Parameter(self.table.w.data)\n", ""),
             ("unembedding_forward(h, self.out.data)", "unembedding_forward(h, self.table.w.data)"),
             ("self.out.grad += dw", "self.table.w.grad += dw")),),
    dodges=(
        ((("        optimizer.step(3e-3)",
           "        optimizer.step(3e-3)\n        model.out.data[...] = model.table.w.data"),), "once"),
        ((("self.out = Parameter(self.table.w.data)", "self._out = Parameter(self.table.w.data)"),
          ("unembedding_forward(h, self.out.data)", "unembedding_forward(h, self._out.data)"),
          ("self.out.grad += dw", "self._out.grad += dw")), "another table"),
        ((("self.out = Parameter(self.table.w.data)", "self.out = self.table.w"), ("self.out.grad += dw", "pass")),
         "both its uses"),
        ((('{model.flat.data.size:,} parameters', '15,456 parameters'),), "once"),
    ),
)  # fmt: skip
