"""Traces as other systems write them, of the newest versions of WfFormat and of the one before."""

from __future__ import annotations

from typing import Any

__all__ = ["FIVE", "FOUR"]

FIVE: dict[str, Any] = {
    "name": "bwa-small",
    "createdAt": "2023-05-10T16:36:06.775626",
    "schemaVersion": "1.5",
    "author": {"name": "cc", "email": "support@wfcommons.org"},
    "runtimeSystem": {"name": "Makeflow", "version": "7"},
    "workflow": {
        "repo": "https://example.org",
        "specification": {
            "tasks": [
                {"name": "cat_ID000003", "id": "cat_ID000003", "children": [],
                 "parents": ["bwa_ID000001", "bwa_ID000002"],
                 "inputFiles": ["a.sam", "b.sam"], "outputFiles": ["all.sam"]},
                {"name": "bwa_ID000001", "id": "bwa_ID000001", "parents": [], "children": ["cat_ID000003"],
                 "inputFiles": ["a.fq"], "outputFiles": ["a.sam"]},
                {"name": "bwa_ID000002", "id": "bwa_ID000002", "parents": [], "children": ["cat_ID000003"],
                 "inputFiles": ["b.fq"], "outputFiles": ["b.sam"]},
            ],
            "files": [{"id": id, "sizeInBytes": 1000} for id in ("a.fq", "b.fq", "a.sam", "b.sam", "all.sam")],
        },
        "execution": {
            "makespanInSeconds": 9.5,
            "executedAt": "2023-05-10T16:23:32Z",
            "tasks": [
                {"id": "bwa_ID000001", "runtimeInSeconds": 0.3, "avgCPU": 150, "coreCount": 1.5, "memoryInBytes": 87824,
                 "command": {"program": "bwa", "arguments": ["mem", "a b", "; rm -rf /"]}, "machines": ["ubuntu"],
                 "energyInKWh": 3},
                {"id": "bwa_ID000002", "runtimeInSeconds": 0.2, "readBytes": 7, "writtenBytes": 8},
                {"id": "cat_ID000003", "runtimeInSeconds": 0.1},
            ],
            "machines": [{"nodeName": "ubuntu", "cpu": {"coreCount": 64}}],
        },
    },
}  # fmt: skip
FOUR: dict[str, Any] = {
    "name": "genome-dax-0",
    "schemaVersion": "1.4",
    "wms": {"name": "Pegasus", "version": "4.9.3"},
    "workflow": {
        "executedAt": "20200408T171104+0000",
        "makespanInSeconds": 12,
        "machines": [{"nodeName": "compute-3", "cpu": {"count": 48}}],
        "tasks": [
            {"name": "chr21_chr21", "type": "compute", "id": "ID0000001", "category": "chr21", "machine": "compute-3",
             "parents": ["map_ID0000037"], "runtimeInSeconds": 2.115, "avgCPU": 50.0, "cores": 2,
             "files": [{"link": "input", "name": "m.map", "sizeInBytes": 8},
                       {"link": "output", "name": "o", "path": "out/", "sizeInBytes": 9}],
             "command": {"program": "chr21", "arguments": ["-b"]}},
            {"name": "map_ID0000037", "id": "ID0000037", "parents": [], "runtimeInSeconds": 1.0,
             "files": [{"link": "output", "name": "m.map", "sizeInBytes": 8}]},
        ],
    },
}  # fmt: skip
