"""python -m minigpt learn: exercises in files of the student's own, checked, hinted at and solved."""

import importlib.util
import sys
import time
from pathlib import Path

from minigpt.commands.reporter import say
from minigpt.errors import InputError
from minigpt.exercises import watch as watching
from minigpt.exercises.answers import Raised, Unreadable, read_source, tell_when_slow
from minigpt.exercises.catalogue import exercises, find
from minigpt.exercises.checker import check_source, unread
from minigpt.exercises.exercise import LANGUAGES, Exercise, Text
from minigpt.exercises.folder import CHANGED, DEFAULT, SOLVED, STARTED, STATES, Folder, columns
from minigpt.exercises.language import choose
from minigpt.exercises.solution import not_yet, solution_text
from minigpt.exercises.verdict import Verdict
from minigpt.learn import say_hint

ACTIONS = {
    "list": "every exercise and how far you are",
    "start": "write the file of an exercise into your folder",
    "check": "say whether an answer is right, or what is the first thing wrong with it",
    "hint": "the next of an exercise's three hints",
    "solution": "the library's source, once you have solved it or read the hints",
    "reset": "begin an exercise anew; the old file is kept beside it",
    "watch": "check whenever you save, until Ctrl-C",
}
BUGS = "minigpt.exercises.hunt"


def add_arguments(parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, description in ACTIONS.items():
        sub = actions.add_parser(name, help=description, description=description[0].upper() + description[1:] + ".",
                                 allow_abbrev=False)
        if name in ("start", "hint", "solution", "reset"):
            sub.add_argument("name", metavar="NAME", help="an exercise, as `learn list` shows it")
        if name == "check":
            sub.add_argument("names", nargs="*", metavar="NAME", help="exercises; none: the one you worked on last")
            sub.add_argument("--all", action="store_true", help="check every exercise that is started")
        if name == "solution":
            sub.add_argument("--yes", action="store_true", help="show it although it isn't solved yet")
        sub.add_argument("--folder", type=Path, default=DEFAULT, metavar="DIR",
                         help="where your answers are (default: %(default)s, in the current folder)")
        sub.add_argument("--language", choices=LANGUAGES, help="default: MINIGPT_LANGUAGE, or the system's language")
    if importlib.util.find_spec(BUGS):
        description = "training scripts with one mistake each: name the line, mend it"
        sub = actions.add_parser("bugs", help=description, description=description[0].upper() + description[1:] + ".",
                                 allow_abbrev=False)
        importlib.import_module(BUGS).add_arguments(sub)


def run(arguments) -> int:
    if arguments.action == "bugs":
        return importlib.import_module(BUGS).run(arguments)
    folder = Folder(arguments.folder, choose(arguments.language))
    actions = {"list": show_list, "start": start, "check": check, "hint": hint, "solution": solution, "reset": reset,
               "watch": watch}
    return actions[arguments.action](folder, arguments)


def show_list(folder: Folder, arguments) -> int:
    folder.progress()  # a damaged one is refused before anything is printed
    language, solved = folder.language, 0
    width = max(map(len, exercises()))
    for name, exercise in exercises().items():
        state = folder.state(name)
        if state == CHANGED:
            state = SOLVED if look(folder, exercise, loud=False).passed else STARTED
        solved += state == SOLVED
        shown = STATES[state](language)
        shown += " " * (10 - columns(shown))
        print(f"{exercise.chapter:02}  {name:{width}}  {shown}  {exercise.title(language)}")
    total = len(exercises())
    say(Text(f"{solved} of {total} solved", f"{total} 个练习，已完成 {solved} 个")(language))
    return 0


def start(folder: Folder, arguments) -> int:
    exercise = find(arguments.name, folder.language)
    path = folder.start(exercise)
    print(exercise.task(folder.language))
    say(Text(f"\nWrite your answer into {path}, then: {folder.command('check', exercise.name)}",
             f"\n请把答案写进 {path}，然后运行：{folder.command('check', exercise.name)}")(folder.language))
    return 0


def reset(folder: Folder, arguments) -> int:
    exercise = find(arguments.name, folder.language)
    copy = folder.reset(exercise)
    path = folder.file(exercise.name)
    done = Text(f"{path} is as at the start", f"{path} 已恢复初始状态")
    if copy:
        done += Text(f"; your old file is {copy}", f"；原来的文件在 {copy}")
    say(done(folder.language))
    return 0


def look(folder: Folder, exercise: Exercise, loud: bool = True) -> Verdict:
    """Check the file of an exercise, and write down whether it is right.

    loud: show what the student's code prints, and take the exercise for the one that is worked on now.
    """
    path = folder.file(exercise.name)
    with tell_when_slow(lambda text: say(text(folder.language))):
        try:
            verdict = check_source(exercise, read_source(path), str(path), loud)
        except (Unreadable, Raised) as error:
            verdict = unread(exercise, error)
    if not verdict.interrupted:
        try:
            folder.change(exercise.name, loud, solved=folder.fingerprint(exercise.name) if verdict.passed else None)
        except InputError as error:  # a folder that can only be read: what was found is worth telling all the same
            say(str(error))
    return verdict


def report(folder: Folder, exercise: Exercise, verdict: Verdict) -> None:
    """The verdict, and what to do next."""
    language, name = folder.language, exercise.name
    sys.stdout.flush()
    print(verdict.text(language), flush=True)
    if verdict.passed:
        left = [other for other in exercises() if folder.state(other) != SOLVED]
        later = [other for other in left if list(exercises()).index(other) > list(exercises()).index(name)]
        if left:
            following = (later or left)[0]
            action = "check" if folder.file(following).is_file() else "start"
            say(Text("next: ", "下一个：")(language) + folder.command(action, following))
        else:
            say(Text("that was the last one: all are solved", "这是最后一个：全部完成")(language))
    elif not verdict.interrupted and folder.entry(name)["hints"] < len(exercise.hints):
        say(Text("a hint: ", "需要提示：")(language) + folder.command("hint", name))


def check(folder: Folder, arguments) -> int:
    folder.progress()  # a damaged one is refused before anything is checked
    chosen = [find(name, folder.language) for name in arguments.names]
    if arguments.all:
        chosen = [exercises()[name] for name in folder.started()]
    elif not chosen and folder.last():
        chosen = [exercises()[folder.last()]]
    if not chosen:
        begin = folder.command("start", next(iter(exercises())))
        raise InputError(Text(f"no exercise is started in {folder.path}: begin with {begin}",
                              f"{folder.path} 里还没有开始任何练习：可以从 {begin} 开始")(folder.language))
    for exercise in chosen:
        require(folder, exercise)
    code = 0
    for exercise in chosen:
        verdict = look(folder, exercise)
        report(folder, exercise, verdict)
        if verdict.interrupted:
            return 130
        code = max(code, int(not verdict.passed))
    return code


def require(folder: Folder, exercise: Exercise) -> None:
    """Raises InputError unless the file is there."""
    if not folder.file(exercise.name).is_file():
        raise InputError(Text(
            f"there is no {folder.file(exercise.name)}: begin with {folder.command('start', exercise.name)}",
            f"没有 {folder.file(exercise.name)}：先运行 {folder.command('start', exercise.name)}")(folder.language))


def hint(folder: Folder, arguments) -> int:
    exercise = find(arguments.name, folder.language)
    number = min(folder.entry(exercise.name)["hints"] + 1, len(exercise.hints))
    folder.change(exercise.name, last=False, hints=number)
    print(say_hint(exercise, number)(folder.language))
    if number == len(exercise.hints):
        say(Text("the last one; the solution: ", "这是最后一条提示；看解答：")(folder.language)
            + folder.command("solution", exercise.name))
    return 0


def solution(folder: Folder, arguments) -> int:
    exercise = find(arguments.name, folder.language)
    entry = folder.entry(exercise.name)
    if not (arguments.yes or entry["solved"] or entry["hints"] >= len(exercise.hints)):
        how = folder.command("solution", exercise.name) + " --yes"
        raise InputError(not_yet(exercise, entry["hints"], how)(folder.language))
    print(solution_text(exercise))
    return 0


def watch(folder: Folder, arguments) -> int:
    """Check what was worked on last, then each file that is saved. Ctrl-C ends a check that hangs, else the watch."""
    language = folder.language
    files = {folder.file(name): exercise for name, exercise in exercises().items()}
    say(Text(f"watching {folder.path}: save a file to have it checked; Ctrl-C ends",
             f"正在监视 {folder.path}：保存文件就会检查；按 Ctrl-C 结束")(language))
    try:
        changes = watching.changes(lambda: [path for path in files if path.exists()], lambda: watching.pause())
        if folder.last():
            exercise = exercises()[folder.last()]
            report(folder, exercise, look(folder, exercise))
        for path in changes:
            say(f"\n{time.strftime('%H:%M:%S')}  {path}")
            report(folder, files[path], look(folder, files[path]))
    except KeyboardInterrupt:
        say(Text("no longer watching", "已停止监视")(language))
    return 0
