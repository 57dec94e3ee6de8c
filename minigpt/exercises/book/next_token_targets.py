"""Exercise of chapter 08: from a stream of ids to windows of inputs and their targets."""

import numpy as np

from minigpt.data import evaluation_batches
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong

SKELETON = '''\
import numpy as np


def next_token_targets(ids, context_length, end):
    """ids (N,) of a text, of which the first `end` are for training -> inputs (B, T), targets (B, T).

    T = context_length. The B windows lie one after the other; each target is the id after its input. Where the last
    window reaches beyond the training text, inputs are 0 and targets -100, which the loss doesn't count.
    """
'''

ANSWER = '''\
import numpy as np


def next_token_targets(ids, context_length, end):
    text = ids[:end]
    pairs = len(text) - 1
    windows = -(-pairs // context_length)
    inputs = np.zeros(windows * context_length, dtype=ids.dtype)
    targets = np.full(windows * context_length, -100, dtype=ids.dtype)
    inputs[:pairs] = text[:-1]
    targets[:pairs] = text[1:]
    inputs, targets = (array.reshape(windows, context_length) for array in (inputs, targets))
    return inputs, targets
'''


def _next_token_targets(ids, context_length, end):
    return next(evaluation_batches(ids[:end], batch_size=len(ids), context_length=context_length))


def problems(rng):
    def problem(N, T, end):
        # All different and none 0, so that a message can say what became of each.
        return Problem({"ids": rng.permutation(np.arange(1, N + 1))}, {"context_length": T, "end": end})

    return [problem(8, 2, 6), problem(9, 4, 9), problem(11, 3, 8), problem(6, 1, 5), problem(5, 7, 4), problem(3, 4, 2)]


def _each_once(functions, problem):
    ids, end = problem.arrays["ids"], problem.given["end"]
    _, targets = functions[0](ids, **problem.given)
    for place in range(1, len(ids)):
        count, due = int((targets == ids[place]).sum()), int(place < end)
        if count != due:
            part = ("training", "训练") if due else ("validation", "验证")
            return Text(f"id {ids[place]} at place {place} belongs to the {part[0]} text and is a target {count} "
                        f"times, not {due}: every training token after the first is predicted exactly once",
                        f"位置 {place} 的词元 {ids[place]} 属于{part[1]}文本，它作为目标出现了 {count} 次，"
                        f"应为 {due} 次：第一个之后的每个训练词元恰好预测一次")
    return None


EXERCISE = Exercise(
    name="next_token_targets",
    chapter=8,
    title=Text("Inputs and targets from a stream of tokens", "从词元（token）流得到输入与目标"),
    task=Text(
        "A language model is trained to predict the next token, so the target at each position is the id that follows "
        "the input there. Cut the first `end` ids into windows of context_length inputs, one after the other, so that "
        "every id after the first is a target exactly once. What comes after `end` is validation text and must not be "
        "seen, not even as the last target. The last window may not fill up: there the inputs are 0 and the targets "
        "-100, the number that the loss leaves out.",
        "语言模型学的是预测下一个词元，所以每个位置的目标是该位置输入之后的那个 id。"
        "把前 `end` 个 id 切成一个接一个的窗口，每个窗口 context_length 个输入，"
        "使得第一个之后的每个 id 恰好做一次目标。`end` 之后是验证文本，一个也不能看到，连最后一个目标也不行。"
        "最后一个窗口可能填不满：多出的地方输入为 0，目标为 -100，损失不计这个值。"),
    functions=("next_token_targets",),
    skeleton=SKELETON,
    solution=(_next_token_targets,),
    shown=(evaluation_batches,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("every training token after the first is a target once", _each_once),),
    hints=(
        Text("Write two rows below each other, the text without its last id and the text without its first: column by "
             "column these are the inputs and targets.",
             "把两行上下对齐写出来：去掉最后一个 id 的文本，和去掉第一个 id 的文本。每一列就是一对输入与目标。"),
        Text("n ids make n - 1 pairs. How many windows of T do they need, rounded up? Make arrays of that size, full "
             "of 0 and of -100, and write the pairs into their beginning.",
             "n 个 id 构成 n - 1 对。需要多少个长为 T 的窗口（向上取整）？先造出这么大的数组，填满 0 和 -100，"
             "再把这些对写进开头。"),
        Text("text = ids[:end]; inputs[:n - 1] = text[:-1]; targets[:n - 1] = text[1:]; then reshape both to (B, T).",
             "text = ids[:end]；inputs[:n - 1] = text[:-1]；targets[:n - 1] = text[1:]；"
             "然后两者都 reshape 成 (B, T)。"),
    ),
    wrong=(
        Wrong("not_shifted", (("targets[:pairs] = text[1:]", "targets[:pairs] = text[:-1]"),), "value",
              "its own input",
              Text("the targets are not shifted: the model would learn to repeat its own input, and its loss would "
                   "fall to nearly 0",
                   "目标没有错开一位：模型只会学着重复自己的输入，损失会降到接近 0")),
        Wrong("shifted_back", (("inputs[:pairs] = text[:-1]", "inputs[:pairs] = text[1:]"),
                               ("targets[:pairs] = text[1:]", "targets[:pairs] = text[:-1]")), "value",
              "previous token",
              Text("shifted the wrong way: each target is the previous token, which the model has already seen",
                   "错开的方向反了：每个目标是前一个词元，而模型已经看到过它")),
        Wrong("two_ahead", (("targets[:pairs] = text[1:]", "targets[:pairs - 1] = text[2:]"),), "value",
              "one token too far",
              Text("each target is one token too far: the id two places after its input instead of the next",
                   "目标多错开了一位：取的是输入之后第二个 id，而不是下一个")),
        Wrong("into_validation", (("text = ids[:end]", "text = ids[:end + 1]"),), "value", "validation",
              Text("the last target is ids[end], the first token of the validation text: train on it, and the "
                   "validation loss is no longer honest",
                   "最后一个目标是 ids[end]，即验证文本的第一个词元：用它训练，验证损失就不可信了")),
        Wrong("whole_text", (("text = ids[:end]", "text = ids"),), "shape", "`end`",
              Text("the windows run to the end of ids; what comes after `end` is validation text",
                   "窗口一直切到了 ids 的末尾；`end` 之后是验证文本")),
        Wrong("overlapping", (("array.reshape(windows, context_length) for array",
                               "array[np.arange(max(pairs - context_length + 1, 1))[:, None] + "
                               "np.arange(context_length)] for array"),), "shape", "at every place",
              Text("a window begins at every place, so that most tokens are predicted up to T times: the windows lie "
                   "one after the other",
                   "每个位置都开了一个窗口，多数词元会被预测多达 T 次：窗口应当一个接一个")),
        Wrong("drops_the_tail", (("windows = -(-pairs // context_length)", "windows = pairs // context_length"),
                                 ("inputs[:pairs] = text[:-1]", "inputs[:] = text[:-1][:len(inputs)]"),
                                 ("targets[:pairs] = text[1:]", "targets[:] = text[1:][:len(targets)]")), "shape",
              "last window",
              Text("the last window is left out because it doesn't fill up: its tokens are never predicted. Round the "
                   "number of windows up",
                   "最后一个窗口因为填不满而被丢掉了：其中的词元从未被预测。窗口数要向上取整")),
        Wrong("padding_counts", (("-100, dtype", "0, dtype"),), "value", "-100",
              Text("where there is no target stands 0, which is an id like any other: the loss would count it. Put "
                   "-100 there",
                   "没有目标的地方填了 0，而 0 也是一个普通的 id，损失会把它算进去。应当填 -100")),
        Wrong("last_input_left", (("inputs[:pairs] = text[:-1]", "inputs[:pairs + 1] = text[:len(inputs)]"),), "value",
              "nothing to predict",
              Text("the last token of the training text is an input too, but after it there is nothing to predict: its "
                   "place stays 0",
                   "训练文本的最后一个词元也成了输入，但它之后没有可预测的：那个位置应为 0")),
        Wrong("each_window_alone", (("    pairs = len(text) - 1\n", "    pairs = len(text)\n"),
                                    ("targets[:pairs] = text[1:]",
                                     "targets[:pairs] = text\n"
                                     "    whole = targets.reshape(windows, context_length)\n"
                                     "    whole[:, :-1] = whole[:, 1:]\n"
                                     "    whole[:, -1] = -100"),
                                    ("inputs[:pairs] = text[:-1]", "inputs[:pairs] = text")), "value", "shifted inside",
              Text("the targets are shifted inside each window, so that the last input of every window has none; its "
                   "target is the first input of the next window",
                   "目标是在每个窗口内部错开的，所以每个窗口的最后一个输入没有目标；"
                   "它的目标就是下一个窗口的第一个输入")),
    ),
)  # fmt: skip
