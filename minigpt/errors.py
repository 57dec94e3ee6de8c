"""The one exception for bad input.

Raised at the doors (constructors, tokenizers, loaders, the command line) with a message that is one line long, holds
the numbers, and names the cure. The command line prints that line and exits with code 2; any other exception is a
defect of minigpt itself and keeps its traceback.
"""


class InputError(ValueError):
    """What the user gave can't be used; the message says why and what to do instead."""
