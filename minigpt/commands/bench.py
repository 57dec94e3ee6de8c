"""python -m minigpt bench: how fast minigpt is on this machine, beside PyTorch if you like."""

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from minigpt import backend
from minigpt.bench.contender import OPPONENTS, ContenderDied, Field
from minigpt.bench.device import TF32_SINCE, compute_capability
from minigpt.bench.generation import generation_table, measure_generation
from minigpt.bench.header import describe, gather
from minigpt.bench.learning import RECIPE, TEXT, TOKENS, learning_curves, learning_table, measure_learning
from minigpt.bench.scaling import draw_scaling, measure_scaling, scaling_table
from minigpt.bench.single_operations import measure_operations, operations_table
from minigpt.bench.training import measure_training, training_table
from minigpt.bench.workers import parse_workers
from minigpt.bench.workload import WORKLOADS, find_workload
from minigpt.commands.options import add_backend
from minigpt.commands.reporter import say
from minigpt.errors import InputError
from minigpt.pictures import draw_curves
from minigpt.run_folder import write_json

SUBJECTS = {  # name -> one workload's measurement, table, workloads by default
    "train": (measure_training, training_table, ["tiny", "cpu", "small"]),
    "generate": (measure_generation, generation_table, ["gpt2"]),
    "ops": (measure_operations, operations_table, ["cpu"]),
    "scaling": (None, scaling_table, []),
    "learn": (None, lambda results: learning_table(results[0]), []),
}
FIXED = ("scaling", "learn")  # whose sizes are not chosen


ON_GPU = {"train": ["tiny", "cpu", "small", "gpt2"]}  # workloads by default there, where they are others


def add_arguments(parser) -> None:
    parser.add_argument("subject", nargs="?", choices=SUBJECTS, default="train",
                        help="train: whole training steps; generate: a text token by token; ops: each operation alone; "
                             "scaling: steps with longer contexts and larger batches; learn: a whole run to a "
                             "recipe (default: train)")
    add_backend(parser)
    parser.add_argument("--tf32", action="store_true", help="with --backend cupy: let everyone's products round what "
                        "they multiply to TF32 (10 bits of a fraction instead of 23), for the GPU's tensor cores")
    parser.add_argument("--against", nargs="+", choices=OPPONENTS, default=[], metavar="NAME",
                        help=f"whom to measure beside minigpt: {', '.join(OPPONENTS)}; needs PyTorch, and transformers "
                             "for generate. With --backend cupy on the same GPU: torch")
    parser.add_argument("--configs", nargs="+", metavar="NAME", help=f"models, among {', '.join(WORKLOADS)} (default: "
                        + "; ".join(f"{' '.join(default)} for {name}" for name, (_, _, default) in SUBJECTS.items()
                                    if default) + f"; on a GPU {' '.join(ON_GPU['train'])} for train)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="of about a second each, of which the "
                        "median counts (default: 7)")
    parser.add_argument("--workers", default="auto", metavar="N|auto",
                        help="how many of minigpt's share a training step (default: auto, one a processor; on a GPU 1)")
    parser.add_argument("--no-twins", action="store_true", help="measure the plain functions, without minigpt/fused")
    parser.add_argument("--fused-kernels", action="store_true", help="with --backend cupy: measure minigpt with the "
                        "CUDA kernels of minigpt/fused/cuda as well, which otherwise are not used (not for "
                        f"{' and '.join(FIXED)})")
    parser.add_argument("--blas-core", metavar="CORE", help="kernels that OpenBLAS uses in minigpt's process, such as "
                        "Haswell for those without AVX-512 (default: its own choice)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there, every round's too")
    parser.add_argument("--recipe", choices=TOKENS, help=f"of learn: a preset's sizes, settings and kind of tokens; "
                        f"small is what train does by itself (default: {RECIPE})")
    parser.add_argument("--data", nargs="+", metavar="NAME", help=f"text of learn, as for train (default: {TEXT[0]})")
    parser.add_argument("--steps", type=int, metavar="N", help="of learn (default: the recipe's)")
    parser.add_argument("--seconds", type=float, metavar="S", help="of learn: as many steps for everyone as fit into "
                        "that time, instead of the same for all")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the curves of scaling or learn, as a PNG")


def _settings(arguments) -> Field:
    """All that can be refused is refused here, before minutes are spent."""
    if arguments.rounds < 1:
        raise InputError(f"--rounds {arguments.rounds} is too small: choose at least 1")
    if arguments.configs and arguments.subject in FIXED:
        raise InputError(f"--configs is not for {arguments.subject}, whose sizes are fixed: leave it out")
    if arguments.picture and arguments.subject not in FIXED:
        raise InputError(f"--picture is for scaling and learn, {arguments.subject} has no curves: leave it out")
    for name in ("recipe", "data"):
        if getattr(arguments, name) and arguments.subject != "learn":
            raise InputError(f"--{name} is for learn, {arguments.subject} has none: leave it out")
    if arguments.steps is not None and (arguments.subject != "learn" or arguments.steps < 1):
        raise InputError(f"--steps {arguments.steps} doesn't fit {arguments.subject}: choose 1 or more, for learn")
    if arguments.seconds is not None:
        if arguments.subject != "learn" or not 0 < arguments.seconds < math.inf:
            raise InputError(f"--seconds {arguments.seconds:g} doesn't fit {arguments.subject}: choose more than 0, "
                             "for learn")
        if arguments.steps is not None:
            raise InputError("--steps and --seconds say the same thing twice: leave one out")
    if arguments.fused_kernels and arguments.subject in FIXED:
        raise InputError(f"--fused-kernels is not for {arguments.subject}: leave it out")
    for name in arguments.configs or []:
        find_workload(name, arguments.subject)
    for path in (arguments.json, arguments.picture):
        if path and not path.parent.is_dir():
            raise InputError(f"the folder {path.parent} does not exist: make it first, or choose another place")
    field = Field(tuple(dict.fromkeys(arguments.against)), arguments.rounds, arguments.blas_core,
                  parse_workers(arguments.workers), not arguments.no_twins, arguments.backend, arguments.tf32,
                  arguments.fused_kernels)
    return _on_gpu(field) if field.on_gpu else _on_processor(field)


def _on_processor(field: Field) -> Field:
    if field.tf32:
        raise InputError("--tf32 is a precision of GPUs: add --backend cupy, or leave it out")
    if field.fused_kernels:
        raise InputError("--fused-kernels are for GPUs: add --backend cupy, or leave it out")
    return field


def _on_gpu(field: Field) -> Field:
    """The same, with one worker. Raises InputError for what needs a processor, and without CuPy or a GPU."""
    if field.blas_core:
        raise InputError(f"--blas-core {field.blas_core} is for products on a processor: leave it out with --backend "
                         f"{field.backend}")
    if field.workers > 1:
        raise InputError(f"--workers {field.workers} with --backend {field.backend}: one keeps a GPU busy, choose "
                         "--workers 1")
    if "torch-onednn" in field.opponents:
        raise InputError("torch-onednn computes on a processor: choose --against torch")
    with backend.using(field.backend):
        if field.tf32 and (found := compute_capability()) < TF32_SINCE:
            raise InputError(f"this GPU (compute capability {found / 10:.1f}) has no TF32, which came with "
                             f"{TF32_SINCE / 10:.1f}: leave --tf32 out")
    return replace(field, workers=1)


def _results(arguments, field: Field, ceilings: dict) -> Iterator[dict]:
    if arguments.subject == "scaling":
        yield from measure_scaling(field, ceilings, say)
        return
    if arguments.subject == "learn":
        yield measure_learning(field, arguments.recipe or RECIPE, arguments.data or TEXT, arguments.steps, say,
                               arguments.seconds)
        return
    measure, _, default = SUBJECTS[arguments.subject]
    default = ON_GPU.get(arguments.subject, default) if field.on_gpu else default
    for name in arguments.configs or default:
        yield measure(field, find_workload(name), ceilings, say)


def _print(subject: str, field: Field, results: list[dict]) -> None:
    rounds = f"medians of {field.rounds} rounds" if field.rounds > 1 else "one round"
    where = " on a GPU" if field.on_gpu else ""
    rounds = "one whole run" if subject == "learn" else f"{rounds} of about a second, after a warm-up"
    print(f"{subject}, {field.precision}{where}: {rounds}")
    if len(field.names) > 1 and subject != "learn":
        print("minigpt / it: how many times as fast as the other minigpt is, median of the ratios within each round")
    print("\n".join(["", *SUBJECTS[subject][1](results)]), flush=True)


def run(arguments) -> int:
    field, results = _settings(arguments), []
    try:
        facts = gather(field, arguments.subject, say)
        print("\n".join(describe(facts)) + "\n", flush=True)
        for result in _results(arguments, field, facts["ceilings"]):
            results.append(result)
            if arguments.json:  # after each, so that what was measured is kept when the next one fails
                write_json(arguments.json, {"subject": arguments.subject, "field": asdict(field), **facts,
                                            "results": results})
    except ContenderDied as error:
        say(f"minigpt bench: {error}")
        return 1
    finally:
        if results:
            _print(arguments.subject, field, results)
    if arguments.picture and arguments.subject == "learn":
        draw_curves(learning_curves(results[0]), arguments.picture, columns=1, doubling=False)
    elif arguments.picture:
        draw_scaling(results, arguments.picture)
    return 0
