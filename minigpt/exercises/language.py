"""Which of the two languages a student reads: what was asked for, else the environment, else the system's."""

import locale
import os

from minigpt.errors import InputError
from minigpt.exercises.exercise import LANGUAGES

VARIABLE = "MINIGPT_LANGUAGE"


def choose(asked: str | None = None) -> str:
    """"en" or "zh". Raises InputError for another that was asked for, here or in MINIGPT_LANGUAGE."""
    for source, value in (("language", asked), (VARIABLE, os.environ.get(VARIABLE))):
        if value:
            language = value.strip().lower()[:2]
            if language not in LANGUAGES:
                raise InputError(f"{source} {value!r} is unknown here: choose one of {', '.join(LANGUAGES)}")
            return language
    return "zh" if system_language().lower().startswith(("zh", "chinese")) else "en"  # Windows says Chinese_China


def system_language() -> str:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name]
    return locale.getlocale()[0] or ""
