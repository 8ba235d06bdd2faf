"""The germline pipeline run for eight people, to each of whom something else happens."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks.genomes import Variant, accuracy, variants_in, variants_of, write_reads
from holotype.scheduling import LocalPlace, Sample, Scheduler, Site
from holotype.scheduling.stages.germline import germline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Person

NEEDS = ("bwa", "samtools", "bcftools", "fastp", "fastqc", "freebayes", "gzip")

ODD = "Herz é 'x' \\t$(exit 3)"
# What programs do for some people, who are known by the folder that a task works in.
MISHAPS = {
    "samtools": """
case "$PWD" in
*/samples/hungry/align.1) [ "$1" = sort ] && kill -KILL $$ ;;
*/samples/unsound/duplicates.*) [ "$1" = markdup ] && { "$real" "$@"; truncate -s -100 *.marked.bam; exit 0; } ;;
*/samples/forgetful/duplicates.*) [ "$1" = markdup ] && { "$real" "$@"; rm -f *.marked.bam; exit 0; } ;;
esac
""",
    "bcftools": """
case "$PWD" in
*/samples/otherwise/call.*) [ "$1" = call ] && { echo 'it has a bug' >&2; exit 7; } ;;
esac
""",
    # No mishap: its reads are few, and Java would take longer to make machine code of it than to look at them.
    "fastqc": 'export JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"',
}


def mishaps(folder: Path) -> str:
    """A PATH on which programs sometimes fail."""
    folder.mkdir()
    for name, script in MISHAPS.items():
        real = shutil.which(name)
        (folder / name).write_text(f'#!/bin/bash\nreal={real}\n{script}\nexec {real} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def people(person: Person, folder: Path) -> dict[str, tuple[Sample, list[Variant]]]:
    """Eight of them; the reads of two are not as they should be."""
    made: dict[str, tuple[Sample, list[Variant]]] = {}
    names = ("well", ODD, "cut", "torn", "hungry", "unsound", "forgetful", "otherwise")
    for number, name in enumerate(names):
        variants = variants_of(person.genome, 30 + number)
        reads = write_reads(folder, f"person{number}", person.genome, variants, seed=number)
        made[name] = Sample(name, {"reads": reads}), variants
    first, second = made["cut"][0].paths("reads")
    keep_lines(second, lambda number: number < 400)
    first, _ = made["torn"][0].paths("reads")
    keep_lines(first, lambda number: number != 42)
    return made


def keep_lines(path: str, chosen: Callable[[int], bool]) -> None:
    with open(path, encoding="utf-8") as file:
        lines = [line for number, line in enumerate(file) if chosen(number)]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site", cpus=2, memory=8 << 30, path=mishaps(tmp_path / "bin"))


def test_each_comes_to_the_end_that_its_mishap_leaves_it(person: Person, site: Site, tmp_path: Path) -> None:
    everybody = people(person, tmp_path)
    with Scheduler(site, LocalPlace(tmp_path / "jobs")) as scheduler:
        shared = {"reference": person.fasta}
        run = scheduler.start(
            germline(otherwise="freebayes"), [sample for sample, _ in everybody.values()], shared=shared, check=False
        )
        scheduler.work(timeout=600)
        states = dict(run.samples().select("sample", "state").rows())
        why = dict(run.samples().select("sample", "why").rows())
        assert states == {
            "well": "done",
            ODD: "done",
            "cut": "stopped",
            "torn": "stopped",
            "hungry": "done",
            "unsound": "stopped",
            "forgetful": "stopped",
            "otherwise": "degraded",
        }, why
        assert run.outcome().samples == {"done": 3, "stopped": 4, "degraded": 1}
        assert run.outcome().state == "degraded"
        for name in ("cut", "torn"):
            assert "the reads are broken" in why[name]
        for name in ("unsound", "forgetful"):
            assert why[name].startswith(f"duplicates[{name}]"), why[name]
        tasks = {row["task"]: row for row in run.tasks().to_dicts()}
        assert tasks["align[hungry]"]["attempts"] == 2
        assert tasks["call[otherwise]"]["grades"] == ["alternative"]
        assert tasks["index"]["attempts"] == 1
        for name in ("well", ODD, "hungry", "otherwise"):
            (vcf,) = run.outputs("variants", name)
            recall, precision = accuracy(variants_in(tmp_path / vcf, only="PASS"), everybody[name][1])
            assert (recall > 0.9, precision > 0.9) == (True, True), (name, recall, precision)
        for name in ("cut", "torn", "unsound", "forgetful"):
            assert run.outputs("variants", name) == ()
        (figures,) = run.outputs("figures")
        told = json.loads((tmp_path / figures).read_bytes())["samples"]
        assert {each["sample"] for each in told} == {"well", ODD, "hungry", "otherwise"}
        raised = [event for event in run.journal.events() if "raised" in event]
        assert [event["task"] for event in raised] == ["align[hungry]"]
        assert_account(run.report().text())


ACCOUNT = r"""
run germline-\w+ of germline 1: degraded
by .+, from [\d :-]+ to [\d :-]+ UTC
8 samples: 1 degraded, 3 done, 4 stopped
  well: done
  Herz é 'x' \\t\$\(exit 3\): done
  cut: stopped \(incomplete\): (quality|trim)\[cut\]: its exit status is \d+ \(the reads are broken\)
  torn: stopped \(incomplete\): (quality|trim)\[torn\]: its exit status is \d+ \(the reads are broken\)
  hungry: done
  unsound: stopped \(incomplete\): duplicates\[unsound\]: unsound.marked.bam: the block .+ is cut off \(no rule .+\)
  forgetful: stopped \(incomplete\): duplicates\[forgetful\]: there is no forgetful.marked.bam.* \(no rule .+\)
  otherwise: degraded \(alternative\)
58 tasks: 5\d done, \d stopped
  index: 1 done
  quality: \d done, \d stopped
  trim: 6 done, 2 stopped
  align: 6 done
  duplicates: 4 done, 2 stopped
  call: 4 done
  flags: 4 done
  cover: 4 done
  normalize: 4 done
  filter: 4 done
  count: 4 done
  summarise: 4 done
  report: 1 done
6 failures
  (quality|trim)\[cut\], attempt 1: exit: its exit status is \d+; stop_sample
  (quality|trim)\[torn\], attempt 1: exit: its exit status is \d+; stop_sample
  align\[hungry\], attempt 1: memory: its exit status is 137, as for want of memory; retry
  call\[otherwise\], attempt 1: exit: its exit status is 7; instead
  duplicates\[forgetful\], attempt 1: missing: there is no forgetful.marked.bam.*; stop_sample
  duplicates\[unsound\], attempt 1: invalid: unsound.marked.bam: the block .+ is cut off; stop_sample
"""


def assert_account(text: str) -> None:
    """The report of the run, line by line; failures are told in the order in which they happen to come."""
    said = [line for line in text.splitlines() if line.startswith("    ")]
    assert said, "what the programs that failed have said"
    told = [line for line in text.splitlines() if line not in said]
    expected = ACCOUNT.strip().splitlines()
    failures = expected.index("6 failures") + 1
    told[failures:] = sorted(told[failures:], key=lambda line: re.sub(r"(quality|trim)\[", "", line))
    expected[failures:] = sorted(expected[failures:], key=lambda line: re.sub(r"\(quality\|trim\)\\\[", "", line))
    assert len(told) == len(expected), text
    for line, pattern in zip(told, expected, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)


def test_checked_in_full_before_it_is_refused(person: Person, site: Site, tmp_path: Path) -> None:
    everybody = people(person, tmp_path)
    report = germline().check(
        [sample for sample, _ in everybody.values()], site, shared={"reference": person.fasta}, cost="full"
    )
    errors = [row for row in report.findings.to_pylist() if row["severity"] == "error"]
    told = {os.path.basename(row["path"]) for row in errors} | {row["path"] for row in errors}
    assert os.path.basename(everybody["torn"][0].paths("reads")[0]) in told
    assert "cut" in told, "whose mates are fewer"
    assert not {"well", ODD, "hungry"} & told
