"""From sources to text: their characters, streamed in pieces, so that a corpus may be larger than memory.

Where a piece ends is the one thing to think about: each piece is tokenized by itself, and the tokens must come out as
if the whole text had been tokenized at once. So a piece ends only right before a white-space character that follows a
character that is none:

    the end| of a piece          and never "the |end", "the e|nd", or between two blanks

At such a place every tokenizer here has a token boundary. Characters and bytes have one everywhere. Words end there.
In GPT-2's pattern a chunk is at most one blank and then letters, or digits, or other signs; or it is white space only.
So no chunk goes on from a non-white character to a white one. Nor does the pattern look across such a place: it never
looks behind, and looks ahead only from within white space (`\\s+(?!\\S)`), which stays in one piece with what follows.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from minigpt.corpora import Source
from minigpt.errors import InputError

# White space by Unicode's definition, which the `regex` package's \s follows; re's own \s (like str.isspace) has four
# more, the separators U+001C to U+001F. A place must be legal under both definitions, so these four count as neither.
END_OF_PIECE = re.compile(r"(?<=\S)(?=[^\S\x1c-\x1f])")
_LONGEST = 16  # times the size: a piece that finds no such place by then is cut between any two characters
_BLOCK = 1 << 16  # bytes read at once

# UTF-32's mark of the little-endian order begins with UTF-16's, so it is looked for first.
_OTHER_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def read_pieces(sources: Iterable[Source], size: int = 1 << 17) -> Iterator[str]:
    """Streams the text of all sources, joined, in pieces of `size` characters and the rest of a word.

    The pieces joined are the text exactly, newlines as they are, but for two things. A byte-order mark at the start of
    a source is dropped. And where a source does not end in a newline and another one follows, one newline is put
    between them, so that the last word of one and the first of the next stay apart. Text in which no piece can end
    (see above) for 16 * size characters is cut there, between any two characters.
    Raises InputError for a byte that isn't UTF-8, and when there is no text at all; what Source.open raises.
    """
    sources = list(sources)
    longest = _LONGEST * size
    text, searched = "", 0  # `searched`: up to here the text is known to have no place to end the piece
    for part in _decode_all(sources):
        text += part
        begin = 0
        while len(text) - begin > size:
            place = END_OF_PIECE.search(text, max(begin + size, searched), begin + longest)
            if place:
                end = place.start()
            elif len(text) - begin > longest:
                end = begin + longest
            else:
                break  # the place may be in what comes next
            yield text[begin:end]
            begin = end
        text = text[begin:]
        searched = len(text)
    if not text:  # the last piece is kept back until the end, so no text here means none at all
        shown = ", ".join(source.name for source in sources[:3]) + (", ..." if len(sources) > 3 else "")
        raise InputError(f"there is no text in {shown}: 0 characters; give --data a file that isn't empty")
    yield text


def _decode_all(sources: list[Source]) -> Iterator[str]:
    last = "\n"
    for source in sources:
        at_start = True
        for text in _decode(source):
            if at_start and last != "\n":
                yield "\n"
            at_start, last = False, text[-1]
            yield text


def _decode(source: Source) -> Iterator[str]:
    """The source's characters, strictly decoded, in non-empty strings."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")  # keeps back a character whose last bytes are yet to come
    offset, at_start, encoding = 0, True, None
    with source.open() as file:
        while True:
            block = file.read(_BLOCK)
            if offset == 0:
                encoding = next((name for mark, name in _OTHER_MARKS.items() if block.startswith(mark)), None)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                kept_back = len(error.object) - len(block)
                at = offset - kept_back + error.start
                looks = f" (it looks like {encoding})" if encoding else ""
                raise InputError(
                    f"{source.name} is not UTF-8{looks}: byte 0x{error.object[error.start]:02x} at offset {at}: "
                    "convert it to UTF-8, or save it as UTF-8 in an editor"
                ) from None
            if at_start and text:
                text, at_start = text.removeprefix("\ufeff"), False
            if text:
                yield text
            if not block:
                return
            offset += len(block)
