"""An archive as an fsspec filesystem, so that whatever reads files by URL reads archived ones in place.

    holotype://rnaseq/liver@3/reads/a.fastq::s3://lab/archive
               ╰─ dataset ─╯ ╰ in its snapshot ╯  ╰ the archive ╯

After the ``@`` stands a number, a digest's first digits, or ``latest``; without it the latest snapshot is meant as
well.  One filesystem object sees the archive as it was when the object was made: what is latest does not change under a
reader's feet, not even when the object travels to another process.  A new URL is a new look.

As folders, an archive holds one for each snapshot (``rnaseq/liver@3``), and a snapshot what was backed up.  A symbolic
link to a file is that file; one that leads to a folder can be gone through, but is listed as a ``link``, so that no
walk goes round in circles.  Everything is read-only.
"""

# fsspec declares no types, and what can be guessed of its methods from their defaults is not their contract.
# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from fsspec import AbstractFileSystem
from fsspec.utils import tokenize

from holotype.catalog import ArchiveReadOnly, CallError, EntryNotFound, HolotypeError, InvalidOption, open_store

from ..packs import PackReader
from ..recent import Recent
from ..reopening import context_of
from ..tree.paths import key, raw_path
from .addresses import Addresses
from .lookup import follow, names_below, path_of
from .nearby import NearManifest, Places
from .opened import ArchivedFile, file_row, open_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from holotype.catalog import ObjectStore

    from ..context import Context
    from ..manifest import Manifest
    from ..records.snapshots import Snapshot
    from .addresses import Address

__all__ = ["HolotypeFileSystem", "filesystem"]

_COLUMNS = ("path", "path_bytes", "kind", "size", "mtime_ns", "mode", "uid", "gid", "target", "sha256")
_LISTED = 100_000  # entries of listings kept, over all folders: some 50 MB
_SNAPSHOTS = 4  # whose rows are kept
_TYPES = {"file": "file", "hardlink": "file", "directory": "directory", "symlink": "link"}

Info = dict[str, Any]


def filesystem(context: Context, reference: str | None = None) -> HolotypeFileSystem:
    """The archive as a filesystem, or one snapshot of it, in which all paths then begin."""
    return HolotypeFileSystem(context=context, reference=reference)


class HolotypeFileSystem(AbstractFileSystem):
    """One archive, or one snapshot of it, read through fsspec (see the module).

    ``fo``: the archive's URL; in a chained URL fsspec gives it, with ``target_protocol``.  ``target_options``: what the
    archive's own storage wants to know.  ``reference``: a snapshot; paths then begin in it.

    Raises ``ArchiveNotFound``, ``InvalidOption``, or what resolving the reference raises.
    """

    protocol = "holotype"
    # A new object is a new look at the archive; fsspec's own cache would keep the first one for ever.
    cachable = False

    def __init__(
        self,
        fo: str | os.PathLike[str] | None = None,
        *,
        target_protocol: str | None = None,
        target_options: Mapping[str, Any] | None = None,
        reference: str | None = None,
        context: Context | None = None,
        pins: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if context is None:
            options = dict(target_options or {})
            context = context_of(open_store(_url(fo, target_protocol), storage_options=options))
        self._context = context
        self._state = context.catalog.state
        self._addresses = Addresses(context, state=self._state, reference=reference, pins=pins)
        self._reader = PackReader(context.store)
        self._opened = Recent[str, tuple[NearManifest, Places]](_SNAPSHOTS)
        self._listings = Recent[str, list[Info]](_LISTED, weigh=lambda found: len(found) + 1)

    def __reduce__(self) -> tuple[object, ...]:
        root = self._addresses.root
        return _again, (self._context.store, self._context.author, root and root.name, self._addresses.pins)

    @property
    def fsid(self) -> str:
        """What identifies the archive."""
        return f"holotype_{self._context.catalog.id}"

    @cached_property
    def _fs_token(self) -> str:
        # Objects are equal when they show the same bytes under the same paths.
        root = self._addresses.root
        return str(tokenize(self.fsid, root.id if root is not None else self._state.version))

    # -- listing

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:  # noqa: FBT001, FBT002 - fsspec's signature
        """The entries of a folder, or a file's own; as dictionaries (see ``info``) or just their names."""
        path = self._strip_protocol(path)
        found = self._listings.get(path)
        if found is None:
            found = self._list(path)
            self._listings.put(path, found)
        return [dict(info) for info in found] if detail else [info["name"] for info in found]

    def info(self, path: str, **kwargs: Any) -> Info:
        """What is known of one path.

        ``name``, ``size`` in bytes, ``type`` (file, directory, link, other); of what lies in a snapshot also ``mtime``
        in seconds since 1970, ``mode``, ``uid``, ``gid`` and ``sha256``; ``islink`` and ``destination`` of symbolic
        links.
        """
        path = self._strip_protocol(path)
        address = self._addresses.find(path)
        if address is None:
            return _folder(path)
        if not path_of(address.inside):
            return _folder(path) | {"created": address.snapshot.time, "snapshot": address.snapshot.id}
        manifest = self._manifest(address.snapshot)
        own = manifest.find(path_of(address.inside), columns=_COLUMNS)
        row = follow(manifest, address.inside, columns=_COLUMNS) if own is None else own
        return _described(manifest, path, row, through=True)

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,  # noqa: FBT001, FBT002 - fsspec's signature
        detail: bool = False,  # noqa: FBT001, FBT002 - as above
        **kwargs: Any,
    ) -> Any:
        """Every file below a path, by name; ``withdirs``: folders too; ``detail``: with what is known of each.

        What cannot be opened, such as a link that leads nowhere, is not among them; ``ls`` shows it.
        """
        path = self._strip_protocol(path)
        address = self._addresses.find(path) if maxdepth is None and self.exists(path) else None
        if address is None:
            found_below: Any = super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
            infos = found_below.items()
        else:
            infos = sorted((info["name"], info) for info in self._below(address, path))
        types = ("file", "directory") if withdirs else ("file",)
        found = {name: info for name, info in infos if info.get("type", "file") in types}
        return found if detail else list(found)

    def walk(
        self,
        path: str,
        maxdepth: int | None = None,
        topdown: bool = True,  # noqa: FBT001, FBT002 - fsspec's signature
        on_error: str | Callable[[Exception], object] = "omit",
        **kwargs: Any,
    ) -> Iterator[Any]:
        """As ``os.walk``.  What is not there is left out; storage that fails is never taken for that."""
        handle: Any = _omit_absent if on_error == "omit" else on_error
        yield from super().walk(path, maxdepth, topdown, handle, **kwargs)

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Whether there is something at the path; raises when the storage could not say."""
        return self._type(path) is not None

    def isdir(self, path: str) -> bool:
        """Whether there is a folder at the path."""
        return self._type(path) == "directory"

    def isfile(self, path: str) -> bool:
        """Whether there is a file at the path."""
        return self._type(path) == "file"

    def created(self, path: str) -> datetime:
        """When the snapshot that the path lies in was made."""
        address = self._addresses.find(self._strip_protocol(path))
        if address is None:
            raise EntryNotFound(f"{path} is only the beginning of datasets' names: it has no time", path=path)
        return address.snapshot.time

    def modified(self, path: str) -> datetime:
        """When the file was last modified, before it was archived."""
        info = self.info(path)
        return datetime.fromtimestamp(info["mtime"], UTC) if "mtime" in info else self.created(path)

    def ukey(self, path: str) -> str:
        """The SHA-256 of a file's bytes; for anything else a hash of what is known of it."""
        digest = self._file(path)[1]["sha256"] if self.isfile(path) else None
        return str(tokenize(self.info(path))) if digest is None else digest.hex()

    def checksum(self, path: str) -> int:
        """As ``ukey``, as a number."""
        return int(self.ukey(path), 16)

    # -- reading

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> ArchivedFile:
        if mode != "rb":
            self._refuse(path)
        address, row = self._file(path)
        _, places = self._snapshot(address.snapshot)
        return open_row(self._context, row, reader=self._reader, places=places)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """The file's bytes from ``start`` up to and without ``end``; negative numbers count from its end."""
        with self._open(path) as file:
            return _slice(file, start, end)

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[bytes | Exception]:
        """Ranges of files, as ``cat_file``, each file opened once; ``starts``, ``ends``: one for each path, or one for
        all.
        """
        lows = starts if isinstance(starts, list) else [starts] * len(paths)
        highs = ends if isinstance(ends, list) else [ends] * len(paths)
        if not len(paths) == len(lows) == len(highs):
            raise InvalidOption(f"{len(paths)} paths need as many starts and ends", paths=len(paths))
        found: list[bytes | Exception] = [b""] * len(paths)
        for path in dict.fromkeys(paths):
            wanted = [number for number, other in enumerate(paths) if other == path]
            try:
                with self._open(path) as file:
                    for number in wanted:
                        found[number] = _slice(file, lows[number], highs[number])
            except HolotypeError as error:
                if on_error != "return":
                    raise
                for number in wanted:
                    found[number] = error
        return found

    # -- what would write

    def _refuse(self, path: object = "", *args: Any, **kwargs: Any) -> NoReturn:
        """Refuses, with ``ArchiveReadOnly``: what is archived never changes."""
        raise ArchiveReadOnly(
            f"{path}: archived files never change; make a new snapshot with archive.backup instead", path=str(path)
        )

    mkdir = makedirs = rmdir = rm = rm_file = _rm = touch = pipe_file = put_file = cp_file = mv = _refuse

    # -- rows

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        stripped = super()._strip_protocol(path)
        return stripped if isinstance(stripped, list) else stripped.lstrip("/")

    def _snapshot(self, snapshot: Snapshot) -> tuple[NearManifest, Places]:
        found = self._opened.get(snapshot.id)
        if found is None:
            manifest = NearManifest.load(self._context.catalog, snapshot.id, state=self._state)
            assert isinstance(manifest, NearManifest)
            found = self._opened.put(snapshot.id, (manifest, Places(self._context, manifest)))
        return found

    def _manifest(self, snapshot: Snapshot) -> NearManifest:
        return self._snapshot(snapshot)[0]

    def _file(self, path: str) -> tuple[Address, Info]:
        path = self._strip_protocol(path)
        address = self._addresses.find(path)
        if address is None:
            raise EntryNotFound(f"{path or 'the archive'} is a folder, not a file: list it instead", path=path)
        return address, file_row(self._manifest(address.snapshot), address.inside)

    def _type(self, path: str) -> str | None:
        try:
            return str(self.info(path)["type"])
        except CallError:
            return None

    def _list(self, path: str) -> list[Info]:
        found = [_folder(name) for name in self._addresses.above(path)]
        address = self._addresses.find(path)
        if address is None:
            return found
        manifest = self._manifest(address.snapshot)
        row = follow(manifest, address.inside, columns=_COLUMNS)
        if row["kind"] != "directory":
            return [_described(manifest, path, row, through=True)]
        base = f"{path}/" if path else ""
        for child in names_below(manifest, raw_path(row["path"], row["path_bytes"]), columns=_COLUMNS):
            found.append(_described(manifest, base + child["path"].rpartition("/")[2], child))
        return found

    def _below(self, address: Address, path: str) -> Iterator[Info]:
        """Everything below a path, itself included, in one pass over the manifest."""
        manifest = self._manifest(address.snapshot)
        top = follow(manifest, address.inside, columns=_COLUMNS)
        if path:
            yield self.info(path)
        if top["kind"] != "directory":
            return
        folder = raw_path(top["path"], top["path_bytes"])
        low, high = (key(folder) + b"\0", key(folder) + b"\x01") if folder else (None, None)
        skipped = len(top["path"]) + 1 if top["path"] else 0
        base = f"{path}/" if path else ""
        for rows in manifest.rows(columns=_COLUMNS, low=low, high=high):
            for row in rows.to_pylist():
                if row["path"]:
                    yield _described(manifest, base + row["path"][skipped:], row)


def _folder(name: str) -> Info:
    return {"name": name, "size": 0, "type": "directory"}


def _described(manifest: Manifest, name: str, row: Mapping[str, Any], *, through: bool = False) -> Info:
    """A row as fsspec tells it; ``through``: say of a link to a folder that it is a folder."""
    info: Info = {"name": name, "size": row["size"], "type": _TYPES.get(row["kind"], "other")}
    if "mtime_ns" in row:
        info |= {"mtime": row["mtime_ns"] / 1e9, "mode": row["mode"], "uid": row["uid"], "gid": row["gid"]}
        info["sha256"] = None if row["sha256"] is None else row["sha256"].hex()
    if row["kind"] == "symlink":
        info |= {"islink": True, "destination": os.fsdecode(row["target"] or b"")}
        try:
            there = follow(manifest, raw_path(row["path"], row["path_bytes"]), columns=_COLUMNS)
        except EntryNotFound:
            return info
        if there["kind"] in ("file", "hardlink") or through:
            digest = there.get("sha256")
            info |= {"size": there["size"], "type": _TYPES.get(there["kind"], "other")}
            info["sha256"] = None if digest is None else digest.hex()
    return info


def _slice(file: ArchivedFile, start: int | None, end: int | None) -> bytes:
    low, high, _ = slice(start, end).indices(file.size)
    return file.read_at(low, max(high - low, 0))


def _omit_absent(error: Exception) -> None:
    if not isinstance(error, CallError):
        raise error


def _url(fo: str | os.PathLike[str] | None, protocol: str | None) -> str:
    if not fo:
        raise InvalidOption(
            "which archive? Write holotype://dataset@n/path::<archive url>, or give its URL as fo=", option="fo"
        )
    url = os.fspath(fo)
    return url if "://" in url or protocol in (None, "file", "local") else f"{protocol}://{url.lstrip('/')}"


def _again(store: ObjectStore, author: str, reference: str | None, pins: Mapping[str, str]) -> HolotypeFileSystem:
    return HolotypeFileSystem(context=context_of(store, author=author), reference=reference, pins=pins)
