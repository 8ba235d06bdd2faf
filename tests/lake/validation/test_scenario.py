"""Two days in a laboratory: bad input that never gets into a pipeline, and bad storage whose results are named."""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import DataRefused
from holotype.validators import Action, Policy, validate

from ..archive.trees import fill
from .digits import Digits

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

STRICT = lake.Validation(also=(Digits(),), policy=Policy(error=Action.REFUSE))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive of a laboratory."""
    return lake.create(tmp_path / "archive", author="zhang")


def numbers(seed: int) -> bytes:
    """Lines of digits."""
    chance = random.Random(seed)
    return b"".join(b"%d\n" % chance.randrange(10**6) for _ in range(4000))


def test_a_corrupted_input_is_caught_before_a_pipeline_starts(archive: Archive, tmp_path: Path) -> None:
    run = fill(tmp_path / "run", {"lane1.txt.gz": gzip.compress(numbers(1)), "lane2.txt.gz": gzip.compress(numbers(2))})
    archive.backup(run, dataset="run", validation=STRICT)
    started: list[str] = []

    def pipeline(lane: str) -> None:
        if not validate(run / lane, also=[Digits()]).ok:
            raise ValueError(f"{lane} is not sound")
        with archive.activity("pipeline", parameters={"lane": lane}):
            started.append(lane)

    cut = (run / "lane2.txt.gz").read_bytes()[:-100]
    fill(run, {"lane2.txt.gz": cut})
    pipeline("lane1.txt.gz")
    with pytest.raises(ValueError, match=r"lane2\.txt\.gz is not sound"):
        pipeline("lane2.txt.gz")
    assert started == ["lane1.txt.gz"]
    with pytest.raises(DataRefused) as told:
        archive.backup(run, dataset="run", validation=STRICT)
    findings = archive.report(str(told.value.about["report"])).findings.to_pylist()
    errors = {(row["path"], row["code"]) for row in findings if row["severity"] == "error"}
    assert errors == {("lane2.txt.gz", "packing.truncated")}
    assert archive.snapshot("run").name == "run@1", "what was sound is still the latest"


def analysed(archive: Archive, root: Path) -> None:
    """Two lanes, each counted, and a sum of both counts: kept, with how it was made."""
    data = root / "study"
    for seed in (1, 2):  # each into a pack of its own
        fill(data, {f"lane{seed}.txt": numbers(seed)})
        archive.backup(data, dataset="study")
    for lane in ("lane1", "lane2"):
        with archive.activity("count", dataset="study", listen=False) as activity:
            fill(data, {f"{lane}.count": b"%d\n" % len((data / f"{lane}.txt").read_bytes())})
            activity.used(data / f"{lane}.txt")
            activity.generated(data / f"{lane}.count")
    with archive.activity("sum", dataset="study", listen=False) as activity:
        counts = [int((data / f"{lane}.count").read_bytes()) for lane in ("lane1", "lane2")]
        fill(data, {"sum.txt": b"%d\n" % sum(counts)})
        activity.used(data / "lane1.count")
        activity.used(data / "lane2.count")
        activity.generated(data / "sum.txt")
    archive.backup(data, dataset="study")


def test_a_corrupted_archived_file_names_the_results_it_affects(archive: Archive, tmp_path: Path) -> None:
    analysed(archive, tmp_path)
    assert archive.scrub().ok
    (row,) = archive.sql(
        'SELECT object, "offset" FROM chunks JOIN packs USING (pack) WHERE chunk = '
        "(SELECT chunks[1] FROM files WHERE path = 'lane2.txt' LIMIT 1)"
    ).fetchall()
    place = tmp_path / "archive" / row[0]
    data = bytearray(place.read_bytes())
    data[row[1] + 20] ^= 1
    place.chmod(0o600)
    place.write_bytes(data)
    found = archive.scrub()
    assert set(found.damage["path"].drop_nulls().to_list()) == {"lane2.txt"}
    reached = archive.provenance.impact(found.verified)
    files = reached.filter(reached["kind"] == "file")
    assert set(files["path"].to_list()) == {"lane2.txt", "lane2.count", "sum.txt"}
    assert set(files.filter(files["path"] == "sum.txt")["snapshots"].to_list()[0]) == {"study@3"}


def test_what_validation_finds_wrong_names_the_results_it_affects(archive: Archive, tmp_path: Path) -> None:
    analysed(archive, tmp_path)

    class Strict(Digits):
        """A rule that came later: lane 1 is not to be trusted."""

        def look(self, subject, found):  # type: ignore[no-untyped-def]
            if subject.name == "lane1.txt":
                found.add(self.codes[0], "calibrated wrongly")

    found = archive.validate("study@2", validation=lake.Validation(checks=(Strict(),)))
    assert found.damage.rows() == [("study@2", "lane1.txt")]
    reached = archive.provenance.impact(found)  # type: ignore[arg-type]
    assert set(reached.filter(reached["kind"] == "file")["path"].to_list()) == {"lane1.txt", "lane1.count", "sum.txt"}
