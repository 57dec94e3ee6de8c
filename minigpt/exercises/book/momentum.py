"""Exercise of chapter 09: a step of gradient descent with momentum."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bare_model import BareModel
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.optim import SGD

SKELETON = '''\
import numpy as np


def momentum_step(theta, g, u, learning_rate, mu):
    """theta (...), its gradient g (...), the velocity u (...) so far -> theta (...), u (...) after the step."""
'''

ANSWER = '''\
import numpy as np


def momentum_step(theta, g, u, learning_rate, mu):
    u_new = mu * u + g
    theta_new = theta - learning_rate * u_new
    return theta_new, u_new
'''


def _momentum_step(theta, g, u, learning_rate, mu):
    with backend.using("numpy", theta.dtype.name):
        model = BareModel([theta], [g])
        optimizer = SGD(model, mu)
        if mu:
            optimizer.state["velocity"][...] = u.reshape(-1)
        optimizer.step(learning_rate)
        # Without momentum the library keeps no velocity; it would be the gradient itself.
        return model.arrays[0].data.copy(), optimizer.state["velocity"].reshape(theta.shape) if mu else g.copy()


def problems(rng):
    def problem(*shape, learning_rate, mu):
        arrays = {name: rng.standard_normal(shape) for name in ("theta", "g", "u")}
        return Problem(arrays, {"learning_rate": learning_rate, "mu": mu})

    return [problem(3, learning_rate=0.1, mu=0.8), problem(2, 3, learning_rate=0.5, mu=0.9),
            problem(1, 1, learning_rate=1.0, mu=0.5), problem(2, 1, 3, learning_rate=0.01, mu=0.0)]


def _terminal_velocity(functions, problem):
    mu = problem.given["mu"]
    theta, g = problem.arrays["theta"], problem.arrays["g"]
    u = np.zeros_like(g)
    for _ in range(400):
        theta, u = functions[0](theta, g, u, **problem.given)
    difference = np.abs(u - g / (1 - mu)).max()
    if not difference < 1e-6:
        return Text(f"under a constant gradient the velocity must approach g / (1 - mu); after 400 steps it is off by "
                    f"{difference:.3g}",
                    f"梯度不变时，速度应当趋于 g / (1 - mu)；400 步之后还差 {difference:.3g}")
    return None


EXERCISE = Exercise(
    name="momentum",
    chapter=9,
    title=Text("A step with momentum", "带动量（momentum）的一步"),
    task=Text(
        "A heavy ball rolls on: the velocity u keeps the share μ of itself and takes up the gradient, u = μ u + g; "
        "then the parameters move by θ -= η u. Return the new θ and the new u, and leave the arrays you were given "
        "as they are. Here η (learning_rate) stands outside the velocity, as in the library.",
        "重球会继续滚：速度 u 保留自己的 μ 倍，再加上梯度，u = μ u + g；然后参数移动，θ -= η u。返回新的 θ 和新的 u，"
        "给你的数组不要改动。这里学习率 η（learning_rate）在速度之外，与库里一致。"),
    functions=("momentum_step",),
    skeleton=SKELETON,
    solution=(_momentum_step,),
    shown=(SGD,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("terminal velocity", _terminal_velocity),),
    hints=(
        Text("Two lines: first the velocity, then the parameters. Which u does the second line need?",
             "两行：先算速度，再算参数。第二行要用哪个 u？"),
        Text("The step uses the new velocity; with μ = 0 it must be plain gradient descent, θ - η g.",
             "这一步用的是新的速度；μ = 0 时应当就是普通的梯度下降 θ - η g。"),
        Text("u_new = mu * u + g; theta_new = theta - learning_rate * u_new; both are new arrays.",
             "u_new = mu * u + g；theta_new = theta - learning_rate * u_new；两者都是新数组。"),
    ),
    wrong=(
        Wrong("average", (("mu * u + g", "mu * u + (1 - mu) * g"),), "value", "average",
              Text("this velocity is an average, with (1 - μ) g as in Adam; momentum adds the whole gradient, μ u + "
                   "g, so steps grow to 1 / (1 - μ) times the gradient's",
                   "这里的速度成了平均，像 Adam 那样用了 (1 - μ) g；动量加的是整个梯度 μ u + g，"
                   "步子因此能长到梯度的 1 / (1 - μ) 倍")),
        Wrong("old_velocity", (("learning_rate * u_new", "learning_rate * u"),), "value", "old velocity",
              Text("the step uses the old velocity, so that this gradient moves nothing until the next step",
                   "这一步用的是旧的速度，这次的梯度要到下一步才起作用")),
        Wrong("plain", (("learning_rate * u_new", "learning_rate * g"),), "value", "gradient alone",
              Text("the step follows the gradient alone; the velocity is kept but moves nothing",
                   "这一步只用了梯度；速度算了，却没有用来移动参数")),
        Wrong("uphill", (("theta - learning_rate", "theta + learning_rate"),), "value", "uphill",
              Text("the step goes uphill: the parameters move against the gradient, θ - η u",
                   "方向反了，是在上坡：参数应当逆着梯度走，θ - η u")),
        Wrong("rate_inside", (("u_new = mu * u + g", "u_new = mu * u + learning_rate * g"),
                              ("theta - learning_rate * u_new", "theta - u_new")), "value", "inside the velocity",
              Text("η stands inside the velocity here, u = μ u + η g and θ -= u; asked for is u = μ u + g and θ -= η "
                   "u, which differs as soon as η changes",
                   "这里 η 在速度里面：u = μ u + η g，θ -= u；题目要的是 u = μ u + g，θ -= η u，η 一变，两者就不同")),
        Wrong("nesterov", (("learning_rate * u_new", "learning_rate * (mu * u_new + g)"),), "value", "Nesterov",
              Text("this is Nesterov's step, which looks one step ahead with μ u + g; asked for is the plain one, θ "
                   "-= η u",
                   "这是 Nesterov 的做法，用 μ u + g 向前多看了一步；题目要的是普通动量 θ -= η u")),
        Wrong("velocity_lost", (("return theta_new, u_new", "return theta_new, u"),), "value", "is returned as it came",
              Text("the velocity is returned as it came: the next step would know nothing of this gradient",
                   "返回的速度还是原来那个：下一步就不知道这次的梯度了")),
        Wrong("in_place", (("    u_new = mu * u + g", "    u *= mu\n    u += g\n    u_new = u"),), "overwritten", "u"),
    ),
)  # fmt: skip
