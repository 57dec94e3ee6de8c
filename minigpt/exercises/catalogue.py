"""Which exercises there are: one a file in minigpt/exercises/book, in the order in which a course takes them."""

import difflib
import functools
import importlib
from pathlib import Path

from minigpt.errors import InputError
from minigpt.exercises.exercise import Exercise, Text

BOOK = Path(__file__).parent / "book"

# Within a chapter, the order of teaching. An exercise that isn't named here comes at the end of its chapter.
ORDER = (
    "encode_characters", "count_pairs", "merge_pair",
    "bigram_table", "softmax", "cross_entropy", "perplexity",
    "linear", "gelu", "numeric_gradient",
    "embedding", "positions", "unembedding",
    "layer_norm", "dropout",
    "causal_mask", "split_heads", "attention",
    "feed_forward", "residual",
    "next_token_targets", "count_parameters", "tied_gradient",
    "momentum", "adamw", "clip_gradient", "cosine_schedule",
    "temperature", "top_k", "top_p", "cached_attention", "beam_step",
    "maximum_matching", "bmes_tags", "viterbi", "pad_batch", "masked_mean",
    "count_ngrams", "backoff", "kneser_ney", "edits1",
    "window_targets", "direct_path",
    "skip_gram_pairs", "subsample", "negative_sampling", "cosine_neighbours",
    "rnn_step", "bptt", "carry_state",
    "lstm_step", "gru_step",
    "interpolate", "mixture_weight",
)  # fmt: skip


@functools.cache
def exercises() -> dict[str, Exercise]:
    """Name -> exercise, in the order of the course."""
    names = [path.stem for path in BOOK.glob("*.py") if path.stem != "__init__"]
    found = [importlib.import_module(f"minigpt.exercises.book.{name}").EXERCISE for name in names]
    places = {name: place for place, name in enumerate(ORDER)}
    found.sort(key=lambda exercise: (exercise.chapter, places.get(exercise.name, len(ORDER)), exercise.name))
    return {exercise.name: exercise for exercise in found}


def find(name: str, language: str = "en") -> Exercise:
    """The exercise of that name. Raises InputError that offers the nearest names."""
    known = exercises()
    if name not in known:
        near = difflib.get_close_matches(str(name), known)
        hint = Text(f"did you mean {' or '.join(near)}?", f"你要的是 {' 或 '.join(near)} 吗？") if near else \
            Text(f"choose from {', '.join(known)}", f"请从这些中选：{', '.join(known)}")
        raise InputError((Text(f"there is no exercise {name!r}: ", f"没有名为 {name!r} 的练习：") + hint)(language))
    return known[name]
