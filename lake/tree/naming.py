r"""What names a platform takes, and which of them it takes for one another: rules as values, to be tried anywhere.

===========  ===============================================  ==============================  =================
rules        names it has not                                 the longest                     takes for the same
===========  ===============================================  ==============================  =================
``POSIX``    none                                             255 bytes                       nothing
``WINDOWS``  ``<>:"|?*\``, control characters, an end in a    255 units of UTF-16             ``a`` and ``A``
             dot or a space, devices such as ``NUL.txt``,
             what is not Unicode
``MACOS``    what is not Unicode                              255 units of UTF-16             ``a`` and ``A``, and
                                                                                              both spellings of é
===========  ===============================================  ==============================  =================

A colon is more than a character that is missing: ``notes:x`` on Windows is a hidden stream of the file ``notes``, and
``C:x`` leads to another drive.  Which rules hold in a certain folder, ``terrain`` finds out: a stick with FAT has much
of what Windows says, whoever mounts it.

An *escaped* name says where it came from, is taken everywhere, and meets no other, for it ends in a hash of the name::

    wh?t.txt    wh_t~8c0e24a1.txt            Data, beside data    Data~5f1c0b77
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from dataclasses import dataclass
from typing import Literal

__all__ = ["MACOS", "POSIX", "WINDOWS", "Rules", "escaped", "rules_of_platform", "same", "unfit"]

# As Python's own ``ntpath.isreserved`` has it: with any ending, and with spaces before that.
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{digit}" for port in ("COM", "LPT") for digit in "123456789\xb9\xb2\xb3"]
)
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_LONGEST = 255
_MARK = 8  # hexadecimal digits of a hash: two in a folder agree once in four thousand million
_ENDING = 16  # characters after the last dot that are still an ending, and kept


@dataclass(frozen=True, slots=True)
class Rules:
    """What names there are, which are the same, and what files have besides a name and bytes.

    ``characters``, ``ends``, ``devices``: whether Windows' rules for each hold.  ``unicode``: whether every name is
    text.  ``longest_bytes`` and ``longest_units``: of a name, in UTF-8 and in UTF-16.  ``folds``: whether case does not
    matter, as NTFS has it (``"simple"``: a letter for a letter) or as Unicode has it (``"full"``: ß is ss, too).
    ``normalises``: whether a letter with its accent is the same in one character or in two.  ``symlinks``,
    ``hardlinks``, ``xattrs``, ``owners`` and ``specials``: whether there are any, or any that this process may make.
    ``modes``: the only ones there are, ``None`` for all.
    """

    platform: Literal["posix", "windows", "macos"]
    characters: bool = False
    ends: bool = False
    devices: bool = False
    unicode: bool = False
    longest_bytes: int | None = None
    longest_units: int | None = None
    folds: Literal["simple", "full"] | None = None
    normalises: bool = False
    symlinks: bool = True
    hardlinks: bool = True
    xattrs: bool = True
    owners: bool = True
    modes: frozenset[int] | None = None
    specials: bool = True


POSIX = Rules("posix", longest_bytes=_LONGEST)
WINDOWS = Rules(
    "windows",
    characters=True,
    ends=True,
    devices=True,
    unicode=True,
    longest_units=_LONGEST,
    folds="simple",
    xattrs=False,
    owners=False,
    modes=frozenset({0o444, 0o666, 0o777}),
    specials=False,
)
MACOS = Rules("macos", unicode=True, longest_units=_LONGEST, folds="full", normalises=True, xattrs=False)


def rules_of_platform(platform: str = sys.platform) -> Rules:
    """The rules of an operating system, named as ``sys.platform`` names it, where nothing more is known."""
    return {"win32": WINDOWS, "cygwin": WINDOWS, "darwin": MACOS}.get(platform, POSIX)


def unfit(name: bytes, rules: Rules) -> str | None:
    """Why there cannot be such a name, in words; ``None`` where there can.  ``name``: one component of a path."""
    if rules.longest_bytes is not None and len(name) > rules.longest_bytes:
        return f"the name has {len(name)} bytes, and none here may have more than {rules.longest_bytes}"
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "the name is not UTF-8, and here every name is text" if rules.unicode else None
    if rules.longest_units is not None and len(text) > rules.longest_units // 2:  # few characters take two units
        units = _units(text)
        if units > rules.longest_units:
            return f"the name has {units} units of UTF-16, and none here may have more than {rules.longest_units}"
    if rules.characters and (found := _FORBIDDEN.search(text)):
        if found[0] == ":":
            return "the name has a colon, which here parts a file from its streams, and a drive from a path"
        return f"the name has {found[0]!r}, which no name here may have"
    if rules.ends and text.endswith((".", " ")):
        return f"the name ends with a {'dot' if text.endswith('.') else 'space'}, which is dropped here"
    if rules.devices and (stem := text.partition(".")[0].rstrip(" ").upper()) in _DEVICES:
        return f"the name is that of the device {stem} here"
    return None


def same(path: bytes, rules: Rules) -> bytes:
    """What the paths that lead to one place have in common: two are taken for the same when this is the same."""
    if not rules.folds and not rules.normalises:
        return path
    if path.isascii():
        return path.lower() if rules.folds else path
    text = path.decode("utf-8", "surrogateescape")
    if rules.normalises:
        text = unicodedata.normalize("NFD", text)
    if rules.folds == "full":
        text = text.casefold()
        if rules.normalises:  # folding can bring forth what is normal no more
            text = unicodedata.normalize("NFD", text)
    elif rules.folds == "simple":
        text = "".join(map(_raised, text)).translate(_LOWER)  # as ASCII is above
    return text.encode("utf-8", "surrogateescape")


_LOWER = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _raised(letter: str) -> str:
    """A letter as NTFS compares it: by its capital, where both are one unit of UTF-16 and each is the other's."""
    capital = letter.upper()
    if letter == "\u03c2":  # the other small sigma
        return "\u03a3"
    return capital if len(capital) == 1 and letter <= "\uffff" and capital.lower() == letter else letter


def escaped(name: bytes, rules: Rules) -> bytes:
    """Another name for an entry, the same each time, that fits the rules of every platform and those given."""
    mark = b"~" + hashlib.sha256(name).hexdigest()[:_MARK].encode()
    text = _FORBIDDEN.sub("_", name.decode("utf-8", "replace").replace("\ufffd", "_"))
    stem, dot, ending = text.rpartition(".")
    if not stem.strip(". ") or not 0 < len(ending) <= _ENDING or len(ending.split()) != 1 or ending != ending.strip():
        stem, dot, ending = text.rstrip(". "), "", ""
    room = min(rules.longest_bytes or _LONGEST, _LONGEST) - len(mark) - len((dot + ending).encode())
    # Bytes are never fewer than units of UTF-16; a character that is cut is left out.
    short = stem.encode()[: max(room, 0)].decode("utf-8", "ignore")
    # A device is one up to its first dot, so the mark comes before that.
    if short.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        short = short.replace(".", "_")
    return short.encode() + mark + (dot + ending).encode()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
