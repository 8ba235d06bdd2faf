"""Attributes are read as they are and set in an order that keeps them all."""

from __future__ import annotations

import errno
import os
import stat
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from pathlib import Path

attributes: Any = import_module("holotype.lake.tree.attributes")

# An ACL as the kernel stores it: version 2, then tag, permissions and number of each entry; uid 1000 may read.
ACL = bytes.fromhex("0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff")


def refusing(name: str, number: int) -> Any:
    """A function that fails."""

    def call(*arguments: Any, **options: Any) -> Any:
        raise OSError(number, os.strerror(number), name)

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with two attributes."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    os.setxattr(path, "user.b", b"\0\xff")
    os.setxattr(path, "user.a", b"")
    return path


def test_attributes_are_read_by_path_and_by_descriptor(file: Path) -> None:
    expected: Any = ([(b"user.a", b""), (b"user.b", b"\0\xff")], [])
    assert attributes.capture(os.fsencode(file)) == expected
    with open(file, "rb") as opened:
        assert attributes.capture(opened.fileno()) == expected


def test_what_has_none_has_none(tmp_path: Path, file: Path) -> None:
    os.symlink("file", tmp_path / "link")
    assert attributes.capture(os.fsencode(tmp_path)) == (None, [])
    assert attributes.capture(os.fsencode(tmp_path / "link"), kind="symlink") == (None, [])
    assert attributes.capture(os.fsencode(file), kind="hardlink") == (None, [])


def test_acls_are_attributes(tmp_path: Path, file: Path) -> None:
    os.setxattr(file, "system.posix_acl_access", ACL)
    os.setxattr(tmp_path, "system.posix_acl_default", ACL)
    found, _ = attributes.capture(os.fsencode(file))
    assert (b"system.posix_acl_access", ACL) in found
    assert attributes.capture(os.fsencode(tmp_path), kind="directory") == ([(b"system.posix_acl_default", ACL)], [])


def test_an_attribute_that_cannot_be_read_is_a_problem(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.getxattr

    def getxattr(path: Any, name: str, **options: Any) -> bytes:
        if name == "user.a":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, name, **options)

    monkeypatch.setattr(attributes.os, "getxattr", getxattr)
    found, problems = attributes.capture(os.fsencode(file), path=b"file")
    assert found == [(b"user.b", b"\0\xff")]
    assert [(one.path, one.problem) for one in problems] == [(b"file", "attributes")]
    assert problems[0].message == "user.a cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("number", "problems"), [(errno.ENOTSUP, []), (errno.ENOENT, ["vanished"]), (errno.EACCES, ["attributes"])]
)
def test_attributes_that_cannot_be_listed(
    file: Path, monkeypatch: pytest.MonkeyPatch, number: int, problems: list[str]
) -> None:
    monkeypatch.setattr(attributes.os, "listxattr", refusing("file", number))
    found, told = attributes.capture(os.fsencode(file))
    assert found is None
    assert [one.problem for one in told] == problems


def test_a_platform_without_attributes_keeps_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "_HAS_XATTRS", False)
    assert attributes.capture(os.fsencode(file)) == (None, [])
    assert attributes.apply(os.fsencode(file), mtime_ns=None, xattrs=[(b"user.x", b"")]) == [
        "the extended attribute user.x could not be set: this platform has none"
    ]


def test_attributes_at_a_path_longer_than_the_system_takes(tmp_path: Path) -> None:
    at = os.open(tmp_path, os.O_RDONLY)
    name = b"n" * 200
    for _ in range(40):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.setxattr(at, "user.deep", b"x")
    os.symlink("x", "link", dir_fd=at)
    os.close(at)
    path = b"/".join([os.fsencode(tmp_path), *[name] * 40])
    assert attributes.capture(path, kind="directory") == ([(b"user.deep", b"x")], [])
    assert attributes.capture(path + b"/link", kind="symlink") == (None, [])
    assert [one.problem for one in attributes.capture(path + b"/gone")[1]] == ["vanished"]


def holes_of(path: Path) -> Any:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        return attributes.holes(file.fileno(), status.st_size, status)


def test_holes_are_found_in_front_between_and_behind(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.seek(1 << 20)
        file.write(b"x" * 4096)
        file.seek(3 << 20)
        file.write(b"y" * 8192)
        file.truncate(5 << 30)
    found = holes_of(path)
    size = 5 << 30
    assert found == [0, 1 << 20, (1 << 20) + 4096, (2 << 20) - 4096, (3 << 20) + 8192, size - (3 << 20) - 8192]
    assert list(attributes.extents(found, size)) == [(1 << 20, 4096), (3 << 20, 8192)]


def test_files_without_holes_have_none(tmp_path: Path, file: Path) -> None:
    (tmp_path / "empty").touch()
    assert holes_of(tmp_path / "empty") is None
    assert holes_of(file) is None
    assert list(attributes.extents(None, 5)) == [(0, 5)]
    assert list(attributes.extents(None, 0)) == []
    (tmp_path / "all hole").touch()
    os.truncate(tmp_path / "all hole", 10_000)
    assert holes_of(tmp_path / "all hole") == [0, 10_000]
    assert list(attributes.extents([0, 10_000], 10_000)) == []


def test_a_file_system_that_cannot_tell_has_no_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "all hole").touch()
    os.truncate(tmp_path / "all hole", 10_000)
    monkeypatch.setattr(attributes.os, "lseek", refusing("", errno.EINVAL))
    assert holes_of(tmp_path / "all hole") is None
    monkeypatch.setattr(attributes.os, "lseek", refusing("", errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        holes_of(tmp_path / "all hole")


def test_numbers_have_names_and_names_have_numbers() -> None:
    numbers = pa.chunked_array([[0, 4_000_000_000], [0]], pa.uint32())
    assert attributes.named(numbers, attributes.user_name).to_pylist() == ["root", None, "root"]
    assert attributes.named(numbers, attributes.group_name).to_pylist()[1] is None
    assert attributes.user_number("root") == 0
    assert attributes.user_number("nobody of this name") is None
    assert attributes.group_number(attributes.group_name(0)) == 0


def test_a_platform_without_numbers_has_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(attributes, "import_module", missing)
    for lookup, argument in (("user_name", 0), ("group_name", 0), ("user_number", "root"), ("group_number", "root")):
        assert getattr(attributes, lookup).__wrapped__(argument) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_owner_bits_and_attributes_are_all_set(file: Path) -> None:
    wrong = attributes.apply(
        os.fsencode(file), mtime_ns=1_234_567_890_123_456_789, mode=0o4444, owner=(12, 34), xattrs=[(b"user.c", b"d")]
    )
    status = os.stat(file)
    assert wrong == []
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12, 34, 0o4444)
    assert status.st_mtime_ns == 1_234_567_890_123_456_789
    assert os.getxattr(file, "user.c") == b"d"


def test_without_the_owner_there_is_no_set_user_id(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes.os, "chown", refusing("file", errno.EPERM))
    with open(file, "rb") as opened:
        wrong = attributes.apply(opened.fileno(), mtime_ns=5, mode=0o6755, owner=(12, 34))
    assert wrong == ["the owner could not be set: Operation not permitted"]
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o755


def test_every_failure_is_told_and_the_rest_is_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("chown", "chmod", "setxattr"):
        monkeypatch.setattr(attributes.os, name, refusing(name, errno.EPERM))
    wrong = attributes.apply(os.fsencode(file), mtime_ns=7, mode=0o600, owner=(1, 1), xattrs=[(b"user.c", b"d")])
    assert [message.split(" could")[0] for message in wrong] == [
        "the owner",
        "the extended attribute user.c",
        "the mode",
    ]
    assert os.stat(file).st_mtime_ns == 7
    assert attributes.apply(os.fsencode(file), mtime_ns=2**100)[0].startswith("the time could not be set")


def test_a_link_has_its_own_attributes(tmp_path: Path, file: Path) -> None:
    os.symlink("file", tmp_path / "link")
    before = os.stat(file)
    folder = os.open(tmp_path, os.O_RDONLY)
    owner = (os.getuid(), os.getgid())
    assert attributes.apply(b"link", mtime_ns=99, mode=0o777, owner=owner, dir_fd=folder, link=True) == []
    assert os.lstat(tmp_path / "link").st_mtime_ns == 99
    assert os.stat(file) == before
    wrong = attributes.apply(b"link", mtime_ns=None, xattrs=[(b"user.c", b"d")], dir_fd=folder, link=True)
    assert len(wrong) == 1  # links have no user attributes, and the file behind it got none
    assert "user.c" not in os.listxattr(file)
    os.close(folder)
