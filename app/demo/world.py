"""What the demo asks and answers: one-sentence explanations of the standard library's functions.

Nothing is downloaded and nothing is written by hand: the questions are the names of functions,
classes and methods, the demonstrations are the first sentences of their docstrings.
"""

import ast
import inspect
import random
import re
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "lib2to3", "idlelib"}
WORDS_OF_A_SENTENCE = range(4, 23)


@dataclass(frozen=True)
class Lesson:
    """A thing of the standard library and what it does, in one sentence."""

    name: str
    sentence: str

    @property
    def prompt(self) -> str:
        return f"What does `{self.name}` do? Answer in one sentence."


def lessons(seed: int, count: int) -> list[Lesson]:
    """``count`` lessons drawn by a seed; every sentence and every name once."""
    by_sentence: dict[str, Lesson] = {}
    for lesson in _known():
        by_sentence.setdefault(lesson.sentence, lesson)
    by_name = {lesson.name: lesson for lesson in by_sentence.values()}
    pool = sorted(by_name.values(), key=lambda lesson: lesson.name)
    random.Random(f"lessons {seed}").shuffle(pool)
    return pool[:count]


@lru_cache
def _known() -> tuple[Lesson, ...]:
    """All lessons; parsing the standard library takes seconds, so it is done once a process."""
    return tuple(_all_lessons())


def _all_lessons() -> Iterator[Lesson]:
    root = Path(sysconfig.get_path("stdlib"))
    for file in sorted(root.rglob("*.py")):
        path = file.relative_to(root)
        if SKIPPED.intersection(path.parts) or any(part.startswith("_") for part in path.parts[:-1]):
            continue
        module = ".".join((*path.parts[:-1], path.stem)).removesuffix(".__init__")
        if module.rpartition(".")[2].startswith("_"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            continue
        yield from _lessons_of(tree, module)


def _lessons_of(node: ast.AST, name: str) -> Iterator[Lesson]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or child.name.startswith("_"):
            continue
        child_name = f"{name}.{child.name}"
        if sentence := _first_sentence(ast.get_docstring(child) or ""):
            yield Lesson(child_name, sentence)
        if isinstance(child, ast.ClassDef):
            yield from _lessons_of(child, child_name)


def _first_sentence(docstring: str) -> str | None:
    """The first sentence, when it is one: begins with a capital, ends with a full stop, plain words."""
    paragraph = re.sub(r"\s+", " ", inspect.cleandoc(docstring).split("\n\n")[0])
    sentence = re.split(r"(?<=[a-z)`'\"])\.(?=\s|$)", paragraph)[0].strip() + "."
    words = sentence.split()
    plain = re.fullmatch(r"[A-Z][\x20-\x7e]+[a-z)`'\"]\.", sentence) and ">>>" not in sentence and "->" not in sentence
    return sentence if plain and len(words) in WORDS_OF_A_SENTENCE else None
