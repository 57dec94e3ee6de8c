"""What the checker says about answers that no list of known mistakes has: it is true, and it can be acted on."""

import numpy as np
import pytest

from minigpt.exercises import checker
from minigpt.exercises.catalogue import find
from minigpt.exercises.exercise import Exercise, Problem, Text
from minigpt.exercises.hypotheses import Evidence, general
from minigpt.exercises.show import describe, show
from minigpt.exercises.verdict import Verdict


def mend(name: str, *edits) -> str:
    """The answer of an exercise, with places changed."""
    source = find(name).answer
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def said(name: str, source: str) -> Verdict:
    return checker.check_source(find(name), source, f"{name}.py", loud=False)


def plain(solution, *problems, skeleton="def give(which):\n    pass\n") -> Exercise:
    """A made-up exercise of one function."""
    return Exercise("give", 1, Text("Give", "给"), Text("task", "任务"), ("give",), skeleton, (solution,), "",
                    lambda rng: list(problems), (Text("1", "一"),) * 3, ())  # fmt: skip


def given(right, came) -> Verdict:
    """The verdict on a function that returns `came` where `right` is due."""
    return checker.check(plain(lambda which: right, Problem({}, {"which": 1})), [lambda which: came], ["mine"])


def test_a_name_is_not_said_twice():
    exercise = find("count_pairs")
    text = checker.check_source(exercise, exercise.skeleton, "count_pairs.py").text("en")
    assert text.startswith("count_pairs did not give a result\n")
    assert given(1, 2).text("en").startswith("give: mine: a wrong value\n")


A, B, C = np.array([1.0, 2.5]), np.array([3.0, 4.0, 7.5]), np.array([1, 2, 4])


@pytest.mark.parametrize("right, came", [((A, B), (B, A)), ((A, B, C), (C, A, B)), ((2.5, 0.5), (0.5, 2.5)),
                                         (([A, B], 2.0), (2.0, [A, B]))])
def test_results_in_another_order_are_recognised(right, came):
    verdict = given(right, came)
    assert "these are the right results in another order" in verdict.text("en"), verdict.text("en")
    assert "次序不对" in verdict.text("zh")


@pytest.mark.parametrize("right, came", [((A, B), (A, 2 * B)), ((A, B), (B, 2 * A)), ((1, 1), (1, 2))])
def test_other_results_are_not_called_reordered(right, came):
    assert "another order" not in given(right, came).text("en")


@pytest.mark.parametrize("right, came, stage, words, chinese", [
    (A, np.array([True, False]), "dtype", "these are True and False: multiply by them", "用它去乘"),
    (A, np.array([1, 2]), "dtype", "argmax and argsort give places", "给出的是位置"),
    (A, np.int64(1), "shape", "it is a single number", "这是单个数"),
    (np.ones((2, 2)), np.ones((2, 2)).view(np.recarray), "raised",
     "result is a np.recarray, and should be an array (2, 2)", "result 是 np.recarray"),
    (([A], 2.0), [A], "raised", "should be a tuple of 2: a list of 1, a float", "list（1 个元素），float"),
    (A, [1.0, 2.5], "raised", "np.array(...) makes an array of it", "变成数组"),
    ([1, 2], np.array([1, 2]), "raised", "tolist() makes a list", "变成列表"),
    ([1, 2], (1, 2), "raised", "list(...) makes a list", "变成列表"),
    ([1, 2], "12", "raised", "the docstring says", "文档字符串"),
    ([1, 2], [1], "value", "has 1 entry, and should have 2", "有 1 项"),
    (np.ones((2, 3)), np.ones(6), "shape", "it has 1 axis instead of 2", "有 1 个轴"),
    (A, A + 1.5, "value", "both elements are wrong", "2 个元素全都不对"),
    (np.float64(0.5), np.float64(-0.0), "value", "result is 0, and should be 0.5", "result 是 0，"),
])  # fmt: skip
def test_kinds_of_results(right, came, stage, words, chinese):
    verdict = given(right, came)
    assert verdict.stage == stage and words in verdict.text("en"), verdict.text("en")
    assert chinese in verdict.text("zh"), verdict.text("zh")


def test_random_numbers_of_its_own():
    source = find("dropout").answer.replace("u >= rate", "RNG.random(x.shape) >= rate") \
        + "\n\nRNG = np.random.default_rng(1)\n"
    assert "each call with the same arguments gives another result" in said("dropout", source).text("en")
    wrong = find("dropout").answer.replace("u >= rate", "u >= 2 * rate")
    assert "another result" not in said("dropout", wrong).text("en")


def test_numbers_are_shown_without_holes():
    assert show(np.array([[0.0, 0.6931], [-1.0, 12.0]])) == "[[0., 0.6931], [-1., 12.]]"
    with pytest.warns(PendingDeprecationWarning):
        assert describe(np.matrix([[1.0]])).en == "a np.matrix"


def test_an_axis_of_length_1_is_no_missing_sum():
    row = np.array([[1.0, 2.5, 4.0]])
    assert general(Evidence(row, row[0])) is None


def test_parameters_in_another_order():
    source = find("encode_characters").answer.replace("(text, training)", "(training, text)")
    text = said("encode_characters", source).text("en")
    assert "the parameters are in another order: encode_characters(training, text) should be " \
        "encode_characters(text, training)" in text
    assert "line 1: def encode_characters(training, text)" in text


@pytest.mark.parametrize("name, edits", [
    ("linear", [("(x, w, b)", "(images, weights, bias)")]), ("softmax", [("softmax_forward(x)", "softmax_forward(z)")]),
])  # fmt: skip
def test_parameters_may_have_other_names(name, edits):
    """The arrays come by their place."""
    source = find(name).answer
    for old, new in edits:
        names = dict(zip(old[old.index("(") + 1:-1].split(", "), new[new.index("(") + 1:-1].split(", ")))
        body = "".join(f"    {a} = {b}\n" for a, b in names.items())
        line = next(line for line in source.splitlines(keepends=True) if line.startswith("def ") and old in line)
        source = source.replace(line, line.replace(old, new) + body)
    assert said(name, source).passed, said(name, source).text("en")


def test_a_change_in_the_last_digits_is_shown_with_all_of_them():
    def keep(x):
        return x.sum()

    def spoil(x):
        x += 0.1
        x -= 0.1
        return x.sum()

    exercise = plain(keep, Problem({"x": np.array([1.0, 0.3, -1.0])}))
    text = checker.check(exercise, [spoil], ["spoil"]).text("en")
    assert "spoil has changed x: x[1] was 0.3, and is 0.30000000000000004 now" in text, text
    exercise = plain(keep, Problem({"x": np.arange(40.0).reshape(8, 5) + 0.5}))

    def double(x):
        total = x.sum()
        x[3, 1] *= 2
        return total

    text = checker.check(exercise, [double], ["double"]).text("en")
    assert "double has changed x: x[3, 1] was 16.5, and is 33 now" in text, text


@pytest.mark.parametrize("code, words", [
    ("import math; return math.tanh(x)", "np.tanh"), ("return {[1]: 2}", "make the list a tuple"),
    ("return (len, len)(x)", "is no function"), ("return np.zeros(len(x) / 2)", "// a whole number"),
    ("n = np.zeros(3, int); n += 0.5; return n", "can't take up fractions"), ("return (x, x).shape", "not taken apart"),
    ("return x[1.0]", "must be whole"), ("return list(x)[:1.0]", "must be whole"),
    ("return [1].index(2)", "index() finds only"), ("return np.array([x, [x]]) + 1", "not taken apart"),
    ("return np.concatenate([np.ones((2, 3)), np.ones((3, 2))])", "is it the right axis"),
    ("return np.einsum('i->', np.ones((2, 2)))", "a letter for every axis"),
    ("return np.matrix(np.ones((2, 2, 2)))", "two axes and no more"), ("return x * np.ones(5)", "@ is the product"),
])  # fmt: skip
def test_what_exceptions_mean(code, words):
    exercise = plain(lambda x: x.sum(), Problem({"x": A}))
    source = "import numpy as np\ndef give(x):\n    " + code.replace("; ", "\n    ") + "\n"
    verdict = checker.check_source(exercise, source, "mine.py")
    assert verdict.stage == "raised" and words in verdict.text("en"), verdict.text("en")
    assert verdict.diagnosis.zh != verdict.diagnosis.en and "mine.py, line" in verdict.text("en")
