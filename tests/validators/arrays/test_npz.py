"""``.npz``: a zip of arrays, each under a checksum."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from holotype.validators import Limits, validate

from ..format_contract import FormatContract, errors_of

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


def fields_without_meaning(data: bytes) -> set[int]:
    """Who made a member and its attributes: of the directory alone, under no checksum, and not about its content."""
    found: set[int] = set()
    place = data.find(b"PK\x01\x02")
    while place >= 0:
        found |= {*range(place + 4, place + 6), *range(place + 36, place + 42)}
        place = data.find(b"PK\x01\x02", place + 1)
    return found


class TestNpz(FormatContract):
    format = "npz"

    def make(self, folder: Path) -> Path:
        path = folder / "arrays.npz"
        np.savez(path, a=np.arange(9.0), b=np.ones((2, 3), "u1"))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return fields_without_meaning(data)


class TestCompressedNpz(FormatContract):
    format = "npz"

    def make(self, folder: Path) -> Path:
        path = folder / "arrays.npz"
        np.savez_compressed(path, a=np.arange(90.0))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return fields_without_meaning(data)


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(members: dict[str, bytes], *, deflated: bool = False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def look(data: bytes, **options: Any) -> Report:
    return validate(io.BytesIO(data), name="x.npz", format="npz", **options)


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_each_array_has_its_figures_by_its_name() -> None:
    report = look(archive(a=np.array([1.0, np.nan]), b=np.arange(1 << 18)))
    assert report.metric("array.nan", of="a.npy") == 1
    assert report.metric("array.most", of="b.npy") == (1 << 18) - 1


def test_a_changed_byte_of_an_array_breaks_its_checksum_by_name() -> None:
    data = bytearray(archive(a=np.zeros(1000)))
    data[4000] ^= 1
    (row,) = look(bytes(data)).findings.to_pylist()
    assert (row["code"], row["member"]) == ("zip.checksum", "a.npy")


def test_objects_in_a_member_are_never_unpickled() -> None:
    (row,) = look(archive(a=np.array([{}], dtype=object), b=np.zeros(2))).findings.to_pylist()
    assert (row["code"], row["member"]) == ("npy.objects", "a.npy")


@pytest.mark.parametrize(("cut", "code"), [(-8, "npy.truncated"), (None, "npy.trailing")])
@pytest.mark.parametrize("deflated", [False, True])
def test_a_member_has_as_many_bytes_as_its_shape_says(cut: int | None, code: str, *, deflated: bool) -> None:
    data = npy(np.zeros(99)) + b"more"
    (row,) = look(zipped({"a.npy": data[: cut and cut - 4]}, deflated=deflated)).findings.to_pylist()
    assert (row["code"], row["member"]) == (code, "a.npy")


def test_what_is_no_array_is_told_and_its_checksum_is_held_all_the_same() -> None:
    data = bytearray(zipped({"a.npy": npy(np.zeros(2)), "notes.txt": b"hello"}))
    assert look(bytes(data)).codes == {"npz.member"}
    data[data.find(b"hello")] ^= 1
    assert errors_of(look(bytes(data))) == {"zip.checksum"}


@pytest.mark.parametrize("name", ["../a.npy", "/a.npy", "C:a.npy"])
def test_a_name_that_leads_elsewhere_is_told(name: str) -> None:
    assert errors_of(look(zipped({name: npy(np.zeros(2))}))) == {"zip.name"}


def test_a_name_that_is_there_twice_is_told() -> None:
    data = zipped({"a.npy": npy(np.zeros(2)), "b.npy": npy(np.ones(2))}).replace(b"b.npy", b"a.npy")
    assert errors_of(look(data)) == {"zip.name"}


def test_bytes_that_belong_to_no_member_are_told() -> None:
    data = archive(a=np.zeros(3))
    assert not look(b"x" + data).ok
    assert errors_of(look(data + b"x")) == {"zip.directory"}


def test_two_members_that_share_their_bytes_are_told() -> None:
    data = bytearray(zipped({"a.npy": npy(np.zeros(2)), "b.npy": npy(np.ones(2))}))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    assert "zip.layout" in errors_of(look(bytes(data)))


def test_more_members_than_the_limits_allow_are_not_looked_at() -> None:
    data = archive(a=np.zeros(3), b=np.zeros(3))
    assert errors_of(look(data, limits=Limits(members=1))) == {"zip.members"}


def test_a_member_that_says_it_becomes_too_much_is_not_unpacked() -> None:
    data = zipped({"a.npy": npy(np.zeros(100_000))}, deflated=True)
    assert errors_of(look(data, limits=Limits(unpacked_free=1000))) == {"packing.bomb"}


def test_a_member_that_becomes_more_than_it_says_is_stopped_there() -> None:
    data = bytearray(zipped({"a.npy": npy(np.zeros(100_000))}, deflated=True))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.find(mark) + place, 1000)
    assert "zip.checksum" in errors_of(look(bytes(data)))


def test_a_directory_of_zip64_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)  # else it takes 65,536 members
    path = tmp_path / "many.npz"
    with zipfile.ZipFile(path, "w") as made:
        for number in range(3):
            made.writestr(f"{number}.npy", npy(np.zeros(number)))
    assert b"PK\x06\x06" in path.read_bytes()
    assert validate(path).findings.to_pylist() == []
