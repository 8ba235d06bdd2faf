"""Pickles, which are never loaded: a pickle is a program, and what it would call is told."""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.seekable import seekable, size_of

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Pickle"]

_PICKLE = "Python, pickletools"

RUNS = Code("pickle.globals", Severity.WARNING, "To load a file imports nothing.", _PICKLE)
DANGER = Code("pickle.dangerous", Severity.ERROR, "To load a file starts no program and opens no file.", _PICKLE)
BROKEN = Code("pickle.broken", Severity.ERROR, "A pickle is operations up to the one that stops it.", _PICKLE)
TRAILING = Code("pickle.trailing", Severity.WARNING, "Nothing follows the operation that stops a pickle.", _PICKLE)
ARRAYS = Code("pickle.joblib", Severity.NOTE, "A pickle is operations alone, and no arrays lie between them.", "joblib")
MANY = Code("pickle.size", Severity.WARNING, "A pickle has no more operations than are looked at.")

# Operations that are looked at: lists of millions of numbers have as many, and tell nothing new.
_OPERATIONS = 2_000_000
# Modules that do what no data needs.
_DANGEROUS = frozenset(
    {"asyncio", "code", "commands", "ctypes", "ftplib", "http", "importlib", "marshal", "multiprocessing", "nt", "os",
     "pdb", "pickle", "pip", "platform", "posix", "pty", "runpy", "shutil", "smtplib", "socket", "subprocess", "sys",
     "telnetlib", "timeit", "urllib", "webbrowser"}
)  # fmt: skip
_BUILTINS = frozenset(
    {"__import__", "breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "input", "open", "setattr"}
)
# What joblib writes before an array, whose bytes follow as they are.
_JOBLIB = {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
# Plain values are built by these, and they do nothing else.
_TEXT = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING")


class Pickle(Check):
    """Every operation, by name, without carrying out any.  What it would import is told, each once."""

    name = "pickle"
    version = "1"
    formats = frozenset({"pickle"})
    codes = (RUNS, DANGER, BROKEN, TRAILING, ARRAYS, MANY)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is None:
                return
            names: dict[str, int] = {}
            strings = _Strings()
            operations, stopped = 0, False
            size = size_of(file)
            file.seek(0)
            try:
                bounded: Any = _Bounded(file, size)
                for operation, argument, place in pickletools.genops(bounded):
                    operations += 1
                    stopped = operation.name == "STOP"
                    name = strings.imported(operation.name, argument)
                    if name is not None:
                        names.setdefault(name, place or 0)
                    if operations >= _OPERATIONS:
                        found.add(MANY, f"it has more than {_OPERATIONS:,} operations", offset=place)
                        found.partly()
                        break
            except (ValueError, IndexError, AttributeError, UnicodeError, OverflowError) as error:
                if _JOBLIB & names.keys():
                    found.add(ARRAYS, "what follows its first array is not looked at", offset=file.tell())
                    found.partly()
                else:
                    found.add(BROKEN, f"it is no pickle to its end: {error}", offset=file.tell())
            place = file.tell()
            _tell(names, found)
            if stopped and place < size:
                found.add(TRAILING, f"{size - place:,} bytes follow", offset=place)
            found.metric("pickle.operations", operations)


class _Bounded:
    """A file that gives no more than it has: a length that a pickle says is asked for at once."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._file.tell()
        return self._file.read(left if size < 0 else min(size, left))

    def readline(self) -> bytes:
        return self._file.readline(1 << 20)

    def tell(self) -> int:
        return self._file.tell()


class _Strings:
    """The strings that operations leave behind: of the last two, later ones make a name."""

    def __init__(self) -> None:
        self._last: list[str | None] = []
        self._kept: dict[int, str | None] = {}

    def imported(self, operation: str, argument: object) -> str | None:
        """What an operation imports, as ``module.name``."""
        if operation in ("GLOBAL", "INST"):
            return str(argument).replace(" ", ".", 1)
        if operation == "STACK_GLOBAL":
            return ".".join(each or "?" for each in self._last[-2:]) or "?"
        if operation in _TEXT:
            self._push(str(argument)[:200])
        elif operation == "MEMOIZE":
            self._keep(len(self._kept))
        elif operation in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._keep(int(str(argument)))
        elif operation in ("GET", "BINGET", "LONG_BINGET"):
            self._push(self._kept.get(int(str(argument))))
        elif operation not in ("PROTO", "FRAME"):
            self._push(None)
        return None

    def _push(self, text: str | None) -> None:
        self._last = [*self._last[-1:], text]

    def _keep(self, number: int) -> None:
        self._kept[number] = self._last[-1] if self._last else None


def _tell(names: dict[str, int], found: Found) -> None:
    for name, place in names.items():
        module, _, what = name.partition(".")
        if module in _DANGEROUS or (module in ("builtins", "__builtin__") and what in _BUILTINS):
            found.add(DANGER, f"to load it would call {name}", offset=place, record=name)
        else:
            found.add(RUNS, f"to load it imports {name}", offset=place, record=name)


CHECKS = (Pickle,)
