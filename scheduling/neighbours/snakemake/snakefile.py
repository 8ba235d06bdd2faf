"""Snakefiles, taken apart into rules and their sections.

They are Python with words of their own, and whoever reads one with Snakemake runs it.  Here it is cut into tokens by
Python's own tokenizer, and what a section says is parsed, not run; statements of Python are told, and left out.
"""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..imported import shown
from ..reading import Folder, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..imported import Losses

__all__ = ["Rule", "Section", "rules_of"]

_SKIPPED = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.NEWLINE}
_MOST_FILES = 200
Tokens = list[tokenize.TokenInfo]


@dataclass(frozen=True)
class Section:
    """What a rule says under one word: values without a name, and with one; ``text`` is how it is written."""

    text: str
    values: tuple[ast.expr, ...] = ()
    named: dict[str, ast.expr] = field(default_factory=dict)
    readable: bool = True


@dataclass(frozen=True)
class Rule:
    """A rule: its name, where it stands, and its sections."""

    name: str
    at: str
    sections: dict[str, Section]
    about: str = ""


def rules_of(path: Path, folder: Folder, losses: Losses) -> list[Rule]:
    """The rules of a file, and of those that it includes, in order.  Raises ``WorkflowInvalid``, ``OSError``."""
    found: list[Rule] = []
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop(0).resolve()
        if file in seen:
            continue  # once is enough, and two that include each other have an end
        seen.add(file)
        if len(seen) > _MOST_FILES:
            raise unreadable(path, f"it includes more than {_MOST_FILES} files")
        text = folder.text(file)
        source = _Source(text, file, losses)
        found += source.rules()
        waiting += [file.parent / each for each in source.included]
    return found


class _Source:
    """One file."""

    def __init__(self, text: str, file: Path, losses: Losses) -> None:
        self._lines, self._file, self._losses = text.splitlines(keepends=True), file, losses
        self.included: list[str] = []
        try:
            self._tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (tokenize.TokenError, SyntaxError, ValueError) as error:
            raise unreadable(file, f"it is no Snakefile: {error}") from error
        for token in self._tokens:
            if token.type == tokenize.ERRORTOKEN:  # what newer versions of Python raise
                raise unreadable(file, f"it is no Snakefile: line {token.start[0]}: {shown(token.string)}")

    def rules(self) -> Iterator[Rule]:
        for number, statement in enumerate(_statements(self._tokens)):
            first = statement[0]
            where = f"{self._file.name}:{first.start[0]}"
            if first.string in ("rule", "checkpoint") and _is_rule(statement):
                named = statement[1].type == tokenize.NAME
                name = statement[1].string if named else f"rule_{number + 1}"
                if first.string == "checkpoint":
                    self._losses.add(where, f"checkpoint {name}", "what comes after it is known before here")
                yield self._rule(name, where, statement[3 if named else 2 :])
            elif first.string == "include" and len(statement) > 2 and statement[1].string == ":":
                self._include(statement, where)
            else:
                text = self._text(statement[0].start, _end(statement))
                self._losses.add(where, shown(text.strip()), "it is Python, or holds for all rules: it is not run")

    def _include(self, statement: Tokens, where: str) -> None:
        section = _section(self._text(statement[1].end, _end(statement)))
        match section.values:
            case (ast.Constant(value=str(path)),) if not section.named and "://" not in path:
                self.included.append(path)
            case _:
                self._losses.add(where, f"include: {section.text}", "only a file that is named can be read")

    def _rule(self, name: str, where: str, body: Tokens) -> Rule:
        sections: dict[str, Section] = {}
        about = ""
        for statement in _statements(body, level=1):
            first = statement[0]
            if first.type == tokenize.STRING:
                about = str(ast.literal_eval(first.string))
            elif first.type == tokenize.NAME and len(statement) > 1 and statement[1].string == ":":
                sections[first.string] = _section(self._text(statement[1].end, _end(statement)))
            else:
                text = self._text(first.start, _end(statement))
                self._losses.stop(where, shown(text), "it is no section of a rule")
        return Rule(name, where, sections, about.strip())

    def _text(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        lines = self._lines[start[0] - 1 : end[0]]
        if not lines:
            return ""
        if len(lines) == 1:
            return lines[0][start[1] : end[1]]
        return "".join([lines[0][start[1] :], *lines[1:-1], lines[-1][: end[1]]])


def _statements(tokens: Tokens, level: int = 0) -> Iterator[Tokens]:
    """The statements at a level of indentation, each with all that stands deeper."""
    deep, fresh, current = 0, True, list[tokenize.TokenInfo]()
    for token in tokens:
        if current and token.type in _SKIPPED:
            current.append(token)
        if token.type == tokenize.INDENT:
            deep += 1
        elif token.type == tokenize.DEDENT:
            deep -= 1
            fresh = fresh or deep <= level
        elif token.type == tokenize.NEWLINE:
            fresh = True
        elif token.type not in _SKIPPED:
            if fresh and deep <= level and current:
                yield current
                current = []
            fresh = False
            current.append(token)
    if current:
        yield current


def _end(statement: Tokens) -> tuple[int, int]:
    """Where the last token stands that says something."""
    return next(token.end for token in reversed(statement) if token.type not in _SKIPPED)


def _is_rule(statement: Tokens) -> bool:
    return len(statement) > 2 and ":" in (statement[1].string, statement[2].string)


def _section(text: str) -> Section:
    """What a section says, parsed as the arguments of a call."""
    plain = text.strip()
    try:
        call = ast.parse(f"f({plain}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Section(plain, readable=False)
    if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
        return Section(plain, readable=False)
    return Section(plain, tuple(call.args), {str(each.arg): each.value for each in call.keywords})
