"""Small mistakes, made by program: every way of getting one place of a function a little wrong.

Each mutation is a piece of source text and what to put in its place; see KINDS for the list. Only the bodies of
functions are touched, and in them nothing that belongs to an error message.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*"),
             ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&")}  # fmt: skip
COMPARISONS = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
               ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"}  # fmt: skip
METHODS = {"sum": "mean", "mean": "sum", "max": "min", "min": "max", "maximum": "minimum", "zeros": "ones"}
DROPPED_CALLS = ("swapaxes", "copy", "astype")  # x.copy() -> x

KINDS = """sign, factor: the other operator; a minus dropped; a number changed
dropped term: a + b -> a, a + b -> b, likewise for -, *, /, &; eps dropped is one of these
sum: sum for mean and back, max for min, the wrong axis
transposed: without .T, without swapaxes
aliasing: without copy
assignment: += for = and = for +=, a statement left out
comparison, condition: off by one at the border, negated, one branch always
wrong variable: another name of the same function"""


@dataclass(frozen=True)
class Mutation:
    """path: file; start, end: bytes of it that `new` replaces; line, its text, and old: for people."""

    path: Path
    start: int
    end: int
    new: str
    line: int
    text: str
    old: str

    def source(self) -> bytes:
        """The whole file, mutated."""
        content = self.path.read_bytes()
        return content[: self.start] + self.new.encode("utf-8") + content[self.end:]

    def __str__(self):
        return f"{self.path.name}:{self.line}: {self.change()}    in: {self.text}"

    def change(self) -> str:
        """What is put in place of what, in one line."""
        return f"{' '.join(self.old.split())}  ->  {' '.join(self.new.split())}"


class _File:
    """A parsed file that can say where a node's text begins and ends, in bytes."""

    def __init__(self, path: Path):
        self.path, self.content = path, path.read_bytes()
        self.tree = ast.parse(self.content)
        self.line_starts = [0]
        for line in self.content.splitlines(keepends=True):
            self.line_starts.append(self.line_starts[-1] + len(line))

    def span(self, node) -> tuple[int, int]:
        return (self.line_starts[node.lineno - 1] + node.col_offset,
                self.line_starts[node.end_lineno - 1] + node.end_col_offset)

    def text(self, node) -> str:
        start, end = self.span(node)
        return self.content[start:end].decode("utf-8")

    def replace(self, node, new: str) -> Mutation:
        line = self.content.splitlines()[node.lineno - 1].decode("utf-8").strip()
        return Mutation(self.path, *self.span(node), new, node.lineno, line, self.text(node))


def mutations(path: Path) -> Iterator[Mutation]:
    """Every mutation of every function in a file; those that no longer parse, or change nothing, are left out."""
    file = _File(path)
    for function in ast.walk(file.tree):
        if isinstance(function, (ast.FunctionDef, ast.Lambda)) and not _inside_function(file.tree, function):
            for mutation in _of_function(file, function):
                source = mutation.source()
                try:
                    same = ast.dump(ast.parse(source)) == ast.dump(file.tree)
                except SyntaxError:
                    continue
                if not same:
                    yield mutation


def _inside_function(tree, function) -> bool:
    return any(function is not outer and isinstance(outer, (ast.FunctionDef, ast.Lambda))
               and function in list(ast.walk(outer)) for outer in ast.walk(tree))


def _of_function(file: _File, function) -> Iterator[Mutation]:
    body = function.body if isinstance(function.body, list) else [function.body]
    names = sorted({node.id for part in body for node in ast.walk(part)
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
                   | {argument.arg for argument in function.args.args} - {"self"})
    waiting = list(body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue  # error messages and docstrings
        reshaping = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape"
        # -1 among the arguments of reshape stands for "the rest", and so does any other negative number.
        waiting.extend(child for child in ast.iter_child_nodes(node)
                       if not (reshaping and isinstance(child, ast.UnaryOp)))
        yield from _of_node(file, node, names)


def _of_node(file: _File, node, names: list[str]) -> Iterator[Mutation]:
    text = file.text if hasattr(node, "lineno") else None
    match node:
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            sign, other = OPERATORS[type(op)]
            start, end = file.span(node)
            before, between, after = (file.content[a:b].decode("utf-8") for a, b in (
                (start, file.span(left)[1]), (file.span(left)[1], file.span(right)[0]), (file.span(right)[0], end)))
            yield file.replace(node, before + between.replace(sign, other, 1) + after)
            yield file.replace(node, f"({text(left)})")
            yield file.replace(node, f"({text(right)})")
        case ast.UnaryOp(ast.USub() | ast.Not() | ast.Invert(), operand) if not isinstance(operand, ast.Constant):
            yield file.replace(node, f"({text(operand)})")
        case ast.Compare(left, [op], [right]) if type(op) in COMPARISONS:
            yield file.replace(node, f"({text(left)} {COMPARISONS[type(op)]} {text(right)})")
        case ast.Constant(bool()):
            yield file.replace(node, repr(not node.value))
        case ast.Constant(int() | float() as value):
            yield file.replace(node, repr(value + 1 if isinstance(value, int) else value * 1.5 or 0.5))
        case ast.keyword("axis", ast.Constant(value)) | ast.keyword("axis", ast.UnaryOp(_, ast.Constant(value))):
            yield file.replace(node.value, "-1" if value == 0 else "0")
        case ast.Attribute(value, "T"):
            yield file.replace(node, f"({text(value)})")
        case ast.Attribute(_, name) if name in METHODS:
            yield file.replace(node, text(node).removesuffix(name) + METHODS[name])
        case ast.Call(ast.Attribute(value, name)) if name in DROPPED_CALLS:
            yield file.replace(node, f"({text(value)})")
        case ast.AugAssign(target, op, value):
            sign, other = OPERATORS.get(type(op), ("", ""))
            plain = text(target) + ("[...]" if isinstance(target, ast.Attribute) else "")
            yield file.replace(node, f"{plain} = {text(value)}")
            yield file.replace(node, f"{text(target)} {other}= {text(value)}")
            yield file.replace(node, "pass")
        case ast.Assign([ast.Subscript() as target], value):
            yield file.replace(node, f"{text(target)} += {text(value)}")
            yield file.replace(node, "pass")
        case ast.Expr(ast.Call()):
            yield file.replace(node, "pass")
        case ast.IfExp(_, first, second):
            yield file.replace(node, f"({text(first)})")
            yield file.replace(node, f"({text(second)})")
        case ast.BoolOp(_, values):
            for value in values:
                yield file.replace(node, f"({text(value)})")
        case ast.If(test):
            yield file.replace(test, f"not ({text(test)})")
        case ast.Name(name, ast.Load()) if name in names and len(names) > 1:
            yield file.replace(node, names[(names.index(name) + 1) % len(names)])
