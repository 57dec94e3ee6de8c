"""The same GPT in PyTorch's words, as its users write it: modules, autograd, fused attention and optimizer.

torch is imported inside functions, so that importing minigpt needs no PyTorch and starts none of its threads.
"""

from minigpt.data import IGNORED, evaluation_batches
from minigpt.models.gpt import GPTConfig
from minigpt.train_config import TrainConfig


def torch_gpt(config: GPTConfig, linear=None):
    """A pre-norm GPT with tied embedding, learned positions, tanh GELU, and dropout where ours has it.

    linear(x, w, b): what computes every product with a weight; None for PyTorch's own.
    """
    import torch
    import torch.nn.functional as F
    from torch import nn

    linear = linear or F.linear
    C, H, rate = config.d_model, config.num_heads, config.dropout

    def dropped(x, training):
        return F.dropout(x, rate, training) if rate else x

    class Linear(nn.Linear):
        def forward(self, x):
            return linear(x, self.weight, self.bias)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(C), nn.LayerNorm(C)
            self.qkv, self.out = Linear(C, 3 * C), Linear(C, C)
            self.w_in, self.w_out = Linear(C, config.d_ff), Linear(config.d_ff, C)

        def forward(self, x):
            B, T, _ = x.shape
            q, k, v = (part.view(B, T, H, C // H).transpose(1, 2) for part in self.qkv(self.norm_1(x)).split(C, dim=2))
            heads = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=rate if self.training else 0.0)
            x = x + dropped(self.out(heads.transpose(1, 2).reshape(B, T, C)), self.training)
            return x + dropped(self.w_out(F.gelu(self.w_in(self.norm_2(x)), approximate="tanh")), self.training)

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token_embedding = nn.Embedding(config.vocab_size, C)
            self.position_embedding = nn.Embedding(config.context_length, C)
            self.blocks = nn.ModuleList(Block() for _ in range(config.num_layers))
            self.final_norm = nn.LayerNorm(C)
            for p in self.parameters():
                if p.ndim == 2:
                    nn.init.normal_(p, std=0.02)

        def forward(self, ids, targets):
            places = torch.arange(ids.shape[1], device=ids.device)
            x = dropped(self.token_embedding(ids) + self.position_embedding(places), self.training)
            for block in self.blocks:
                x = block(x)
            logits = linear(self.final_norm(x), self.token_embedding.weight, None)
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return GPT()


def torch_optimizer(model, config: TrainConfig):
    """AdamW in its fused form, which decays matrices alone."""
    import torch

    parameters = list(model.parameters())
    groups = [dict(params=[p for p in parameters if p.ndim >= 2], weight_decay=config.weight_decay),
              dict(params=[p for p in parameters if p.ndim < 2], weight_decay=0.0)]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=1e-8, fused=True)


def torch_training_step(model, optimizer, ids, targets, config: TrainConfig, device: str = "cpu") -> float:
    """Forward, backward, clip, step; returns the loss. ids and targets (B, T) are NumPy arrays; device: the model's."""
    import torch

    optimizer.zero_grad()
    loss = model(*(moved(torch.from_numpy(array), device) for array in (ids, targets)))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    return loss.item()


def moved(tensor, device: str):
    """The tensor on that device. A GPU fetches it while the host goes on, if it lies in memory that stays in place."""
    return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def torch_mean_loss(model, tokens, batch_size: int, context_length: int, device: str) -> float:
    """Nats per token over all of `tokens`, as evaluate.mean_loss has it."""
    import torch

    total = count = 0
    model.eval()
    with torch.no_grad():
        for ids, targets in evaluation_batches(tokens, batch_size, context_length):
            counted = int((targets != IGNORED).sum())
            total += model(torch.from_numpy(ids).to(device), torch.from_numpy(targets).to(device)).item() * counted
            count += counted
    model.train()
    return total / count


_NAMES = {"attention.qkv": "qkv", "attention.out": "out", "feed_forward.w_in": "w_in", "feed_forward.w_out": "w_out"}


def to_torch(arrays: dict) -> dict:
    """name -> array of our parameters (or their gradients), as the state of `torch_gpt`: it stores W (out, in)."""
    import torch

    state = {}
    for name, array in arrays.items():
        owner, kind = name.rsplit(".", 1)
        for ours, theirs in _NAMES.items():
            if owner.endswith(ours):
                owner, array = owner.removesuffix(ours) + theirs, array.T
        state[f"{owner}.{'bias' if kind == 'b' else 'weight'}"] = torch.tensor(array)
    return state
