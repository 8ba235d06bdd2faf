"""Stands for GATK 4: takes the arguments that its tools take, and no others; looks for what they look for beside the
reference and the alignments; and makes files as theirs, variants by bcftools.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

NEEDS = ("samtools", "bcftools")

REQUIRED: dict[str, tuple[str, ...]] = {
    "BaseRecalibrator": ("-R", "-I", "-O", "--known-sites"),
    "ApplyBQSR": ("-R", "-I", "-O", "--bqsr-recal-file"),
    "HaplotypeCaller": ("-R", "-I", "-O"),
    "GenotypeGVCFs": ("-R", "-V", "-O"),
    "VariantFiltration": ("-R", "-V", "-O"),
}
OPTIONAL: dict[str, tuple[str, ...]] = {
    "BaseRecalibrator": ("-L",),
    "HaplotypeCaller": ("-L", "-ERC", "--sample-ploidy", "--native-pair-hmm-threads", "--dbsnp"),
    "VariantFiltration": ("--filter-name", "--filter-expression"),
}


def fail(status: int, why: str) -> NoReturn:
    """As GATK tells it: 1 for arguments, 2 for data."""
    sys.stderr.write(f"***\n\nA USER ERROR has occurred: {why}\n\n***\n")
    sys.exit(status)


class Arguments(argparse.ArgumentParser):
    """Wrong ones end it as they end GATK."""

    def error(self, message: str) -> NoReturn:
        fail(1, f"{message} is not a recognized option")


def exists(path: str, ending: str) -> None:
    beside = Path(path).with_suffix(ending[1:]) if ending.startswith("^") else Path(path + ending)
    if not beside.exists():
        what = "Fasta index" if ending == ".fai" else "Fasta dict" if ending == "^.dict" else "An index"
        fail(2, f"{what} file {beside} for reference or input {path} does not exist.")


def given(tool: str, words: list[str]) -> dict[str, list[str]]:
    parser = Arguments(allow_abbrev=False)
    for name in REQUIRED[tool]:
        parser.add_argument(name, action="append", required=True, dest=name)
    for name in OPTIONAL.get(tool, ()):
        parser.add_argument(name, action="append", default=[], dest=name)
    return dict(parser.parse_args(words)._get_kwargs())


def look(arguments: dict[str, list[str]]) -> None:
    for path in arguments["-R"]:
        exists(path, ".fai")
        exists(path, "^.dict")
    for path in arguments.get("-I", []):
        if not Path(path + ".bai").exists() and not Path(path).with_suffix(".bai").exists():
            fail(2, f"An index is required for {path}")
    for name in ("-V", "--known-sites", "--dbsnp"):
        for path in arguments.get(name, []):
            exists(path, ".tbi")
    for path in arguments.get("-L", []):
        if not path.endswith(".bed"):
            fail(2, f"The intervals file {path} does not have one of the supported extensions")
    if {"NONE", "GVCF", "BP_RESOLUTION"}.isdisjoint(arguments.get("-ERC") or ["NONE"]):
        fail(1, "Argument ERC has a bad value")
    for each in arguments.get("--filter-expression", []):
        if not re.fullmatch(r"[A-Z]+ [<>] \d+\.\d+", each):  # a whole number is never compared with what is none
            fail(2, f"Invalid JEXL expression {each}")


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def make(tool: str, arguments: dict[str, list[str]]) -> None:
    (output,), (reference,) = arguments["-O"], arguments["-R"]
    if tool == "BaseRecalibrator":
        Path(output).write_text("#:GATKReport.v1.1:5\n")
        return
    if tool == "ApplyBQSR":
        shutil.copyfile(arguments["-I"][0], output)
        run("samtools", "index", output, str(Path(output).with_suffix(".bai")))
        return
    if tool == "HaplotypeCaller":
        where = [word for path in arguments["-L"] for word in ("-R", path)]
        run("bcftools", "mpileup", "-f", reference, *where, "-Ob", "-o", "pile.bcf", arguments["-I"][0])
        run("bcftools", "call", "-m", "-v", "-Oz", "-o", output, "pile.bcf")
        os.unlink("pile.bcf")
    else:
        run("bcftools", "view", "-Oz", "-o", output, arguments["-V"][0])
    run("bcftools", "index", "-t", output)


def main(words: list[str]) -> None:
    if words == ["--version"]:
        sys.stdout.write("The Genome Analysis Toolkit (GATK) v4.4.0.0\nHTSJDK Version: 3.0.5\nPicard Version: 3.0.0\n")
        return
    if words[:1] == ["--java-options"]:
        if not re.fullmatch(r"-Xmx[1-9]\d*m", words[1]):
            fail(1, f"Illegal argument {words[1]}")
        words = words[2:]
    if not words or words[0] not in REQUIRED:
        fail(1, f"'{words[:1]}' is not a valid command.")
    arguments = given(words[0], words[1:])
    look(arguments)
    make(words[0], arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
