"""The process in which minigpt is measured: python -m minigpt.bench.minigpt_contender, started by the bench."""

import contextlib
import itertools
import sys
import time
from pathlib import Path

import numpy as np

from minigpt import backend
from minigpt.bench.blas import blas
from minigpt.bench.ceilings import copying, reading, sgemm
from minigpt.bench.device import compute_capability, gpu, gpu_memory, watch
from minigpt.bench.minigpt_operations import KINDS
from minigpt.bench.operations import clock
from minigpt.bench.serve import Round, serve
from minigpt.bench.workers import memory_together
from minigpt.bench.workload import NEW_TOKENS, SEED, random_prompt, random_tokens, train_config, workload_of
from minigpt.data import Dataset
from minigpt.dispatch import fused_kernels, without_twins
from minigpt.evaluate import mean_loss
from minigpt.generate import generate
from minigpt.memory import keep_freed_memory
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.parallel.workers import start_workers
from minigpt.sampling import Sampling
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

RUNNING = contextlib.ExitStack()  # the workers of the subject that is measured, until this process ends


def train(workload: dict, workers: int) -> Round:
    """Rounds of training steps; `workers` share each step."""
    workload = workload_of(workload)
    model, config, tokens = workload.build(), train_config(workload), random_tokens(workload.model.vocab_size)
    optimizer, numbers = make_optimizer(model, config), itertools.count()
    team = RUNNING.enter_context(start_workers(model, tokens, config, workers))

    def run(steps: int) -> dict:
        backend.synchronize()
        begin = time.perf_counter()
        for step in itertools.islice(numbers, steps):
            loss = training_step(model, optimizer, tokens, config, step, team)["loss"]
        backend.synchronize()
        return {"seconds": time.perf_counter() - begin, "loss": loss}

    return run


def generation(workload: dict) -> Round:
    """Rounds of whole generations, always the most probable token: seconds to the first token, and a token after it."""
    workload = workload_of(workload)
    model, prompt = GPT(workload.model, SEED), random_prompt(workload.model.vocab_size)

    def run(steps: int) -> dict:
        first = later = 0.0
        backend.synchronize()  # once is enough: a token is chosen on the host, so it has waited for the device
        for _ in range(steps):
            times = [time.perf_counter()]
            times += [time.perf_counter() for _ in generate(model, [prompt], NEW_TOKENS, Sampling(temperature=0))]
            first, later = first + times[1] - times[0], later + times[-1] - times[1]
        return {"seconds": first + later, "first_token": first / steps, "token": later / steps / (len(times) - 2),
                "tokens": len(times) - 1}

    return run


def learn(data: str, shape: dict, training: dict, workers: int) -> dict:
    """One training run: the loss on the validation text now and then, and the seconds of training until then."""
    dataset, config = Dataset.open(Path(data)), TrainConfig(**training)
    model = GPT(GPTConfig(**shape), config.seed)
    optimizer, looks, seconds = make_optimizer(model, config), [], 0.0
    with start_workers(model, dataset.train, config, workers) as team:
        for step in range(config.steps):
            begin = time.perf_counter()
            training_step(model, optimizer, dataset.train, config, step, team)
            backend.synchronize()
            seconds += time.perf_counter() - begin
            if (step + 1) % config.eval_every == 0 or step + 1 == config.steps:
                looks.append({"step": step + 1, "seconds": seconds,
                              "validation_loss": mean_loss(model, dataset.validation, config.batch_size)})
    return {"looks": looks}


def single_operations(operations: list[dict]) -> Round:
    """Rounds over single operations, forward and backward."""
    rng = backend.generator(SEED)
    return clock({one["name"]: KINDS[one["kind"]](rng, **one["sizes"]) for one in operations},
                 backend.synchronize if on_gpu() else None)


def on_gpu() -> bool:
    return backend.name() != "numpy"


def hello(subject: str) -> dict:
    device = {"gpu": {**gpu(), "capability": compute_capability(), "memory": gpu_memory()}} if on_gpu() else {}
    return {"numpy": np.__version__, "blas": blas(), **device}


def ceilings() -> dict:
    return {"sgemm": sgemm(), "reading": copying() if on_gpu() else reading()}


if __name__ == "__main__":
    keep_freed_memory()
    if "--no-twins" in sys.argv:
        RUNNING.enter_context(without_twins())
    if "--fused-kernels" in sys.argv:
        RUNNING.enter_context(fused_kernels())
    if "--cupy" in sys.argv:
        backend.use("cupy")
    serve({"train": train, "generate": generation, "ops": single_operations}, watch, hello=hello,
          memory=lambda: {"peak": memory_together()}, ceilings=ceilings, learn=learn)
