"""What is kept of command lines, paths and variables: nothing secret, nobody's home, the rest so that it runs again.

A path below a source is kept as a place in its dataset, and can be put anywhere; of a path elsewhere only its last part
is kept; of a program its name::

    redactor = Redactor({"run42": "/data/run42"}, home="/mnt/people/ada")

    redactor.arguments(["/opt/bwa/bin/bwa", "mem", "--out=/data/run42/a.sam", "/mnt/people/ada/r.fa", "--token", "x3t"])
        ["bwa", "mem", "--out={run42}/a.sam", "{outside}/r.fa", "--token", "‹redacted›"]
    redactor.expand("--out={run42}/a.sam", {"run42": "/scratch/again"})
        "--out=/scratch/again/a.sam"

What looked like ``{run42}`` to begin with is written ``{{}run42}``, and becomes itself again.
"""

from __future__ import annotations

import getpass
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .secrets import REDACTED, hidden, is_secret, takes_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["OUTSIDE", "REDACTED", "Redactor"]

OUTSIDE = "outside"
_OUT = f"{{{OUTSIDE}}}"
# Folders at the top of a file system: what begins with another, such as /pattern/d, is no path.
_TOPS = frozenset(
    re.findall(
        r"\w+",
        """
        afs archive bin boot cluster data dev etc export fast gpfs group groups home lab lib lib64 lustre media mnt net
        nfs opt private proc project projects root run sbin scratch sdf shared srv staging storage store sys tmp Users
        usr var Volumes work workspace
        """,
    )
)
# Everybody's.
_NOBODYS = frozenset(("root", "user", "users", "admin", "ubuntu", "debian", "data", "home", "test", "work", "nobody"))
_DEVICES = re.compile(r"/dev/(?:null|zero|full|u?random|std(?:in|out|err)|tty|fd/\d+)|/proc/self/fd/\d+")
# Where in a text an absolute path may begin: not within another, nor in an address, but after an option's letter.
_BEGIN = r"(?:(?<=file://)|(?<=^-[A-Za-z])|(?<=\s-[A-Za-z])|(?<![\w/.~$}\\-]))"
_PART = r"[^\s\"'`;|&<>()\[\]{},:=*?$\\/]"
_REST = rf"(?:/(?:{_PART})*)*"
# Elsewhere than on Windows, a slash after a letter and a colon begins a second path.
_DRIVE = r"[A-Za-z]:[\\/]|\\\\" if os.name == "nt" else r"[A-Za-z]:\\|\\\\"
_PLAIN = re.compile(r"[^\n;|&<>\"'$`()=*]+")
# Texts of which it is remembered what was made of them: how long these are at most, and how many there are.
_SHORT, _MANY = 500, 4096
_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "ash", "fish"))


def _tops() -> frozenset[str]:
    try:
        with os.scandir(os.sep) as entries:
            return _TOPS | {entry.name for entry in entries if entry.is_dir()}
    except OSError:  # not listed: those that are common will do
        return _TOPS


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, in a container
        return ""


@dataclass(frozen=True)
class Redactor:
    """Rules about what is kept.

    ``sources``: where each dataset lies, by absolute paths.  ``home`` and ``user``: whose they are who run this, by
    default from the system.  ``patterns``: what else is secret: each match, or its group ``secret``.  ``tops``: the
    folders in which absolute paths begin.
    """

    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    home: str = field(default_factory=lambda: os.path.expanduser("~"))
    user: str = field(default_factory=_user)
    patterns: tuple[str, ...] = ()
    tops: frozenset[str] = field(default_factory=_tops)

    def argument(self, argument: str) -> str:
        """One argument of a command line, or a short text."""
        return self._remembered(self._argument, argument)

    def _argument(self, argument: str) -> str:
        found = re.fullmatch(r"(--?)?([A-Za-z][\w.-]*)([=:])(.*)", argument, re.DOTALL)
        if found is not None and found[4] and not found[4].startswith("//") and is_secret(found[2]):
            # All of it, whatever it looks like.
            return f"{self._escaped(argument[: found.start(4)])}{REDACTED}"
        return self.text(argument)

    def arguments(self, arguments: Sequence[str]) -> list[str]:
        """A command line; of the program that is run, only its name is kept unless it lies below a source."""
        if not arguments:
            return []
        program = os.path.basename(arguments[0].replace("\\", "/")).removesuffix(".exe")
        kept = [self.path(arguments[0], program=True)]
        secret = code = False
        for argument in arguments[1:]:
            follows, start = takes_secret(program, argument)
            if secret:
                kept.append(REDACTED)
                secret = False
                continue
            if start is not None:
                kept.append(f"{start}{REDACTED}")
            elif code:
                kept.append(self.text(self._short_options(argument)))
            else:
                kept.append(self.argument(argument))
            secret = follows
            code = program in _SHELLS and argument.startswith("-") and argument.endswith("c")
        return kept

    def path(self, path: str, *, program: bool = False) -> str:
        """A path; ``program``: of one, of which only the name is kept when it lies outside."""
        if self._source_of(path) is not None:
            return self._placed(self._hidden(path))
        path = self._hidden(path)
        if not os.path.isabs(path) and not re.match(rf"~|{_DRIVE}", path):
            return self.text(path)
        return self._last(path, program=program)

    def text(self, text: str) -> str:
        """Any text: what a program said, a script, an address."""
        return self._remembered(self._text, text)

    def _text(self, text: str) -> str:
        return "".join(self._pieces(self._hidden(text)))

    def _remembered(self, redact: Callable[[str], str], text: str) -> str:
        """What was made of a text: who tells of thousands of tasks says most things again and again."""
        if len(text) > _SHORT:
            return redact(text)
        known, key = self._known, (redact.__name__, text)
        if (found := known.get(key)) is None:
            if len(known) >= _MANY:
                known.clear()
            found = known[key] = redact(text)
        return found

    @cached_property
    def _known(self) -> dict[tuple[str, str], str]:
        return {}

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables and their values; what is to be kept of them at all is for somebody else to choose."""
        return {name: REDACTED if is_secret(name) and value else self.text(value) for name, value in variables.items()}

    def expand(self, argument: str, mapping: Mapping[str, str]) -> str:
        """An argument as it was, with each dataset where ``mapping`` says, which has to have all that are known here.

        What was redacted stays so, and so does what was outside.
        """

        def one(match: re.Match[str]) -> str:
            return "{" if match[1] == "{" else mapping.get(match[1], match[0])

        return _known({*mapping, *self.sources}).sub(one, argument)

    # -- paths

    @cached_property
    def _roots(self) -> tuple[tuple[str, str], ...]:
        """The sources, those that lie in others first."""
        return tuple(
            sorted(
                ((path.rstrip("/\\") or path, name) for name, path in self.sources.items()),
                key=lambda each: (-len(each[0]), each),
            )
        )

    def _source_of(self, path: str) -> tuple[str, str] | None:
        for root, name in self._roots:
            if path == root or path.startswith((f"{root}/", f"{root}{os.sep}")):
                whole = os.path.normpath(path)
                if whole == root or whole.startswith(root + os.sep):
                    return root, name
        return None

    def _placed(self, path: str) -> str:
        """A path in a source, as a place in its dataset."""
        found = self._source_of(path)
        if found is None:
            return self._last(path)
        root, name = found
        return f"{{{name}}}{self._escaped(path[len(root) :])}"

    def _last(self, path: str, *, program: bool = False) -> str:
        """What is kept of a path that lies in no source."""
        if _DEVICES.fullmatch(path):
            return path
        parts = [part for part in re.split(r"[/\\]", path) if part]
        whole = os.path.normpath(path)
        if not parts or whole == self.home or (path.startswith("~") and len(parts) == 1):
            return _OUT
        name = self._nameless(self._escaped(self._hidden(parts[-1])))
        if program or (len(parts) > 1 and parts[-2] in ("bin", "sbin")):
            return name
        return f"{_OUT}/{name}"

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        sources = [re.escape(root) for root, _ in self._roots]
        kinds = [rf"(?P<source>(?:{'|'.join(sources)})(?![\w.+~-]){_REST})"] if sources else []
        kinds.append(rf"(?P<posix>/(?:{_PART})+{_REST})")
        kinds.append(rf"(?P<home>~(?:{_PART})*{_REST})")
        kinds.append(rf"(?P<windows>(?:{_DRIVE})(?:[^\s\"'`;|&<>(),:=*?])+)")
        return re.compile(rf"{_BEGIN}(?:{'|'.join(kinds)})")

    def _pieces(self, text: str) -> Iterator[str]:
        """A text with its paths placed."""
        if text.startswith("/") and self._source_of(text) is None and self._is_one_path(text):
            yield self._last(text)
            return
        end = 0
        for match in self._paths.finditer(text):
            found = self._path_in(match)
            if found is not None:
                yield self._nameless(self._escaped(text[end : match.start()]))
                yield found
                end = match.end()
        yield self._nameless(self._escaped(text[end:]))

    def _path_in(self, match: re.Match[str]) -> str | None:
        path = match[0]
        if match.lastgroup == "source":
            return self._placed(path)
        if match.lastgroup == "posix" and path.split("/", 2)[1] not in self.tops:
            return None
        if match.lastgroup == "home" and "/" not in path and path[1:] != self.user:
            return None  # a tilde on its own means many things
        return self._last(path)

    def _is_one_path(self, text: str) -> bool:
        """Whether an argument as a whole, with spaces in it, is a path rather than a line with paths."""
        parts = text.split("/", 2)
        return parts[1] in self.tops and _PLAIN.fullmatch(text) is not None and not re.search(r"\s[-/~]", text)

    # -- secrets and names

    @cached_property
    def _more(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern) for pattern in self.patterns)

    def _hidden(self, text: str) -> str:
        return hidden(text, self._more)

    def _short_options(self, text: str) -> str:
        """A line for a shell, without what follows the short options of programs that take secrets there."""
        words = re.split(r"(\s+)", text)
        program, secret = "", False
        for place in range(0, len(words), 2):
            word = words[place]
            if place == 0 or re.search(r"[;|&(]$", words[place - 2]) or words[place - 2] in ("then", "do", "else"):
                program = os.path.basename(word)
            elif re.fullmatch(r"\w+=.*", words[place - 2]) and program == words[place - 2]:
                program = os.path.basename(word)  # after a variable that is set for it
            follows, start = takes_secret(program, word)
            if secret:
                words[place], secret = REDACTED, False
            elif start is not None:
                words[place] = f"{start}{REDACTED}"
            else:
                secret = follows
        return "".join(words)

    def _nameless(self, text: str) -> str:
        if len(self.user) < 3 or self.user in _NOBODYS or self.user not in text:
            return text
        return re.sub(rf"(?<![A-Za-z0-9]){re.escape(self.user)}(?![A-Za-z0-9])", REDACTED, text)

    # -- what looks like a place already

    @cached_property
    def _placeholders(self) -> re.Pattern[str]:
        return _known({*self.sources})

    def _escaped(self, text: str) -> str:
        return self._placeholders.sub(lambda match: "{{}" + match[0][1:], text) if "{" in text else text


def _known(names: set[str]) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(name) for name in sorted({*names, OUTSIDE, "{"}))
    return re.compile(rf"\{{({alternatives})\}}")
