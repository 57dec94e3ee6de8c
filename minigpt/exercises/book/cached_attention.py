"""Exercise of chapter 10: attention with a key/value cache, which must equal attention over everything."""

import numpy as np

from minigpt import backend
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.generate import LayerCache
from minigpt.layers.attention import attention_forward
from minigpt.layers.masks import causal_mask

SKELETON = '''\
import numpy as np


def cached_attention(q, k, v, cache_k, cache_v):
    """Causal attention of T new positions over P cached ones and themselves.

    q (B, H, T, D), k (B, H, T, D), v (B, H, T, D), cache_k (B, H, P, D), cache_v (B, H, P, D)
    -> y (B, H, T, D), and the new cache: all keys (B, H, S, D) and all values (B, H, S, D), S = P + T.
    """
'''

ANSWER = '''\
import numpy as np


def cached_attention(q, k, v, cache_k, cache_v):
    keys = np.concatenate([cache_k, k], axis=2)
    values = np.concatenate([cache_v, v], axis=2)
    T, S = q.shape[2], keys.shape[2]
    mask = np.arange(S) <= np.arange(S - T, S)[:, None]
    s = q @ keys.swapaxes(-1, -2) * q.shape[-1] ** -0.5
    s = np.where(mask, s, -np.inf)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p @ values, keys, values
'''


def _cached_attention(q, k, v, cache_k, cache_v):
    T, S = q.shape[2], cache_k.shape[2] + q.shape[2]
    with backend.using("numpy", q.dtype.name):
        cache = LayerCache(S)
        cache.append(cache_k, cache_v)
        keys, values = cache.append(k, v)
        y, _ = attention_forward(q, keys, values, causal_mask(T, S))
        return y, keys, values


def problems(rng):
    def problem(B, H, T, P, D):
        new = {name: rng.standard_normal((B, H, T, D)) for name in ("q", "k", "v")}
        return Problem({**new, **{f"cache_{name}": rng.standard_normal((B, H, P, D)) for name in ("k", "v")}})

    return [problem(1, 1, 2, 3, 2), problem(2, 3, 1, 4, 5), problem(2, 1, 4, 0, 3), problem(1, 2, 3, 1, 1),
            problem(1, 1, 1, 0, 2)]


def _one_by_one(functions, problem):
    q, k, v, keys, values = problem.arrays.values()
    together = functions[0](q, k, v, keys, values)[0]
    for t in range(q.shape[2]):
        y, keys, values = functions[0](*(array[:, :, t:t + 1] for array in (q, k, v)), keys, values)
        difference = np.abs(y[:, :, 0] - together[:, :, t]).max()
        if not difference < 1e-9:
            return Text(f"position {t} of the new ones comes out different by {difference:.3g} when they are given "
                        "one at a time: each must get what it would in one piece",
                        f"新位置一个一个地给时，第 {t} 个的结果相差 {difference:.3g}：应当与一次全给时相同")
    return None


def _later_token(functions, problem):
    q, k, v, *cache = problem.arrays.values()
    if q.shape[2] < 2:
        return None
    other_k, other_v = k.copy(), v.copy()
    other_k[:, :, -1] += 5
    other_v[:, :, -1] -= 5
    change = np.abs(functions[0](q, other_k, other_v, *cache)[0] - functions[0](q, k, v, *cache)[0])[:, :, :-1]
    if change.max() > 1e-9:
        t = int(np.unravel_index(change.argmax(), change.shape)[2])
        return Text(f"changing the last new token changes the result of new position {t} by {change.max():.3g}: a "
                    "later token must not change an earlier one",
                    f"改变最后一个新词元，第 {t} 个新位置的结果变了 {change.max():.3g}：后面的词元不应改变前面的结果")
    return None


EXERCISE = Exercise(
    name="cached_attention",
    chapter=10,
    title=Text("Attention with a key/value cache", "带键值缓存的注意力"),
    task=Text(
        "Under a causal mask a new token changes nothing before it, so the keys and values of the P positions so far "
        "are kept and only the T new ones go through the model. Append the new keys and values behind the cached ones "
        "and let the new queries attend to all S = P + T, each to itself and what is before it: query i stands at "
        "position P + i. The result must be that of attention over everything at once. P may be 0 (the prompt), and T "
        "is 1 for each token after that.",
        "在因果掩码下，新的词元不影响它之前的任何东西，所以已有 P 个位置的键和值可以留着，只有 T 个新位置要经过模型。"
        "把新的键和值接在缓存后面，让新的查询去看全部 S = P + T 个位置，每个查询只看自己和它之前的："
        "查询 i 在位置 P + i。结果必须与一次算完全部时相同。P 可以是 0（输入提示时），之后每个词元 T 为 1。"),
    functions=("cached_attention",),
    skeleton=SKELETON,
    solution=(_cached_attention,),
    shown=(LayerCache, attention_forward, causal_mask),
    answer=ANSWER,
    problems=problems,
    properties=(Property("one by one is the same as at once", _one_by_one),
                Property("a later token changes nothing before it", _later_token)),
    hints=(
        Text("np.concatenate along the axis of positions, which is axis 2, the cache first. Then it is attention as in "
             "chapter 06, with T queries and S keys.",
             "沿位置的轴（轴 2）用 np.concatenate，缓存在前。之后就是第 06 章的注意力，T 个查询，S 个键。"),
        Text("The queries are the last T of the S positions: the mask is aligned at its lower right corner.",
             "查询是 S 个位置中的最后 T 个：掩码在右下角对齐。"),
        Text("mask = np.arange(S) <= np.arange(S - T, S)[:, None]; s = q keysᵀ / √D, -∞ where not allowed; y = "
             "softmax(s) values; return y, keys, values.",
             "mask = np.arange(S) <= np.arange(S - T, S)[:, None]；s = q keysᵀ / √D，不许看的地方为 -∞；"
             "y = softmax(s) values；返回 y, keys, values。"),
    ),
    wrong=(
        Wrong("new_in_front", (("[cache_k, k]", "[k, cache_k]"), ("[cache_v, v]", "[v, cache_v]")), "value", "in front",
              Text("the new keys and values stand in front of the cached ones: they come later in the text, so behind",
                   "新的键和值放到了缓存前面：它们在文本中更靠后，应当接在后面")),
        Wrong("cache_ignored", (("np.concatenate([cache_k, k], axis=2)", "k"),
                                ("np.concatenate([cache_v, v], axis=2)", "v")), "shape", "see the cache",
              Text("the new queries don't see the cache: the keys and values are the cached ones with the new ones "
                   "behind them",
                   "新的查询没有看到缓存：键和值应当是缓存的，后面接上新的")),
        Wrong("appended_twice", (("[cache_k, k]", "[cache_k, k, k]"), ("[cache_v, v]", "[cache_v, v, v]")), "shape",
              "twice",
              Text("the new keys and values are appended twice: every token would count double, and positions run "
                   "ahead",
                   "新的键和值接了两次：每个词元会被算两遍，位置也会错")),
        Wrong("not_kept", (("return p @ values, keys, values", "return p @ values, k, v"),), "shape", "all keys",
              Text("only the new keys and values are returned: the next token needs all keys and values so far",
                   "只返回了新的键和值：下一个词元需要到目前为止的全部键和值")),
        Wrong("upper_left", (("np.arange(S - T, S)[:, None]", "np.arange(T)[:, None]"),), "value", "lower right",
              Text("the mask is aligned at the upper left, as if the new queries were the first positions: they are "
                   "the last T of S, so it is aligned at the lower right",
                   "掩码在左上角对齐了，好像新的查询是最前面的位置：它们是 S 个位置中的最后 T 个，应当在右下角对齐")),
        Wrong("no_mask", (("    s = np.where(mask, s, -np.inf)\n", ""),), "value", "without a mask",
              Text("without a mask the new tokens see each other's future: it matters as soon as T is more than 1, "
                   "as for a prompt",
                   "没有掩码，新词元之间会看到未来：只要 T 大于 1（比如输入提示时），结果就错了")),
        Wrong("not_itself", (("np.arange(S) <= np.arange(S - T, S)", "np.arange(S) < np.arange(S - T, S)"),), "value",
              "itself",
              Text("off by one: a new token must see itself too", "差了一格：新的词元也要看到自己")),
        Wrong("values_from_k", (("[cache_v, v]", "[cache_v, k]"),), "value", "appended to the values",
              Text("the new keys are appended to the values: v belongs there",
                   "值的后面接上了新的键：那里应当接 v")),
        Wrong("no_scale", ((" * q.shape[-1] ** -0.5", ""),), "value", "√D",
              Text("the scores are not divided by √D", "分数没有除以 √D")),
    ),
)  # fmt: skip
