"""The BLAS under NumPy, in the process that asks: which one, with which kernels, on how many threads."""

from pathlib import Path

import numpy as np

UNKNOWN = "unknown"


def blas() -> dict:
    """name, version, core (the kernels OpenBLAS chose for this processor: 'SkylakeX', 'Haswell', ...), threads."""
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    pools.sort(key=_is_another_package_s)
    if pools:
        return {"name": pools[0]["internal_api"], "version": pools[0]["version"] or UNKNOWN,
                "core": pools[0].get("architecture") or UNKNOWN, "threads": pools[0]["num_threads"]}
    # One that threadpoolctl doesn't know, as Apple's Accelerate; NumPy knows what it was built with.
    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return {"name": built.get("name", UNKNOWN), "version": built.get("version", UNKNOWN), "core": UNKNOWN,
            "threads": None}


def _is_another_package_s(pool: dict) -> bool:
    """SciPy, where something has imported it, brings a BLAS of its own; NumPy's lies in numpy.libs or numpy/.dylibs."""
    return not any(part.startswith("numpy") for part in Path(pool.get("filepath") or "").parts[-3:-1])
