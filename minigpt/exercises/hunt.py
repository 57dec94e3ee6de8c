"""python -m minigpt learn bugs: find the one mistake in a training script, name its line, mend it.

The student works on a copy in a folder of their own, `bugs` in the folder of the exercises, with a progress.json of its
own. The copy is the script to the letter, so that its line numbers are those that are talked about.
"""

import runpy
import sys
from pathlib import Path

from minigpt.errors import InputError
from minigpt.exercises.answers import Unreadable, read_source, tell_when_slow
from minigpt.exercises.bug import Bug, bugs, find_bug, measure
from minigpt.exercises.exercise import LANGUAGES, Text
from minigpt.exercises.folder import CHANGED, DEFAULT, SOLVED, STARTED, STATES, Folder, columns
from minigpt.exercises.language import choose

ACTIONS = {
    "list": "every script and how far you are",
    "start": "copy a script into your folder",
    "run": "run your copy: see what goes wrong",
    "check": "measure whether your copy is mended; with --line N, say whether line N is where the mistake is",
    "hint": "the next of three hints",
    "solution": "the line, what it should be, and why; once you have mended it or read the hints",
    "reset": "begin anew; the old file is kept beside it",
}


class Copies(Folder):
    """The folder of the copies. Its names are those of bugs."""

    def __init__(self, path: Path, language: str):
        super().__init__(path / "bugs", language)
        self.exercises_path = path

    def command(self, action: str, name: str = "") -> str:
        words = ["python -m minigpt learn bugs", action, name]
        if self.exercises_path != DEFAULT:
            shown = str(self.exercises_path)
            words.append(f'--folder "{shown}"' if " " in shown else f"--folder {shown}")
        return " ".join(word for word in words if word)

    def beginning(self, bug: Bug) -> str:
        return bug.script

    def last(self) -> str | None:
        name = self.progress()["last"]
        return name if name in {bug.name for bug in bugs()} and self.file(name).is_file() else None

    def read(self, bug: Bug) -> str:
        """The text of a copy. Raises InputError when it isn't there or isn't text."""
        path = self.file(bug.name)
        try:
            return read_source(path)
        except FileNotFoundError:
            begin = self.command("start", bug.name)
            missing = Text(f"there is no {path}: begin with {begin}", f"没有 {path}：先运行 {begin}")
            raise InputError(missing(self.language)) from None
        except Unreadable as error:
            raise InputError((Text(f"{path}: ", f"{path}：") + error.what)(self.language)) from None


def add_arguments(parser) -> None:
    actions = parser.add_subparsers(dest="bugs_action", metavar="ACTION", required=True)
    for name, description in ACTIONS.items():
        sub = actions.add_parser(name, help=description, description=description[0].upper() + description[1:] + ".",
                                 allow_abbrev=False)
        if name == "check":
            sub.add_argument("name", nargs="?", metavar="NAME", help="a script; none: the one you worked on last")
            sub.add_argument("--line", type=int, metavar="N", help="the line in which you think the mistake is")
        elif name != "list":
            sub.add_argument("name", metavar="NAME", help="a script, as `learn bugs list` shows it")
        if name == "solution":
            sub.add_argument("--yes", action="store_true", help="show it although it isn't mended yet")
        sub.add_argument("--folder", type=Path, default=DEFAULT, metavar="DIR",
                         help="where your answers are; the scripts go into `bugs` in it (default: %(default)s)")
        sub.add_argument("--language", choices=LANGUAGES, help="default: MINIGPT_LANGUAGE, or the system's language")


def run(arguments) -> int:
    copies = Copies(arguments.folder, choose(arguments.language))
    actions = {"list": show_list, "start": start, "run": run_copy, "check": check, "hint": hint, "solution": solution,
               "reset": reset}
    return actions[arguments.bugs_action](copies, arguments)


def tell(text: Text, language: str) -> None:
    """To standard error, where messages go, after what was printed."""
    sys.stdout.flush()
    print(text(language), file=sys.stderr)


def show_list(copies: Copies, arguments) -> int:
    language, mended, all_bugs = copies.language, 0, bugs()
    width = max(len(bug.name) for bug in all_bugs)
    for bug in all_bugs:
        state = copies.state(bug.name)
        if state == CHANGED:
            state = SOLVED if look(copies, bug, last=False) is None else STARTED
        mended += state == SOLVED
        shown = STATES[state](language)
        print(f"{bug.chapter:02}  {bug.name:{width}}  {shown}{' ' * (10 - columns(shown))}  {bug.title(language)}")
    total = len(all_bugs)
    tell(Text(f"{mended} of {total} mended", f"{total} 个脚本，已修好 {mended} 个"), language)
    return 0


def start(copies: Copies, arguments) -> int:
    bug = find_bug(arguments.name)
    path = copies.start(bug)
    print(bug.title(copies.language))
    print(bug.symptom(copies.language))
    tell(Text(f"\nYour copy is {path}. See it go wrong: {copies.command('run', bug.name)}\n"
              f"Name the line: {copies.command('check', bug.name)} --line N\n"
              f"Mend it, then: {copies.command('check', bug.name)}",
              f"\n你的副本是 {path}。看它怎样出错：{copies.command('run', bug.name)}\n"
              f"指出错在哪一行：{copies.command('check', bug.name)} --line N\n"
              f"改好之后：{copies.command('check', bug.name)}"), copies.language)
    return 0


def run_copy(copies: Copies, arguments) -> int:
    bug = find_bug(arguments.name)
    copies.read(bug)  # says what to do where there is none
    runpy.run_path(str(copies.file(bug.name)), run_name="__main__")
    return 0


def look(copies: Copies, bug: Bug, last: bool = True) -> Text | None:
    """Measure a copy, and write down whether it is mended. last: also that it is the one worked on last."""
    with tell_when_slow(lambda text: tell(text, copies.language)):
        wrong = measure(bug, copies.read(bug), copies.file(bug.name))
    copies.change(bug.name, last, solved=copies.fingerprint(bug.name) if wrong is None else None)
    return wrong


def names_it(copies: Copies, bug: Bug, number: int) -> bool:
    """Whether line `number` is where the mistake is, in the copy as it is or as it was handed out."""
    now, at_first = copies.read(bug).splitlines(), bug.script.splitlines()
    if not 1 <= number <= max(len(now), len(at_first)):
        outside = Text(f"line {number} is not in {copies.file(bug.name)}: give a number from 1 to {len(now)}",
                       f"{copies.file(bug.name)} 没有第 {number} 行：请给出 1 到 {len(now)} 之间的数")
        raise InputError(outside(copies.language))
    return any(number <= len(lines) and bug.is_guilty(lines[number - 1]) for lines in (now, at_first))


def check(copies: Copies, arguments) -> int:
    name = arguments.name or copies.last()
    if name is None:
        begin = copies.command("start", bugs()[0].name)
        nothing = Text(f"no script is started in {copies.path}: begin with {begin}",
                       f"{copies.path} 里还没有脚本：可以从 {begin} 开始")
        raise InputError(nothing(copies.language))
    bug, language, named = find_bug(name), copies.language, False
    if arguments.line is not None:
        named = names_it(copies, bug, arguments.line)
        right = Text(f"line {arguments.line} is where the mistake is", f"错误正在第 {arguments.line} 行")
        wrong = Text(f"line {arguments.line} does what it should; the mistake is elsewhere",
                     f"第 {arguments.line} 行没有问题，错误在别处")
        print((right if named else wrong)(language))
    wrong = look(copies, bug)
    if wrong is None:
        print((Text(f"{bug.name}: mended. ", f"{bug.name}：修好了。") + bug.why)(language))
        return 0
    unmended = Text(f"{bug.name}: not mended yet", f"{bug.name}：还没有修好")
    if arguments.line is not None:  # only an answer to the guess: what is measured says more than was asked
        print(unmended(language))
        return 0 if named else 1
    print((unmended + Text(". Measured: ", "。测得：") + wrong)(language))
    if copies.entry(bug.name)["hints"] < len(bug.hints):
        show = copies.command("hint", bug.name)
        tell(Text(f"a hint: {show}", f"需要提示：{show}"), language)
    return 1


def hint(copies: Copies, arguments) -> int:
    bug = find_bug(arguments.name)
    number = min(copies.entry(bug.name)["hints"] + 1, len(bug.hints))
    copies.change(bug.name, hints=number)
    print((Text(f"hint {number} of {len(bug.hints)}: ", f"提示 {number}/{len(bug.hints)}：")
           + bug.hints[number - 1])(copies.language))
    if number == len(bug.hints):
        show = copies.command("solution", bug.name)
        tell(Text(f"the last one; the solution: {show}", f"这是最后一条；看解答：{show}"), copies.language)
    return 0


def solution(copies: Copies, arguments) -> int:
    bug, entry = find_bug(arguments.name), copies.entry(arguments.name)
    if not (arguments.yes or entry["solved"] or entry["hints"] >= len(bug.hints)):
        how = copies.command("solution", bug.name) + " --yes"
        refused = Text(f"the solution of {bug.name} is shown once your copy is mended, or after the third hint "
                       f"({entry['hints']} of 3 read): {how} shows it now",
                       f"修好之后，或看完三条提示之后，才显示 {bug.name} 的解答（已看 {entry['hints']}/3 条）："
                       f"现在就想看，请用 {how}")
        raise InputError(refused(copies.language))
    print("\n".join(difference(bug)))
    print()
    print(bug.why(copies.language))
    return 0


def difference(bug: Bug) -> list[str]:
    """The lines that change, with their numbers as handed out: - what stands there, + what should."""
    import difflib

    before, after = bug.script.splitlines(), bug.edited(bug.mended).splitlines()
    shown = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            shown += [f"{n + 1:4} - {before[n]}" for n in range(a, b)]
            shown += [f"{a + 1:4} + {line}" for line in after[c:d]]
    return shown


def reset(copies: Copies, arguments) -> int:
    bug = find_bug(arguments.name)
    copy, path = copies.reset(bug), copies.file(bug.name)
    done = Text(f"{path} is as it was handed out", f"{path} 已恢复成最初的样子")
    tell(done + Text(f"; your old file is {copy}", f"；原来的文件在 {copy}") if copy else done, copies.language)
    return 0
