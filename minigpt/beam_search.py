"""Beam search: instead of one text, keep the `beams` most probable ones and extend all of them at each step.

    score(text) = log p(text | prompt) / n^length_penalty           n: number of tokens generated

Greedy search takes the best token at each step and can't take it back; a beam sees that a worse first token led to a
better sentence. It finds texts of high probability, which suits translation; for stories sampling is better, because
probable texts are dull. An ended text keeps its score and waits; undivided by n^length_penalty, short ones would always
win. Sources: Lowerre (1976); Sutskever et al. (2014), section 3.2; the penalty, in its simplest form,
Wu et al. (2016), section 7.
"""

import numpy as np

from minigpt.errors import InputError
from minigpt.generate import Continuation
from minigpt.sampling import check_logits


def beam_search(model, prompt, max_tokens: int, beams: int = 4, length_penalty: float = 1.0,
                stop_token: int | None = None, use_cache: bool = True) -> list[tuple[float, list[int]]]:
    """Up to `beams` pairs (score, generated ids), best first; an ended text includes its stop_token.

    Raises InputError for fewer than one beam, for logits that are not finite, and as Continuation does.
    """
    if beams < 1:
        raise InputError(f"{beams} beams can't be searched: choose at least 1; 4 is usual")
    texts = Continuation(model, [prompt], use_cache)
    log_p = np.zeros(1)  # of each living text; at first there is only the prompt
    ended: list[tuple[float, list[int]]] = []
    living, n = [(0, 0)], 0
    for n in range(1, max_tokens + 1):
        z = np.array(texts.next_logits(), dtype=float)  # (living, V), a copy
        check_logits(z)
        z -= z.max(axis=1, keepdims=True)
        total = log_p[:, None] + z - np.log(np.exp(z).sum(axis=1, keepdims=True))  # log p of every extension
        V = total.shape[1]
        # Twice as many candidates as beams: even if half of them end here, enough are left to go on with.
        candidates = np.argsort(-total.ravel(), kind="stable")[: 2 * beams]
        living = []
        for rank, candidate in enumerate(candidates):
            row, token = divmod(int(candidate), V)
            if token == stop_token:
                if rank < beams:
                    score = float(total[row, token]) / n**length_penalty
                    ended.append((score, [*texts.rows[row][len(prompt):], token]))
            elif len(living) < beams:
                living.append((row, token))
        if not living:
            break
        texts.reorder([row for row, _ in living])
        texts.append([token for _, token in living])
        log_p = np.array([total[row, token] for row, token in living])
        ended = sorted(ended, key=lambda text: -text[0])[:beams]
        # With a positive penalty a living text's score can still rise as n grows: to this at the very best.
        hope = log_p.max() / (max_tokens if length_penalty > 0 else n) ** length_penalty
        if len(ended) == beams and ended[-1][0] >= hope:
            return ended
    final = [(float(p) / max(n, 1) ** length_penalty, row[len(prompt):]) for p, row in zip(log_p, texts.rows) if living]
    return sorted(ended + final, key=lambda text: -text[0])[:beams]
