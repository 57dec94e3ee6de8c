"""Parameter and Module: all the machinery there is.

A Module is an object with parameters and a pair of methods. It keeps nothing between the passes: what backward needs
leaves forward as `saved` and comes back as an argument.

    y, saved = module.forward(x)        a parent's saved is the tuple of its children's, in forward order
    dx = module.backward(dy, saved)     adds into parameter.grad, returns the gradient of the input
    y = module(x)                       inference: saved is dropped at once, so no memory is held
"""

import copy

from minigpt import backend
from minigpt.backend import xp
from minigpt.memory import release_freed_memory


class Parameter:
    """An array that training changes (`data`), and the gradient of the loss with respect to it (`grad`).

    Assign with `parameter.data[...] = values`: both arrays may be views into the vectors of a whole model.
    """

    __slots__ = ("data", "grad")

    def __init__(self, data, grad=None):
        """grad: an array for the gradient, of data's shape; without it a new one, zero."""
        self.data = backend.asarray(data)
        self.grad = xp.zeros_like(self.data) if grad is None else grad


class Module:
    """A part of a model. Subclasses define forward and backward and put Parameters and Modules into attributes."""

    def __call__(self, *arguments, **options):
        return self.forward(*arguments, **options)[0]

    def parameters(self) -> dict[str, Parameter]:
        """Name -> Parameter, in the order in which the attributes were made; lists, dicts and submodules are walked.

        A parameter that is reachable twice (tied weights) counts once, under its first name.
        """
        found, seen = {}, set()

        def walk(thing, path):
            if isinstance(thing, Parameter):
                if id(thing) not in seen:
                    seen.add(id(thing))
                    found[path] = thing
            elif isinstance(thing, Module):
                for name, child in vars(thing).items():
                    if not name.startswith("_"):
                        walk(child, f"{path}.{name}" if path else name)
            elif isinstance(thing, (list, tuple, dict)):
                for key, child in thing.items() if isinstance(thing, dict) else enumerate(thing):
                    walk(child, f"{path}.{key}")

        walk(self, "")
        return found

    def pack(self, allocate=backend.zeros) -> None:
        """Move all data into one vector and all gradients into another; every parameter becomes a view of both.

        An optimizer step, the norm of the gradient, zeroing it, sharing it between workers are then each a pass over
        one array. A whole model packs itself at the end of its constructor (its parts must not: the views would move);
        the vectors are then `model.flat.data` and `model.flat.grad`, first matrices, then the rest. A model that is
        packed again moves to the vectors that `allocate(size)` gives, into memory that processes share, say.
        """
        size, again = sum(p.data.size for p in self.parameters().values()), hasattr(self, "_flat")
        flat = Parameter(allocate(size), allocate(size))
        data, grad = self.views(flat.data), self.views(flat.grad)
        for name, p in self.parameters().items():
            data[name][...] = p.data
            if again:  # else the gradients are zero, as those in flat are, and memory is only taken when it is written
                grad[name][...] = p.grad
            p.data, p.grad = data[name], grad[name]
        if again:  # an optimizer may hold it
            self._flat.data, self._flat.grad = flat.data, flat.grad
        else:
            self._flat = flat
        release_freed_memory()

    def views(self, vector) -> dict:
        """Name -> the part of a vector, as long as all parameters together, that stands for that parameter: a view.

        It has the parameter's shape and its order in memory, rows side by side or columns.
        """
        found, start = {}, 0
        for name, p in sorted(self.parameters().items(), key=lambda item: item[1].data.ndim < 2):
            part, shape = vector[start:start + p.data.size], p.data.shape
            start += p.data.size
            by_columns = p.data.ndim == 2 and not p.data.flags.c_contiguous
            found[name] = part.reshape(shape[::-1]).T if by_columns else part.reshape(shape)
        return found

    def replica(self, grad) -> "Module":
        """A copy of a packed model that shares its weights and adds its gradients into the vector `grad`."""
        shared, gradients = {id(self._flat): Parameter(self._flat.data, grad)}, self.views(grad)
        for name, p in self.parameters().items():
            shared[id(p)] = Parameter(p.data, gradients[name])
        return copy.deepcopy(self, shared)  # what stands in `shared` is not copied but replaced

    @property
    def flat(self) -> Parameter:
        """All parameters of a packed model as one."""
        return self._flat

    def zero_grad(self) -> None:
        """Set every gradient to zero: backward only ever adds."""
        for p in [self._flat] if hasattr(self, "_flat") else self.parameters().values():
            p.grad.fill(0)
