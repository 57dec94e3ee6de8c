"""PyTorch with all its Linear products sent to oneDNN, which comes with it.

On x86, PyTorch multiplies float32 matrices with MKL, which leaves AVX-512 unused on processors that aren't Intel's;
oneDNN looks at what the processor can do, whoever made it. So this is the stronger opponent there.

    y  = x Wᵀ + b              x (N, I), W (O, I), y (N, O)
    dx = dy W
    dW = dyᵀ x
    db = Σ dy                  over the N rows

oneDNN's operator computes x Wᵀ + b, and takes transposed views: dx is its product of dy and Wᵀ, dW that of dyᵀ and xᵀ.
"""

from minigpt.errors import InputError


def onednn_linear():
    """linear(x, w, b) with a backward of its own. Raises InputError where this PyTorch has no oneDNN."""
    import torch

    try:
        operator = torch.ops.mkldnn._linear_pointwise
        if not torch.backends.mkldnn.is_available():
            raise AttributeError
    except AttributeError:
        raise InputError("this PyTorch was built without oneDNN: use --against torch") from None

    def product(x, w, b=None):
        return operator(x, w, b, "none", [], "")

    class OneDNNLinear(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b):
            rows = x.flatten(0, -2)
            ctx.save_for_backward(rows, w)
            ctx.has_bias = b is not None
            return product(rows, w, b).view(*x.shape[:-1], -1)

        @staticmethod
        def backward(ctx, dy):
            rows, w = ctx.saved_tensors
            dy_rows = dy.flatten(0, -2)
            dx = product(dy_rows, w.t()).view(*dy.shape[:-1], -1)
            return dx, product(dy_rows.t(), rows.t()), dy_rows.sum(0) if ctx.has_bias else None

    return OneDNNLinear.apply


def send_to_onednn(model) -> None:
    """Let a model of transformers compute its Linear layers with oneDNN; its Conv1D is one that stores W (in, out)."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    linear = onednn_linear()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.forward = lambda x, layer=layer: linear(x, layer.weight, layer.bias)
        elif isinstance(layer, Conv1D):
            layer.forward = lambda x, layer=layer: linear(x, layer.weight.t(), layer.bias)
