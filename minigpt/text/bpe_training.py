"""Learning the merges of byte-pair encoding: again and again, make one token of the pair that stands together most.

Gage 1994, "A New Algorithm for Data Compression"; Sennrich et al. 2016, "Neural Machine Translation of Rare Words with
Subword Units"; on bytes, Radford et al. 2019 (GPT-2).

Written down directly, one merge is a count of all pairs in the text, and 4,000 merges are 4,000 walks through it. Three
observations make that a second instead of an hour, with the same result:

  1. Merges never cross the border of a chunk (bpe.py cuts text into chunks, roughly words), and a text of a million
     characters has only some ten thousand different chunks. Each is kept once, weighted by how often it occurs.
  2. A merge changes the counts of four pairs at each place where it happens, and no others:
        x L R y  becomes  x N y:   (x, L) and (R, y) are gone, (x, N) and (N, y) are new.
     So counts are updated, never taken again; `places` remembers where each pair stands.
  3. The most frequent pair comes from a heap. Counts change while they lie in it, so an entry may be out of date; we
     look when it reaches the top ("lazy") and put it back with the right count. That is safe because counts in the heap
     are never too low: every pair that a merge makes contains the new token, so the count of an old pair only falls.

Two different merges never make the same token: how the bytes of a token merge among themselves does not depend on what
stands around them, so the same bytes always end in the same merge.
"""

import heapq
from array import array
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

Pair = tuple[int, int]
BORDER = -1  # stands between chunks, and where a merged token's right half was: it is in no pair


def learn_merges(chunk_counts: Mapping[bytes, int], num_merges: int, min_count: int = 1) -> list[Pair]:
    """The merges, in order: the token that merge number i makes gets id 256 + i.

    chunk_counts maps each different chunk (its values are ids under 256) to how often the text has it. Stops early when
    no pair stands together at least min_count times.

    Which pair is next: the one with the highest count; among equal counts the one whose left token has the lowest id;
    among those, the lowest id on the right. In "aaa" the pair (a, a) counts twice, although only one can be merged.
    The trainer of the tokenizers package decides all of this alike, so the same text gives the same merges, ties and
    all (tests/test_bpe_against_tokenizers.py). GPT-2's own trainer was never published: its ties may have gone
    otherwise, which matters to nobody who reads its merges.txt.
    """
    ids, weights = [BORDER], [0]  # all chunks in one row, and at each place the count of its chunk
    for chunk, count in chunk_counts.items():
        ids.extend([*chunk, BORDER])
        weights.extend([count] * (len(chunk) + 1))
    before = array("q", range(-1, len(ids) - 1))  # a linked list: the place to the left of each place,
    after = array("q", range(1, len(ids) + 1))    # and to the right

    pair_counts: dict[Pair, int] = defaultdict(int)
    places: dict[Pair, list[int]] = defaultdict(list)  # of the pair's left token, in increasing order
    for place, pair in enumerate(pairwise(ids)):
        if BORDER not in pair:
            pair_counts[pair] += weights[place]
            places[pair].append(place)
    heap = [(-count, pair) for pair, count in pair_counts.items()]  # smallest first: highest count, then lowest ids
    heapq.heapify(heap)

    merges: list[Pair] = []
    while len(merges) < num_merges and heap:
        negative_count, pair = heapq.heappop(heap)
        count = pair_counts[pair]
        if count < max(min_count, 1):
            continue
        if count != -negative_count:
            heapq.heappush(heap, (-count, pair))
            continue
        new_id = 256 + len(merges)
        merges.append(pair)
        new_pairs = set()
        for left in places.pop(pair):
            right = after[left]
            if (ids[left], ids[right]) != pair:
                continue  # an earlier merge took one of the two, or this one did: "aaa" becomes "aa" "a"
            x, y = before[left], after[right]
            ids[left], ids[right] = new_id, BORDER
            after[left], before[y] = y, left
            for place, old, new in ((x, (ids[x], pair[0]), (ids[x], new_id)),
                                    (left, (pair[1], ids[y]), (new_id, ids[y]))):
                if BORDER not in new:
                    pair_counts[old] -= weights[left]
                    pair_counts[new] += weights[left]
                    places[new].append(place)
                    new_pairs.add(new)
        for new in new_pairs:
            heapq.heappush(heap, (-pair_counts[new], new))
    return merges
