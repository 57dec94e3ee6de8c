"""What the checker says about an answer, and how it reads."""

from dataclasses import dataclass, field

from minigpt.exercises.answers import Line
from minigpt.exercises.compare import Difference
from minigpt.exercises.exercise import Exercise, Text

HEADS = {
    "missing": Text("{} is missing", "缺少 {}"),
    "raised": Text("{} did not give a result", "{} 没有给出结果"),
    "dtype": Text("{}: a wrong dtype", "{}：dtype 不对"),
    "shape": Text("{}: a wrong shape", "{}：形状不对"),
    "finite": Text("{}: NaN or infinity", "{}：出现了 NaN 或无穷大"),
    "value": Text("{}: a wrong value", "{}：数值不对"),
    "overwritten": Text("{} changes what isn't its own", "{} 改动了不属于它的东西"),
    "gradient": Text("{}: a wrong gradient", "{}：梯度不对"),
    "accumulate": Text("{} doesn't add to the gradient that is there", "{} 没有在已有的梯度上累加"),
    "odd shapes": Text("{}: right on the first problem, wrong on another", "{}：第一题对了，另一题不对"),
    "property": Text("{}: a law is broken", "{}：违反了一条性质"),
}
UNREADABLE = Text("the file can't be run", "文件无法运行")
PRINTED_LINES = 20  # of what the student's code printed, the last so many


@dataclass(frozen=True)
class Verdict:
    """What the checker found. stage: where it stopped, None when everything is right."""

    exercise: Exercise
    stage: str | None
    function: str = ""  # the student's name of it; empty when the file as a whole is at fault
    facts: tuple[Text, ...] = ()  # what is wrong, with numbers; or, when all is right, what was checked
    diagnosis: Text | None = None
    line: Line | None = None
    printed: str = ""  # what the student's code printed in the call that failed, unless it was shown already
    interrupted: bool = False  # by Ctrl-C
    evidence: tuple = field(default=(), compare=False)  # by which two answers are found to be wrong in the same way

    @property
    def passed(self) -> bool:
        return self.stage is None

    def head(self) -> Text:
        if self.passed:
            return Text("right", "正确")
        said = HEADS[self.stage] if self.function else UNREADABLE
        return Text(said.en.format(self.function), said.zh.format(self.function))

    def text(self, language: str) -> str:
        """All of it, as the student reads it."""
        name = self.exercise.name
        lines = [self.head() if self.function == name else Text(f"{name}: ", f"{name}：") + self.head(), *self.facts]
        if self.line is not None:
            lines.append(self.line.say())
        if self.diagnosis is not None:
            lines.append(Text("Diagnosis: ", "诊断：") + self.diagnosis)
        if self.printed.strip():
            printed = "\n    ".join(self.printed.strip("\n").splitlines()[-PRINTED_LINES:])
            lines.append(Text(f"It printed:\n    {printed}", f"它打印了：\n    {printed}"))
        return "\n  ".join(line(language) for line in lines)


class Stop(Exception):
    """Ends the checking, at the first thing wrong."""

    def __init__(self, verdict: Verdict, known, place: int, difference: Difference | None = None):
        """known: the problem at hand; place: 0 for forward or a plain function, 1 for backward."""
        super().__init__(verdict.stage)
        self.verdict, self.known, self.place, self.difference = verdict, known, place, difference
