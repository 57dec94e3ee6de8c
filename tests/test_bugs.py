"""The bug hunt: every script shows its symptom's cause to the measurement, every true repair passes, no dodge does."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minigpt import backend
from minigpt.cli import main
from minigpt.exercises.bug import HERE, bugs, find_bug, measure

ALL = bugs()
EVERY = pytest.mark.parametrize("bug", ALL, ids=lambda bug: bug.name)
PATH = Path("student.py")


def said(bug, source, seed=0) -> str | None:
    text = measure(bug, source, PATH, seed)
    return None if text is None else text.en


def test_a_script_for_every_remedy_and_a_remedy_for_every_script():
    assert 12 <= len(ALL) <= 14
    assert sorted(path.stem for path in (HERE / "bugs").glob("*.py") if path.stem != "__init__") == sorted(
        bug.name for bug in ALL)
    assert [bug.chapter for bug in ALL] == sorted(bug.chapter for bug in ALL)


@EVERY
def test_everything_that_is_told_is_told_in_both_languages(bug):
    for text in (bug.title, bug.symptom, bug.why, *bug.hints):
        assert text.en.isascii() or any(character in text.en for character in "ᵀ√·θηλ")
        assert any("\u4e00" <= character <= "\u9fff" for character in text.zh)
        assert not any("\u4e00" <= character <= "\u9fff" for character in text.en)
    assert all(bug.mended[0][0] not in text.en and bug.mended[0][1] not in text.en for text in bug.hints[:2])


@EVERY
def test_a_script_is_short_and_does_not_give_itself_away(bug):
    lines = bug.script.splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert len(lines) <= 90
    docstring = bug.script.split('"""')[1]
    assert "What is seen:" in docstring
    for line in bug.guilty:
        assert [found.strip() for found in lines].count(line) == 1


def output(bug, source, steps=None) -> str:
    """What a script prints; steps: how many, instead of its own number."""
    names, out = {"__name__": "hunted"}, io.StringIO()
    exec(compile(source, str(HERE / "bugs" / f"{bug.name}.py"), "exec"), names)
    if steps is not None:
        names["STEPS"] = steps
    with contextlib.redirect_stdout(out):
        names["main"]()
    return out.getvalue()


@EVERY
def test_a_script_runs(bug):
    printed = output(bug, bug.script, steps=15)
    assert "loss" in printed or "training" in printed  # what the symptom is read from


# The symptom is seen as the script is handed out, and gone when it is mended: those that take little time.


def both(name, steps=None) -> tuple[str, str]:
    bug = find_bug(name)
    return output(bug, bug.script, steps), output(bug, bug.edited(bug.mended), steps)


def last_loss(printed) -> float:
    return float(printed.split("loss")[-1].split()[0])


@pytest.mark.parametrize("name, steps, good, bad", [("sluggish", None, 0.1, 0.5), ("headstrong", 60, 3.5, 5.0)])
def test_the_loss_is_wrong_and_then_right(name, steps, good, bad):
    wrong, right = (last_loss(printed) for printed in both(name, steps))
    assert right < good
    assert not wrong < bad  # it may be NaN


def test_a_bigram_table_should_begin_at_ln_v_and_come_near_the_counted_one():
    outputs = both("bigrams", 1000)
    wrong, right = (printed.splitlines() for printed in outputs)
    assert last_loss(outputs[1]) < 2.8 and last_loss(outputs[0]) == float("inf")
    ln_v = right[0].split()[2]
    assert right[1].endswith(f"loss {ln_v}") and not wrong[1].endswith(f"loss {ln_v}")


def test_the_cache_recites_only_when_it_is_mended():
    wrong, right = (printed.splitlines()[1:] for printed in both("lost"))
    recited = "a rose is a rose is a rose, and roses are as red as a rose is"
    assert [recited in line for line in wrong] == [True, False]
    assert [recited in line for line in right] == [True, True]


def test_the_two_vectors_of_a_character_drift_apart_only_when_they_are_two():
    wrong, right = (float(printed.split()[-1]) for printed in both("overweight"))
    assert wrong > 0.1 and right == 0


def test_the_parrot_repeats_itself_only_as_long_as_it_is_one():
    wrong, right = (printed.splitlines()[-1] for printed in both("parrot", 100))
    assert len(set(wrong[-50:])) == 1 and len(set(right[-50:])) > 5


def test_a_script_runs_as_a_file():
    root = str(HERE.parent.parent)
    done = subprocess.run([sys.executable, HERE / "bugs" / "lost.py"], capture_output=True, text=True, encoding="utf-8",
                          env={**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0, done.stderr
    assert "with cache" in done.stdout


SEEDS = pytest.mark.parametrize("seed", range(3))


@SEEDS
@EVERY
def test_as_handed_out_it_is_wrong_and_mended_it_is_right(bug, seed):
    assert said(bug, bug.script, seed)
    assert said(bug, bug.edited(bug.mended), seed) is None


@EVERY
def test_another_true_repair_passes(bug):
    assert bug.others
    for edits in bug.others:
        assert said(bug, bug.edited(edits)) is None, edits


@EVERY
def test_a_repair_that_only_hides_the_symptom_does_not(bug):
    assert len(bug.dodges) >= 3
    for edits, expected in bug.dodges:
        assert expected in (said(bug, bug.edited(edits)) or "nothing"), edits


def test_a_measurement_is_quiet_and_leaves_the_backend_as_it_was(capsys):
    bug = find_bug("parrot")
    with backend.using("numpy", "float32"):
        assert said(bug, bug.script)
        assert str(backend.dtype()) == "float32"
    assert capsys.readouterr() == ("", "")


# What the measurement says of a file that can't be measured.


@pytest.mark.parametrize("edits, expected", [
    ((("def train(", "def train_it("),), "`train`"),
    ((("tokens, steps, seed=0)", "tokens, steps)"),), "keep the functions' arguments"),
    ((("        loss, saved", "        los, saved"),), "line 27 raised NameError"),
    ((("import numpy as np", "import numpy as np; import sys; sys.exit()"),), "line 8 raised SystemExit"),
    ((("def main():", "def main(:"),), "line 30 can't be read as Python"),
    ((("        model.backward(saved)", "        raise KeyboardInterrupt"),), None),
])  # fmt: skip
def test_a_file_that_cannot_be_measured_is_told_as_such(edits, expected):
    bug = find_bug("headstrong")
    if expected is None:
        with pytest.raises(KeyboardInterrupt):
            said(bug, bug.edited(edits))
    else:
        assert expected in said(bug, bug.edited(edits))


def test_what_returns_nonsense_is_told_as_such():
    bug = find_bug("bigrams")
    source = bug.edited((("    return e / e.sum(axis=0, keepdims=True)", "    return None"),))
    assert "can't be measured" in said(bug, source)
    assert "无法测量" in measure(bug, source, PATH).zh


def test_an_edit_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="0 times"):
        find_bug("lost").edited((("nowhere to be found", ""),))


# The commands, on a folder of a student's.


@pytest.fixture
def learn(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MINIGPT_LANGUAGE", "en")

    def call(*words):
        code = main(["learn", "bugs", *words, "--folder", str(tmp_path)])
        return code, *capsys.readouterr()

    call.folder = tmp_path / "bugs"
    return call


def number(bug, line) -> str:
    return str([found.strip() for found in bug.script.splitlines()].index(line) + 1)


def test_from_start_to_mended(learn):
    bug = find_bug("lost")
    assert learn("check")[0] == 2
    code, out, err = learn("start", "lost")
    path = learn.folder / "lost.py"
    assert code == 0 and bug.symptom.en in out and "--line N" in err
    assert path.read_text(encoding="utf-8") == bug.script
    code, _, err = learn("start", "lost")
    assert code == 2 and "is there already" in err

    code, out, err = learn("check")
    assert code == 1 and "not mended yet. Measured: with 3 tokens in the cache" in out and "learn bugs hint lost" in err
    code, out, _ = learn("check", "lost", "--line", "1")
    assert code == 1 and "the mistake is elsewhere" in out and "not mended yet" in out and "Measured" not in out
    line = number(bug, bug.guilty[0])
    code, out, err = learn("check", "lost", "--line", line)
    assert code == 0 and f"line {line} is where the mistake is" in out and "not mended yet" in out and "hint" not in err
    code, _, err = learn("check", "lost", "--line", "1000")
    assert code == 2 and "line 1000 is not in" in err

    path.write_text(bug.edited(bug.mended), encoding="utf-8")
    code, out, _ = learn("check", "--line", line)
    assert code == 0 and f"line {line} is where" in out and "mended. " in out and bug.why.en in out
    code, out, err = learn("list")
    assert code == 0 and "solved" in out and f"1 of {len(ALL)} mended" in err
    path.write_text(bug.edited(bug.others[0]), encoding="utf-8")  # repaired in another way since
    assert f"1 of {len(ALL)} mended" in learn("list")[2]
    path.write_text(bug.script, encoding="utf-8")  # and spoilt again
    assert f"0 of {len(ALL)} mended" in learn("list")[2]


@EVERY
def test_each_guilty_line_is_known_and_no_other(bug, learn):
    from minigpt.exercises.hunt import Copies, names_it

    copies = Copies(learn.folder.parent, "en")
    path, lines = copies.start(bug), bug.script.splitlines()
    guilty = {int(number(bug, line)) for line in bug.guilty}
    assert {n for n in range(1, len(lines) + 1) if names_it(copies, bug, n)} == guilty
    path.write_text("# my remark\n" + bug.script, encoding="utf-8")  # the lines have moved: both numbers count
    assert guilty | {n + 1 for n in guilty} == {n for n in range(1, len(lines) + 2) if names_it(copies, bug, n)}


def test_hints_then_the_solution(learn):
    bug = find_bug("sluggish")
    learn("start", "sluggish")
    code, _, err = learn("solution", "sluggish")
    assert code == 2 and "0 of 3 read" in err
    for count in (1, 2, 3, 3):
        code, out, err = learn("hint", "sluggish")
        assert code == 0 and out == f"hint {count} of 3: {bug.hints[count - 1].en}\n"
    assert "learn bugs solution sluggish" in err
    code, out, _ = learn("solution", "sluggish")
    assert code == 0 and "-     dk = (q.swapaxes(-1, -2) @ ds).reshape(k.shape)" in out and bug.why.en in out
    assert "+     dk = ds.swapaxes(-1, -2) @ q" in out
    assert learn("solution", "parrot", "--yes")[0] == 0


def test_a_copy_is_run_and_reset_keeps_it(learn):
    learn("start", "parrot")
    path = learn.folder / "parrot.py"
    path.write_text("print('mine', __name__)", encoding="utf-8")
    assert learn("run", "parrot")[:2] == (0, "mine __main__\n")
    assert learn("run", "lost")[0] == 2
    code, _, err = learn("reset", "parrot")
    assert code == 0 and "parrot.py.1" in err
    assert path.read_text(encoding="utf-8") == find_bug("parrot").script
    assert (learn.folder / "parrot.py.1").read_text(encoding="utf-8").startswith("print('mine'")
    path.write_bytes(b"x = '\xff'")
    code, _, err = learn("check", "parrot")
    assert code == 2 and "UTF-8" in err


def test_it_speaks_chinese(learn, monkeypatch):
    monkeypatch.setenv("MINIGPT_LANGUAGE", "zh")
    code, out, err = learn("start", "spikes")
    assert find_bug("spikes").symptom.zh in out and "指出错在哪一行" in err
    assert "还没有修好" in learn("check")[1]
    assert "需要提示" in learn("check")[2]


def test_an_unknown_name_is_answered_with_the_nearest(learn):
    code, _, err = learn("start", "parot")
    assert code == 2 and "did you mean parrot" in err
