"""The exercise beam_step has a solution of its own: step by step it must find what the library's beam_search finds."""

import numpy as np
import pytest

from minigpt import backend
from minigpt.beam_search import beam_search
from minigpt.exercises.book.beam_step import EXERCISE
from minigpt.models.gpt import GPT, GPTConfig


@pytest.mark.parametrize("beams", [1, 3, 5])
def test_steps_of_the_exercise_are_the_library_s_search(beams):
    (beam_step,) = EXERCISE.solution
    with backend.using("numpy", "float64"):
        model = GPT(GPTConfig(vocab_size=7, context_length=8, d_model=8, num_heads=2, num_layers=1), seed=3)
        model.flat.data *= 20  # far from a uniform distribution
        prompt, steps = [1, 2], 4
        texts, scores = [prompt], np.zeros(1)
        for _ in range(steps):
            z = np.array([model([text])[0, -1] for text in texts])
            log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            rows, tokens, scores = beam_step(scores, log_p, beams=beams)
            texts = [[*texts[row], int(token)] for row, token in zip(rows, tokens)]
        found = beam_search(model, prompt, steps, beams, length_penalty=0.0)
    assert [ids for _, ids in found] == [text[len(prompt):] for text in texts]
    np.testing.assert_allclose([score for score, _ in found], scores, rtol=1e-12)
