# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · Preparing text: what must be done before counting, and what a large model no longer needs
#
# **The question.** Chapter 01 cut text into tokens and was done. For fifty years before, text went through a row of
# machines first: normalised, cut into sentences and words, each word given its part of speech. What do these do, how are
# they built, and which of them does a large model still need?
#
# Running time: about 13 s on two CPU cores; needs chapters [00](00_backend.ipynb) and [01](01_bpe.ipynb); sources studied:
# [segmentation.py](../../minigpt/text/segmentation.py), [hmm.py](../../minigpt/text/hmm.py),
# [bmes.py](../../minigpt/text/bmes.py), [tagging.py](../../minigpt/text/tagging.py),
# [buckets.py](../../minigpt/text/buckets.py), the documents [segmentation](../../docs/en/text/segmentation.md),
# [hmm](../../docs/en/text/hmm.md), [bmes](../../docs/en/text/bmes.md), [tagging](../../docs/en/text/tagging.md),
# [sentences](../../docs/en/text/sentences.md) and [buckets](../../docs/en/text/buckets.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/11_segmentation.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from minigpt.text.bmes import PLACES, HMMSegmenter, to_places
from minigpt.text.buckets import bucketed_batches, pad_batch, padded_share
from minigpt.text.hmm import HMM, log_likelihood, viterbi
from minigpt.text.normalise import normalise
from minigpt.text.segmentation import MaximumMatching, score_segmentation
from minigpt.text.sentences import split_sentences, split_words
from minigpt.text.stopwords import remove_stopwords
from minigpt.text.tagging import HMMTagger, MostFrequentTagger, accuracy, score_tagger
from minigpt.text.templates import make_sentences, words_of
from minigpt.text.vocabulary import Vocabulary

quick = bool(os.environ.get("MINIGPT_QUICK"))
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · The same word, twice
#
# **Predict:** the two words look the same on the screen. Are they equal? How long is each? And what does NFKC make of the
# last line, the harmless and the harmful part?

# %%
composed, decomposed = "caf\u00e9", "cafe\u0301"
print(composed, decomposed, composed == decomposed, len(composed), len(decomposed))
print("after NFC:", normalise(composed) == normalise(decomposed))
for text in ("ＧＰＴ　２", "ﬁne", "2⁵ ①", "好，你呢？", "US Straße"):
    print(f"{text}   NFKC: {normalise(text, 'NFKC')}   and case folded: {normalise(text, 'NFKC', lower=True)}")

# %% [markdown]
# NFC loses nothing that is seen: always use it. The others throw something away: 2⁵ became 25, US became us. A program that
# counts words may gain more than it loses; a model that must write the text again only loses.
#
# ## 2 · Where does a sentence end?
#
# **Predict:** the number of sentences in each line. In which one would you need to understand the text?

# %%
for text in ("Dr. Li paid $3.50, e.g. for tea. Why? Nobody knows.", '"Stop!" he said. She went.',
             "他说：“你好！”然后走了。真的吗？！", "She left the U.S. Army bases stay."):
    print(split_sentences(text))
print(split_words("Dr. Li doesn't pay $3.50 for the well-known tea."))
print("without stop-words:", remove_stopwords(split_words("The film was not good, but the music was.")))

# %% [markdown]
# English words nearly cut themselves, at the spaces. (They could be cut further, "walked" to "walk": stemming. We leave it out;
# [the document](../../docs/en/text/sentences.md) says why.) In Chinese there are no spaces, and the work begins.
#
# ## 3 · Chinese words with a dictionary
#
# Take the longest word of the dictionary that fits, from the front; or the same from the back.
#
# **Predict:** with 研究, 研究生, 生命, 的, 起源 in the dictionary, what does each direction make of 研究生命的起源 (to study the
# origin of life; 研究生 is a graduate student)? And of 从小学 (to learn from childhood), with 从小, 小学, 学?

# %%
matching = MaximumMatching(["研究", "研究生", "生命", "的", "起源", "从小", "小学", "学", "才", "能", "才能"])
for text in ("研究生命的起源", "从小学", "才能", "植物园"):
    print(text, "   forward:", " | ".join(matching.forward(text)), "   backward:", " | ".join(matching.backward(text)))

# %%
syllables = ["yan", "jiu", "sheng", "ming", "de", "qi", "yuan"]
figure, axes = plt.subplots(figsize=(7, 2.4))
for row, cut in enumerate((matching.forward, matching.backward)):
    start = 0
    for number, word in enumerate(cut("研究生命的起源")):
        axes.add_patch(plt.Rectangle((start + 0.04, row + 0.12), len(word) - 0.08, 0.76, edgecolor="black",
                                     facecolor=("#cfe3f2", "#ffdfc2")[number % 2]))
        axes.text(start + len(word) / 2, row + 0.5, " ".join(syllables[start:start + len(word)]), ha="center",
                  va="center")
        start += len(word)
axes.set(xlim=(0, 7), ylim=(2, 0), yticks=[0.5, 1.5], yticklabels=["forward", "backward"], xticks=range(8),
         xlabel="place in the text, in characters", title="where words overlap, the two directions differ")
plt.show()

# %% [markdown]
# Where words overlap the directions differ, and you know that you don't know. 才能 (talent) could as well be 才 能 (only then
# can): both take the long word, and nothing shows. What the dictionary lacks falls into pieces.
#
# ### Exercise: maximum_matching
#
# From the front. `words` is a list; a place where no word fits gives one character.

# %%
def my_maximum_matching(text, words):
    """The words of text, a list: at each place the longest one of `words` that fits, or else one character."""

# %%
from minigpt.learn import check

check("maximum_matching", my_maximum_matching)

# %% [markdown]
# ## 4 · How good is it? A text whose answer is known
#
# We need sentences with the right answer beside them. Ours are made from templates, so the answer is known by construction;
# the test sentences come from **other templates** and have words that the training sentences lack. They were made to be
# ambiguous, so the scores say how methods differ, not how good they would be on a newspaper.
#
# A word counts as right when both its ends are right: precision is the share of our words that are right, recall the share of
# the right words that we found.
#
# **Predict:** the right answer is 研究 | 生命, we say 研究生 | 命. Precision? And for 研 | 究 | 生命: precision and recall?

# %%
for ours in (["研究生", "命"], ["研", "究", "生命"]):
    score = score_segmentation([ours], [["研究", "生命"]])
    print(ours, f"precision {score.precision:.3f}, recall {score.recall:.3f}, F1 {score.f1:.3f}")

train, test = make_sentences("zh", "train", 2000, seed=1), make_sentences("zh", "test", 500, seed=1)
known, right = {word for sentence in train for word, _ in sentence}, words_of(test)
texts = ["".join(words) for words in right]
print(f"{len(known)} different words in {len(train):,} sentences to learn from; to test:")
for words in right[:3]:
    print("   ", " | ".join(words))

# %% [markdown]
# ## 5 · Words as places of characters
#
# A dictionary will never know 植物园 if nobody entered it. But the characters know something: 的 is mostly alone, 园 ends words.
# Give each character its place: **B**egin, **M**iddle, **E**nd, **S**ingle. Cutting has become labelling.
#
# **Predict** the labels of 我们 | 在 | 植物园.

# %%
print(to_places(["我们", "在", "植物园"]))

# %% [markdown]
# ### Exercise: bmes_tags
#
# Both directions in one: the labels of `words`, and the words that the labels `places` spell in `text`.

# %%
def my_bmes_tags(words, text, places):
    """words: a list -> their places, a string of B, M, E, S; and the list of words that `places` spell in `text`."""

# %%
check("bmes_tags", my_bmes_tags)

# %% [markdown]
# The places can't be seen, the characters can; a place depends on the place before it, and a character on its place. That is a
# **hidden Markov model**:
#
# $$
# p(s, o) = p(s_1) \prod_t p(s_t \mid s_{t-1}) \prod_t p(o_t \mid s_t)
# $$
#
# Its three tables are learned by counting. How are the best states found, among $K^T$ sequences?
#
# ## 6 · Viterbi by hand
#
# Two states. Start: 1/2 each. A state stays with 3/4. State 0 gives symbol 0 with 7/8, state 1 gives symbol 1 with 7/8. We see
# 0 1 0.
#
# **Predict:** does the model believe that the state changed twice, or that one symbol was a slip?
#
# For each state we keep the best probability of a way that ends there, and where it came from. Only the best way to each state
# can be part of the best whole way: what comes later doesn't care how we got there.

# %%
start, stay, gives = np.array([1, 1]) / 2, np.array([[3, 1], [1, 3]]) / 4, np.array([[7, 1], [1, 7]]) / 8
seen = [0, 1, 0]
best = start * gives[:, seen[0]]
print("t = 0: best", best)
for t in (1, 2):
    ways = best[:, None] * stay  # row: where from, column: where to
    print(f"t = {t}: ways from (row) to (column)\n{ways}\n       best comes from {ways.argmax(axis=0)}")
    best = ways.max(axis=0) * gives[:, seen[t]]
    print("       best", best)
hmm = HMM(np.log(start), np.log(stay), np.log(gives), np.zeros(2))
states, log_p = viterbi(hmm, seen)
print("library:", states, np.exp(log_p), " all eight ways together:", np.exp(log_likelihood(hmm, seen)))

# %% [markdown]
# The end is best in state 0, which came from 0, which came from 0: one symbol against two neighbours is not believed. The library
# adds logarithms, since a product of some hundred probabilities is 0 to a float. With a sum in the place of the maximum the same
# loop gives the probability of what was seen: the forward algorithm.
#
# ### Exercise: viterbi
#
# All tables are logarithms; $T K^2$ steps; then the way back.

# %%
def my_viterbi(start, transition, emission, symbols):
    """start (K,), transition (K, K), emission (K, V): logarithms; symbols (T,) -> states (T,) and ln p of them."""

# %%
check("viterbi", my_viterbi)

# %% [markdown]
# ## 7 · Dictionary against hidden Markov model
#
# **Predict:** who wins? Who finds more of the words that were never seen? And how good is matching when its dictionary has every
# word of the test, so that nothing but ambiguity is left?

# %%
matching, segmenter = MaximumMatching(known), HMMSegmenter.train(words_of(train))
complete = MaximumMatching(known | {word for words in right for word in words})
methods = {"every character": list, "forward": matching.forward, "backward": matching.backward,
           "both": matching.bidirectional, "backward, complete": complete.backward, "HMM": segmenter.segment}
scores = {name: score_segmentation([cut(text) for text in texts], right, known) for name, cut in methods.items()}
for name, score in scores.items():
    print(f"{name:20} precision {score.precision:.3f}  recall {score.recall:.3f}  F1 {score.f1:.3f}  "
          f"of {score.unknown} unknown words {score.unknown_recall:.3f}")

figure, axes = plt.subplots(figsize=(7, 3))
places = np.arange(len(scores))
for shift, values, label in ((-0.2, [score.f1 for score in scores.values()], "F1"),
                             (0.2, [score.unknown_recall for score in scores.values()], "recall of unknown words")):
    bars = axes.barh(places + shift, values, 0.4, label=label)
    axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
axes.set(yticks=places, yticklabels=scores, xlim=(0, 1.12), title="Chinese words on sentences from other templates")
axes.invert_yaxis()
figure.legend(fontsize=8, ncols=2, loc="outside lower center", frameon=False)
plt.show()

for words, text in zip(right, texts):
    if matching.backward(text) != words and segmenter.segment(text) != words:
        print("right:   ", " | ".join(words))
        print("backward:", " | ".join(matching.backward(text)))
        print("HMM:     ", " | ".join(segmenter.segment(text)))
        break

# %% [markdown]
# Each has its own mistakes: the dictionary breaks unknown words, the model breaks known ones and makes up others. A complete
# dictionary still isn't enough: what is ambiguous needs the sentence. What the model has learned can be looked at. Some zeros
# are rules (an S can't follow a B), one is the text's: our sentences end with a sign, so no E is followed by the end.
#
# **Predict:** after a B, is E or M likelier? In Chinese, how long are most words?

# %%
moves = np.exp(np.concatenate([segmenter.hmm.transition, segmenter.hmm.end[:, None]], axis=1))
figure, axes = plt.subplots(figsize=(5, 3.2))
axes.imshow(moves, cmap="Blues", vmin=0, vmax=1)
for i in range(4):
    for j in range(5):
        axes.text(j, i, f"{moves[i, j]:.2f}", ha="center", va="center", color="white" if moves[i, j] > 0.5 else "black")
axes.set(xticks=range(5), xticklabels=[*PLACES, "end"], yticks=range(4), yticklabels=list(PLACES), xlabel="next place",
         ylabel="place", title="p(next place | place)")
plt.show()

# %% [markdown]
# ## 8 · Parts of speech: the same model once more
#
# Replace places by tags and characters by words, and the segmenter is a tagger. The baseline gives each word the tag it had most
# often.
#
# **Predict:** "they book the book." Which tags does the baseline give? And on the test sentences, how much can be won over it on
# words that had several tags in training?

# %%
english, english_test = make_sentences("en", "train", 2000, seed=1), make_sentences("en", "test", 500, seed=1)
tagger, baseline = HMMTagger.train(english), MostFrequentTagger.train(english)
words = ["they", "book", "the", "book", "."]
print("baseline:", baseline.tag(words))
print("HMM:     ", tagger.tag(words))

results = {}
for language, learn, held_out in (("English", english, english_test), ("Chinese", train, test)):
    for name, kind in (("most frequent", MostFrequentTagger), ("HMM", HMMTagger)):
        results[f"{language}, {name}"] = score_tagger(kind.train(learn).tag, held_out, learn)
for name, score in results.items():
    print(f"{name:24}", "  ".join(f"{kind} {accuracy(getattr(score, kind)):.3f} of {getattr(score, kind)[1]:,}"
                                  for kind in ("all", "known", "unknown", "ambiguous")))

# %% [markdown]
# A tagger that scores 0.82 knows nothing but words. Neighbours lift the ambiguous words from 0.58 to 0.90. Of Chinese unknown words the
# baseline gets more right: it calls everything a noun. No ending helps the model there.
#
# The lattice below has a point for each tag at each word. Grey lines are the best way to each point, thick is the way that Viterbi
# goes back.
#
# **Predict:** "they open the light.": which tags can "open" and "light" have, and which way wins?

# %%
words = ["they", "open", "the", "light", "."]
h, o = tagger.hmm, tagger.encode(words)
shown = [tagger.tags.index(tag) for tag in ("PRON", "DET", "ADJ", "NOUN", "VERB", "PUNCT")]
best, points, back = h.start + h.emission[:, o[0]], [], []
points.append(best)
for symbol in o[1:]:
    ways = best[:, None] + h.transition
    back.append(ways.argmax(axis=0))
    best = ways.max(axis=0) + h.emission[:, symbol]
    points.append(best)
path, _ = viterbi(h, o)

figure, axes = plt.subplots(figsize=(7, 3.6))
for t, column in enumerate(points):
    for row, state in enumerate(shown):
        if column[state] > -np.inf:
            axes.plot(t, row, "o", color="#006ba4", markersize=7)
            axes.text(t + 0.05, row - 0.18, f"{column[state]:.1f}", fontsize=8)
            if t and back[t - 1][state] in shown:
                axes.plot([t - 1, t], [shown.index(back[t - 1][state]), row], color="gray", linewidth=1)
axes.plot(range(len(words)), [shown.index(state) for state in path], color="#c85200", linewidth=3, zorder=0)
axes.set(xticks=range(len(words)), xticklabels=words, yticks=range(len(shown)), xlim=(-0.3, len(words) - 0.5),
         ylim=(-0.6, 5.4), yticklabels=[tagger.tags[state] for state in shown],
         title="best log probability of a way to each tag")
axes.invert_yaxis()
plt.show()
for words in (["they", "open", "the", "light", "."], ["they", "open", "the", "light", "garden", "."]):
    print(words, tagger.tag(words))

# %% [markdown]
# At "light" an adjective and a noun are nearly equally good, the noun is ahead. Put "garden" behind it, and the adjective wins: what
# comes later turns the lead round. So every tag's best way is kept until the end, and only then one goes back.
#
# ### How much text does it take?
#
# **Predict:** the baseline learns a tag a word, the model also learns which tags follow each other. Which needs more text?

# %%
sizes = [10, 30, 100, 300, 1000, 3000] if not quick else [10, 100, 1000]
pool = make_sentences("en", "train", sizes[-1], seed=2)
curves = {name: [accuracy(score_tagger(kind.train(pool[:n]).tag, english_test, pool[:n]).all) for n in sizes]
          for name, kind in (("most frequent tag", MostFrequentTagger), ("HMM", HMMTagger))}
figure, axes = plt.subplots()
for (name, values), style in zip(curves.items(), ("s--", "o-")):
    axes.semilogx(sizes, values, style, label=name)
axes.set(xlabel="sentences to learn from", ylabel="share of tags right", ylim=(0, 1),
         title="neighbours help at every size; both stop where templates differ")
axes.grid(alpha=0.3)
axes.legend()
plt.show()
print({name: [round(value, 3) for value in values] for name, values in curves.items()})

# %% [markdown]
# ## 9 · From words to arrays
#
# Words are cut; a model wants numbers in rows of equal length. A vocabulary with two limits, then padding.
#
# **Predict:** with 100 tokens, what share of the test's words has an id of its own? All words of the training text: what share?

# %%
for size in (20, 50, 100, None):
    vocabulary = Vocabulary.build(words_of(english), max_size=size)
    print(f"{len(vocabulary):4} tokens: {vocabulary.coverage(words_of(english_test)):.3f} of the words")
sentences = [vocabulary.encode(words, ends=True) for words in words_of(english[:3])]
ids, mask = pad_batch(sentences)
print(ids)
print(mask.astype(int))

# %% [markdown]
# ### Exercise: pad_batch
#
# First cut to `longest`, then fill up on the right. The mask says what is real. Careful: an id may be equal to `pad`.

# %%
def my_pad_batch(sequences, longest, pad):
    """B lists of ids -> ids (B, T) and mask (B, T), True where an id is real; T is at most `longest`."""

# %%
check("pad_batch", my_pad_batch)

# %% [markdown]
# Padding is computed and thrown away. If sentences of like length come together, in **buckets**, there is less of it.
#
# **Predict:** lengths spread evenly from 1 to 64, 16 in a batch, drawn at random. What share of the arrays is padding? With buckets
# of width 4?

# %%
lengths = np.random.default_rng(0).integers(1, 65, 4000)
widths = [1, 2, 4, 8, 16, 32, 64]
shares = [padded_share(lengths, bucketed_batches(lengths, 16, width, seed=0, epoch=0)) for width in widths]
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
axes[0].semilogx(widths, [100 * share for share in shares], "o-", base=2)
axes[0].set(xlabel="width of a bucket", ylabel="% of the array", title="padding", ylim=(0, None), xticks=widths)
axes[0].set_xticks(widths, widths)
axes[0].grid(alpha=0.3)
batch = bucketed_batches(lengths, 16, 64, seed=0, epoch=0)[0]
axes[1].imshow(pad_batch([[1] * lengths[i] for i in batch])[1], cmap="Blues", aspect="auto", vmax=1.3)
axes[1].set(xlabel="position", ylabel="sentence", title="a batch without buckets: blue is text")
plt.show()
print({width: round(share, 3) for width, share in zip(widths, shares)})

# %% [markdown]
# ## 10 · What a large model still needs
#
# | step | a model that counts words | a large language model |
# |---|---|---|
# | NFC | yes | yes, or two spellings that look the same are different tokens |
# | case, width, NFKC | mostly | no: bytes write everything, and the model has to give it back |
# | sentences | yes | no; for preparing data and for scoring, yes |
# | Chinese words | yes | no: characters or BPE; for search and word counts, yes |
# | stop-words, stemming | for search and classifying | no: they are the sentence |
# | parts of speech | as features | no: it learns them where they help to predict |
# | a vocabulary | of words, with `<unk>` | of subwords, without |
# | padding, buckets | yes | for questions side by side; in training, texts are joined and cut |
#
# The right column isn't free. What rules knew, the model must learn, from a thousand times more text.
#
# **What was learned**
#
# * Normalising joins what means the same, and forgets the difference: NFC always, the rest only where nothing is written back.
# * A hidden Markov model is three tables of counts, and Viterbi finds its best states in $T K^2$ steps: words and tags are the same task.
# * A score means something only beside a baseline, on sentences that were not learned from, with unknown words counted apart.
#
# **Next:** [12 · n-grams](12_ngram.ipynb): the tables p(next | before) become a language model.
