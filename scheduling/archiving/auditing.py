"""Whether an audit export is as it was made: nothing missing, nothing added, nothing altered."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from holotype.catalog import InvalidOption

from .bag import BAGIT, MANIFEST, TAG_MANIFEST, digest_of, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Audited", "check_audit"]

_TAGS = ("bagit.txt", "bag-info.txt", MANIFEST, "sign-off.json")
_T = TypeVar("_T")
# Of files that are about the bag none is larger; what says it is, is none.
_LARGEST = 256 << 20


@dataclass(frozen=True)
class Audited:
    """What was found of an export.

    ``missing``, ``added`` and ``altered``: paths in it.  ``wrong``: what else is not as it has to be, in words.
    ``digest``: SHA-256 of ``tagmanifest-sha256.txt``, empty where there is none.  ``signed``: what ``sign-off.json``
    says.
    """

    run: str
    files: int
    digest: str
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    signed_by: str = ""

    @property
    def ok(self) -> bool:
        """Whether all of it is there, as it was made, and nothing else."""
        return not (self.missing or self.added or self.altered or self.wrong)


def check_audit(path: str | os.PathLike[str], *, digest: str | None = None) -> Audited:
    """Look at every byte of an audit export, a folder or a file ``.zip``.

    ``digest``: what ``audit_export`` gave for it, kept elsewhere: with that, not even who makes a whole new export goes
    unnoticed.  What is not as it was made is returned, not raised.  Raises ``InvalidOption`` where nothing is.
    """
    target = Path(path)
    if not target.exists():
        raise InvalidOption(f"there is no export at {target}", option="path")
    if target.is_dir():
        return _Look(_Folder(target), digest).result()
    try:
        with zipfile.ZipFile(target) as opened:
            return _Look(_Zip(opened), digest).result()
    except zipfile.BadZipFile as error:
        return Audited(run="", files=0, digest="", wrong=(f"{target.name} is no ZIP archive: {error}",))


class _Bagged(Protocol):
    """The files of an export, wherever they are."""

    def paths(self) -> list[str]: ...

    def odd(self) -> list[str]: ...

    def open(self, path: str) -> Any: ...


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found, self._odd = list[str](), list[str]()
        for where, folders, names in os.walk(folder):
            for name in (*names, *folders):
                own = Path(where, name)
                inside = own.relative_to(folder).as_posix()
                if own.is_symlink() or not (own.is_file() or own.is_dir()):
                    self._odd.append(f"{inside} is neither a file nor a folder")
                elif own.is_file():
                    self._found.append(inside)

    def paths(self) -> list[str]:
        return self._found

    def odd(self) -> list[str]:
        return self._odd

    def open(self, path: str) -> Any:
        return (self._folder / path).open("rb")


class _Zip:
    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened
        counts = Counter(each.filename for each in opened.infolist() if not each.is_dir())
        self._found = list(counts)
        self._odd = [f"{name} is in it {count} times" for name, count in counts.items() if count > 1]

    def paths(self) -> list[str]:
        return self._found

    def odd(self) -> list[str]:
        return self._odd

    def open(self, path: str) -> Any:
        return self._opened.open(path)


class _Look:
    """One look at one export."""

    def __init__(self, bagged: _Bagged, digest: str | None) -> None:
        self._bagged, self._wanted = bagged, digest
        self._there = set(bagged.paths())
        self.wrong = list(bagged.odd())
        self.altered = list[str]()

    def result(self) -> Audited:
        tags, digest = self._manifest(TAG_MANIFEST)
        payload, manifest = self._manifest(MANIFEST)
        wanted = {*payload, *tags, *_TAGS, TAG_MANIFEST}
        missing = sorted(wanted - self._there)
        self.wrong += [f"{TAG_MANIFEST} does not speak of {name}" for name in _TAGS if tags and name not in tags]
        self.wrong += [f"{MANIFEST} speaks of {path}" for path in payload if not path.startswith("data/")]
        for path, said in sorted({**payload, **tags}.items()):
            if path in self._there and self._digest(path) != said:
                self.altered.append(path)
        signed = self._signed(manifest)
        if self._wanted is not None and digest != self._wanted:
            self.wrong.append(f"it is another export than the one whose digest is {self._wanted}")
        if "bagit.txt" in self._there and self._read("bagit.txt") != BAGIT.encode():
            self.altered.append("bagit.txt")
        return Audited(
            run=str(signed.get("run", "")),
            files=len(payload),
            digest=digest,
            missing=tuple(missing),
            added=tuple(sorted(self._there - wanted)),
            altered=tuple(sorted({*self.altered})),
            wrong=tuple(self.wrong),
            signed_by=str(signed.get("signed-by", "")),
        )

    def _manifest(self, name: str) -> tuple[dict[str, str], str]:
        data = self._read(name)
        if data is None:
            return {}, ""
        found, wrong = lines_of(data.decode("utf-8", "surrogateescape"))
        self.wrong += [f"a line of {name} says nothing: {line[:100]!r}" for line in wrong]
        return found, hashlib.sha256(data).hexdigest()

    def _signed(self, manifest: str) -> dict[str, Any]:
        data = self._read("sign-off.json")
        if data is None:
            return {}
        try:
            said = json.loads(data)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self.wrong.append("sign-off.json signs nothing off")
            return {}
        if said.get("manifest") != manifest:
            self.wrong.append(f"what was signed off is another {MANIFEST}")
        return said

    def _read(self, path: str) -> bytes | None:
        """The bytes of a small file; nothing where it cannot be read, which is told."""
        if path not in self._there:
            return None
        return self._looked(path, lambda file: bytes(file.read(_LARGEST)))

    def _digest(self, path: str) -> str | None:
        return self._looked(path, digest_of)

    def _looked(self, path: str, look: Callable[[Any], _T]) -> _T | None:
        try:
            with self._bagged.open(path) as file:
                return look(file)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            self.wrong.append(f"{path} cannot be read: {error}")
            return None
