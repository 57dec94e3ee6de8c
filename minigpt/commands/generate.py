"""python -m minigpt generate: let a trained model go on from a prompt."""

import json
import sys
import time

from minigpt import backend
from minigpt.beam_search import beam_search
from minigpt.commands.options import add_backend, add_json, existing_run, flag
from minigpt.commands.reporter import visible
from minigpt.errors import InputError
from minigpt.generate import generate_text
from minigpt.run_folder import load_model
from minigpt.sampling import Sampling

# The flags that choose among tokens at random, and the values that change nothing.
SAMPLING = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "seed": 0}


def add_arguments(parser) -> None:
    parser.add_argument("--model", required=True, type=existing_run, metavar="DIR", help="folder of a training run")
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="how the text begins")
    parser.add_argument("--tokens", type=int, default=200, metavar="N", help="how many to generate (default: 200)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number, another text (default: 0)")
    parser.add_argument("--stop", nargs="+", default=[], metavar="TEXT", help="end before the first of these appears")
    group = parser.add_argument_group("choosing the next token")
    group.add_argument("--temperature", type=float, default=1.0, metavar="X",
                       help="below 1 safer, above 1 wilder, 0 always the most probable token (default: 1)")
    group.add_argument("--top-k", type=int, default=0, metavar="N",
                       help="choose among the N most probable only (default: 0, all)")
    group.add_argument("--top-p", type=float, default=1.0, metavar="P",
                       help="choose among the most probable that reach probability P together (default: 1, all)")
    group.add_argument("--min-p", type=float, default=0.0, metavar="P",
                       help="drop tokens less than P times as probable as the best (default: 0, none)")
    group.add_argument("--repetition-penalty", type=float, default=1.0, metavar="X",
                       help="above 1: tokens seen before become less probable (default: 1, none)")
    group.add_argument("--beams", type=int, default=0, metavar="N",
                       help="search for the most probable text with N beams instead of sampling (default: 0, off)")
    parser.add_argument("--no-cache", action="store_true", help="compute everything anew for each token, to compare")
    add_backend(parser)
    add_json(parser, "one JSON object with prompt, text and speed")


def run(arguments) -> int:
    if arguments.beams < 0:
        raise InputError(f"--beams {arguments.beams} is negative: choose 0 (off) or more; 4 is usual")
    if arguments.beams:
        idle = [flag(name) for name, default in SAMPLING.items() if getattr(arguments, name) != default]
        if idle:
            raise InputError(f"--beams searches and draws nothing at random: leave out {' '.join(idle)}")
    if arguments.tokens < 0:
        raise InputError(f"--tokens {arguments.tokens} is negative: choose 0 or more")
    sampling = Sampling(arguments.temperature, arguments.top_k, arguments.top_p, arguments.min_p,
                        arguments.repetition_penalty)
    backend.use(arguments.backend)
    model, tokenizer = load_model(*arguments.model)
    begin = time.perf_counter()
    if arguments.beams:
        pieces = _beams(model, tokenizer, arguments)
    else:
        pieces = generate_text(model, tokenizer, arguments.prompt, arguments.tokens, sampling, arguments.seed,
                               arguments.stop, use_cache=not arguments.no_cache)
    text, in_terminal = "", sys.stdout.isatty()
    with backend.quiet():  # logits that are not finite are refused where a token is chosen
        for piece in pieces:
            if in_terminal:
                piece = visible(piece)
            if not arguments.json:
                print(piece if text else arguments.prompt + piece, end="", flush=True)
            text += piece
    if arguments.json:
        print(json.dumps({"prompt": arguments.prompt, "text": text, "seconds": time.perf_counter() - begin},
                         ensure_ascii=False))
    else:
        print(flush=True)
    return 0


def _beams(model, tokenizer, arguments):
    """The text of the best beam, cut before the first stop string."""
    if not arguments.prompt:
        raise InputError("the prompt is empty: give at least one character to go on from")
    found = beam_search(model, tokenizer.encode(arguments.prompt), arguments.tokens, arguments.beams,
                        use_cache=not arguments.no_cache)
    text = tokenizer.decode(found[0][1])
    yield text[: min([text.index(word) for word in arguments.stop if word in text], default=len(text))]
