"""The store on any other file system of fsspec's keeps the contract, as far as one writer needs it."""

from __future__ import annotations

import errno
import ftplib
import functools
import http.server
import os
import pickle
import shutil
import threading
import zipfile
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from holotype import lake
from holotype.catalog import (
    ExtraMissing,
    GenericStore,
    HolotypeError,
    InvalidOption,
    ObjectMissing,
    SingleWriterStore,
    SingleWriterWarning,
    StorageDenied,
    StorageFailed,
    StorageFull,
    open_store,
    probe,
)
from holotype.catalog.stores.foreign import translated
from holotype.catalog.stores.genericfiles import time_of
from holotype.catalog.stores.patience import Patience

from .ftpd import PASSWORD, Ftpd
from .store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDS = ("aioftp", "aiohttp")

ONCE = Patience(attempts=1)


class Shelf(LocalFileSystem):
    """Local files, as a file system that holotype does not know."""

    protocol = "shelf"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        # fsspec's own knew only its own protocols until 2026.
        return str(super()._strip_protocol(path.removeprefix("shelf://")))


class Cloud(MemoryFileSystem):
    """Objects as in a cloud that holotype does not know: nothing is moved, and a creation may be exclusive.

    ``lies``: it takes the mode of a creation, and overwrites all the same.
    """

    protocol = "cloud"
    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's own is a dictionary of the class, and this must not be that one
    lock = threading.Lock()
    mv = fsspec.AbstractFileSystem.mv

    def __init__(self, *, lies: bool = False, token: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.lies = lies

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        with self.lock:
            super().pipe_file(path, value, mode="overwrite" if self.lies else mode, **options)


fsspec.register_implementation("shelf", Shelf, clobber=True)
fsspec.register_implementation("cloud", Cloud, clobber=True)
fsspec.register_implementation("lacking", "no_such_package.Files", errtxt="Install no-such-package", clobber=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ftpd]:
    with Ftpd(tmp_path_factory.mktemp("ftpd") / "files") as server:
        yield server


class TestGenericStoreOverLocalFiles(StoreContract):
    exclusive = False

    def make(self, tmp_path: Path) -> SingleWriterStore:
        return SingleWriterStore(GenericStore(f"shelf://{tmp_path}/store"))


class TestGenericStoreOverAnUnknownCloud(StoreContract):
    def make(self, tmp_path: Path) -> GenericStore:
        return GenericStore(f"cloud://{tmp_path.name}/store")

    @pytest.fixture(autouse=True)
    def _clean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Cloud, "store", {})


class TestGenericStoreOverFtp(StoreContract):
    exclusive = False
    replaces = False
    rounds = 20

    @pytest.fixture(autouse=True)
    def _server(self, server: Ftpd) -> None:
        self.server = server

    def make(self, tmp_path: Path) -> SingleWriterStore:
        return SingleWriterStore(GenericStore(self.server.url(tmp_path.name), storage_options=self.server.options))


@pytest.fixture
def store(tmp_path: Path) -> GenericStore:
    store = GenericStore(f"shelf://{tmp_path}/store", patience=ONCE)
    store.put("a/old", [b"old"])
    return store


# -- whole or absent, exclusive or not


def test_where_creation_is_not_exclusive_the_store_says_so(store: GenericStore) -> None:
    with pytest.raises(StorageFailed, match="no exclusive creation") as caught:
        store.create("a/new", b"new")
    assert caught.value.errno == errno.ENOTSUP
    assert not probe(store)
    assert [info.key for info in store.list("")] == ["a/old"]


def test_a_creation_of_the_file_systems_own_is_used_when_it_is_true() -> None:
    assert probe(GenericStore("cloud://true/store"))
    assert not probe(GenericStore("cloud://false/store", storage_options={"lies": True}))


def test_an_object_gets_its_name_when_it_is_whole(store: GenericStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(files: Shelf, path: str, value: bytes, **options: Any) -> None:
        LocalFileSystem.pipe_file(files, path, value[: len(value) // 2], **options)

    monkeypatch.setattr(Shelf, "pipe_file", half)
    with pytest.raises(StorageFailed, match="1 of 3 bytes arrived"):
        store.put("a/old", [b"new"])
    assert bytes(store.get("a/old")) == b"old"
    assert list(store.leftovers()) == []


def test_what_a_crash_left_behind_is_no_object_and_can_be_found(store: GenericStore, tmp_path: Path) -> None:
    (tmp_path / "store" / "a" / "old~0123456789abcdef").write_bytes(b"half")
    assert [info.key for info in store.list("")] == ["a/old"]
    (left,) = store.leftovers()
    assert (left.key, left.size) == ("a/old~0123456789abcdef", 4)
    store.delete([left.key])
    assert list(store.leftovers()) == []


@pytest.mark.parametrize("refusal", [FileExistsError(errno.EEXIST, "File exists"), None], ids=["aloud", "quietly"])
def test_a_file_system_that_does_not_move_over_a_file_is_helped(
    store: GenericStore, monkeypatch: pytest.MonkeyPatch, refusal: OSError | None
) -> None:
    def mv(files: Shelf, path: str, target: str, **options: Any) -> None:
        if not os.path.exists(target):
            LocalFileSystem.mv(files, path, target, **options)
        elif refusal:
            raise refusal

    monkeypatch.setattr(Shelf, "mv", mv)
    store.put("a/old", [b"new"])
    store.put("a/new", [b"newer"])
    assert (bytes(store.get("a/old")), bytes(store.get("a/new"))) == (b"new", b"newer")
    assert list(store.leftovers()) == []


def test_a_move_that_does_nothing_is_a_failure(store: GenericStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "mv", lambda files, path, target: None)
    with pytest.raises(StorageFailed, match="not moved"):
        store.put("a/new", [b"new"])
    assert list(store.leftovers()) == []


def test_what_is_there_but_cannot_be_read_is_not_called_missing(
    store: GenericStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(files: Shelf, path: str, *arguments: object) -> bytes:
        raise FileNotFoundError(path)  # as FTP does whatever the reason

    monkeypatch.setattr(Shelf, "cat_file", refuse)
    with pytest.raises(StorageDenied, match="it is there, but cannot be read"):
        store.get("a/old")
    with pytest.raises(ObjectMissing):
        store.get("a/new")


def test_a_listing_that_failed_is_not_called_empty(store: GenericStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def shutting_down(files: Shelf, path: str, **options: Any) -> object:
        try:
            raise ftplib.error_temp("421 Service not available")
        except ftplib.Error as error:
            raise FileNotFoundError(path) from error

    for name in ("ls", "info"):
        monkeypatch.setattr(Shelf, name, shutting_down)
    for look in (lambda: list(store.list("")), lambda: store.exists("a/old"), lambda: store.delete(["a/older"])):
        with pytest.raises(StorageFailed, match="421") as caught:
            look()
        assert caught.value.transient is True


# -- what a library says


def error_with(**attributes: object) -> Exception:
    """An error of an HTTP client."""
    error = Exception("the service says no")
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "kind", "passing"),
    [
        (FileNotFoundError("a"), ObjectMissing, False),
        (NotADirectoryError("a"), ObjectMissing, False),
        (PermissionError(errno.EACCES, "no"), StorageDenied, False),
        (OSError(errno.ENOSPC, "no"), StorageFull, False),
        (OSError(errno.EIO, "no"), StorageFailed, False),
        (OSError("no"), StorageFailed, False),
        (ConnectionResetError("no"), StorageFailed, True),
        (TimeoutError(), StorageFailed, True),
        (EOFError(), StorageFailed, True),
        (NotImplementedError(), StorageDenied, False),
        (ftplib.error_temp("421 bye"), StorageFailed, True),
        (ftplib.error_temp("452 no space"), StorageFull, False),
        (ftplib.error_perm("552 quota"), StorageFull, False),
        (ftplib.error_perm("530 who are you"), StorageDenied, False),
        (ftplib.error_perm("500 what"), StorageFailed, False),
        (error_with(status=403), StorageDenied, False),
        (error_with(status_code=401), StorageDenied, False),
        (error_with(response=SimpleNamespace(status_code=503)), StorageFailed, True),
        (error_with(status=507), StorageFull, False),
        (error_with(status=400), StorageFailed, False),
        (KeyError("something"), StorageFailed, False),
    ],
    ids=repr,
)
def test_every_error_becomes_one_of_ours(error: Exception, kind: type[HolotypeError], passing: bool) -> None:  # noqa: FBT001 - given by name
    said = translated(error, "a/b", "shelf://x", "reading")
    assert type(said) is kind
    assert (said.key, said.backend) == ("a/b", "shelf://x")
    assert "a/b in shelf://x" in str(said)
    assert bool(said.about.get("transient")) is passing


def test_what_goes_missing_while_writing_is_not_the_object() -> None:
    said = translated(FileNotFoundError("a/b~1"), "a/b", "shelf://x", "writing")
    assert type(said) is StorageFailed
    assert "try again" in str(said)


def test_no_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"token": "very-secret", "nested": {"inner": "hidden-too"}}
    store = GenericStore("cloud://ada:p@ss%20word@place/archive", storage_options=options, patience=ONCE)

    def fail(files: Cloud, path: str, *arguments: object) -> bytes:
        raise OSError("cannot log in with very-secret, hidden-too, p@ss%20word or p@ss word")

    monkeypatch.setattr(Cloud, "cat_file", fail)
    monkeypatch.setattr(Cloud, "info", fail)
    with pytest.raises(StorageFailed) as caught:
        store.get("a")
    assert caught.value.__cause__ is None
    for text in (str(caught.value), repr(dict(caught.value.about)), store.url, repr(store)):
        assert not [secret for secret in ("very-secret", "hidden-too", "word", "ss") if secret in text]
    assert store.url == "cloud://ada@place/archive"
    travelled = pickle.loads(pickle.dumps(store))
    assert travelled == store


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"mtime": 1.5}, datetime.fromtimestamp(1.5, UTC)),
        ({"LastModified": datetime(2026, 1, 2, tzinfo=UTC)}, datetime(2026, 1, 2, tzinfo=UTC)),
        ({"modified": datetime(2026, 1, 2)}, datetime(2026, 1, 2, tzinfo=UTC)),  # noqa: DTZ001 - as some do
        ({"modify": "20260102030405.678"}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_found_where_it_is_told(entry: dict[str, object], expected: datetime) -> None:
    assert time_of(entry) == expected


@pytest.mark.parametrize("entry", [{}, {"modify": "Nov 22 08:52"}, {"mtime": None}])
def test_what_has_no_time_is_never_old(entry: dict[str, object]) -> None:
    assert (datetime.now(UTC) - time_of(entry)).total_seconds() < 60


# -- URLs and options


def test_a_protocol_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidOption, match="no store for nosuch://") as caught:
        open_store("nosuch://ada:word@place/archive")
    assert "word" not in str(caught.value)


def test_a_protocol_whose_package_is_missing_says_which() -> None:
    with pytest.raises(ExtraMissing, match="Install no-such-package"):
        open_store("lacking://place/archive")


def test_options_the_file_system_does_not_know_are_refused(server: Ftpd) -> None:
    store = open_store("ftp://127.0.0.1/archive", storage_options={"port": "secret-port"})
    with pytest.raises(InvalidOption, match="options") as caught:
        store.exists("a")
    assert "secret-port" not in str(caught.value)


# -- FTP


def test_a_wrong_password_is_refused(server: Ftpd) -> None:
    options = {**server.options, "password": "wrong-one"}
    with pytest.raises(StorageDenied, match="530") as caught:
        GenericStore(server.url("x"), storage_options=options).exists("a")
    assert "wrong-one" not in str(caught.value)


def test_ftp_goes_on_when_the_server_is_back(tmp_path: Path) -> None:
    with Ftpd(tmp_path / "files") as server:
        patience = Patience(first=0.05, factor=1.5, within=20)
        store = GenericStore(server.url("store"), storage_options=server.options, patience=patience)
        store.put("a/b", [b"x" * 100_000])
        server.stop()
        server.start()
        assert len(bytes(store.get("a/b"))) == 100_000
        server.stop()
        server.start()
        store.put("a/c", [b"y"])
        assert {info.key for info in store.list("")} == {"a/b", "a/c"}


def test_a_part_of_a_big_object_is_read_over_ftp(server: Ftpd, tmp_path: Path) -> None:
    store = GenericStore(server.url(tmp_path.name), storage_options=server.options)
    data = os.urandom(5_000_000)
    store.put("big", [data])
    for start, length in [(0, 10), (1, 1_000_000), (4_999_999, 10), (2_000_000, 3_000_000), (123, 0)]:
        assert bytes(store.get("big", start, length)) == data[start : start + length]
    assert bytes(store.get("big")) == data
    with pytest.raises(ObjectMissing):
        store.get("small", 3, 5)


# -- through the front door


def backed_up(url: str, source: Path, options: dict[str, object]) -> lake.Archive:
    """An archive with one snapshot, made by the one writer it may have."""
    source.mkdir()
    (source / "reads.fastq").write_bytes(bytes(range(256)) * 2000)
    with pytest.warns(SingleWriterWarning, match="has one writer"):
        archive = lake.create(url, storage_options=options)
    assert archive.writers == "one"
    archive.backup(source, dataset="run")
    return archive


def test_an_archive_lives_on_an_ftp_server(server: Ftpd, tmp_path: Path) -> None:
    archive = backed_up(server.url("archive"), tmp_path / "data", server.options)
    assert PASSWORD not in archive.url
    assert archive.verify().ok
    with pytest.warns(SingleWriterWarning):
        again = lake.open(archive.url, storage_options=server.options)
    again.restore("run@1", tmp_path / "back")
    assert (tmp_path / "back" / "reads.fastq").read_bytes() == (tmp_path / "data" / "reads.fastq").read_bytes()
    again.forget("run@1")
    again.collect()
    assert again.verify().ok


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The folder of an archive, on a local disk."""
    backed_up(f"shelf://{tmp_path}/archive", tmp_path / "data", {})
    return tmp_path / "archive"


def test_an_archive_in_a_zip_file_is_read(finished: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "archive"), "zip", finished.parent, finished.name)
    assert zipfile.is_zipfile(tmp_path / "archive.zip")
    archive = lake.open("zip://archive", read_only=True, storage_options={"fo": str(tmp_path / "archive.zip")})
    assert archive.verify().ok
    archive.restore("run@1", tmp_path / "back")
    assert (tmp_path / "back" / "reads.fastq").stat().st_size == 512_000
    with pytest.raises(StorageFailed, match="requires mode"):  # the words of Python's zipfile
        open_store("zip://archive", storage_options={"fo": str(tmp_path / "archive.zip")}).put("a", [b"x"])


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server of files: it shows an index of each folder, and knows nothing of parts of a file."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_an_archive_is_read_over_http(finished: Path, tmp_path: Path) -> None:
    handler = functools.partial(Quiet, directory=str(finished.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        archive = lake.open(f"http://127.0.0.1:{web.server_port}/archive", read_only=True)
        assert archive.writers == "one"
        assert archive.verify().ok
        archive.restore("run@1", tmp_path / "back")
        store = open_store(archive.url)
        assert bytes(store.get("archive.json", 3, 10)) == (finished / "archive.json").read_bytes()[3:13]
        assert not store.exists("nothing.json")
        web.shutdown()
    assert (tmp_path / "back" / "reads.fastq").stat().st_size == 512_000
