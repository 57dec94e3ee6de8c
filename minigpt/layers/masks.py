"""Masks: boolean arrays that say which query may look at which key. True means it may.

T queries are the last T of S positions, so query i stands at position S - T + i: masks count from the lower-right
corner. With T = S that is the usual triangle; with T = 1 it is one row over everything so far. So training, and
generation with a key/value cache, share one rule.

    causal          key j <= position of the query           Vaswani et al. (2017), section 3.2.3
    banded          ... and among the last `window` of them  Child et al. (2019); Brown et al. (2020), section 2.1
    padding         key j is a real token                    combine with &: causal_mask(T, S) & padding_mask(valid)
"""

from minigpt.backend import xp
from minigpt.errors import InputError


def causal_mask(queries: int, keys: int | None = None, window: int = 0):
    """(T, S) booleans. window = 0 means no limit; window = 1 lets each position see only itself."""
    if window < 0:
        raise InputError(f"window {window} is negative: choose 0 (no limit) or more")
    keys = queries if keys is None else keys
    if keys < queries:
        raise InputError(f"{queries} queries can't be the last of {keys} keys: give at least as many keys as queries")
    position = xp.arange(keys - queries, keys)[:, None]  # (T, 1), of each query
    key = xp.arange(keys)[None, :]  # (1, S)
    allowed = key <= position
    return allowed & (key > position - window) if window else allowed


def padding_mask(valid):
    """valid (B, S) booleans, True where a real token stands -> (B, 1, 1, S), to go with scores (B, H, T, S)."""
    return valid[:, None, None, :]
