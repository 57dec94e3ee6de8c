"""Of minigpt/exercises/bugs/lost.py: positions start at 0 again for each token after the first."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bug import Bug
from minigpt.exercises.exercise import Text
from minigpt.exercises.witness import apart, witness
from minigpt.generate import Cache

T, VOCABULARY = 10, 11


def measure(script, seed):
    rng = backend.generator(seed)
    model, ids = witness(seed, VOCABULARY, T, scale=0.5, num_layers=2), rng.integers(0, VOCABULARY, (2, T))
    cache = Cache(model.config)
    for end in (3, 4, 5, 8, 9):  # a prompt, two tokens alone, three together, one more
        past = cache.length
        z = script.next_logits(model, ids[:, past:end], cache)
        if cache.length != end:
            return Text(f"after {end} tokens the cache holds {cache.length}: each should go through the model once",
                        f"处理了 {end} 个词元，缓存里却有 {cache.length} 个：每个词元应当只经过模型一次")
        right = model(ids[:, :end])[:, -1]
        if apart(z, right) > 1e-9:
            return Text(f"with {past} tokens in the cache, the logits after {end - past} more differ by "
                        f"{abs(z - right).max():.3g} from those of the {end} tokens at once",
                        f"缓存里有 {past} 个词元，再送入 {end - past} 个，得到的 logits 与一次送入 {end} 个相差 "
                        f"{abs(z - right).max():.3g}")
    plain = ids[0, :3].tolist()
    written = script.generate(model, plain, 5)
    while len(plain) < 8:
        plain.append(int(model(np.array([plain]))[0, -1].argmax()))
    if list(written) != plain:
        return Text(f"the logits are right, but generate writes {list(written)} where {plain} is most probable",
                    f"logits 对了，但 generate 写出 {list(written)}，概率最大的是 {plain}")
    return None


BUG = Bug(
    name="lost",
    chapter=10,
    title=Text("Lost after the first word", "第一个字之后就迷路"),
    symptom=Text("Without the cache it recites the sentence; with it, it soon writes nothing sensible.",
                 "不用缓存能把句子背出来；用了缓存，很快就不知所云。"),
    guilty=("positions = np.arange(T)",),
    mended=(("np.arange(T)", "np.arange(cache.length, S)"),),
    why=Text("The new token is the only one that goes through the model, but it isn't the first of the text: it stands "
             "behind all that is in the cache. With position 0 for each, every new token claims to be the beginning. "
             "The prompt, which goes through at once, is right, and so is the first token after it. See "
             "_hidden_forward in minigpt/models/gpt.py.",
             "每次只有新词元经过模型，但它并不是文本的第一个：它排在缓存里所有词元之后。每次都从位置 0 数起，"
             "等于每个新词元都自称是开头。提示是一次送入的，位置没错，所以它之后的第一个词元也对。"
             "对照 minigpt/models/gpt.py 中的 _hidden_forward。"),
    hints=(
        Text("Feed a text at once, then token by token, and compare the logits. From which token on do they differ?",
             "同一段文本，先一次送入，再逐个送入，比较 logits。从第几个词元起不同？"),
        Text("What goes into the model beside the token itself? Print it for the first new token.",
             "除了词元本身，还有什么进入模型？对第一个新词元把它打印出来。"),
        Text("Where does a token stand that comes after cache.length others?",
             "前面已有 cache.length 个词元时，新词元站在哪个位置？"),
    ),
    measure=measure,
    others=((("np.arange(T)", "np.arange(S)[-T:]"),), (("np.arange(T)", "[S - T + i for i in range(T)]"),)),
    dodges=(
        ((("np.arange(T)", "np.zeros(T, dtype=int)"),), "differ by"),
        ((("np.arange(T)", "np.full(T, cache.length)"),), "differ by"),
        ((("np.arange(T)", "np.minimum(np.arange(T) + cache.length, 3)"),), "differ by"),
        ((('print("with cache    ", tokenizer.decode(generate(model, tokens[:8], len(tokens) - 9)))',
           'print("with cache    ", SENTENCE)'),), "differ by"),
    ),
)  # fmt: skip
