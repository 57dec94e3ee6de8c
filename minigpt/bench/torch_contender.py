"""The process in which PyTorch is measured: python -m minigpt.bench.torch_contender, started by the bench.

With --onednn, its Linear products are computed by oneDNN. With --cuda it is everything that the GPU computes, and with
--tf32 too, products are in TF32 (torch_device.py). Only this process imports torch.
"""

import importlib
import itertools
import sys
import time
from pathlib import Path

from minigpt.bench.operations import clock
from minigpt.bench.serve import Round, serve
from minigpt.bench.torch_device import describe, set_precision, synchronize, watch
from minigpt.bench.torch_gpt import to_torch, torch_gpt, torch_mean_loss, torch_optimizer, torch_training_step
from minigpt.bench.torch_onednn import onednn_linear, send_to_onednn
from minigpt.bench.torch_operations import torch_kinds
from minigpt.bench.torch_rnn import torch_rnn
from minigpt.bench.workload import NEW_TOKENS, SEED, random_prompt, random_tokens, train_config, workload_of
from minigpt.data import Dataset, training_batch
from minigpt.errors import InputError
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.train_config import TrainConfig


def _linear():
    """What computes products with weights: None for PyTorch's own."""
    return onednn_linear() if "--onednn" in sys.argv else None


def _device() -> str:
    return "cuda" if "--cuda" in sys.argv else "cpu"


def train(workload: dict) -> Round:
    """Rounds of training steps over the batches that minigpt gets. PyTorch's threads share a step by themselves."""
    import torch

    torch.manual_seed(SEED)
    workload = workload_of(workload)
    config, tokens = train_config(workload), random_tokens(workload.model.vocab_size)
    with torch.device(_device()):
        model = torch_rnn(workload.model) if workload.recurrent else torch_gpt(workload.model, _linear())
    optimizer, numbers = torch_optimizer(model, config), itertools.count()

    def run(steps: int) -> dict:
        synchronize(_device())
        begin = time.perf_counter()
        for step in itertools.islice(numbers, steps):
            batch = training_batch(tokens, config.batch_size, workload.model.context_length, config.seed, step)
            loss = torch_training_step(model, optimizer, *batch, config, _device())
        synchronize(_device())
        return {"seconds": time.perf_counter() - begin, "loss": loss}

    return run


def learn(data: str, shape: dict, training: dict) -> dict:
    """One training run on minigpt's text, from minigpt's initial weights, over minigpt's batches and learning rates.

    Where there is dropout it draws masks of its own.
    """
    import torch

    torch.manual_seed(SEED)
    dataset, config = Dataset.open(Path(data)), TrainConfig(**training)
    ours = GPT(GPTConfig(**shape), config.seed)
    with torch.device(_device()):
        model = torch_gpt(ours.config, _linear())
    model.load_state_dict(to_torch({name: p.data for name, p in ours.parameters().items()}))
    optimizer, schedule, looks, seconds = torch_optimizer(model, config), config.make_schedule(), [], 0.0
    for step in range(config.steps):
        begin = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = schedule(step)
        batch = training_batch(dataset.train, config.batch_size, ours.config.context_length, config.seed, step)
        torch_training_step(model, optimizer, *batch, config, _device())
        synchronize(_device())
        seconds += time.perf_counter() - begin
        if (step + 1) % config.eval_every == 0 or step + 1 == config.steps:
            looks.append({"step": step + 1, "seconds": seconds,
                          "validation_loss": torch_mean_loss(model, dataset.validation, config.batch_size,
                                                             ours.config.context_length, _device())})
    return {"looks": looks}


def generation(workload: dict) -> Round:
    """Rounds of whole generations by transformers' GPT-2 with its cache, always the most probable token."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.generation.streamers import BaseStreamer

    torch.manual_seed(SEED)
    c = workload_of(workload).model
    model = GPT2LMHeadModel(GPT2Config(vocab_size=c.vocab_size, n_positions=c.context_length, n_embd=c.d_model,
                                       n_layer=c.num_layers, n_head=c.num_heads, n_inner=c.d_ff)).eval()
    if "--onednn" in sys.argv:
        send_to_onednn(model)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):  # no token ends the text: all of them come
        setattr(model.generation_config, name, None)
    model.to(_device())
    ids = torch.tensor([random_prompt(c.vocab_size)], device=_device())
    times = []

    class Stopwatch(BaseStreamer):
        def put(self, value):
            times.append(time.perf_counter())

        def end(self):
            pass

    def run(steps: int) -> dict:
        first = later = 0.0
        synchronize(_device())  # once is enough: the streamer is shown tokens on the host
        for _ in range(steps):
            times[:] = []
            begin = time.perf_counter()
            model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False,
                           use_cache=True, streamer=Stopwatch())
            # The stopwatch is shown the prompt first, then each token.
            first, later = first + times[1] - begin, later + times[-1] - times[1]
        return {"seconds": first + later, "first_token": first / steps, "token": later / steps / (len(times) - 2),
                "tokens": len(times) - 1}

    return run


def single_operations(operations: list[dict]) -> Round:
    """Rounds over single operations, forward and backward."""
    import torch

    kinds = torch_kinds(_linear())
    with torch.device(_device()):
        passes = {one["name"]: kinds[one["kind"]](**one["sizes"]) for one in operations}
    return clock(passes, torch.cuda.synchronize if _device() == "cuda" else None)


def hello(subject: str) -> dict:
    """The versions; raises InputError when what the subject needs is missing."""
    for name, module in (("PyTorch", "torch"), ("transformers", "transformers"))[:2 if subject == "generate" else 1]:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"{name} can't be used ({error}): pip install {module}, or leave --against out") from None
    import torch

    _linear()
    versions = {"torch": torch.__version__, "threads": torch.get_num_threads(), **describe(_device())}
    if subject == "generate":
        import transformers

        versions["transformers"] = transformers.__version__
    return versions


if __name__ == "__main__":
    if "--cuda" in sys.argv:
        set_precision(tf32="--tf32" in sys.argv)
    serve({"train": train, "generate": generation, "ops": single_operations}, watch, hello=hello, learn=learn)
