"""PyTorch's single operations, each as the pair of calls that a training step makes of it."""

from minigpt.bench.torch_gpt import torch_gpt, torch_optimizer
from minigpt.bench.workload import SEED, train_config, workload_of


def torch_kinds(linear=None) -> dict:
    """kind -> a function of its sizes that builds the operation; the kinds of minigpt_operations."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(SEED)
    linear = linear or F.linear

    def leaf(*shape):
        return torch.randn(shape, requires_grad=True)

    def pair(forward, *leaves):
        y = forward(*leaves)
        dy = torch.randn(y.shape) if y.ndim else None
        return {"forward": lambda: forward(*leaves),
                "backward": lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True)}

    def cross_entropy(rows, vocabulary):
        targets = torch.randint(vocabulary, (rows,))
        return pair(lambda logits: F.cross_entropy(logits, targets), leaf(rows, vocabulary))

    def embedding(shape, vocabulary, channels):
        ids = torch.randint(vocabulary, shape)
        return pair(lambda w: F.embedding(ids, w), leaf(vocabulary, channels))

    def adamw(workload):
        workload = workload_of(workload)
        model = torch_gpt(workload.model)
        for p in model.parameters():
            p.grad = torch.randn(p.shape) * 1e-3
        return {"forward": torch_optimizer(model, train_config(workload)).step}

    return {
        "linear": lambda rows, inputs, outputs: pair(linear, leaf(rows, inputs), leaf(outputs, inputs), leaf(outputs)),
        "attention": lambda shape: pair(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
                                        leaf(*shape), leaf(*shape), leaf(*shape)),
        "softmax": lambda shape: pair(lambda x: F.softmax(x, dim=-1), leaf(*shape)),
        "layer_norm": lambda rows, channels: pair(lambda x, g, b: F.layer_norm(x, (channels,), g, b),
                                                  leaf(rows, channels), leaf(channels), leaf(channels)),
        "gelu_tanh": lambda rows, channels: pair(lambda x: F.gelu(x, approximate="tanh"), leaf(rows, channels)),
        "cross_entropy": cross_entropy, "embedding": embedding, "adamw": adamw,
    }
