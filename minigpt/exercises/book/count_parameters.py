"""Exercise of chapter 08: how many parameters a GPT has, from its configuration alone."""

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.models.gpt_size import count_parameters

SKELETON = '''\
def count_parameters(vocab_size, context_length, d_model, num_heads, num_layers, d_ff, tied_embedding):
    """The number of parameters of a GPT with pre-norm blocks and learned positions, an int; tied weights once."""
'''

ANSWER = '''\
def count_parameters(vocab_size, context_length, d_model, num_heads, num_layers, d_ff, tied_embedding):
    C, F = d_model, d_ff
    qkv = 3 * (C * C + C)
    out = C * C + C
    feed_forward = C * F + F + F * C + C
    norms = 2 * (C + C)
    block = qkv + out + feed_forward + norms
    embedding = vocab_size * C
    positions = context_length * C
    final_norm = C + C
    head = 0 if tied_embedding else C * vocab_size
    return embedding + positions + num_layers * block + final_norm + head
'''


def _count_parameters(**fields):
    return count_parameters(GPTConfig(**fields))


def problems(rng):
    def problem(V, T, C, H, L, F, tied=True):
        return Problem({}, {"vocab_size": V, "context_length": T, "d_model": C, "num_heads": H, "num_layers": L,
                            "d_ff": F, "tied_embedding": tied})

    # The last is GPT-2: 124,439,808, though its paper says 117 million.
    return [problem(11, 5, 6, 2, 3, 10), problem(13, 7, 4, 4, 2, 16, tied=False), problem(3, 2, 1, 1, 1, 1),
            problem(50257, 1024, 768, 12, 12, 3072)]


def _a_real_model(functions, problem):
    fields = problem.given
    if fields["vocab_size"] * fields["d_model"] > 1000:
        return None
    size, count = GPT(GPTConfig(**fields)).flat.data.size, functions[0](**fields)
    if count != size:
        return Text(f"the library's model of that shape has {size} parameters, and not {count}",
                    f"库里这种形状的模型有 {size} 个参数，不是 {count} 个")
    return None


EXERCISE = Exercise(
    name="count_parameters",
    chapter=8,
    title=Text("Count the parameters of a GPT", "数一数 GPT 的参数（parameter）"),
    task=Text(
        "From the bottom up: a table of V token vectors and one of T position vectors, each of C channels; L blocks; "
        "a last layer norm; and the head that turns C channels into V logits, without a bias. A block has two layer "
        "norms (a gain and a shift each), the linear layers of q, k, v and of the output in attention, all (C, C) "
        "with a bias, and the two of the feed-forward network, (C, F) and (F, C) with a bias each. With "
        "tied_embedding the head is the token table itself and adds nothing.",
        "自下而上：V 个词元向量的表，T 个位置向量的表，每个向量 C 个通道；L 个块；"
        "最后一个层归一化（layer normalisation）；以及把 C 个通道变成 V 个 logits 的输出层，没有偏置。"
        "每个块有两个层归一化（各有一个增益和一个平移），注意力中 q、k、v 和输出的线性层，形状都是 (C, C)，都带偏置，"
        "还有前馈网络的两层 (C, F) 和 (F, C)，也都带偏置。tied_embedding 为真时，输出层就是词元表本身，不增加参数。"),
    functions=("count_parameters",),
    skeleton=SKELETON,
    solution=(_count_parameters,),
    shown=(count_parameters,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("as many as a real model has", _a_real_model),),
    hints=(
        Text("Count one block first. A linear layer from I to O channels has I O weights and O biases.",
             "先数一个块。从 I 个通道到 O 个通道的线性层，有 I O 个权重和 O 个偏置。"),
        Text("The number of heads doesn't matter: H heads of D = C / H channels have as many weights as one head of C.",
             "头数不影响结果：H 个头、每头 D = C / H 个通道，权重与一个 C 通道的头一样多。"),
        Text("A block: 4 C² + 4 C in attention, 2 C F + F + C in the feed-forward network, 4 C in the norms. Outside "
             "the blocks: V C + T C + 2 C, and C V more when the head isn't tied.",
             "一个块：注意力 4 C² + 4 C，前馈网络 2 C F + F + C，归一化 4 C。块之外：V C + T C + 2 C；"
             "不共享权重时再加 C V。"),
    ),
    wrong=(
        Wrong("no_biases", (("3 * (C * C + C)", "3 * C * C"), ("out = C * C + C", "out = C * C"),
                            ("C * F + F + F * C + C", "2 * C * F")), "value", "biases",
              Text("the biases are missing: C in each of the four layers of attention, F and C in the feed-forward "
                   "network",
                   "漏了偏置：注意力的四个层各 C 个，前馈网络的两层 F 个和 C 个")),
        Wrong("no_output_projection", (("block = qkv + out + ", "block = qkv + "),), "value", "W_out",
              Text("attention has a fourth layer, W_out, which mixes the heads' results: C² + C more a block",
                   "注意力还有第四个线性层 W_out，用来混合各头的结果：每个块再加 C² + C")),
        Wrong("heads_multiply", (("qkv = 3 * (C * C + C)", "qkv = num_heads * 3 * (C * C + C)"),), "value",
              "number of heads",
              Text("the number of heads multiplies the parameters here, but each head has only C / H channels: "
                   "together they are one (C, C) matrix each for q, k and v",
                   "这里把参数乘上了头数，但每个头只有 C / H 个通道：q、k、v 各自合起来就是一个 (C, C) 矩阵")),
        Wrong("no_norms_in_blocks", (("+ feed_forward + norms", "+ feed_forward"),), "value", "two layer norms",
              Text("each block has two layer norms, with a gain and a shift of C numbers each: 4 C more a block",
                   "每个块有两个层归一化，各有 C 个增益和 C 个平移：每个块再加 4 C")),
        Wrong("norms_without_shift", (("norms = 2 * (C + C)", "norms = 2 * C"),
                                      ("final_norm = C + C", "final_norm = C")), "value", "shift",
              Text("a layer norm has a shift b as well as a gain g: 2 C numbers",
                   "层归一化除了增益 g 还有平移 b：共 2 C 个数")),
        Wrong("no_final_norm", (("+ num_layers * block + final_norm", "+ num_layers * block"),), "value",
              "after the last block",
              Text("a pre-norm model has one more layer norm after the last block: 2 C",
                   "前置归一化的模型在最后一个块之后还有一个层归一化：2 C")),
        Wrong("one_block", (("num_layers * block", "block"),), "value", "only one block",
              Text("only one block is counted: there are L of them, each with weights of its own",
                   "只数了一个块：共有 L 个，各有各的权重")),
        Wrong("no_token_table", (("return embedding + positions", "return positions"),), "value", "token table",
              Text("the token table is missing, V C numbers: the head may share it, but someone must count it once",
                   "漏了词元表的 V C 个数：输出头可以与它共用，但总要数一次")),
        Wrong("no_positions", (("return embedding + positions +", "return embedding +"),), "value", "positions",
              Text("the positions have a table of their own, one vector of C numbers for each of the T positions",
                   "位置也有自己的表：T 个位置各有一个 C 维向量")),
        Wrong("d_ff_is_4c", (("C, F = d_model, d_ff", "C, F = d_model, 4 * d_model"),), "value", "d_ff",
              Text("F is taken to be 4 C; it is usual, but here d_ff says what it is",
                   "这里把 F 当成了 4 C；这虽然常见，但此处应以 d_ff 为准")),
        Wrong("head_always_counted", (("head = 0 if tied_embedding else C * vocab_size", "head = C * vocab_size"),),
              "value", "counted twice",
              Text("the table is counted twice: with tied_embedding the head is the token table itself",
                   "词元表数了两次：tied_embedding 为真时，输出层就是词元表本身")),
        Wrong("head_never_counted", (("head = 0 if tied_embedding else C * vocab_size", "head = 0"),), "odd shapes",
              "not tied",
              Text("when the weights are not tied, the head has C V weights of its own",
                   "不共享权重时，输出层有自己的 C V 个权重")),
        Wrong("head_with_bias", (("else C * vocab_size", "else C * vocab_size + vocab_size"),), "odd shapes", "no bias",
              Text("the head has no bias: V too many", "输出层没有偏置：多数了 V 个")),
    ),
)  # fmt: skip
