"""What an exception means, by its type and words of its message, where that is known: NumPy's own say little."""

from minigpt.exercises.exercise import Text

WHOLE = Text("a size or an index must be whole: / gives a float, // a whole number",
             "大小和下标必须是整数：/ 得到浮点数，// 得到整数")

# (type, words of its message or None for any, what it means)
EXCEPTIONS = (
    ("ValueError", "could not be broadcast", Text(
        "two shapes don't fit: a sum or mean along an axis takes the axis away, keepdims=True or [..., None] keeps it; "
        "and * goes element by element, @ is the product of matrices",
        "两个形状对不上：沿某轴求和或求平均会去掉这个轴，用 keepdims=True 或 [..., None] 可以保留它；"
        "另外 * 是逐元素相乘，矩阵乘法是 @")),
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
    ("ValueError", "is not in list", Text(
        "index() finds only what the list has: ask with `in` first, or use a dictionary and get",
        "index() 只能找到列表里有的：先用 in 判断，或改用字典和 get")),
    ("ValueError", "inhomogeneous", Text(
        "an array can't be made of parts of unequal shapes: was a pair such as (y, saved) not taken apart?",
        "形状不同的部分拼不成数组：是不是忘了把 (y, saved) 这样的一对拆开？")),
    ("ValueError", "must match exactly", Text(
        "arrays are joined along one axis and must be equally long along all others: is it the right axis?",
        "数组沿一个轴拼接，其余各轴必须等长：轴选对了吗？")),
    ("ValueError", "subscripts", Text(
        "einsum needs a letter for every axis of every array", "einsum 里，每个数组的每个轴都要有一个字母")),
    ("ValueError", "to be a matrix", Text(
        "np.matrix has two axes and no more: use arrays, and @ for products",
        "np.matrix 只能有两个轴：请用普通数组，乘法用 @")),
    ("IndexError", "only integers", WHOLE),
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
    ("TypeError", "can be converted to Python scalars", Text(
        "the functions of math take a single number: np.exp, np.tanh, np.sqrt take an array",
        "math 里的函数只接受单个数：数组请用 np.exp、np.tanh、np.sqrt")),
    ("TypeError", "unhashable", Text(
        "what may change can't be a key of a dictionary or be in a set: make the list a tuple, (a, b)",
        "会变的东西不能作字典的键，也不能放进集合：请把列表换成元组 (a, b)")),
    ("TypeError", "is not callable", Text(
        "what stands before the parentheses is no function: a pair not taken apart, a method's name missing, or a * ?",
        "括号前面的不是函数：是一对东西没有拆开，漏了方法名，还是漏了 * ？")),
    ("TypeError", "cannot be interpreted as an integer", WHOLE), ("TypeError", "sequence of integers", WHOLE),
    ("TypeError", "must be integers", WHOLE),
    ("UFuncTypeError", "Cannot cast", Text(
        "an array of whole numbers can't take up fractions: make it of floats, or write x = x + ... for x += ...",
        "整数数组存不下小数：建成浮点数组，或把 x += ... 写成 x = x + ...")),
    ("AttributeError", "'tuple' object has no attribute", Text(
        "a tuple stands where an array belongs: was a pair such as (y, saved) not taken apart?",
        "该是数组的地方是个元组：是不是忘了把 (y, saved) 这样的一对拆开？")),
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
