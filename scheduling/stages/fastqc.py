"""FastQC: figures of reads, as pages (www.bioinformatics.babraham.ac.uk/projects/fastqc)."""

from __future__ import annotations

from ..declaring.environments import Environment, Tool
from ..declaring.policies import Failure, Rule, Skip, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .usual import THREADS, malformed, usual

__all__ = ["FASTQC", "PROGRAM"]

PROGRAM = Tool("fastqc", ">=0.11.5, <1", says=r"FastQC v(\d\S*)")

# It ends well with a file that it could not read, and makes nothing of it.
_FASTQC = r"""
set -- {reads}
mkdir -p fastqc
fastqc --outdir fastqc --dir . --threads {cpus} --noextract --quiet "$@"
made=(fastqc/*_fastqc.zip)
if [ ! -e "${{made[0]}}" ] || [ "${{#made[@]}}" -lt $# ]; then
    echo 'there is a file that it made nothing of' >&2
    exit 65
fi
"""

FASTQC = Stage(
    name="fastqc",
    about="Draws how good reads are: qualities, composition, duplicates, adapters.",
    command=_FASTQC,
    inputs={"reads": Input("fastq", many=True, about="Their names are those of the results, so each has its own.")},
    outputs={
        "figures": Output("fastqc/*_fastqc.zip", "zip", many=True),
        "pages": Output("fastqc/*_fastqc.html", many=True),
    },
    parameters={"threads": THREADS},
    # It gives each thread 250 MB of heap, and takes one for each file.
    resources=Resources(
        cpus="min(threads, files)", memory="512*MiB + threads*320*MiB", time="h + size.reads / (500*kB)"
    ),
    environment=Environment(tools=(PROGRAM,)),
    errors=usual(
        *malformed(
            "SequenceFormatException|probably truncated|Not in GZIP format|EOFException", "the reads are broken"
        ),
        # Nothing is made of what it draws.
        last=(Rule(When((Failure.EXIT, Failure.MISSING, Failure.INVALID)), Skip("FastQC failed")),),
    ),
)
