"""Arrays as a model, so that the library's optimizers and its clipping work on them."""

from minigpt.module import Module, Parameter


class BareModel(Module):
    """A packed model without a forward: parameters with these values, and their gradients."""

    def __init__(self, values, gradients):
        self.arrays = [Parameter(value) for value in values]
        self.pack()
        for parameter, gradient in zip(self.arrays, gradients, strict=True):
            parameter.grad[...] = gradient
