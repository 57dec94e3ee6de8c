"""What an exception means, by its type and words of its message, where that is known: NumPy's own say little."""

from minigpt.exercises.exercise import Text

# (type, words of its message or None for any, what it means)
EXCEPTIONS = (
    ("ValueError", "could not be broadcast", Text(
        "two shapes don't fit: a sum or mean along an axis takes the axis away, keepdims=True or [..., None] keeps it",
        "两个形状对不上：沿某轴求和或求平均会去掉这个轴，用 keepdims=True 或 [..., None] 可以保留它")),
    ("ValueError", "matmul", Text(
        "in a product of matrices the last axis of the left must be as long as the last but one of the right: is one "
        "to be transposed?", "矩阵相乘时，左边最后一轴要与右边倒数第二轴等长：是不是有一个该转置？")),
    ("ValueError", "reshape", Text("a reshape must keep the number of elements", "reshape 前后元素个数必须相同")),
    ("ValueError", "unpack", Text(
        "saved, or another tuple, has another number of parts than there are names on the left of the =",
        "saved（或别的元组）的元素个数与等号左边的名字个数不同")),
    ("ValueError", "truth value of an array", Text(
        "`if` and `and` need a single True or False, an array has many: use np.where, or & and |",
        "if 和 and 需要单个真假值，而数组有许多个：请用 np.where，或 & 和 |")),
    ("IndexError", None, Text(
        "an index beyond the end: with n elements the last one is n - 1",
        "下标越界：n 个元素中最后一个的下标是 n - 1")),
    ("KeyError", None, Text(
        "a key that the dictionary doesn't have: ask with `in`, or use get",
        "字典里没有这个键：先用 in 判断，或用 get")),
    ("UnboundLocalError", None, Text(
        "a name is read before it gets a value, perhaps because a branch was not taken",
        "变量还没有赋值就被读取了，也许是某个分支没有执行")),
    ("NameError", None, Text(
        "a name that isn't defined: is it misspelt, or not imported?", "名字没有定义：拼错了，还是没有导入？")),
    ("TypeError", "NoneType", Text(
        "something is None: an argument that may be left out, or what a function without `return` gave",
        "有个值是 None：也许是可以省略的参数，也许来自没有 return 的函数")),
    ("AxisError", None, Text(
        "an axis that the array doesn't have: count from the end, as in axis=-1",
        "数组没有这个轴：请从末尾数，例如 axis=-1")),
    ("ZeroDivisionError", None, Text(
        "a division by zero: what if there is nothing to count?", "除以零：如果一个都没有呢？")),
    ("RecursionError", None, Text("a function calls itself without end", "函数无休止地调用自己")),
    ("ModuleNotFoundError", None, Text(
        "this module isn't installed here: NumPy is enough", "这里没有安装这个模块：只用 NumPy 就够了")),
)  # fmt: skip


def meaning(kind: str, message: str) -> Text | None:
    return next((says for name, part, says in EXCEPTIONS if name == kind and (part is None or part in message)), None)
