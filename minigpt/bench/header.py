"""The facts about machine and contenders that every result begins with, gathered and as lines of text."""

import os
from collections.abc import Callable
from datetime import date

from minigpt.bench.contender import FUSED, OURS, Field
from minigpt.bench.machine import machine
from minigpt.memory import mebibytes


def gather(field: Field, subject: str, say: Callable[[str], None]) -> dict:
    """Ask every contender who it is, then ours what the machine can do. Raises InputError when one can't take part."""
    facts = {"machine": machine(), "date": date.today().isoformat(), "contenders": {},
             "coretype": os.environ.get("OPENBLAS_CORETYPE"), "blas_core": field.blas_core,
             "precision": field.precision, "fused_kernels": field.fused_kernels,
             "override": os.environ.get("NVIDIA_TF32_OVERRIDE"),
             "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}
    for name in [*field.opponents, OURS]:  # those that may be missing first, before anything is measured
        say(f"starting {name}")
        with field.start(name) as started:
            facts["contenders"][name] = started[name].ask("hello", subject=subject)
            if name == OURS:
                say("measuring what this machine can do at most")
                facts["ceilings"] = started[name].ask("ceilings")
    return facts


def describe(facts: dict) -> list[str]:
    """The facts as lines."""
    here, ours = facts["machine"], facts["contenders"][OURS]
    blas, sgemm, reading, gpu = ours["blas"], facts["ceilings"]["sgemm"], facts["ceilings"]["reading"], ours.get("gpu")
    memory = mebibytes(here["memory"]) if here["memory"] else "memory unknown"
    threads = f"{blas['threads']} threads" if blas["threads"] else "its own number of threads"
    one = f", {sgemm['gflops_one_thread']:,.1f} on one thread" if sgemm["gflops_one_thread"] else ""
    library = f"{blas['name']} {blas['version']}, kernels: {blas['core']}, {threads}"
    if gpu:
        library = f"CuPy {gpu['CuPy']} on the GPU"
    lines = [("machine", f"{here['processor']}, {here['cores']} cores, {memory}"),
             ("system", f"{here['system']}, Python {here['python']}, {facts['date']}"),
             (OURS, f"NumPy {ours['numpy']}, {library}")]
    if gpu:
        lines.insert(1, ("GPU", f"{gpu['GPU']}, {mebibytes(gpu['memory'])}, compute capability "
                                f"{gpu['capability'] / 10:.1f}, CUDA {gpu['CUDA']}, driver {gpu['driver']}"))
    for name, versions in facts["contenders"].items():
        if name != OURS:
            library = f", transformers {versions['transformers']}" if "transformers" in versions else ""
            special = ", Linear products by oneDNN" if name == "torch-onednn" else ""
            where = f"CUDA {versions['cuda']} on the GPU" if "cuda" in versions else f"{versions['threads']} threads"
            lines.append((name, f"PyTorch {versions['torch']}{library}, {where}{special}"))
    where = f"in {facts['precision']} on the GPU" if gpu else f"on all threads{one}"
    lines += [("sgemm", f"{sgemm['gflops']:,.1f} GFLOP/s {where} (square matrices of {sgemm['size']})"),
              ("reading", f"{reading['gigabytes_per_second']:,.1f} GB/s ({reading['way']}, "
                          f"{mebibytes(reading['bytes'])})"),
              *(("note", note) for note in _notes(facts))]
    return [f"{name:13} {text}" for name, text in lines]


def _notes(facts: dict) -> list[str]:
    """What makes these numbers other than a reader would expect."""
    notes, asked, core = [], facts["blas_core"], facts["contenders"][OURS]["blas"]["core"]
    if "gpu" in facts["contenders"][OURS]:
        notes += _gpu_notes(facts)
    if asked:
        obeyed = "" if asked.lower() == core.lower() else f", but it took those for {core}"
        notes.append(f"--blas-core asks OpenBLAS for its kernels for {asked}{obeyed}")
    elif facts["coretype"]:
        notes.append(f"OPENBLAS_CORETYPE={facts['coretype']} is set in your environment: it overrules OpenBLAS's own "
                     "choice, and can halve the speed")
    if facts["load"] and facts["load"] > 0.3:
        notes.append(f"other programs are using this machine (load {facts['load']:.1f}), which makes all of it slower")
    return notes


def _gpu_notes(facts: dict) -> list[str]:
    notes = []
    if facts["precision"] == "TF32":
        notes.append("CuPy uses TF32 in products of two matrices; in those of many at once, which attention makes, it "
                     "keeps to float32 (so its source says), where PyTorch may use TF32 too")
    if facts["fused_kernels"]:
        notes.append(f"{FUSED} computes with the CUDA kernels of minigpt/fused/cuda where there are some")
    if facts["override"]:
        notes.append(f"NVIDIA_TF32_OVERRIDE={facts['override']} is set in your environment: it overrules the choice of "
                     "float32 (0) or TF32 (1)")
    return notes
