"""The exercises: each fails untouched, passes when right, and answers every known wrong answer as it should.

Then the checker itself, on made-up exercises: every stage, every general diagnosis, and no diagnosis where none fits.
"""

import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from minigpt.exercises import checker, hypotheses
from minigpt.exercises.catalogue import BOOK, ORDER, exercises, find
from minigpt.exercises.exercise import STAGES, Exercise, Problem, Property, Text
from minigpt.exercises.hypotheses import Evidence, general
from minigpt.exercises.show import show

NAMES = sorted(path.stem for path in BOOK.glob("*.py") if path.stem != "__init__")
PLANTED = [(name, wrong.name) for name in NAMES for wrong in find(name).wrong]
CHINESE = re.compile("[\u4e00-\u9fff，。；：]")  # a hint that is one formula has at least its punctuation
SHAPE = re.compile(r"\((\.\.\.|[A-Z])[^()]*\)")


# ---- every exercise of the book


def test_the_book_is_in_the_order_of_the_course():
    assert sorted(exercises()) == NAMES and NAMES
    assert set(NAMES) <= set(ORDER), "an exercise has no place in ORDER"
    chapters = [exercise.chapter for exercise in exercises().values()]
    assert chapters == sorted(chapters)


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_complete(name):
    exercise = find(name)
    assert exercise.name == name
    assert 1 <= len(exercise.functions) == len(exercise.solution) <= 2
    assert len(exercise.hints) == 3 and len(exercise.wrong) >= 4
    assert len({wrong.name for wrong in exercise.wrong}) == len(exercise.wrong)
    texts = [exercise.title, exercise.task, *exercise.hints, *(w.says for w in exercise.wrong if w.says)]
    for text in texts:
        assert text.en.strip() and text.zh.strip() and text.en != text.zh
        assert CHINESE.search(text.zh) and not CHINESE.search(text.en)
    for wrong in exercise.wrong:
        assert wrong.stage in STAGES and wrong.expect
    problems = exercise.problems(np.random.default_rng(0))
    assert len(problems) >= 2
    if any(array.ndim for problem in problems for array in problem.arrays.values()):
        assert SHAPE.search(exercise.task.en + exercise.skeleton), "neither task nor skeleton says a shape"


@pytest.mark.parametrize("name", NAMES)
def test_the_untouched_skeleton_fails_in_a_friendly_way(name):
    exercise = find(name)
    verdict = checker.check_source(exercise, exercise.skeleton, f"{name}.py")
    assert verdict.stage == "raised"
    assert "nothing is written in it yet" in verdict.text("en") and "还什么都没有写" in verdict.text("zh")
    assert exercise.functions[0] in verdict.text("en") and "Traceback" not in verdict.text("en")


@pytest.mark.parametrize("name", NAMES)
def test_the_library_and_the_answer_are_right(name):
    exercise = find(name)
    for verdict in (checker.check(exercise, list(exercise.solution)),
                    checker.check_source(exercise, exercise.answer, f"{name}.py")):
        assert verdict.passed, verdict.text("en")
        assert "right" in verdict.text("en") and "正确" in verdict.text("zh")


@pytest.mark.parametrize("name, wrong_name", PLANTED)
def test_a_planted_wrong_answer_is_answered(name, wrong_name):
    exercise = find(name)
    wrong = next(wrong for wrong in exercise.wrong if wrong.name == wrong_name)
    verdict = checker.check_source(exercise, exercise.wrong_answer(wrong), f"{name}.py")
    english, chinese = verdict.text("en"), verdict.text("zh")
    assert verdict.stage == wrong.stage, english
    assert wrong.expect in english
    assert CHINESE.search(chinese)
    if wrong.says is not None:
        assert wrong.says.en in english and wrong.says.zh in chinese, english
    else:  # a general diagnosis; a shape has its own within the sentence
        assert verdict.diagnosis is not None or wrong.stage in ("shape", "property"), english


# ---- the checker, on an exercise of its own


AFFINE = '''\
import numpy as np


def affine_forward(x, w, b, scale=1.0):
    y = scale * (x @ w) + b
    return y, (x, w, scale)


def affine_backward(dy, saved):
    x, w, scale = saved
    dx = scale * (dy @ w.T)
    dw = scale * (x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1]))
    db = dy.reshape(-1, dy.shape[-1]).sum(axis=0)
    return dx, dw, db
'''


def affine_forward(x, w, b, scale=1.0):
    return scale * (x @ w) + b, (x, w, scale)


def affine_backward(dy, saved):
    x, w, scale = saved
    rows, dy_rows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return scale * (dy @ w.T), scale * (rows.T @ dy_rows), dy_rows.sum(axis=0)


def affine_problems(rng):
    def problem(*rows, i, o):
        return Problem({"x": rng.standard_normal((*rows, i)), "w": rng.standard_normal((i, o)),
                        "b": rng.standard_normal(o)}, {"scale": 0.5})

    return [problem(3, i=4, o=5), problem(2, 3, i=4, o=7), problem(1, i=1, o=2)]


def made_up(**changes):
    fields = dict(
        name="affine", chapter=3, title=Text("Affine", "仿射"), task=Text("task", "任务"),
        functions=("affine_forward", "affine_backward"),
        skeleton='def affine_forward(x, w, b, scale=1.0):\n    """x (..., I), w (I, O), b (O,) -> y (..., O)."""\n',
        solution=(affine_forward, affine_backward), answer=AFFINE, problems=affine_problems,
        hints=(Text("1", "一"), Text("2", "二"), Text("3", "三")), wrong=())  # fmt: skip
    return Exercise(**{**fields, **changes})


def verdict_on(source, exercise=None, **options):
    return checker.check_source(exercise or made_up(), source, "mine.py", **options)


def changed(*edits):
    source = AFFINE
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_made_up_answer_is_right():
    verdict = verdict_on(AFFINE)
    assert verdict.passed, verdict.text("en")
    assert verdict.text("en") == "affine: right\n  checked on 3 problems, gradients against finite differences"
    assert verdict.text("zh") == "affine：正确\n  检查了 3 道题，梯度与有限差分一致"


Y = "    y = scale * (x @ w) + b\n"
DW = "    dw = scale * (x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1]))\n"
DX, DB = "    dx = scale * (dy @ w.T)\n", "    db = dy.reshape(-1, dy.shape[-1]).sum(axis=0)\n"
RETURN, GRADIENTS = "    return y, (x, w, scale)\n", "    return dx, dw, db\n"

# what is changed, the stage, words of the English message, words of the Chinese one
WRONG = {
    "no function": ([("def affine_forward", "def forward")], "missing", "define a function affine_forward",
                    "请定义函数"),
    "no backward": ([("def affine_backward", "def b")], "missing", "affine_forward is right. Now define",
                    "正确。请定义"),
    "no Python": ([(Y, "    y = (\n")], "missing", "mine.py, line", "读不懂这个文件"),
    "raises when read": ([("import numpy as np\n", "import numpi as np\n")], "missing", "mine.py, line 1: import numpi",
                         "ModuleNotFoundError"),
    "exits": ([("import numpy as np\n", "import numpy as np\nraise SystemExit(3)\n")], "missing", "SystemExit: 3",
              "SystemExit"),
    "raises": ([(Y, "    y = x @ w.T + b\n")], "raised", "mine.py, line 5: y = x @ w.T + b", "是不是有一个该转置"),
    "exits inside": ([(Y, "    raise SystemExit\n")], "raised", "affine_forward raised SystemExit",
                     "抛出了 SystemExit"),
    "raises in a helper": ([(Y, "    y = helper(x)\n"),
                            ("def affine_backward", "def helper(x):\n    return x[99]\n\n\ndef "
                            "affine_backward")], "raised", "mine.py, line 10: return x[99]", "下标越界"),
    "recursion": ([(Y, "    y = affine_forward(x, w, b)\n")], "raised", "RecursionError", "无休止"),
    "None": ([(RETURN, "    y, (x, w, scale)\n")], "raised", "affine_forward returned None", "少了 return"),
    "no body": ([(Y + RETURN, "    pass\n")], "raised", "nothing is written in it yet", "还什么都没有写"),
    "y alone": ([(RETURN, "    return y\n")], "raised",
                "must return two things, y and saved; it returned an array (3, 5)", "y 和 saved"),
    "None as y": ([(RETURN, "    return None, (x, w, scale)\n")], "raised", "returned None as y", "返回的 y 是 None"),
    "a list": ([(RETURN, "    return y.tolist(), (x, w, scale)\n")], "raised",
               "y is a list of 3, and should be an array", "y 是 list（3 个元素），应当是 数组"),
    "parameters": ([("(x, w, b, scale=1.0)", "(x, w)")], "raised",
                   "it is called as affine_forward(x, w, b, scale=...), and doesn't take that", "参数应与"),
    "two gradients": ([(GRADIENTS, "    return dx, dw\n")], "raised",
                      "must return dx, dw, db; it returned a tuple of 2", "应返回 dx、dw、db"),
    "None as gradient": ([(GRADIENTS, "    return dx, None, db\n")], "raised", "returned None as dw",
                         "返回的 dw 是 None"),
    "float64": ([(Y, "    y = scale * (x @ w) + b * np.sqrt(1.0)\n")], "dtype",
                "y is float64, and should be float32, when the arguments are float32", "请用 math.sqrt"),
    "float32": ([(Y, "    y = (scale * (x @ w) + b).astype('float32')\n")], "dtype", "digits are lost", "精度丢失"),
    "integers": ([(Y, "    y = np.rint(scale * (x @ w) + b).astype(int)\n")], "dtype", "y is int64", "这是整数"),
    "gradient in float64": ([(DX, "    dx = scale * (dy @ w.T) * np.float64(1)\n")], "dtype", "dx is float64",
                            "dx 的类型"),
    "rows lost": ([(Y, "    y = (scale * (x @ w) + b).sum(axis=0)\n")], "shape",
                  "y is (O=5,), and should be (3, O=5): the axis 0 is missing", "缺少轴 0"),
    "transposed y": ([(Y, "    y = (scale * (x @ w) + b).T\n")], "shape", "the axes 0 and O are exchanged", "互换了"),
    "one axis kept": ([(DB, "    db = dy.reshape(-1, dy.shape[-1]).sum(axis=0, keepdims=True)\n")], "shape",
                      "db is (1, O=5), b is (O=5,): there is an axis of length 1 too many", "多了一个长度为 1 的轴"),
    "not summed": ([(DB, "    db = dy\n")], "shape", "db is (3, O=5), b is (O=5,)", "缺少对批量的求和"),
    "transposed dw": ([(DW, "    dw = scale * (dy.T @ x)\n")], "shape",
                      "dw is (O=5, I=4), w is (I=4, O=5): the axes I and O are exchanged", "轴 I 和 O 互换了"),
    "scalar": ([(DB, "    db = dy.sum()\n")], "shape", "it is a single number", "这是单个数"),
    "NaN": ([(Y, "    y = scale * (x @ w) + b\n    y[1, 2:] = np.nan\n")], "finite",
            "y[1, 2] is nan, and should be", "（15 个元素中有 3 个是 NaN 或无穷大）"),
    "infinite gradient": ([(DX, "    dx = scale * (dy @ w.T) / 0\n")], "finite", "dx[0, 0] is ", "12 个"),
    "value": ([(Y, "    y = scale * (x @ w) + b\n    y[2, 3] += 1\n")], "value",
              "y[2, 3] is 1.6442, and should be 0.6442; 1 of 15 elements is wrong", "15 个元素中有 1 个不对"),
    "a little wrong": ([(Y, "    y = scale * (x @ w) + b + 1e-7\n")], "value", "(the difference is 1e-07)",
                       "（相差 1e-07）"),
    "no bias": ([(Y, "    y = scale * (x @ w)\n")], "value", "along axis 0 the error is the same", "沿轴 0"),
    "x overwritten": ([(Y, "    x *= scale\n    y = x @ w + b\n"), (RETURN, "    return y, (x / scale, w, scale)\n")],
                      "overwritten", "affine_forward has changed x: x was", "改动了 x"),
    "remembers": ([(Y, "    seen.append(1)\n    y = scale * (x @ w) + b + len(seen) // 3\n"),
                   ("import numpy as np\n", "import numpy as np\nseen = []\n")], "overwritten",
                  "called twice with the same arguments gives two results", "结果不同"),
    "dy overwritten": ([(DX, "    dx = scale * (dy @ w.T)\n    dy += 0.5\n    dy -= 0.25\n")], "overwritten",
                       "has changed dy", "改动了 dy"),
    "saved overwritten": ([(GRADIENTS, "    w *= 2\n    return dx, dw, db\n"),
                           (RETURN, "    return y, [x, w.copy(), scale]\n")],
                          "overwritten", "has changed saved[1]", "反向可能再跑一次"),
    "argument overwritten by backward": ([(GRADIENTS, "    x *= 2\n    return dx, dw, db\n")], "overwritten",
                                         "has changed x", "调用者可能还要用它"),
    "backward once only": ([(GRADIENTS, "    return dx, dw, db\n\n\nlast = []\n"),
                            ("    x, w, scale = saved\n", "    x, w, scale = saved\n    last.append(1)\n    dy = dy * "
                             "(1 if len(last) < 2 else 2)\n")], "overwritten",
                           "called twice with the same dy and saved", "两次"),
    "global": ([(RETURN, "    global kept\n    kept = x, w, scale\n    return y, ()\n"),
                ("    x, w, scale = saved\n", "    x, w, scale = kept\n")], "overwritten",
               "gives another result once affine_forward has run on other arguments", "全局变量里只有最近一次"),
    "gradient": ([(DX, "    dx = scale * (dy @ w.T)\n    dx[1, 2] = 7\n")], "gradient",
                 "dx[1, 2] is 7, and should be -0.43577 by finite differences", "按有限差分应为"),
    "a little wrong gradient": ([(DX, "    dx = scale * (dy @ w.T)\n    dx[1, 2] *= 1.0001\n")], "gradient",
                                "dx[1, 2] is ", "12 个元素中有 1 个不对"),
    "second gradient": ([(DB, "    db = dy.reshape(-1, dy.shape[-1]).mean(axis=0)\n")], "gradient", "right: dx, dw",
                        "正确的有：dx、dw"),
    "two wrong gradients": ([(DX, "    dx = -scale * (dy @ w.T)\n"), (DB, DB + "    db = -db\n")], "gradient",
                            "wrong too: db",
                            "不对的还有：db"),
    "only two axes": ([(DW, "    dw = scale * x.T @ dy\n")], "odd shapes",
                      "the first problem is right, number 2 of 3 is not",
                      "第 2 题（共 3 题）不对"),
    "wrong on 3 axes": ([(DB, "    db = dy.sum(axis=0)\n")], "odd shapes", "db is (3, O=7), b is (O=7,)",
                        "第 1 题正确"),
    "one row": ([(Y, "    y = scale * (x @ w) + b * (len(x) > 1)\n")], "odd shapes", "number 3 of 3", "第一题对了"),
}  # fmt: skip


@pytest.mark.parametrize("edits, stage, english, chinese", WRONG.values(), ids=WRONG)
def test_the_checker_stops_at_the_stage_and_says_what_is_wrong(edits, stage, english, chinese):
    verdict = verdict_on(changed(*edits))
    assert verdict.stage == stage, verdict.text("en")
    assert english in verdict.text("en"), verdict.text("en")
    assert chinese in verdict.text("zh"), verdict.text("zh")
    assert verdict.line is None or "mine.py" in str(verdict.line)


def test_the_argument_that_gave_the_worst_element_is_shown():
    text = verdict_on(changed((Y, Y + "    if x.ndim == 3:\n        y[1, 2, 3] += 1\n"))).text("en")
    assert re.search(r"arguments: x\[1, 2\] = \[[^\]]+\]; w \(I=4, O=7\); b = \[[^\]]+\]; scale = 0.5", text), text


def test_the_first_wrong_stage_is_told_not_a_later_one():
    everything = changed((Y, "    x *= 2\n    y = (scale * (x @ w)).astype('float32')[0]\n"), (DX, "    dx = -dy\n"))
    assert verdict_on(everything).stage == "dtype"
    assert verdict_on(changed((Y, "    x *= 2\n    y = (scale * (x @ w))[0]\n"))).stage == "shape"
    assert verdict_on(changed((Y, "    x *= 2\n    y = scale * (x @ w) + b\n"))).stage == "value"


def test_nan_on_a_later_problem_is_told_as_nan():
    verdict = verdict_on(changed((Y, "    y = scale * (x @ w) + b\n    y /= x.ndim - 3 or np.nan\n    y *= -1\n")))
    assert verdict.stage == "finite"


def test_what_the_code_prints_is_shown_once(capsys):
    source = changed((Y, "    print('shape', x.shape)\n" + Y))
    assert verdict_on(source).passed
    assert capsys.readouterr().out == "shape (3, 4)\n"
    source = changed((Y, "    print('shape', x.shape)\n    assert x.ndim < 3\n" + Y))
    verdict = verdict_on(source)
    assert capsys.readouterr().out == "shape (3, 4)\n"
    assert verdict.text("en").endswith("It printed:\n    shape (2, 3, 4)") and "它打印了：" in verdict.text("zh")
    verdict = verdict_on(source, loud=False)
    assert capsys.readouterr().out == "" and "printed" not in verdict.text("en")


def test_ctrl_c_names_the_line_of_an_endless_loop():
    for old, new, line in ((Y, "    while True:\n        raise KeyboardInterrupt\n", 6),
                           (DX, "    while True:\n        raise KeyboardInterrupt\n", 12)):
        verdict = verdict_on(changed((old, new)))
        assert verdict.interrupted and not verdict.passed and verdict.diagnosis is None
        assert f"mine.py, line {line}: raise KeyboardInterrupt" in verdict.text("en")
        assert "stopped by Ctrl-C inside affine_" in verdict.text("en") and "永不结束" in verdict.text("zh")
    verdict = verdict_on("raise KeyboardInterrupt\n")
    assert verdict.interrupted and verdict.stage == "missing" and "line 1" in verdict.text("en")


def test_warnings_of_the_students_code_are_no_errors():
    source = changed((Y, Y + "    np.log(np.zeros(1)), '\\d'\n    np.array([1e300]) ** 2\n"))
    assert verdict_on(source).passed
    with np.errstate(all="raise"):
        assert verdict_on(source).passed


def test_forward_alone_is_answered_too():
    exercise = made_up()
    verdict = checker.check(exercise, [affine_forward, None], ["mine", "affine_backward"])
    assert verdict.stage == "missing" and "mine is right. Now define a function affine_backward" in verdict.text("en")


def test_a_function_without_a_signature_is_called():
    exercise = plain("largest", lambda x: np.max(x), lambda rng: [Problem({"x": rng.standard_normal(5)})])
    assert checker.check(exercise, [np.max]).passed


# ---- properties, gradients that add up, plain functions


def plain(name, solution, problems, **changes):
    return made_up(name=name, functions=(name,), solution=(solution,), problems=problems,
                   skeleton=f'def {name}(x):\n    """x (N,) -> a number."""\n', **changes)


def test_a_property_that_is_broken():
    def holds(functions, problem):
        y, _ = functions[0](problem.arrays["x"] + 1, problem.arrays["w"], problem.arrays["b"])
        return Text("it is negative", "它是负数") if (y < 0).any() else None

    exercise = made_up(properties=(Property("never negative", holds),))
    verdict = verdict_on(AFFINE, exercise)
    assert verdict.stage == "property" and "it is negative" in verdict.text("en") and "它是负数" in verdict.text("zh")
    raising = made_up(properties=(Property("runs", lambda functions, problem: functions[0](1, 2, 3, 4)),))
    source = changed((Y, "    if scale == 4:\n        raise ValueError('four')\n" + Y))
    verdict = verdict_on(source, raising)
    assert verdict.stage == "raised" and "ValueError: four" in verdict.text("en") and verdict.line.number == 6


def test_a_property_cannot_spoil_the_problems():
    def holds(functions, problem):
        problem.arrays["x"][...] = 0
        problem.given["scale"] = None

    assert verdict_on(AFFINE, made_up(properties=(Property("none", holds), Property("again", holds)))).passed
    assert verdict_on(AFFINE).passed


def add_outer(x, dy, grad):
    grad += np.outer(x, dy)


def outer_problems(rng):
    return [Problem({"x": rng.standard_normal(n), "dy": rng.standard_normal(m), "grad": np.zeros((n, m))})
            for n, m in ((2, 3), (4, 1))]


ADD = plain("add_outer", add_outer, outer_problems, accumulates=("grad",))


@pytest.mark.parametrize("line, stage, words", [
    ("grad += np.outer(x, dy)", None, "right"),
    ("grad[...] = np.outer(x, dy)", "accumulate", "the gradient overwrites what was there"),
    ("grad = grad + np.outer(x, dy)", "value", "it is zero everywhere"),
    ("grad += np.outer(x, dy) * (1 if not grad.any() else 2)", "accumulate", "what is there must stay"),
    ("grad += np.outer(x, dy) if not grad.any() else 0", "accumulate", "nothing was added to the array"),
    ("grad -= np.outer(x, dy)", "value", "the sign is flipped"),
    ("pass", "raised", "nothing is written in it yet"),
    ("x *= 1.5; grad += np.outer(x / 1.5, dy)", "overwritten", "has changed x"),
])  # fmt: skip
def test_a_plain_function_that_adds_to_a_gradient(line, stage, words):
    verdict = verdict_on(f"import numpy as np\ndef add_outer(x, dy, grad):\n    {line}\n", ADD)
    assert verdict.stage == stage and words in verdict.text("en"), verdict.text("en")


def test_accumulate_tells_all_three_numbers():
    source = "import numpy as np\ndef add_outer(x, dy, grad):\n    grad[...] = np.outer(x, dy)\n"
    facts = re.search(r"grad\[\d, \d\] was 1 and its gradient is (\S+): it should be (\S+) now, and is (\S+)\n",
                      verdict_on(source, ADD).text("en"))
    gradient, due, now = map(float, facts.groups())
    assert now == gradient and due == pytest.approx(gradient + 1, abs=1e-5)


def adding_backward(dy, saved, dw):
    x, w, scale = saved
    dw += scale * (x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1]))
    return scale * (dy @ w.T), dy.reshape(-1, dy.shape[-1]).sum(axis=0)


@pytest.mark.parametrize("line, stage",
                         [("dw += part", None), ("dw[...] = part", "accumulate"), ("dw += 2 * part", "gradient"),
                                         ("dw += part[:1]", "gradient"), ("dw = dw + part", "gradient")])
def test_a_backward_that_adds_to_a_gradient(line, stage):
    exercise = made_up(solution=(affine_forward, adding_backward), accumulates=("w",))
    source = changed(("(dy, saved)", "(dy, saved, dw)"), (DW, DW.replace("dw =", "part =") + f"    {line}\n"),
                     (GRADIENTS, "    return dx, db\n"))
    verdict = verdict_on(source, exercise)
    assert verdict.stage == stage, verdict.text("en")


# result of the right function, that of the student's, the stage, words of the message
RESULTS = {
    "list": ([1, 2, 3], [1, 5, 3], "value",
             "result[1] is 5, and should be 2; result is [1, 5, 3], and should be [1, 2, 3]"),
    "short list": ([1, 2, 3], [1, 2], "value",
                   "result has 2 entries, and should have 3; the first that is missing is 3"),
    "long list": ([1], [1, 2], "value", "result has 2 entries, and should have 1"),
    "tuple for a list": ([1, 2], (1, 2), "raised", "result is a tuple of 2, and should be a list of 2"),
    "array for a list": ([1, 2], np.array([1, 2]), "raised", "result is an array (2,) of int64"),
    "text": ("a longer text", "a langer text", "value", "they differ from character 3 on"),
    "number for a text": ("text", 3, "raised", "result is an int, and should be the text 'text'"),
    "dict": ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "value", "result['b'] is 3, and should be 2"),
    "key missing": ({"a": 1, "b": 2}, {"a": 1}, "value", "result lacks the key 'b'"),
    "key too many": ({"a": 1}, {"a": 1, "c": 2}, "value", "result has the key 'c', which doesn't belong there"),
    "tuple": ((1, [2, 3]), (1, [2, 4]), "value", "result[1][1] is 4, and should be 3"),
    "number": (1.5, 1.25, "value", "result is 1.25, and should be 1.5"),
    "float for int": (3, 3.0, "dtype", "result is the float 3, and should be a whole number"),
    "int for float": (3.0, 3, None, "right"),
    "NumPy's number": (3.5, np.float64(3.5), None, "right"),
    "array for a number": (3.5, np.array([3.5]), "shape", "should be a single number"),
    "rows of a loss": (np.array(3.5), np.array([3.0, 4.0]), "shape", "(): a single number is due, a sum or a mean"),
    "bool": (np.array([True, False]), np.array([1.0, 0.0]), "dtype", "result is float64, and should be bool"),
    "exchanged": (np.array([True, False]), np.array([False, True]), "value", "True and False are exchanged"),
    "minus infinity": (np.array([0.0, -np.inf]), np.array([0.0, -1e9]), "value",
                       "result[1] is -1e+09, and should be -inf"),
    "infinity": (np.array([0.0, -np.inf]), np.array([0.0, -np.inf]), None, "right"),
    "nan": (np.array([0.0, 1.0]), np.array([0.0, np.nan]), "finite", "result[1] is nan"),
    "arrays in a tuple": ((np.zeros(2), np.ones(3)), (np.zeros(2), np.ones(4)), "shape",
                          "result[1] is (4,), and should be (3,)"),
    "early stage first": ((np.zeros(2), np.ones(3)), (np.ones(2), np.ones(4)), "shape", "result[1]"),
    "function": ([1], len, "raised", "result is a function, and should be a list"),
    "nested lists": ([[1, 2], [3]], [[1, 2], [4]], "value", "result[1][0] is 4, and should be 3"),
    "None": ([1], None, "raised", "returned None"),
    "hidden difference": (1.0, 1.0 + 1e-8, "value", "(the difference is 1e-08)"),
    "rounding": (np.array([1.0, 1e-3]), np.array([1.0 + 1e-12, 1e-3 + 1e-14]), None, "right"),
    "empty": (np.zeros((0, 3)), np.zeros((0, 3)), None, "right"),
    "own class": ([1], [type("Odd", (), {"__eq__": lambda self, other: 1 / 0})()], "raised", "result[0] is"),
}  # fmt: skip


@pytest.mark.parametrize("right, came, stage, words", RESULTS.values(), ids=RESULTS)
def test_results_of_every_kind_are_compared(right, came, stage, words):
    exercise = plain("give", lambda which: right, lambda rng: [Problem({}, {"which": 1})])
    verdict = checker.check(exercise, [lambda which: came], ["give"])
    assert verdict.stage == stage and words in verdict.text("en"), verdict.text("en")
    assert verdict.text("zh") != verdict.text("en")


class Odd:
    """Nothing can be done with it."""

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __len__(self):
        raise RuntimeError("len")

    def __repr__(self):
        raise RuntimeError("repr")


ODD = [0, 1.5, True, 1j, "x", b"x", (), [], {}, set(), [[]], [[1], [2, 3]], [None], ((1, 2), (3,)), "x" * 10**6,
       float("nan"), float("-inf"), 10**400, Decimal(1), Fraction(1, 3), Odd(), object(), len, int, Ellipsis, range(3),
       np.zeros((2, 3)), np.zeros(0), np.array(3.0), np.array(["a"]), np.array([None, 1], object), np.array([1j]),
       np.ma.array([1, 2], mask=[0, 1]), np.zeros((2, 3), "float16"), np.zeros((2, 3), [("a", float)]),
       np.datetime64("2020"), (number for number in range(3)), np.zeros((2, 3), "int8"), np.full((2, 3), np.nan),
       np.longdouble(1)]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=[f"{n} {type(odd).__name__}" for n, odd in enumerate(ODD)])
def test_whatever_a_function_returns_is_told_in_a_few_lines(odd):
    def right_with(odd):
        return lambda *arguments, **keywords: (affine_forward(*arguments, **keywords)[0], odd)

    for exercise, functions in (
        (made_up(), [lambda *_, **__: odd, affine_backward]),
        (made_up(), [lambda *_, **__: (odd, ()), affine_backward]),
        (made_up(), [right_with(odd), affine_backward]),
        (made_up(), [affine_forward, lambda dy, saved: odd]),
        (made_up(), [affine_forward, lambda dy, saved: (odd, odd, odd)]),
        (plain("give", lambda x, w, b, scale: [1, "a"], affine_problems), [lambda *_, **__: odd]),
        (plain("give", lambda x, w, b, scale: 2.5, affine_problems), [lambda *_, **__: odd]),
        (plain("give", lambda x, w, b, scale: (x > 0, {"w": w}), affine_problems), [lambda *_, **__: odd]),
    ):
        verdict = checker.check(exercise, functions)
        assert not verdict.passed and verdict.text("zh")
        assert verdict.text("en").count("\n") < 9 and len(verdict.text("en")) < 4000


def test_numbers_and_functions_are_shown_alike_inside_and_outside_a_tuple():
    assert show(np.float64(1 / 3)) == "0.333333" and show(-0.0) == "0" and show(np.float32(0.5)) == "0.5"
    assert show((np.float64(1 / 3), np.float32(0.5), 1.0)) == "(0.333333, 0.5, 1)"
    assert show(show) == "show" and show([show]) == "[show]"


def test_a_list_that_was_given_must_stay():
    exercise = plain("sort", lambda ids: sorted(ids), lambda rng: [Problem({}, {"ids": [3, 1, 2]})])
    verdict = verdict_on("def sort(ids):\n    ids.sort()\n    return list(ids)\n", exercise)
    assert verdict.stage == "overwritten"
    assert "sort has changed ids: ids was [3, 1, 2], and is [1, 2, 3] now" in verdict.text("en")
    assert "list(ids) makes another" in verdict.text("en") and "list(ids) 才会新建一个" in verdict.text("zh")


def test_random_numbers_are_the_same_at_every_call():
    def noise(n, rng):
        return rng.standard_normal(n)

    exercise = plain("noise", noise, lambda rng: [Problem({}, {"n": 3, "rng": np.random.default_rng(1)})])
    assert checker.check(exercise, [noise]).passed


# ---- general diagnoses


def general_of(came, expected, **more):
    found = general(Evidence(np.asarray(came), np.asarray(expected), **more))
    return None if found is None else found.en


RNG = np.random.default_rng(5)
X, DY3 = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 3, 5))
SIZES = {"B": 2, "T": 3, "I": 4, "O": 5}


def weight_gradient(dy):
    return np.einsum("bti,bto->io", X, dy)


RIGHT = weight_gradient(DY3)
BACKWARD = dict(sizes=SIZES, inputs={"x": X}, y=RNG.standard_normal((2, 3, 5)), dy=DY3, gradient=weight_gradient)
SCORES = RNG.standard_normal((3, 5))
P = np.exp(SCORES) / np.exp(SCORES).sum(axis=-1, keepdims=True)
DP = RNG.standard_normal((3, 5))


def softmax_gradient(dy):
    return P * (dy - (dy * P).sum(axis=-1, keepdims=True))


SOFTMAX = dict(sizes={"N": 5}, inputs={"x": SCORES}, y=P, dy=DP, gradient=softmax_gradient)
A = RNG.standard_normal((3, 5))

# came, expected, evidence besides, words
HYPOTHESES = {
    "sign": (-RIGHT, RIGHT, BACKWARD, "the sign is flipped: every element is minus the right one"),
    "factor I": (4 * RIGHT, RIGHT, BACKWARD, "4 times the right one, which is I: a sum where a mean belongs"),
    "factor 1/T": (RIGHT / 3, RIGHT, BACKWARD, "which is 1/T: a mean where a sum belongs"),
    "factor √O": (RIGHT * 5 ** 0.5, RIGHT, BACKWARD, "which is √O: a division by √O is missing"),
    "factor 1/√I": (RIGHT / 12 ** 0.5, RIGHT, {**BACKWARD, "sizes": {"D": 12}}, "one division by √D too many"),
    "rows": (RIGHT * 6, RIGHT, BACKWARD, "which is B·T"),
    "rows without a letter": (RIGHT * 3, RIGHT, dict(inputs={"x": A}), "which is the number of rows: a sum where"),
    "elements": (RIGHT / 30, RIGHT, BACKWARD, "which is 1/the number of elements"),
    "twice": (RIGHT * 2, RIGHT, BACKWARD, "2 times the right one (B, √I is 2 here)"),
    "bits": (RIGHT / np.log(2), RIGHT, BACKWARD, "nats and bits"),
    "some factor": (RIGHT * 1.7, RIGHT, BACKWARD, "every element is 1.7 times the right one"),
    "minus some factor": (RIGHT * -1.7, RIGHT, BACKWARD, "1.7 times the right one, and the sign is flipped"),
    "named factor of a scalar": (np.float64(7.5), np.float64(2.5), dict(sizes={"N": 3}), "which is N"),
    "transposed square": (A[:, :3].T, A[:, :3], {}, "transposed"),
    "transposed shape": (A.T, A, {}, "it is transposed"),
    "transposed, reshaped": (A.T.reshape(3, 5), A, {}, "a reshape cuts the same row of numbers anew"),
    "heads by reshape": (X.reshape(2, 2, 3, 2), X.reshape(2, 3, 2, 2).swapaxes(1, 2), {}, "never exchanges axes"),
    "not summed": (np.einsum("bti,bto->bio", X, DY3), RIGHT, BACKWARD, "the sum over the batch is missing"),
    "last of the batch": (np.einsum("ti,to->io", X[1], DY3[1]), RIGHT, BACKWARD, "only dy[1] counts"),
    "first position": (np.einsum("bi,bo->io", X[:, 0], DY3[:, 0]), RIGHT, BACKWARD, "only dy[:, 0] counts"),
    "constant": (A + 2, A, {}, "off by the same number, 2"),
    "missing mean": (A - A.mean(axis=-1, keepdims=True), A, {}, "along axis 1 the error is the same"),
    "missing bias": (A + A[:1], A, {}, "along axis 0 the error is the same"),
    "forgot upstream": (weight_gradient(np.ones_like(DY3)), RIGHT, BACKWARD, "the upstream gradient dy is forgotten"),
    "upstream twice": (weight_gradient(DY3 * DY3), RIGHT, BACKWARD, "multiplied in twice"),
    "softmax elementwise": (DP * P * (1 - P), softmax_gradient(DP), SOFTMAX, "softmax is treated as elementwise"),
    "nothing done": (X, np.cumsum(X), dict(inputs={"x": X}), None),
    "x itself": (X, np.cumsum(X, axis=1), dict(inputs={"x": X}), "this is x itself"),
    "dy itself": (DP, softmax_gradient(DP), SOFTMAX, "this is dy itself"),
    "zero": (np.zeros((3, 5)), A, {}, "it is zero everywhere"),
    "logarithm": (np.log(P), P, {}, "this is the logarithm of the right value"),
    "exponential": (np.exp(A), A, {}, "this is the exponential of the right value"),
    "one too large": (np.array([1, 3, 7]), np.array([0, 2, 6]), {}, "every element is too large by 1"),
    "whole numbers": (np.floor(4 * A), 4 * A, {}, "the digits behind the point are cut off"),
    "float32": (A.astype("float32").astype("float64"), A, {}, "something was computed in float32"),
    "1/rows": (A / 3, A, {}, "1/the number of rows"),
    "truth": (A < 0, A >= 0, {}, "True and False are exchanged"),
    "transposed mask": (np.tri(3, 5, dtype=bool).T, np.tri(3, 5, dtype=bool), {}, "it is transposed"),
}  # fmt: skip


@pytest.mark.parametrize("came, expected, more, words", HYPOTHESES.values(), ids=HYPOTHESES)
def test_a_hypothesis_is_told_when_it_explains_everything(came, expected, more, words):
    found = general_of(came, expected, **more)
    assert (found is None) if words is None else (found is not None and words in found), found


@pytest.mark.parametrize("came, expected, more, words", HYPOTHESES.values(), ids=HYPOTHESES)
def test_a_hypothesis_that_leaves_one_element_unexplained_is_not_told(came, expected, more, words):
    came = np.array(came)
    if came.size == 1:
        came = came * 1.01
    elif came.dtype.kind == "b":
        came.flat[-1] = not came.flat[-1]
    else:
        at = np.abs(expected if came.shape == expected.shape else came).argmax()
        came.flat[at] += np.array(max(abs(came.flat[at]),
                                      1) * (1 if came.dtype.kind == "i" else 0.01)).astype(came.dtype)
    assert general_of(came, expected, **more) is None


def test_no_diagnosis_fits_random_numbers():
    rng = np.random.default_rng(11)
    for shape in ((1,), (2,), (5,), (1, 3), (2, 2), (2, 3), (3, 1), (2, 3, 5), (2, 2, 2), (1, 1, 1)):
        for _ in range(20):
            x, dy = rng.standard_normal((2, *shape))
            found = general_of(rng.standard_normal(shape), rng.standard_normal(shape), inputs={"x": x}, dy=dy,
                               y=np.exp(x),
                               gradient=lambda dy, x=x: dy * np.exp(x), sizes=dict(zip("BTC", shape)))
            assert found is None, (shape, found)


def test_small_integers_and_ones_are_no_evidence():
    assert general_of([0, 1, 1], [0, 2, 2]) is None
    assert general_of([2], [4]) is None and general_of([1, 1], [2, 2]) is None
    assert general_of([1.0, 1.0], [3.0, 3.0]) is None
    assert general_of(np.float64(3.3), np.float64(1.1)) is None
    assert general_of([[2.0, 2.0], [3.0, 3.0]], [[1.0, 1.0], [5.0, 5.0]]) is None


def test_each_general_hypothesis_has_a_test():
    told = " ".join(str(words) for *_, words in HYPOTHESES.values())
    assert len(hypotheses.HYPOTHESES) == 12 and "softmax" in told


def test_gradients_in_another_order_are_recognised():
    square = made_up(problems=lambda rng: [Problem({"x": rng.standard_normal((4, 4)), "w": rng.standard_normal((4, 4)),
                                                    "b": rng.standard_normal(4)}, {})])
    verdict = verdict_on(changed((GRADIENTS, "    return dw, dx, db\n")), square)
    assert verdict.stage == "gradient"
    assert "this is dw: the gradients are returned in another order" in verdict.text("en")
    verdict = verdict_on(changed((GRADIENTS, "    return dw, dx, db\n")))
    assert verdict.stage == "shape"


# ---- known wrong answers


def wrongs(*pairs):
    from minigpt.exercises.exercise import Wrong

    return tuple(Wrong(name, ((old, new),), stage, "x", Text(f"it is {name}", f"这是 {name}"))
                 for name, stage, old, new in pairs)


FIRST_ROW = "    db = dy.reshape(-1, dy.shape[-1])[0]\n"


def test_a_known_wrong_answer_is_recognised_however_it_is_written():
    exercise = made_up(wrong=wrongs(("first", "gradient", DB, FIRST_ROW),
                                    ("minus", "gradient", DB, DB + "    db = -db\n")))
    other = "    for row in dy.reshape(-1, dy.shape[-1])[::-1]:\n        db = 1 * row\n"
    assert verdict_on(changed((DB, other)), exercise).diagnosis.en == "it is first"
    assert "it is minus" in verdict_on(changed((DX, DX + "    dy = -dy\n"), (DW, DW.replace("@ dy", "@ -dy"))),
                                       exercise).text("en")


def test_a_known_wrong_answer_must_fit_up_to_the_problem_that_failed_and_in_every_gradient():
    exercise = made_up(wrong=wrongs(("first", "gradient", DB, FIRST_ROW)))
    twice = changed((DB, FIRST_ROW + "    if dy.ndim == 3:\n        db = 2 * db\n"))  # shows on a later problem alone
    assert verdict_on(twice, exercise).diagnosis.en == "it is first"
    too = changed((DB, FIRST_ROW), (DX, "    dx = 3 * scale * (dy @ w.T)\n"))
    assert "it is first" not in verdict_on(too, exercise).text("en")


def test_a_known_wrong_answer_at_another_stage_is_not_told():
    exercise = made_up(wrong=wrongs(("swapped", "shape", GRADIENTS, "    return dx, dw.T, db\n")))
    assert verdict_on(changed((GRADIENTS, "    return dx, dw.T, db\n")), exercise).diagnosis.en == "it is swapped"
    assert "it is swapped" not in verdict_on(changed((GRADIENTS, "    return dx, dw.T, -db\n")), exercise).text("en")
    raised = made_up(wrong=wrongs(("beyond", "raised", Y, "    y = x[99]\n")))
    assert verdict_on(changed((Y, "    y = b[99]\n")), raised).diagnosis.en != "it is beyond"
    assert verdict_on(changed((Y, "    z = 0\n    y = x[99]\n")), raised).diagnosis.en == "it is beyond"


def test_an_edit_that_does_not_fit_is_refused():
    exercise = made_up(wrong=wrongs(("none", "value", "no such line", "")))
    with pytest.raises(ValueError, match="stands 0 times in the answer"):
        exercise.wrong_answer(exercise.wrong[0])


# ---- shapes with letters


def heads(q):
    return 2 * q, ()


HEADS = made_up(
    name="heads", functions=("heads_forward", "heads_backward"), solution=(heads, lambda dy, saved: 2 * dy),
    skeleton='def heads_forward(q):\n    """q (B, H, T, D) -> y (B, H, T, D)."""\n',
    problems=lambda rng: [Problem({"q": rng.standard_normal((2, 4, 3, 5))})])  # fmt: skip


@pytest.mark.parametrize("result, words, chinese", [
    ("2 * dy[:, 0]", "dq is (B=2, T=3, D=5), q is (B=2, H=4, T=3, D=5): the heads are missing", "缺少注意力头这个轴"),
    ("2 * dy[:, :, 0]", "dq is (B=2, H=4, D=5), q is (B=2, H=4, T=3, D=5): the positions are missing", "缺少位置轴"),
    ("2 * dy[0]", "dq is (H=4, T=3, D=5), q is (B=2, H=4, T=3, D=5): the batch is missing", "缺少批量轴"),
    ("2 * dy[0, 0]", "the axes B, H are missing", "缺少轴 B, H"),
    ("2 * dy.swapaxes(1, 2)", "dq is (B=2, T=3, H=4, D=5), q is (B=2, H=4, T=3, D=5): the axes H and T are exchanged",
     "轴 H 和 T 互换了"),
    ("2 * dy.transpose(1, 2, 0, 3)", "the axes are in another order", "轴的次序不对"),
    ("2 * dy.sum(axis=2, keepdims=True)", "axis T has length 1: something has been summed over it", "求和消去了"),
    ("2 * dy[..., :3]", "axis D has length 3 instead of 5, as long as T", "与 T 一样长"),
    ("2 * dy[None]", "there is an axis of length 1 too many", "多了一个长度为 1 的轴"),
    ("np.stack([dy, dy])", "the leading axis B must be summed over", "应当求和消去"),
    ("dy.sum()", "dq is (), q is (B=2, H=4, T=3, D=5): it is a single number", "这是单个数"),
    ("dy.reshape(8, 15)", "it has 2 axes instead of 4", "有 2 个轴，应为 4 个"),
])  # fmt: skip
def test_a_wrong_shape_is_named_with_letters(result, words, chinese):
    source = "import numpy as np\ndef heads_forward(q):\n    return 2 * q, ()\ndef heads_backward(dy, saved):\n"
    verdict = verdict_on(f"{source}    return {result}\n", HEADS)
    assert verdict.stage == "shape" and words in verdict.text("en"), verdict.text("en")
    assert chinese in verdict.text("zh"), verdict.text("zh")


@pytest.mark.parametrize("name, first, later", [
    ("temperature", "multiplies", "zero_divides"), ("top_k", "not_renormalised", "k_above_v"),
    ("attention", "divided_by_d", "empty_row"), ("adamw", "eps_in_root", "vectors_decay"),
])  # fmt: skip
def test_a_second_mistake_on_a_later_problem_does_not_hide_the_first(name, first, later):
    exercise = find(name)
    wrong = {wrong.name: wrong for wrong in exercise.wrong}
    both = replace(wrong[first], edits=wrong[first].edits + wrong[later].edits)
    verdict = checker.check_source(exercise, exercise.wrong_answer(both), f"{name}.py")
    assert verdict.stage == wrong[first].stage and verdict.diagnosis == wrong[first].says
