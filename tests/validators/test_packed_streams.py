"""What is packed is read to its last member, and whatever is wrong with that is told where it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.validators import Found, Limits, Subject, validate
from holotype.validators.streams.codes import STREAM_CODES
from holotype.validators.streams.packed import unpacked

from ..effort import share
from .format_contract import FormatContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Of few letters and without repetition: what is changed in it is another content.
TEXT = bytes(random.Random(7).choices(b"ACGT", k=700))
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzip_block(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(data) + packer.flush()
    head = b"\x1f\x8b\x08\x04" + b"\0" * 5 + b"\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(data), len(data))


def bgzip(data: bytes, *, size: int = 300) -> bytes:
    return b"".join(bgzip_block(data[at : at + size]) for at in range(0, len(data), size)) + BGZF_END


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bgzip": bgzip,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}
EXTENSIONS = {"gzip": ".gz", "bgzip": ".bgz", "bzip2": ".bz2", "xz": ".xz", "zstd": ".zst"}


def read(data: bytes, packing: str, limits: Limits | None = None) -> tuple[bytes, dict[str, int]]:
    """What is inside, and what is wrong."""
    limits = limits or Limits()
    found = Found("test", STREAM_CODES, limits=limits)
    content = b"".join(unpacked(io.BytesIO(data), packing, found, limits=limits))
    return content, {code.name: count for code, count in found.counts.items()}


@pytest.mark.parametrize("packing", PACK)
@given(parts=st.lists(st.binary(max_size=2000), min_size=1, max_size=4))
def test_members_one_after_the_other_are_one_content(packing: str, parts: list[bytes]) -> None:
    assert read(b"".join(map(PACK[packing], parts)), packing) == (b"".join(parts), {})


@pytest.mark.parametrize("packing", PACK)
def test_what_is_larger_than_a_block_comes_in_blocks(packing: str) -> None:
    content = random.Random(1).randbytes(1 << 16) * 50
    packed = PACK[packing](content) if packing != "bgzip" else bgzip(content, size=60_000)
    limits = Limits()
    found = Found("test", STREAM_CODES, limits=limits)
    blocks = list(unpacked(io.BytesIO(packed), packing, found, limits=limits))
    assert b"".join(blocks) == content
    assert max(map(len, blocks)) <= 1 << 21
    assert not found.counts


@pytest.mark.parametrize("packing", PACK)
def test_a_file_that_is_cut_off_is_noticed_at_every_byte(packing: str) -> None:
    data = PACK[packing](TEXT)
    for size in range(1, len(data)):
        content, codes = read(data[:size], packing)
        assert codes, size
        assert TEXT.startswith(content)


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd"])
def test_a_second_member_that_is_cut_off_is_noticed_at_every_byte(packing: str) -> None:
    data = PACK[packing](TEXT)
    for size in range(1, len(data)):
        assert set(read(data + data[:size], packing)[1]) == {"packing.truncated"}, size


@pytest.mark.parametrize(
    ("packing", "code"),
    [("gzip", "trailing"), ("bzip2", "trailing"), ("xz", "trailing"), ("zstd", "trailing"), ("bgzip", "damaged")],
)
def test_something_that_follows_is_told(packing: str, code: str) -> None:
    content, codes = read(PACK[packing](TEXT) + b"what is this, which follows the end?", packing)
    assert codes == {f"packing.{code}": 1}
    assert content in (TEXT, b"")


def test_zeros_fill_a_tape_behind_gzip_and_are_fours_behind_xz_and_nothing_anywhere_else() -> None:
    for packing, zeros, codes in [
        ("gzip", 5, set[str]()),
        ("gzip", 3 << 20, set[str]()),
        ("xz", 8, set[str]()),
        ("xz", 6, {"packing.trailing"}),
        ("bzip2", 4, {"packing.trailing"}),
        ("zstd", 16, {"packing.trailing"}),
    ]:
        assert set(read(PACK[packing](TEXT) + b"\0" * zeros, packing)[1]) == codes, packing
    for packing in ("gzip", "xz"):
        data = PACK[packing](TEXT)
        assert read(data + b"\0" * (3 << 20) + data, packing) == (TEXT * 2, {})


def test_a_wrong_checksum_and_a_wrong_size_are_damage() -> None:
    for place in (-8, -4):
        data = bytearray(PACK["gzip"](TEXT))
        data[place] ^= 1
        assert read(bytes(data), "gzip")[1] == {"packing.damaged": 1}


def test_what_was_unpacked_until_the_damage_is_handed_out_and_the_place_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.bin.gz"
    good = PACK["gzip"](TEXT)
    bad = bytearray(good)
    bad[-8] ^= 1
    path.write_bytes(good + good + bad)
    (row,) = validate(path).findings.to_pylist()
    assert row["offset"] >= 2 * len(TEXT)
    assert f"member 3, which begins at byte {2 * len(good):,}" in row["message"]


def test_a_file_without_the_empty_block_at_its_end_may_have_been_cut_off() -> None:
    assert read(bgzip(TEXT).removesuffix(BGZF_END), "bgzip") == (TEXT, {"bgzf.eof": 1})


def test_a_block_of_another_kind_among_blocks_is_told() -> None:
    data = bgzip(TEXT).removesuffix(BGZF_END) + gzip.compress(b"abc") + BGZF_END
    assert read(data, "bgzip") == (TEXT, {"bgzf.block": 1})


@pytest.mark.parametrize(("place", "said"), [(-8, "checksum"), (-4, "bytes"), (20, "")])
def test_a_block_that_is_damaged_is_told_with_its_place(place: int, said: str) -> None:
    first, second = bgzip_block(b"first"), bytearray(bgzip_block(TEXT))
    second[place] ^= 1
    found = Found("test", STREAM_CODES, limits=Limits())
    content = b"".join(unpacked(io.BytesIO(first + second + BGZF_END), "bgzip", found, limits=Limits()))
    assert content == b"first"
    (one,) = found.findings
    assert (one.code.name, one.place.offset) == ("packing.damaged", 5)
    assert f"begins at byte {len(first)}" in one.message
    assert said in one.message


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd", "bgzip"])
def test_a_bomb_is_not_unpacked_to_its_end(packing: str) -> None:
    limits = Limits(unpacked_free=4 << 20, ratio=20)
    zeros = bytes(64 << 20)
    data = PACK[packing](zeros) if packing != "bgzip" else bgzip(zeros, size=65_000)
    content, codes = read(data, packing, limits)
    assert codes == {"packing.bomb": 1}
    assert len(content) < 12 << 20


def test_what_is_packed_well_and_small_is_no_bomb() -> None:
    assert read(PACK["gzip"](bytes(3 << 20)), "gzip", Limits(ratio=2)) == (bytes(3 << 20), {})
    assert set(read(PACK["gzip"](bytes(3 << 20)), "gzip", Limits(unpacked=1 << 20))[1]) == {"packing.bomb"}


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz"])
def test_a_hundred_thousand_empty_members_are_passed_over(packing: str) -> None:
    assert read(PACK[packing](b"") * 100_000 + PACK[packing](b"end"), packing) == (b"end", {})


def test_a_dictionary_larger_than_memory_may_be_is_not_made() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 64 << 20}]
    data = lzma.compress(TEXT, filters=filters)
    assert set(read(data, "xz", Limits(memory=8 << 20))[1]) == {"packing.damaged"}
    assert read(data, "xz") == (TEXT, {})


@pytest.mark.parametrize("packing", PACK)
@settings(max_examples=share(300))
@given(data=st.data())
def test_noise_behind_any_beginning_falls_over_nothing(packing: str, data: st.DataObject) -> None:
    packed = PACK[packing](TEXT)
    keep = data.draw(st.integers(0, len(packed)))
    read(packed[:keep] + data.draw(st.binary()), packing)


def test_a_sample_of_a_packed_file_is_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"ab\ncdefgh\n" * 1000))
    for name, sample in (("a.txt.gz", b"ab\n"), ("a.bin.gz", b"ab\ncd")):
        path.rename(tmp_path / name)
        path = tmp_path / name
        subject = Subject(path, cost="sample", limits=Limits(sample=5))  # type: ignore[arg-type]
        found = Found("test", STREAM_CODES, limits=subject.limits)
        if name == "a.txt.gz":
            assert b"".join(subject.blocks(found)) == sample
            assert not found.complete
            assert not subject.read_through


class PackedContract(FormatContract):
    """A packed file with nothing known inside."""

    def make(self, folder: Path) -> Path:
        path = folder / f"data.run7{EXTENSIONS[self.format]}"
        path.write_bytes(PACK[self.format](TEXT))
        return path


class TestGzip(PackedContract):
    format = "gzip"

    def unprotected(self, data: bytes) -> set[int]:
        # The time, how hard it was tried, the system, and the bits that fill the last byte.
        return {*range(4, 10), len(data) - 9}


class TestBgzip(PackedContract):
    format = "bgzip"

    def unprotected(self, data: bytes) -> set[int]:
        places: set[int] = set()
        at = 0
        while at < len(data):
            places |= {*range(at + 4, at + 10)}
            at += int.from_bytes(data[at + 16 : at + 18], "little") + 1
            places.add(at - 9)
        return places


class TestBzip2(PackedContract):
    format = "bzip2"

    def unprotected(self, data: bytes) -> set[int]:
        # The most that a block may be, the code of a letter that does not occur, and the bits that fill the last byte.
        return {3, 32, len(data) - 1}


class TestXz(PackedContract):
    format = "xz"


class TestZstd(PackedContract):
    format = "zstd"
