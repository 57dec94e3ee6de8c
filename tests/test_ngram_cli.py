"""python -m minigpt ngram as a user meets it: figures, scores, texts, a model that is kept, bad input in one line."""

import json
import math
import re
from pathlib import Path

import pytest

from minigpt.cli import main
from minigpt.models.ngram import FILE, NGram, NGramConfig
from minigpt.text.characters import CharacterTokenizer

TEXT = "the cat sat on the mat and the dog sat on the log. the frog sat in the bog.\n" * 40


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """exit code, stdout, stderr of one command in a folder with a text in it."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")

    def call(*arguments):
        try:
            code = main(["ngram", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def test_it_measures_on_the_tenth_that_it_has_not_counted(call):
    code, out, err = call("--data", "text.txt", "--order", "3", "--json")
    found = json.loads(out)["measures"]
    tokenizer = CharacterTokenizer.train([TEXT])
    ids = tokenizer.encode(TEXT)
    seam = re.compile(r"\s").search(TEXT, round(len(TEXT) * 0.9)).start()  # at the end of a word, as train puts it
    model = NGram.count([ids[:seam]], NGramConfig(vocab_size=tokenizer.vocab_size, order=3))
    assert code == 0 and "counted" in err
    assert found["loss"] == pytest.approx(model.loss(ids[seam:]), abs=1e-12)
    assert found["bits per character"] == pytest.approx(found["loss"] / math.log(2))
    code, out, _ = call("--data", "text.txt", "--order", "3")
    assert out.splitlines()[0] == f"loss                 {found['loss']:.4f}"
    assert [line.split("  ")[0] for line in out.splitlines()] == ["loss", "perplexity", "bits per character",
                                                                 "bits per byte"]


def test_it_scores_and_writes(call):
    arguments = ["--data", "text.txt", "--score", "the cat", "eht tac", "--generate", "30", "--prompt", "the"]
    code, out, _ = call(*arguments)
    good, bad = (float(line.split()[0]) for line in out.splitlines()[4:6])
    assert code == 0 and good > bad and "7 tokens  the cat" in out
    text = out.split("eht tac\n")[1].rstrip("\n")
    assert text.startswith("the") and len(text) == 33
    again = json.loads(call(*arguments, "--json")[1])
    assert again["text"] == text and again["scores"][0]["log_p"] == pytest.approx(good, abs=1e-4)
    assert json.loads(call(*arguments, "--seed", "1", "--json")[1])["text"] != text
    assert json.loads(call(*arguments, "--temperature", "0", "--json")[1])["text"].startswith("the")


def test_a_model_is_kept_and_taken_again(call):
    first = json.loads(call("--data", "text.txt", "--out", "kept", "--generate", "20", "--prompt", "a", "--json")[1])
    assert {path.name for path in Path("kept").iterdir()} == {FILE, "tokenizer.json"}
    code, out, _ = call("--model", "kept", "--generate", "20", "--prompt", "a", "--json")
    assert code == 0 and json.loads(out)["text"] == first["text"] and json.loads(out)["measures"] == {}
    assert json.loads(call("--model", "kept", "--data", "text.txt", "--json")[1])["measures"]["perplexity"] > 1
    CharacterTokenizer.train(["ab"]).save(Path("kept"))
    code, _, err = call("--model", "kept")
    assert code == 2 and "they are not of one model" in err
    Path("kept", FILE).write_bytes(b"nothing")
    code, _, err = call("--model", "kept")
    assert code == 2 and "is damaged" in err and err.count("\n") == 1


@pytest.mark.parametrize("tokenizer", ["byte", "word", "bpe"])
def test_every_tokenizer(call, tokenizer):
    code, out, _ = call("--data", "text.txt", "--tokenizer", tokenizer, "--order", "2", "--json")
    assert code == 0 and json.loads(out)["measures"]["bits per character"] < 3


def test_what_has_no_probability_is_said(call):
    Path("text.txt").write_text("abc" * 30 + "cba" * 10, encoding="utf-8")
    code, out, _ = call("--data", "text.txt", "--smoothing", "mle", "--score", "cbb")
    assert code == 0 and "infinite: some token has probability 0" in out and "-infinity" in out
    assert json.loads(call("--data", "text.txt", "--smoothing", "mle", "--json")[1])["measures"]["loss"] is None
    code, out, err = call("--data", "text.txt", "--smoothing", "stupid-backoff", "--score", "abc")
    assert code == 0 and "loss" not in out and "there is no loss to measure" in err and "3 tokens  abc" in out


@pytest.mark.parametrize("arguments, words", [
    (["--order", "0"], "order 0 is outside 1 to 100"), (["--smoothing", "sandpaper"], "unknown smoothing 'sandpaper'"),
    (["--generate", "-1"], "--generate -1 is negative"), (["--generate", "5", "--prompt", ""], "the prompt is empty"),
    (["--score", "~"], "character '~' (U+007E) at position 0"), (["--model", "nowhere"], "there is no n-gram model"),
    (["--data", "nowhere"], "no file, no folder and no corpus"), (["--temperature", "-1"], "temperature"),
])  # fmt: skip
def test_bad_input_ends_in_one_line(call, arguments, words):
    code, _, err = call(*(["--data", "text.txt"] if arguments[0] not in ("--data", "--model") else []), *arguments)
    assert code == 2 and words in err.splitlines()[-1] and "Traceback" not in err


def test_an_empty_or_a_short_text_is_refused(call):
    Path("empty.txt").write_text("", encoding="utf-8")
    Path("short.txt").write_text("ab", encoding="utf-8")
    assert "there is no text in empty.txt" in call("--data", "empty.txt")[2]
    code, _, err = call("--data", "short.txt")
    assert code == 2 and "the longest text has 2 tokens, and the order is 5" in err and "order up to 2" in err
    code, _, err = call("--data", "short.txt", "--order", "2")
    assert code == 2 and "the text to measure is empty" in err.splitlines()[-1]
