"""Commands with fields: ``bwa mem -t {cpus} {reference} {reads} | samtools sort -o {bam} -``.

A field is a name in braces, and what it stands for is put in quoted, as one word each, whatever characters it has: no
name of a sample is ever run.  After a colon it says how:

==================  ===================================================================================
``{reads}``         each file is a word of its own
``{reads:,}``       all in one word, with commas between
``{reads:-I}``      ``-I a -I b``; of nothing, nothing; of yes or no, ``-I`` or nothing
``{bam:--out=}``    ``--out=a``
``{bam:O=}``        ``O=a``, as Picard has it
``{memory:GiB}``    bytes as a whole number of a unit, rounded down
``{sample:%}``      ``%`` and two hexadecimal digits for each byte but letters, digits and ``-._~`` (RFC 3986):
                    for headers, where a blank, a tab, a ``\\`` or what is not ASCII would mean something else
``{{`` and ``}}``   braces themselves
==================  ===================================================================================

A command that is a text is one for the shell (``bash``, which stops at the first failure, within pipes too); one that
is a list of texts is started as it is.  Quotes are the template's business: a field within quotes, in a comment, behind
a ``\\``, a ``$`` or a ``[``, in a sum, in a here-document, or where the shell itself runs words (``eval``, ``let``,
``[[ … -eq … ]]``) is refused, for there no quoting would hold.  Programs that run their arguments, such as ``sh -c`` or
``ssh``, are not the shell's: what they are given is theirs.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from .quantities import SIZES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Field", "Template", "fields_of", "path_with", "pieces_of"]

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Beyond that it is a script, of which one would rather name the file.
_LONGEST = 16_384
# Bytes of a field in a path, of the 255 that a name may have; and what is kept of a longer one.
_LONGEST_NAME, _KEPT = 150, 100
_FILLED = re.compile(r"(?<!\{)(?:\{\{)*\{[A-Za-z]")
# Commands of the shell that run their words, or take them for sums in which a command may stand; and tests of numbers.
_RUN = re.compile(
    r"(?:^|[\s;&|({`])(?:eval|let|trap|unset|printf\s+-v)\s[^;&|\n]*"
    r"|\[\[\s(?:(?!\]\]).)*?\s-(?:eq|ne|lt|le|gt|ge|v|R)\s(?:(?!\]\]).)*"
    r"|(?:\[|\btest)\s+-v\s[^;&|\n]*",
    re.DOTALL,
)
_FLAG = re.compile(r"-[^\s{}]*|[A-Za-z0-9_.-]+=")


@dataclass(frozen=True)
class Field:
    """A field of a template: its name, and how it is put in, empty for plainly."""

    name: str
    how: str = ""

    def words(self, value: object) -> list[str]:
        """The words that a value becomes, as they are, unquoted.  Raises ``ValueError`` for one that cannot be."""
        if self.how in SIZES:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{{{self.name}:{self.how}}} is for bytes, and it is {value!r}")
            return [str(int(value // SIZES[self.how]))]
        if isinstance(value, bool):
            return ([self.how] if value else []) if _FLAG.fullmatch(self.how) else [str(value).lower()]
        texts = _texts(value)
        if self.how == ",":
            return [",".join(texts)] if texts else []
        if self.how == "%":
            return [quote(text, safe="") for text in texts]
        if self.how.endswith("="):
            return [self.how + text for text in texts]
        if self.how:
            return [word for text in texts for word in (self.how, text)]
        return texts


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    text = f"{value:.17g}" if isinstance(value, float) else str(value)
    if "\0" in text:
        raise ValueError(f"{text!r} has a NUL, which no command can take")
    return [text]


@dataclass(frozen=True)
class Template:
    """A command with fields, see above.  Raises ``ValueError`` for what is none, or could not be filled in safely."""

    command: str | tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.command, str):
            object.__setattr__(self, "command", tuple(self.command))
        if not self.command or not "".join(self.command).strip():
            raise ValueError("a command has to say something")
        if (size := sum(map(len, self.command))) > _LONGEST:
            raise ValueError(f"a command of {size} characters: what is longer than {_LONGEST} should be a script")
        for _ in self._parts():
            pass
        if isinstance(self.command, str):
            _check_quoting(self.command)

    @property
    def shell(self) -> bool:
        """Whether a shell runs it."""
        return isinstance(self.command, str)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its fields, in order."""
        return tuple(part for part in self._parts() if isinstance(part, Field))

    def filled(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The arguments to start: what was a text for the shell comes as one.  Raises ``ValueError`` that says which
        field has no value, or one that cannot be put in.
        """
        if isinstance(self.command, str):
            return (_filled(self.command, values, quoted=True),)
        arguments: list[str] = []
        for each in self.command:
            parts = list(_parsed(each))
            if len(parts) == 1 and isinstance(parts[0], Field):
                arguments += parts[0].words(_value(parts[0], values))
            else:
                arguments.append(_filled(each, values, quoted=False))
        return tuple(arguments)

    def shown(self, values: Mapping[str, object]) -> str:
        """What is run, as one would type it."""
        filled = self.filled(values)
        return filled[0] if self.shell else shlex.join(filled)

    def _parts(self) -> Iterator[str | Field]:
        for each in (self.command,) if isinstance(self.command, str) else self.command:
            yield from _parsed(each)


def path_with(pattern: str, values: Mapping[str, object]) -> str:
    """A path with fields, filled in: what would be another folder in a name is replaced, and one that no file system
    takes for its length is cut, with a checksum of all of it.  Raises ``ValueError``.
    """
    parts: list[str] = []
    for part in _parsed(pattern):
        if isinstance(part, str):
            parts.append(part)
            continue
        if part.how:
            raise ValueError(f"{{{part.name}:{part.how}}}: in a path a field stands plainly")
        words = part.words(_value(part, values))
        if len(words) != 1:
            raise ValueError(f"{{{part.name}}} is {len(words)} words, and a path needs one")
        plain = re.sub(r"[^\w.+=@,-]", "_", words[0])
        if len(plain.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
            digest = hashlib.sha256(words[0].encode("utf-8", "surrogatepass")).hexdigest()[:8]
            plain = f"{plain.encode('utf-8', 'replace')[:_KEPT].decode('utf-8', 'ignore')}-{digest}"
        parts.append(plain)
    return "".join(parts)


@lru_cache(1024)
def _parsed(text: str) -> tuple[str | Field, ...]:
    return tuple(_read(text))


def _read(text: str) -> Iterator[str | Field]:
    try:
        for literal, name, how, conversion in string.Formatter().parse(text):
            if literal:
                yield literal
            if name is None:
                continue
            if not _FIELD.fullmatch(name) or conversion:
                raise ValueError(f"{{{name}}} is no field: a field is a name, and braces themselves are {{{{ and }}}}")
            if how and not (how in (",", "%") or how in SIZES or _FLAG.fullmatch(how)):
                raise ValueError(f"{{{name}:{how}}}: nothing is put in like that")
            yield Field(name, how or "")
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _filled(text: str, values: Mapping[str, object], *, quoted: bool) -> str:
    parts: list[str] = []
    for part in _parsed(text):
        if isinstance(part, str):
            parts.append(part)
        elif quoted:
            parts.append(" ".join(shlex.quote(word) for word in part.words(_value(part, values))))
        else:
            words = part.words(_value(part, values))
            if len(words) != 1:
                raise ValueError(f"{{{part.name}}} is {len(words)} words within one argument: let it stand alone")
            parts.append(words[0])
    return "".join(parts)


def _value(field: Field, values: Mapping[str, object]) -> object:
    if field.name not in values:
        raise ValueError(f"{{{field.name}}} stands for nothing that is given")
    return values[field.name]


def _check_quoting(command: str) -> None:
    """Refuse fields where the shell would not take what is quoted for one word, or would run a word."""
    for match in _RUN.finditer(command):
        if _FILLED.search(match[0]):
            raise ValueError(f"what stands in {match[0].strip()!r} may be run, however it is quoted: do it without")
    shell = _Shell()
    for part in _parsed(command):
        if isinstance(part, str):
            shell.read(part)
        elif (where := shell.where()) is not None:
            raise ValueError(f"{{{part.name}}} stands {where}")
        else:
            shell.before = "x"  # a word


class _Shell:
    """Reads a command as far as one has to, to know what quoting means at a place."""

    def __init__(self) -> None:
        # The character before, none if it means nothing to what follows; the quote one is in, ``$`` for ``$'…'``.
        self.before = ""
        self._quote = ""
        self._comment = self._document = False
        self._sums = 0

    def where(self) -> str | None:
        """What is wrong with a field that stands here; nothing, if a word can."""
        if self._quote:
            return "within quotes: leave them out, it is quoted as it is put in"
        if self._comment:
            return "in a comment"
        if self._document:
            return "in a here-document: hand it over as an argument"
        if self._sums:
            return "in a sum, where text may be run: calculate it before"
        if self.before == "[":
            return "where a place in an array does, in which text may be run: calculate it before"
        if self.before in ("$", "\\"):
            return f"behind a {self.before}: braces of the shell are written {{{{ and }}}}"
        return None

    def read(self, text: str) -> None:
        """Read on."""
        for place, character in enumerate(text):
            escaped = self.before == "\\" and self._quote != "'"
            if not escaped:
                self._take(character, text[place : place + 3])
            self.before = "" if escaped else character

    def _take(self, character: str, ahead: str) -> None:
        if self._comment:
            self._comment = character != "\n"
        elif self._quote:
            if character == ("'" if self._quote == "$" else self._quote):
                self._quote = ""
        elif character in "'\"`":
            # A command within backquotes is read twice.
            self._quote = "$" if character == "'" and self.before == "$" else character
        elif self._sums:
            self._sums += (character == "(") - (character == ")")
        elif character == "#" and (self.before in ("", ";", "|", "&", "(", ")") or self.before.isspace()):
            self._comment = True
        elif ahead.startswith("<<") and ahead != "<<<" and self.before != "<":
            self._document = True  # where it ends, only the shell knows
        elif ahead.startswith("(("):
            self._sums = 1


def fields_of(paths: Sequence[str]) -> frozenset[str]:
    """The names of all fields in paths.  Raises ``ValueError``."""
    return frozenset(part.name for path in paths for part in _parsed(path) if isinstance(part, Field))


def pieces_of(text: str) -> tuple[str | Field, ...]:
    """The pieces of a command or a path, texts and fields, in order.  Raises ``ValueError``."""
    return _parsed(text)
