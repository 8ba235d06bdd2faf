"""A run as holotype records it: a workflow of two steps, the second of which failed, with all that goes with it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from holotype.catalog.provenance.hashing import content_id
from holotype.catalog.provenance.model import PROV, XSD, Document, Literal, Name, Record
from holotype.catalog.provenance.vocabulary import HOLOTYPE, described_id, file_id, package_id, person_id, software_id

READS, READS_DATA = "reads/a 1.fastq", b"ACGT"
FLOW_DATA = b"cwlVersion: v1.2"


def at(minute: int) -> datetime:
    return datetime(2024, 5, 1, 10, minute, tzinfo=UTC)


def _id(path: str, data: bytes, dataset: str = "run42") -> str:
    return file_id(dataset, path, hashlib.sha256(data).digest())


A, B, C, FLOW = (
    _id(READS, READS_DATA),
    _id("out/b.bam", b"BAM"),
    _id("out/c.vcf", b"VCF"),
    _id("flow.cwl", FLOW_DATA, "code"),
)
RUN, ALIGN, CALL = (f"urn:holotype:activity:{digit * 32}" for digit in "567")
ALIGNING, CALLING = described_id("command", ["bwa", "mem"]), described_id("command", ["bcftools", "call"])
PARAMETERS, ENVIRONMENT = described_id("parameters", {"threads": 4}), described_id("environment", {"os": "Linux"})
BWA, ENGINE, ANA, NUMPY = (
    software_id("bwa", "0.7"),
    software_id("cwltool", "3.1"),
    person_id("Ana Rivera"),
    package_id("numpy", "2.2.0"),
)


def _file(dataset: str, path: str, data: bytes) -> list[Record]:
    digest = hashlib.sha256(data)
    id, content = _id(path, data, dataset), content_id(digest.digest())
    attributes = (
        (PROV + "type", Name(HOLOTYPE + "file")),
        (HOLOTYPE + "dataset", Literal(dataset)),
        (HOLOTYPE + "path", Literal(path)),
        (HOLOTYPE + "sha256", Literal(digest.hexdigest())),
        (HOLOTYPE + "size", Literal(str(len(data)), XSD + "integer")),
        (PROV + "label", Literal(path)),
    )
    return [
        Record("entity", id, (), attributes),
        Record("entity", content),
        Record("specializationOf", None, (id, content)),
    ]


def _activity(id: str, name: str, minute: int, status: int = 0) -> Record:
    outcome = "failed" if status else "completed"
    attributes = (
        (HOLOTYPE + "name", Literal(name)),
        (HOLOTYPE + "outcome", Literal(outcome)),
        (HOLOTYPE + "exit", Literal(str(status), XSD + "integer")),
    )
    return Record("activity", id, (at(minute), at(minute + 1)), attributes)


def _command(id: str, *words: str) -> Record:
    value = Literal(json.dumps(words), HOLOTYPE + "json")
    return Record("entity", id, (), ((PROV + "type", Name(PROV + "Plan")), (PROV + "value", value)))


def _role(word: str) -> tuple[tuple[str, Literal], ...]:
    return ((PROV + "role", Literal(word)),)


RUN_42 = Document(
    (
        *_file("run42", READS, READS_DATA),
        *_file("run42", "out/b.bam", b"BAM"),
        *_file("run42", "out/c.vcf", b"VCF"),
        *_file("code", "flow.cwl", FLOW_DATA),
        _activity(RUN, "the workflow", 0, 3),
        _activity(ALIGN, "align", 1),
        _activity(CALL, "call", 2, 3),
        _command(ALIGNING, "bwa", "mem"),
        _command(CALLING, "bcftools", "call"),
        Record(
            "entity",
            PARAMETERS,
            (),
            (
                (HOLOTYPE + "parameter:threads", Literal("4", XSD + "integer")),
                (HOLOTYPE + "parameter:mode", Literal("fast")),
            ),
        ),
        Record("entity", ENVIRONMENT, (), ((HOLOTYPE + "os", Literal("Linux")),)),
        Record("entity", NUMPY),
        Record("hadMember", None, (ENVIRONMENT, NUMPY)),
        Record("agent", ANA, (), ((PROV + "type", Name(PROV + "Person")), (PROV + "label", Literal("Ana Rivera")))),
        Record("agent", BWA, (), ((PROV + "type", Name(PROV + "SoftwareAgent")),)),
        Record("agent", ENGINE, (), ((PROV + "type", Name(PROV + "SoftwareAgent")),)),
        Record("used", None, (ALIGN, A, at(1)), _role("input")),
        Record("used", None, (ALIGN, PARAMETERS), _role("parameters")),
        Record("used", None, (ALIGN, ENVIRONMENT), _role("environment")),
        Record("wasGeneratedBy", None, (B, ALIGN, at(2)), _role("output")),
        Record("used", None, (CALL, B), _role("input")),
        Record("wasGeneratedBy", None, (C, CALL)),
        Record("used", None, (RUN, A)),
        Record("wasAssociatedWith", None, (ALIGN, BWA, ALIGNING)),
        Record("wasAssociatedWith", None, (CALL, ANA, CALLING)),
        Record("wasAssociatedWith", None, (RUN, ANA, FLOW)),
        Record("wasAssociatedWith", None, (RUN, ENGINE)),
        Record("wasStartedBy", None, (ALIGN, None, RUN)),
        Record("wasStartedBy", None, (CALL, None, RUN)),
        Record("wasInformedBy", None, (CALL, ALIGN)),
        Record("wasDerivedFrom", None, (C, B)),
        Record("wasAttributedTo", None, (C, ANA)),
        Record("actedOnBehalfOf", None, (BWA, ANA, ALIGN)),
    ),
    prefixes={"holotype": HOLOTYPE},
)
