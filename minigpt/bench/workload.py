"""What is measured: models by name, and the batches and settings that are the same for every contender."""

from dataclasses import dataclass, replace

import numpy as np

from minigpt import backend
from minigpt.errors import InputError
from minigpt.memory import check_memory
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.models.gpt_size import GPTSize, gpt_size
from minigpt.models.rnn_lm import RNNLM, RNNConfig, rnn_size
from minigpt.train_config import TrainConfig

SEED = 0
PROMPT_LENGTH, NEW_TOKENS = 32, 64
GENERATION_CONTEXT = 1024


@dataclass(frozen=True)
class Workload:
    """A model and how many texts it sees side by side."""

    name: str
    model: GPTConfig | RNNConfig
    batch_size: int

    @property
    def recurrent(self) -> bool:
        return isinstance(self.model, RNNConfig)

    @property
    def size(self) -> GPTSize:
        return (rnn_size if self.recurrent else gpt_size)(self.model, self.batch_size)

    def build(self) -> GPT | RNNLM:
        """Our model, with new weights."""
        return (RNNLM if self.recurrent else GPT)(self.model, SEED)

    @property
    def tokens(self) -> int:
        """Tokens a step."""
        return self.batch_size * self.model.context_length

    def message(self) -> dict:
        """For the pipe to a contender, whose `workload_of` undoes it."""
        return {"name": self.name, "model": self.model.to_dict(), "batch_size": self.batch_size}

    def check(self, contenders: int) -> None:
        """Raises InputError when the machine could not hold the training of so many contenders at once.

        0 for those on a GPU, which has memory of its own and says at once when it is full.
        """
        check_memory(contenders * self.size.total_memory, f"leave {self.name} out, or measure it without --against")


def workload_of(message: dict) -> Workload:
    name, model, batch_size = (message[key] for key in ("name", "model", "batch_size"))
    return Workload(name, (RNNConfig if "cell" in model else GPTConfig)(**model), batch_size)


def _workload(name, layers, heads, channels, context, batch_size, vocabulary) -> Workload:
    return Workload(name, GPTConfig(vocab_size=vocabulary, context_length=context, d_model=channels, num_heads=heads,
                                    num_layers=layers), batch_size)


WORKLOADS = {workload.name: workload for workload in (
    _workload("tiny", 4, 4, 64, 64, 16, 65),
    _workload("cpu", 4, 4, 128, 64, 12, 65),
    _workload("small", 6, 6, 384, 256, 8, 65),
    _workload("gpt2", 12, 12, 768, 256, 2, 50257),
    *(Workload(cell, RNNConfig(vocab_size=65, context_length=64, d_model=256, num_layers=2, cell=cell), 32)
      for cell in ("rnn", "lstm", "gru")),
)}


def find_workload(name: str, subject: str = "train") -> Workload:
    """Raises InputError for an unknown name, and for a recurrent model anywhere but in train."""
    if name not in WORKLOADS:
        raise InputError(f"unknown configuration {name!r}: choose among {', '.join(WORKLOADS)}")
    if WORKLOADS[name].recurrent and subject != "train":
        raise InputError(f"{subject} doesn't measure recurrent models: leave {name} out, or choose train")
    return WORKLOADS[name]


def with_long_context(workload: Workload) -> Workload:
    """The same model with GPT-2's context, so that prompt and answer fit into every configuration."""
    return replace(workload, model=replace(workload.model, context_length=GENERATION_CONTEXT))


def train_config(workload: Workload) -> TrainConfig:
    """AdamW with betas 0.9 and 0.95, decay 0.1 on matrices, gradients clipped to length 1, a constant rate."""
    return TrainConfig(steps=10**9, batch_size=workload.batch_size, learning_rate=3e-4, schedule="constant", warmup=0,
                       weight_decay=0.1, beta1=0.9, beta2=0.95, clip=1.0, seed=SEED)


def random_tokens(vocab_size: int, length: int = 100_000) -> np.ndarray:
    """A text of nothing but chance, the same for everyone: a step takes as long whatever it learns from."""
    return backend.generator(SEED).integers(0, vocab_size, length)


def random_prompt(vocab_size: int) -> list[int]:
    return [int(token) for token in random_tokens(vocab_size, PROMPT_LENGTH)]
