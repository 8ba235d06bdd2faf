"""FASTQ: what is one, what is none, and what is said about it."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import Limits, validate

from ..format_contract import FormatContract, errors_of
from .blocked import bgzip

if TYPE_CHECKING:
    from holotype.validators import Report

# Files whose names say whether they are valid, beside the checkout where there are any.
CORPUS = Path(__file__).parents[3].parent / "shared" / "corpora" / "fastq"
# What each kind of damage in the names of its files is.
REASONS = {
    "error_diff_ids": "fastq.name.repeat",
    "error_double_qual": "fastq.quality.length",
    "error_double_seq": "fastq.quality.length",
    "error_long_qual": "fastq.quality.length",
    "error_no_qual": "fastq.quality.length",
    "error_short_qual": "fastq.quality.length",
    "error_trunc": "fastq.record.truncated",
    "error_qual": "fastq.quality.range",
    "error_spaces": "fastq.sequence.alphabet",
    "error_tabs": "fastq.sequence.alphabet",
}

READS = (
    b"@A1:7:HX:1:1101:1000:2211 1:N:0:ACGT\nACGTN\n+\nFF:,#\n"
    b"@A1:7:HX:1:1101:1000:2212 1:N:0:ACGT\nacgt.\n+A1:7:HX:1:1101:1000:2212 1:N:0:ACGT\n@+,#F\n"
    b"@A1:7:HX:1:1101:1000:2213 1:N:0:ACGT\nGGGCC\n+\nFFFFF\n"
)


def look(tmp_path: Path, data: bytes, **options: Any) -> Report:
    """What is found in a file of this content."""
    path = tmp_path / "reads.fastq"
    path.write_bytes(data)
    return validate(path, **options)


def only(report: Report) -> dict[str, Any]:
    """The one finding there is."""
    (finding,) = report.findings.to_pylist()
    assert isinstance(finding, dict)
    return finding


class TestFastq(FormatContract):
    format = "fastq"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.fastq"
        path.write_bytes(READS)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        ends = [len(data)]
        for record in (2, 1):
            ends.append(data.index(b"@A1:7:HX:1:1101:1000:221" + b"0123"[record : record + 1] + b" 1:N"))
        return any(size in (end, end - 1) for end in [*ends, data.rindex(b"@A1:7")])


class TestFastqInGzip(FormatContract):
    format = "fastq"
    packing = "gzip"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.fastq.gz"
        path.write_bytes(gzip.compress(READS, mtime=0))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        # What unpacks to the same content: the time in the header, and codes of letters that do not occur.
        places: set[int] = set()
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1 << (place % 8)
            with suppress(OSError, EOFError, zlib.error):
                if gzip.decompress(changed) == READS:
                    places.add(place)
        return places


class TestFastqInBlocks(FormatContract):
    format = "fastq"
    packing = "bgzip"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.fastq.gz"
        path.write_bytes(bgzip(READS, size=100))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        # What still begins a block, and unpacks to the same content: times, systems, codes that do not occur.
        places: set[int] = set()
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1 << (place % 8)
            with suppress(OSError, EOFError, zlib.error):
                if gzip.decompress(changed) == READS:
                    places.add(place)
        return places


def test_every_file_of_a_corpus_is_judged_as_its_name_says_and_for_that_reason() -> None:
    wrong: list[str] = []
    for path in sorted(CORPUS.glob("*.fastq")):
        errors = errors_of(validate(path))
        reason = next((code for start, code in REASONS.items() if path.name.startswith(start)), None)
        if (reason is None and errors) or (reason is not None and reason not in errors):
            wrong.append(f"{path.name}: {errors}")
    assert not wrong


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"@r\nACGT\nAC\n+\nFFF\nFFF\n", id="wrapped"),
        pytest.param(b"@r\nACGT\nAC\n+r\n@FFF\n+F\n@s\nA\n+\n@\n", id="wrapped-with-marks-among-the-qualities"),
        pytest.param(b"@r\nAC\nGT\n+\nFFFF\n@s\nAC\n+\nFF\n@t\nACGT\n+\nF\nFF\nF\n", id="of-both-kinds"),
        pytest.param(b"@r a title / with = signs\nACGURYKMSWBDHVNX.\n+\n" + b"!" * 17 + b"\n", id="iupac"),
        pytest.param(b"@r\tBC:Z:ACGT\nA\n+\nF\n", id="tags-after-tabs"),
        pytest.param(b"@r\nA\n+\n@\n@r2\nA\n+\n+\n", id="one-letter-and-marks"),
    ],
)
def test_what_the_format_allows_passes(tmp_path: Path, data: bytes) -> None:
    assert look(tmp_path, data).findings.to_pylist() == []


@pytest.mark.parametrize(
    ("data", "code", "line", "record"),
    [
        pytest.param(b"@r\nACGT\n+\nFFF\n@s\nAC\n+\nFF\n", "fastq.quality.length", 4, "r", id="too-few-qualities"),
        pytest.param(b"@r\nACGT\n+\nFFFFF\n@s\nAC\n+\nFF\n", "fastq.quality.length", 4, "r", id="too-many-qualities"),
        pytest.param(b"@r\nACGT\n+\nFFFF\nFFFF\n@s\nA\n+\nF\n", "fastq.quality.length", 5, "r", id="qualities-twice"),
        pytest.param(b"@r\nAC\nAC\n+\nFF\n@second\nA\n+\nF\n", "fastq.quality.length", 5, "r", id="sequence-twice"),
        pytest.param(b"@r\nACGT\n+\n@second\nAC\n+\nFF\n", "fastq.quality.length", 4, "r", id="no-qualities"),
        pytest.param(b"@r\nACGT\n@s\nAC\n+\nFF\n", "fastq.record.plus", 3, "r", id="no-plus"),
        pytest.param(b"@r\nACGT\n+\nFFFF\n@s\nACGT\n+\nFF\n", "fastq.record.truncated", 8, "s", id="cut-in-qualities"),
        pytest.param(b"@r\nACGT\n+\nFFFF\n@s\nACGT\n+\n", "fastq.record.truncated", 7, "s", id="cut-after-plus"),
        pytest.param(b"@r\nA\n+\nF\n@s\n\n+\n", "fastq.record.truncated", 7, "s", id="cut-after-plus-of-no-letters"),
        pytest.param(b"@r\nACGT\n+\nFFFF\n@s\n", "fastq.record.truncated", 5, "s", id="cut-after-title"),
        pytest.param(b"@r\nACGT\n+s\nFFFF\n", "fastq.name.repeat", 3, "r", id="another-name-after-plus"),
        pytest.param(b"@r\nAC GT\n+\nFFFFF\n", "fastq.sequence.alphabet", 2, "r", id="space"),
        pytest.param(b"@r\nACLT\n+\nFFFF\n", "fastq.sequence.alphabet", 2, "r", id="letter-of-proteins"),
        pytest.param(b"@r\nT0123.\n+\nFFFFFF\n", "fastq.sequence.alphabet", 2, "r", id="colours"),
        pytest.param(b"@r\nA\xc3\x84T\n+\nFFFF\n", "fastq.sequence.alphabet", 2, "r", id="not-ascii"),
        pytest.param(b"@r\nACGT\n+\nFF\0F\n", "fastq.quality.range", 4, "r", id="nul"),
        pytest.param(b"@r\nACGT\n+\nFF\x7fF\n", "fastq.quality.range", 4, "r", id="del"),
        pytest.param(b"@r\nACGT\n+\nFF F\n", "fastq.quality.range", 4, "r", id="space-among-qualities"),
        pytest.param(b"@r\x01\nACGT\n+\nFFFF\n", "fastq.name.control", 1, "r\\x01", id="control-character"),
        pytest.param(b"@r\nA\n+\nF\n\n@s\nA\n+\nF\n", "fastq.line.blank", 5, None, id="blank-line"),
        pytest.param(b"some notes first\n@s\nA\n+\nF\n", "fastq.record.start", 1, None, id="text-before"),
        pytest.param(b"@s\nA\n+\nF\n>t\nACGT\n@u\nA\n+\nF\n", "fastq.record.start", 5, None, id="fasta-within"),
    ],
)
def test_each_way_to_break_a_record_is_told_with_its_place(
    tmp_path: Path, data: bytes, code: str, line: int, record: str | None
) -> None:
    report = look(tmp_path, data)
    finding = only(report)
    assert (finding["code"], finding["line"]) == (code, line)
    if record is not None:
        assert finding["record"] == record
    starts = [0]
    for each in data.split(b"\n"):
        starts.append(starts[-1] + len(each) + 1)
    assert starts[line - 1] <= finding["offset"] < starts[line]
    assert not report.ok


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"@r\nA\n+\nF\n\n", "fastq.line.blank_at_end", id="blank-line-at-the-end"),
        pytest.param(b"@r\nA\n+\nF", "fastq.line.unterminated", id="no-newline-at-the-end"),
        pytest.param(b"@r\n\n+\n\n@s\nA\n+\nF\n", "fastq.sequence.empty", id="read-of-no-letters"),
        pytest.param(b"@r\nA-*\n+\nFFF\n", "fastq.sequence.gap", id="gap"),
        pytest.param(b"@ r\nA\n+\nF\n", "fastq.name.missing", id="no-name"),
        pytest.param(b"@\nA\n+\nF\n", "fastq.name.missing", id="no-title"),
        pytest.param("@é\nA\n+\nF\n".encode(), "fastq.name.ascii", id="name-beyond-ascii"),
        pytest.param(b"@r\nA\n+\nF\n@s\nC\n+\nF\n@r\nA\n+\nF\n", "fastq.name.duplicate", id="name-twice"),
    ],
)
def test_what_is_odd_though_readable_is_a_warning(tmp_path: Path, data: bytes, code: str) -> None:
    report = look(tmp_path, data)
    finding = only(report)
    assert (finding["code"], finding["severity"]) == (code, "warning")
    assert report.ok


def test_lines_that_end_as_on_windows_are_one_warning_and_lengths_are_without_them(tmp_path: Path) -> None:
    report = look(tmp_path, READS.replace(b"\n", b"\r\n"))
    assert only(report)["code"] == "fastq.line.crlf"
    assert report.counts["fastq.line.crlf"] == 12
    assert look(tmp_path, b"@r\r\nAC\r\n+\r\nFFF\r\n").counts["fastq.quality.length"] == 1


def test_all_that_is_wrong_is_told_and_not_only_the_first(tmp_path: Path) -> None:
    good = b"@%d\nACGT\n+\nFFFF\n"
    data = b"".join(good % number for number in range(5000))
    data = data.replace(b"@100\nACGT", b"@100\nACZT").replace(b"@2000\nACGT\n+\nFFFF\n", b"@2000\nACGT\n+\nFFF\n")
    data = data.replace(b"@4000\nACGT\n+\n", b"@4000\nACGT\n")
    report = look(tmp_path, data)
    told = {(row["code"], row["line"]) for row in report.findings.to_pylist()}
    expected = {("fastq.sequence.alphabet", 402), ("fastq.quality.length", 8004), ("fastq.record.plus", 16004)}
    assert told == expected
    assert report.metric("fastq.reads") == 4998


def test_the_mates_of_pairs_in_one_file_have_their_name_in_common(tmp_path: Path) -> None:
    for first, second in ((b" 1:N:0:A", b" 2:N:0:A"), (b"/1", b"/2"), (b"", b"")):
        data = b"".join(b"@r%d%b\nA\n+\nF\n" % (number, mate) for number in range(50) for mate in (first, second))
        assert look(tmp_path, data).findings.to_pylist() == []
        assert look(tmp_path, data, cost="sample", limits=Limits(sample=len(data) - 9)).findings.to_pylist() == []


def test_a_read_without_its_mate_in_a_file_of_pairs_is_told(tmp_path: Path) -> None:
    data = b"".join(b"@r%d/%d\nA\n+\nF\n" % (number, mate) for number in range(50) for mate in (1, 2))
    finding = only(look(tmp_path, data.replace(b"@r20/2\nA\n+\nF\n", b"")))
    assert (finding["code"], finding["line"]) == ("fastq.pair.interleaved", 4 * 41 + 1)
    assert only(look(tmp_path, data + b"@r50/1\nA\n+\nF\n"))["code"] == "fastq.pair.interleaved"


def test_of_more_names_than_memory_allows_a_sample_is_compared_and_the_share_is_told(tmp_path: Path) -> None:
    data = b"".join(b"@r%d\nA\n+\nF\n" % number for number in range(40_000))
    report = look(tmp_path, data + data, limits=Limits(memory=1 << 20))
    share = report.metric("fastq.names.seen")
    assert share is not None
    assert share < 0.3
    assert 0.5 * share < report.counts["fastq.name.duplicate"] / 40_000 < 2 * share
    first = report.findings.to_pylist()[0]
    assert first["line"] > 160_000
    assert f"line {first['line'] - 160_000:,} " in first["message"]


@pytest.mark.parametrize(
    ("qualities", "name", "offset"),
    [
        (b"!5?IJ", "sanger", 33),
        (b"~~~5~", "sanger", 33),
        (b"IIIII", "sanger", 33),
        (b";@Zhh", "solexa", 64),
        (b"@AZhh", "illumina-1.3", 64),
        (b"BBZhh", "illumina-1.5", 64),
    ],
)
def test_the_encoding_of_qualities_is_guessed_and_told(
    tmp_path: Path, qualities: bytes, name: str, offset: int
) -> None:
    report = look(tmp_path, b"@r\nACGTA\n+\n" + qualities + b"\n")
    assert report.metric("fastq.quality.offset") == offset
    assert report.metric("fastq.quality.encoding", of=name) == 1
    assert ("fastq.quality.encoding" in report.codes) == (offset == 64)


def test_qualities_of_two_encodings_in_one_file_are_told(tmp_path: Path) -> None:
    old = b"".join(b"@old%d\nACGT\n+\nhhgB\n" % number for number in range(100))
    new = b"".join(b"@new%d\nACGT\n+\nFF:#\n" % number for number in range(100))
    report = look(tmp_path, new + old)
    assert "fastq.quality.mixed" in report.codes
    assert next(row for row in report.findings.to_pylist() if "mixed" in row["code"])["line"] == 404


def test_names_as_illumina_gives_them_are_known(tmp_path: Path) -> None:
    assert look(tmp_path, READS).metric("fastq.names.illumina") == 1
    assert look(tmp_path, b"@HWUSI-EAS100R:6:73:941:1973#0/1\nA\n+\nF\n").metric("fastq.names.illumina") == 1
    assert look(tmp_path, b"@SRR001666.1 071112 length=36\nA\n+\nF\n").metric("fastq.names.illumina") == 0


def test_a_sample_of_a_file_is_looked_at_where_no_more_is_asked_for(tmp_path: Path) -> None:
    data = b"".join(b"@r%d\nACGT\n+\nFFFF\n" % number for number in range(50_000))
    report = look(tmp_path, data + b"@cut\nAC", cost="sample", limits=Limits(sample=100_001))
    assert report.findings.to_pylist() == []
    assert not report.complete
    assert errors_of(look(tmp_path, data + b"@cut\nAC")) == {"fastq.record.truncated"}


def test_a_record_without_end_is_given_up_where_the_limits_say(tmp_path: Path) -> None:
    report = look(tmp_path, b"@r\n" + b"ACGT\n" * 1_000_000, limits=Limits(line=1 << 20))
    assert errors_of(report) == {"text.line_too_long"}


def test_what_is_no_fastq_at_all_is_told_in_a_few_findings(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(3_000_000)
    report = look(tmp_path, noise)
    assert not report.ok
    assert "check.crashed" not in report.codes


names = st.from_regex(r"[A-Za-z0-9_:.-]{1,12}( [ -~]{0,10})?", fullmatch=True).map(str.encode)


@given(st.lists(st.tuples(names, st.text("ACGTNacgt", min_size=1, max_size=30), st.integers(1, 30)), max_size=12))
def test_however_records_are_wrapped_they_are_the_same_reads(reads: list[tuple[bytes, str, int]]) -> None:
    chance = random.Random(str(reads))
    parts: list[bytes] = []
    for title, letters, width in reads:
        qualities = "".join(chance.choice("@+!~FI5") for _ in letters)
        wrapped = [
            "\n".join(text[at : at + width] for at in range(0, len(text), width)) for text in (letters, qualities)
        ]
        repeat = chance.choice([b"", title])
        parts.append(b"@%b\n%b\n+%b\n%b\n" % (title, wrapped[0].encode(), repeat, wrapped[1].encode()))
    report = validate(io.BytesIO(b"".join(parts)), name="reads.fastq", format="fastq")
    assert errors_of(report) <= {"fastq.pair.interleaved"}
    assert report.metric("fastq.reads") == len(reads)
    assert report.metric("fastq.bases") == sum(len(letters) for _, letters, _ in reads)
