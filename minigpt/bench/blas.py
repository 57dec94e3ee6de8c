"""The BLAS under NumPy, in the process that asks: which one, with which kernels, on how many threads."""

import numpy as np

UNKNOWN = "unknown"


def blas() -> dict:
    """name, version, core (the kernels OpenBLAS chose for this processor: 'SkylakeX', 'Haswell', ...), threads."""
    from threadpoolctl import threadpool_info

    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            return {"name": pool["internal_api"], "version": pool["version"] or UNKNOWN,
                    "core": pool.get("architecture") or UNKNOWN, "threads": pool["num_threads"]}
    # One that threadpoolctl doesn't know, as Apple's Accelerate; NumPy knows what it was built with.
    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return {"name": built.get("name", UNKNOWN), "version": built.get("version", UNKNOWN), "core": UNKNOWN,
            "threads": None}
