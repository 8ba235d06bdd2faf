"""How much memory validating takes, of files that are once, three times and ten times as large.

    python benchmarks/validation_memory.py [MEGABYTES]

Each file is made by one process and validated by another, of which the most memory it ever had is told: with Python,
the libraries and all.  A file of a table is held against the schema of ``validation_tables`` as well.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import Command, CommandFailed, run

__all__ = ["KINDS", "main", "make", "peak"]

TIMES = (1, 3, 10)
KINDS = (
    "reads.fastq", "variants.vcf", "reads.sam", "reads.bam", "table.csv", "features.gff3", "features.gtf",
    "columns.parquet", "array.h5", "packed.h5", "array.npy",
)  # fmt: skip
"""The files, each of the format that its name says."""

_VALIDATE = """
import sys
from holotype.validators import SchemaCheck, validate
also = []
if sys.argv[1].endswith("table.csv"):
    from benchmarks.validation_tables import SCHEMA
    also = [SchemaCheck(SCHEMA)]
report = validate(sys.argv[1], also=also)
if not report.ok:
    sys.exit(str(report))
"""


def make(path: Path, megabytes: float) -> None:
    """Write a file of about so many megabytes; of BAM as many unpacked, as SAM has them.

    Raises ``CommandFailed`` for BAM where there is no samtools.
    """
    size = int(megabytes * 1e6)
    if path.name == "reads.fastq":
        from benchmarks.validation_fastq import make_reads

        make_reads(path, count=size // 370)
    elif path.name == "variants.vcf":
        from benchmarks import validation_vcf

        validation_vcf.make(path, samples=10, size=size)
    elif path.suffix in (".sam", ".bam"):
        from benchmarks.validation_sam import made

        text = made(path.with_suffix(".sam"), size // 390)
        if path.suffix == ".bam":
            run(Command(("samtools", "view", "-b", "-o", str(path), str(text)), path.parent))
    elif path.suffix == ".csv":
        from benchmarks.validation_tables import table

        table(size // 95).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6f")
    elif path.stem == "features":
        from benchmarks import validation_features

        validation_features.make(path, size=size, style="ensembl.gff3" if path.suffix == ".gff3" else "gencode.gtf")
    else:
        from benchmarks.validation_arrays import MAKERS

        kind = {"packed.h5": "gzip.h5"}.get(path.name, f"plain{path.suffix}")
        MAKERS[kind](path, max(1, round(megabytes)))


def peak(path: Path) -> float:
    """The most memory that a process has which validates a file, in megabytes."""
    top = str(Path(__file__).resolve().parents[1])
    command = Command((sys.executable, "-c", _VALIDATE, str(path)), path.parent, {"PYTHONPATH": top})
    return run(command).peak / 1e6


def main(megabytes: float = 30) -> None:
    """Print the figures."""
    # What is measured begins as a copy of this process, which therefore imports nothing large and makes no file.
    heads = "".join(f"{times * megabytes:>8.0f} MB" for times in TIMES)
    print(f"{'':<18}{heads}   of file; megabytes of memory")
    for kind in KINDS:
        peaks: list[float] = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / kind
            try:
                for times in TIMES:
                    arguments = (sys.executable, __file__, "--make", str(path), str(times * megabytes))
                    run(Command(arguments, Path(folder)))
                    peaks.append(peak(path))
            except (CommandFailed, FileNotFoundError) as error:
                print(f"{kind:<18}cannot be made: {str(error).splitlines()[-1]}")
                continue
        print(f"{kind:<18}{''.join(f'{each:>8.0f}   ' for each in peaks)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main(*map(float, sys.argv[1:2]))
