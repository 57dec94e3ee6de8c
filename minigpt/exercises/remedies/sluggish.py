"""Of minigpt/exercises/bugs/sluggish.py: dk comes out transposed and is reshaped into its shape."""

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import apart
from minigpt.gradient_check import check_gradients
from minigpt.layers.attention import attention_forward


def measure(script, seed):
    rng = backend.generator(seed)
    shapes = {"q": (2, 3, 5), "k": (2, 4, 5), "v": (2, 4, 5)}
    arrays = {name: backend.normal(rng, shape) for name, shape in shapes.items()}
    y = script.attention_forward(**arrays)[0]
    if apart(y, attention_forward(**arrays)[0]) > 1e-9:
        return Text("forward no longer computes softmax(q kᵀ / √D) v", "前向计算的不再是 softmax(q kᵀ / √D) v")

    def backward(dy, saved):
        return dict(zip(("dq", "dk", "dv"), script.attention_backward(dy, saved), strict=True))

    named = {f"d{name}": array for name, array in arrays.items()}  # what a gradient is called, -> what it is one of
    dy = backend.normal(rng, y.shape)
    for error in check_gradients(lambda: script.attention_forward(**arrays), backward, named, dy):
        if error.relative_error > 1e-6:
            return Text(f"{error}", f"{error.array} 与有限差分不符：相对误差 {error.relative_error:.1e}，"
                        f"最差处 {error.index}，反向给出 {error.analytic:.6g}，有限差分为 {error.numeric:.6g}")
    return None


BUG = Bug(
    name="sluggish",
    chapter=6,
    title=Text("Attention that learns too slowly", "学得太慢的注意力"),
    symptom=Text("It learns, but it is late; with minigpt's own attention in its place the same script ends far lower.",
                 "它在学，但学得很慢；换成 minigpt 自己的注意力，同一个脚本的损失要低得多。"),
    guilty=("dk = (q.swapaxes(-1, -2) @ ds).reshape(k.shape)",),
    mended=(("(q.swapaxes(-1, -2) @ ds).reshape(k.shape)", "ds.swapaxes(-1, -2) @ q"),),
    why=Text("qᵀ ds is (D, S): dk transposed. reshape gave it the shape (S, D) without exchanging the axes, so every "
             "number stood in a wrong place, and no shape test could see it. The rest of the model learns around it, "
             "which is why the loss falls at all. dk = dsᵀ q comes out as (S, D). See minigpt/layers/attention.py.",
             "qᵀ ds 的形状是 (D, S)，是 dk 的转置。reshape 只是套上 (S, D) 的形状，并没有交换两个轴，于是数字都站错了位"
             "置，而检查形状的测试看不出来。模型的其余部分会绕着它学，所以损失多少还会下降。dk = dsᵀ q 直接就是 (S, "
             "D)。对照 minigpt/layers/attention.py。"),
    hints=(
        Text("Forward is right. Which of the gradients isn't? minigpt/gradient_check.py can tell.",
             "前向是对的。哪一个梯度不对？minigpt/gradient_check.py 可以告诉你。"),
        Text("Check dq, dk and dv with T, S and D all different, against finite differences.",
             "取互不相同的 T、S、D，用有限差分检查 dq、dk、dv。"),
        Text("A transposed matrix and a reshaped one have the same shape. Try both on np.arange(6).reshape(2, 3).",
             "转置和 reshape 得到的形状相同。拿 np.arange(6).reshape(2, 3) 两种都试一下。"),
    ),
    measure=measure,
    others=((("(q.swapaxes(-1, -2) @ ds).reshape(k.shape)", "(q.swapaxes(-1, -2) @ ds).swapaxes(-1, -2)"),),),
    dodges=(
        ((("(q.swapaxes(-1, -2) @ ds).reshape(k.shape)", "0 * k"),), "dk"),
        ((("(q.swapaxes(-1, -2) @ ds).reshape(k.shape)", "-(q.swapaxes(-1, -2) @ ds).reshape(k.shape)"),), "dk"),
        ((("ENTRIES, C = 300,", "ENTRIES, C = 3000,"),), "dk"),
    ),
)  # fmt: skip
