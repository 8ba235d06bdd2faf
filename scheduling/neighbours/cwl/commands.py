"""Command lines of CWL as templates: every value becomes a field, and what no field can say stops it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .loading import listed
from .values import Kind, Reference, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..imported import Losses
    from .ports import Given

__all__ = ["Commands", "Word", "escaped"]

_BINDING = ("position", "prefix", "separate", "itemSeparator", "valueFrom", "shellQuote")
# How a template puts a flag before each of several, or before what may be missing; see ``declaring.templates``.
_FLAG = re.compile(r"-[^\s{}]*|[A-Za-z0-9_.-]+=")


def escaped(text: str) -> str:
    """A text as it stands in a template."""
    return text.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True)
class Word:
    """A word of a command: texts and fields, one behind the other; ``raw``: text for the shell, as it is."""

    parts: tuple[tuple[str, bool], ...]
    raw: bool = False

    @classmethod
    def of(cls, literal: str) -> Word:
        """A word that is a text."""
        return cls(((literal, False),))

    @classmethod
    def field(cls, name: str, how: str = "") -> Word:
        """A word, or several, that a field stands for."""
        return cls(((f"{{{name}:{how}}}" if how else f"{{{name}}}", True),))

    def after(self, literal: str) -> Word:
        """The same word with a text before it."""
        return Word(((literal, False), *self.parts))

    @property
    def argument(self) -> str:
        """As an argument of a command that is a list."""
        return "".join(text if is_field else escaped(text) for text, is_field in self.parts)

    @property
    def shell(self) -> str:
        """As a word of a command for the shell."""
        if self.raw:
            return self.argument
        return "".join(text if is_field else escaped(shlex.quote(text)) for text, is_field in self.parts)


class Commands:
    """Makes the command of a tool.

    ``named``: what an argument says that is the name of an output, and the output.
    """

    def __init__(
        self, said: Mapping[str, Any], given: Mapping[str, Given], named: Mapping[str, str], losses: Losses, at: str
    ) -> None:
        self._said, self._given, self._named = said, given, named
        self._losses, self._at = losses, at
        self._shell = False

    def made(self, *, shell: bool) -> str | tuple[str, ...] | None:
        """The template; nothing, where there is none."""
        self._shell = shell
        base = self._said.get("baseCommand") or []
        texts = base if isinstance(base, list) else [base]
        if not all(isinstance(each, str) for each in texts):
            self._losses.stop(f"{self._at}.baseCommand", base, "it is no text, and no list of texts")
        words = [Word.of(str(each)) for each in texts]
        for _, where, binding, given in sorted(self._bindings(), key=lambda each: each[0]):
            try:
                words += self._words(binding, given, at=where)
            except ValueError as error:
                self._losses.stop(where, dict(binding), str(error))
        streams = [*self._streams()]
        if not words:
            self._losses.stop(self._at, "baseCommand", "it has no command")
            return None
        if streams or any(word.raw for word in words):
            return " ".join([*(word.shell for word in words), *streams])
        return tuple(word.argument for word in words)

    def _bindings(self) -> Iterator[tuple[Any, str, Mapping[str, Any], Given | None]]:
        """Everything that becomes words: what it is sorted by, where it stands, how it is put in, of which input."""
        arguments = self._said.get("arguments") or []
        if not isinstance(arguments, list):
            self._losses.stop(f"{self._at}.arguments", arguments, "it is no list")
            return
        for number, each in enumerate(arguments):
            binding = each if isinstance(each, Mapping) else {"valueFrom": each}
            where = f"{self._at}.arguments.{number}"
            self._losses.unknown(binding, _BINDING, at=where)
            # At one position numbers are before names.
            yield (self._position(binding, where), 0, number, ""), where, binding, None
        for there, given in self._given.items():
            bound = given.said.get("inputBinding")
            where = f"{self._at}.inputs.{there}.inputBinding"
            if bound is None and given.kind.binding is None:
                continue
            binding = bound if isinstance(bound, Mapping) else {}
            self._losses.unknown(binding, _BINDING, at=where)
            yield (self._position(binding, where), 1, 0, there), where, binding, given

    def _position(self, binding: Mapping[str, Any], where: str) -> float:
        position = binding.get("position") or 0
        if isinstance(position, bool) or not isinstance(position, int):
            self._losses.stop(f"{where}.position", position, "JavaScript is not run")
            return 0
        return position

    def _words(self, binding: Mapping[str, Any], given: Given | None, *, at: str) -> list[Word]:
        value_from = binding.get("valueFrom")
        quoted = binding.get("shellQuote", True) is True or not self._shell
        if given is None:
            if not isinstance(value_from, str):
                raise ValueError("it is no text")
            if not quoted:
                return [_raw(value_from, binding)]
            return self._put(self.word(value_from), self._lone(value_from), binding)
        if not quoted:
            raise ValueError("a value is never text for the shell here")
        if value_from is None or (isinstance(value_from, str) and value_from.strip() in ("$(self)", "$(self.path)")):
            return self._put(Word.field(given.name), given.kind, binding)
        if given.kind.optional or given.kind.many or given.kind.of == "bool":
            raise ValueError("that it is there only with the value cannot be said")
        return self._put(self.word(str(value_from), this=given), None, binding)

    def _put(self, word: Word, kind: Kind | None, binding: Mapping[str, Any]) -> list[Word]:
        """A value as it is bound; ``kind``: of what stands alone in it, nothing for a text."""
        prefix, separator = binding.get("prefix"), binding.get("itemSeparator")
        separate = binding.get("separate", True) is not False
        if prefix is not None and not isinstance(prefix, str):
            raise ValueError("its prefix is no text")
        if kind is None or not (kind.many or kind.optional or kind.of == "bool"):
            return [word] if not prefix else [Word.of(prefix), word] if separate else [word.after(prefix)]
        name = word.parts[0][0].strip("{}")
        if kind.of == "bool" and not kind.many:
            return [Word.field(name, _flag(prefix))] if prefix else []
        if not kind.many:
            if not prefix:
                return [word]
            if separate == prefix.endswith("="):
                raise ValueError("what may be missing is put in after a flag, or directly after one that ends with =")
            return [Word.field(name, _flag(prefix))]
        return self._several(name, kind, prefix, separator, separate=separate)

    def _several(self, name: str, kind: Kind, prefix: str | None, separator: object, *, separate: bool) -> list[Word]:
        inner = kind.binding or {}
        own = inner.get("prefix")
        if inner.keys() - {"prefix", "separate"} or (own is not None and not isinstance(own, str)):
            raise ValueError("how each of several is put in cannot be said")
        if separator is not None and (separator != "," or own):
            raise ValueError("several are joined by commas, or not at all")
        if kind.of == "bool":
            raise ValueError("several of yes or no cannot be put in")
        if own and (inner.get("separate", True) is not False) == own.endswith("="):
            raise ValueError("each of several is put in after a flag, or directly after one that ends with =")
        word = Word.field(name, "," if separator else _flag(own) if own else "")
        if not prefix:
            return [word]
        # Of nothing there is nothing, not even the prefix: a file that is not optional is always there.
        if kind.optional or not kind.file:
            raise ValueError("a flag before all of several would stay, where there are none")
        if not separate and not separator:
            raise ValueError("a flag in one word with the first of several cannot be said")
        return [Word.of(prefix), word] if separate else [word.after(prefix)]

    # -- texts with references

    def word(self, text: str, *, this: Given | None = None) -> Word:
        """A text with references as one word.  Raises ``ValueError``."""
        if text in self._named:
            return Word.field(self._named[text])
        parts = parts_of(text)
        if not parts:
            return Word.of("")
        return Word(tuple(piece for part in parts for piece in self._piece(part, this, alone=len(parts) == 1)))

    def _piece(self, part: str | Reference, this: Given | None, *, alone: bool) -> list[tuple[str, bool]]:
        if isinstance(part, str):
            return [(part, False)]
        match part.path:
            case ("runtime", "cores"):
                return [("{cpus}", True)]
            case ("runtime", "ram"):
                return [("{memory:MiB}", True)]
            case ("runtime", "tmpdir"):
                return [("{scratch}", True)]
            case ("runtime", "outdir"):
                return [(".", False)]
            case ("self", *rest) if this is not None:
                given = this
            case ("inputs", name, *rest) if name in self._given:
                given = self._given[name]
            case _:
                raise ValueError(f"{part} cannot be said")
        if rest != (["path"] if given.kind.file and not given.kind.many else []):
            raise ValueError(f"{part} cannot be said")
        if not alone and (given.kind.optional or given.kind.many):
            raise ValueError(f"{part} is not always one word")
        return [(f"{{{given.name}}}", True)]

    def _lone(self, text: str) -> Kind | None:
        """The kind of the input that a text is, if it is one."""
        if text in self._named:
            return None
        match parts_of(text):
            case (Reference(path=("inputs", name, *_)),) if name in self._given:
                return self._given[name].kind
            case _:
                return None

    def _streams(self) -> Iterator[str]:
        """What the shell does with input and output."""
        outputs = [each.get("type") for each in listed(self._said.get("outputs"), key="id", value="type")]
        read = [f"$(inputs.{there}.path)" for there, given in self._given.items() if given.said.get("type") == "stdin"]
        for name, sign in (("stdin", "<"), ("stdout", ">"), ("stderr", "2>")):
            text = self._said.get(name, read[0] if name == "stdin" and read else None)
            if text is None and name not in outputs:
                continue
            key = str(text) if text is not None else f"({name})"
            try:
                if text is not None or key in self._named:
                    yield f"{sign} {self.word(key).shell}"
            except ValueError as error:
                self._losses.stop(f"{self._at}.{name}", text, str(error))


def _raw(text: str, binding: Mapping[str, Any]) -> Word:
    parts = parts_of(text)
    if any(isinstance(part, Reference) for part in parts):
        raise ValueError("a value is never text for the shell here")
    prefix = binding.get("prefix")
    literal = "".join(str(part) for part in parts)
    return Word(((f"{prefix} {literal}" if prefix else literal, False),), raw=True)


def _flag(prefix: str) -> str:
    if not _FLAG.fullmatch(prefix):
        raise ValueError(f"{prefix!r} is no flag")
    return prefix
