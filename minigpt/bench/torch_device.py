"""PyTorch on a GPU: its precision, its waits and its memory, as device.py has them for CuPy.

Written after PyTorch's documentation (2.13); nothing here has been measured on a GPU by us.
"""

import warnings

from minigpt.bench.serve import Round
from minigpt.errors import InputError


def describe(device: str) -> dict:
    """The CUDA that this PyTorch was built for. Raises InputError where it can't use the GPU."""
    import torch

    if device == "cpu":
        return {}
    if not torch.cuda.is_available():
        raise InputError(f"PyTorch {torch.__version__} can't use the GPU: install one made for your CUDA version "
                         "(pytorch.org tells which), or leave --against out")
    return {"cuda": torch.version.cuda}


def set_precision(tf32: bool) -> None:
    """Whether products of float32 matrices may use TF32; the same as torch.backends.cuda.matmul.allow_tf32 = tf32.

    Of the two, this is the one that doesn't go out of use after PyTorch 2.9.
    """
    try:
        import torch
    except ImportError:  # told when the contender is asked who it is
        return
    torch.set_float32_matmul_precision("high" if tf32 else "highest")


def synchronize(device: str) -> None:
    """Wait until a GPU has done all that it was given."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def watch(run: Round) -> dict:
    """One more step, which isn't timed: how often it waited for the GPU by PyTorch's own count, and its memory.

    That count is of warnings, one a wait (torch.cuda.set_sync_debug_mode, which calls itself experimental). What the
    clock waits for around a round isn't part of a step, so it is the difference between two steps and one.
    """
    import torch

    def waits(steps):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                run(steps)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return sum("synchronizing" in str(one.message) for one in told)

    torch.cuda.reset_peak_memory_stats()
    one = waits(1)
    return {"waits": waits(2) - one, "peak": torch.cuda.max_memory_allocated(),
            "reserved": torch.cuda.max_memory_reserved()}
