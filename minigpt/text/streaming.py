"""Text from ids that come one at a time, as a model writes them.

Decoding each id by itself would print "�" wherever a character's bytes are spread over several tokens, as they are for
most Chinese characters and emoji. So the last bytes wait until their character is complete.
"""

import codecs

from minigpt.text.base import Tokenizer


class StreamDecoder:
    """decoder.push(id) for each id, then decoder.finish(): joined, exactly tokenizer.decode(all the ids)."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """The text that became certain with this id: possibly "". InputError for an id out of range."""
        return self.decoder.decode(self.tokenizer.decode_bytes([token]))

    def finish(self) -> str:
        """What is left when no more ids come: "" or "�" for an unfinished character. Ready for a new text after."""
        return self.decoder.decode(b"", final=True)
