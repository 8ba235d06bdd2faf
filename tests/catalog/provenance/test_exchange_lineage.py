"""Events of OpenLineage: what went out comes back whole, and what others say is read as what happened."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import DocumentUnreadable, SourceNotFound
from holotype.catalog.provenance import openlineage_events, read_openlineage, write_openlineage
from holotype.catalog.provenance.model import PROV, XSD, Document, Literal, Name, Record
from holotype.catalog.provenance.vocabulary import HOLOTYPE

from ...effort import share
from .documents import EX, TRICKY, documents
from .runs import ALIGN, CALL, RUN, RUN_42, A, B, at

if TYPE_CHECKING:
    from pathlib import Path

PRODUCER = "https://example.org/holotype"
TOLD = datetime(2024, 6, 1, tzinfo=UTC)


def told(document: Document) -> Counter[object]:
    return Counter(
        (bundle, record.term, record.id, record.arguments, frozenset(record.attributes)) for bundle, record in document
    )


def events(document: Document = RUN_42) -> tuple[dict[str, Any], ...]:
    return openlineage_events(document, producer=PRODUCER, namespace="lab", told=TOLD)


def of(activity: str, kind: str) -> dict[str, Any]:
    run = str(uuid.UUID(activity.rpartition(":")[2]))
    (found,) = (event for event in events() if event["run"]["runId"] == run and event["eventType"] == kind)
    return found


@given(document=st.one_of(documents(), documents(TRICKY)))
@settings(max_examples=share(50), deadline=None)
def test_documents_come_back_as_they_were_wherever_anything_happened(document: Document) -> None:
    written = write_openlineage(document, producer=PRODUCER, namespace="lab", told=TOLD)
    read = read_openlineage(written.text.encode())
    assert not read.notes
    if written.text:
        assert told(read) == told(document)
        assert not [loss for loss in written.lost if loss.record]
    else:
        assert Counter(loss.record for loss in written.lost if loss.record) == Counter(record for _, record in document)


def test_every_event_says_what_the_standard_asks_of_it() -> None:
    for event in events():
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        assert event["producer"] == PRODUCER
        assert datetime.fromisoformat(event["eventTime"]).tzinfo
        uuid.UUID(event["run"]["runId"])
        assert event["job"]["namespace"] == "lab"
        holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
        for holder in holders:
            for facet in holder["facets"].values():
                assert facet["_producer"] == PRODUCER
                assert facet["_schemaURL"].startswith("https://openlineage.io/spec/")


def test_a_run_starts_and_completes_with_its_inputs_and_outputs() -> None:
    start, end = of(ALIGN, "START"), of(ALIGN, "COMPLETE")
    assert (start["eventTime"], end["eventTime"]) == (at(1).isoformat(), at(2).isoformat())
    assert [each["name"] for each in end["inputs"]] == ["run42/reads/a 1.fastq"]
    assert [each["name"] for each in end["outputs"]] == ["run42/out/b.bam"]
    assert not start["outputs"]
    (made,) = end["outputs"]
    assert made["facets"]["version"]["datasetVersion"] in B
    assert made["facets"]["symlinks"]["identifiers"][0]["name"] == B
    assert made["outputFacets"]["outputStatistics"]["size"] == 3


def test_facets_of_the_standard_say_what_they_have_a_place_for() -> None:
    run, job = of(ALIGN, "COMPLETE")["run"]["facets"], of(ALIGN, "COMPLETE")["job"]
    assert job["name"] == "align"
    assert job["facets"]["sourceCode"]["sourceCode"] == "bwa mem"
    assert {(each["key"], each["value"]) for each in run["executionParameters"]["parameters"]} == {
        ("threads", "4"),
        ("mode", "fast"),
    }
    assert run["environmentVariables"]["environmentVariables"] == [{"name": "os", "value": "Linux"}]
    assert (run["processing_engine"]["name"], run["processing_engine"]["version"]) == ("bwa", "0.7")
    assert run["parent"]["run"]["runId"] == str(uuid.UUID(RUN.rpartition(":")[2]))
    assert run["nominalTime"]["nominalStartTime"] == at(1).isoformat()


def test_a_run_that_failed_says_so() -> None:
    event = of(CALL, "FAIL")
    assert "3" in event["run"]["facets"]["errorMessage"]["message"]
    assert event["job"]["facets"]["ownership"]["owners"] == [{"name": "Ana Rivera"}]


def test_each_run_brings_what_was_said_of_it() -> None:
    whole = {event["run"]["runId"]: event for event in events() if "holotype_prov" in event["run"]["facets"]}
    alone = read_openlineage(json.dumps(whole[str(uuid.UUID(ALIGN.rpartition(":")[2]))]).encode())
    assert {record.arguments[:2] for record in alone.records if record.term == "used"} >= {(ALIGN, A)}
    assert CALL not in {record.id for record in alone.records}


def test_what_has_no_time_is_told_with_that_of_telling() -> None:
    (event,) = events(Document((Record("activity", EX + "plot"),)))
    assert (event["eventType"], event["eventTime"]) == ("OTHER", TOLD.isoformat())


def test_where_nothing_happened_things_are_told() -> None:
    document = Document((Record("entity", EX + "a"), Record("entity", EX + "b")))
    said = events(document)
    assert [event["dataset"]["name"] for event in said] == [EX + "a", EX + "b"]
    assert {event["schemaURL"].rpartition("/")[2] for event in said} == {"DatasetEvent"}


def test_the_same_activity_is_always_the_same_run() -> None:
    document = Document((Record("activity", EX + "plot"),))
    assert events(document) == events(document)


RUN_ID = "0176a8c2-fe01-7439-87e6-56a1a1b4029f"
PARENT = "0176a8c2-fe01-7439-87e6-56a1a1b4029e"
THEIRS: dict[str, Any] = {
    "eventType": "START",
    "eventTime": "2024-05-01T12:00:00.000Z",
    "producer": "https://airflow",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": RUN_ID, "facets": {"parent": {"run": {"runId": PARENT}, "job": {"namespace": "n", "name": "j"}}}},
    "job": {
        "namespace": "sched:1",
        "name": "daily.orders",
        "facets": {"sourceCode": {"language": "sh", "sourceCode": "make"}},
    },
    "inputs": [{"namespace": "s3://bucket", "name": "orders", "facets": {"version": {"datasetVersion": "7"}}}],
}
ENDED = {
    **THEIRS,
    "eventType": "FAIL",
    "eventTime": "2024-05-01T14:05:00+02:00",
    "run": {
        "runId": RUN_ID,
        "facets": {
            "errorMessage": {"message": "out of paper", "programmingLanguage": "PYTHON"},
            "mine": {"_producer": "x", "_schemaURL": "y", "pages": 12, "nested": {"a": [1.50]}},
        },
    },
    "outputs": [
        {"namespace": "s3://bucket", "name": "report", "facets": {"ownership": {"owners": [{"name": "team:a"}]}}}
    ],
}
NAMED = "urn:holotype:openlineage:"


def lines(*said: Any) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in said).encode()


def test_events_of_others_are_read_as_what_happened() -> None:
    document = read_openlineage(lines(THEIRS, ENDED))
    (activity,) = (record for record in document.records if record.term == "activity")
    assert activity.id == f"urn:uuid:{RUN_ID}"
    assert activity.arguments == (datetime(2024, 5, 1, 12, tzinfo=UTC), datetime(2024, 5, 1, 12, 5, tzinfo=UTC))
    assert activity.values(HOLOTYPE + "outcome") == (Literal("failed"),)
    assert activity.values(HOLOTYPE + "error") == (Literal("out of paper"),)
    assert activity.values(NAMED + "facet:mine:pages") == (Literal("12", XSD + "integer"),)
    assert [value.text for value in activity.values(NAMED + "facet:mine:nested")] == ['{"a": [1.5]}']  # type: ignore[union-attr]
    job = NAMED + "job:sched%3A1:daily.orders"
    orders = NAMED + "dataset:s3%3A%2F%2Fbucket:orders"
    report = NAMED + "dataset:s3%3A%2F%2Fbucket:report"
    assert {(record.term, record.arguments) for record in document.records} >= {
        ("wasAssociatedWith", (activity.id, None, job)),
        ("wasStartedBy", (activity.id, None, f"urn:uuid:{PARENT}", None)),
        ("used", (activity.id, f"{orders}@7", None)),
        ("specializationOf", (f"{orders}@7", orders)),
        ("wasGeneratedBy", (report, activity.id, None)),
        ("wasAttributedTo", (report, NAMED + "owner:team%3Aa")),
    }
    plan = next(record for record in document.records if record.id == job)
    assert plan.values(PROV + "value") == (Literal("make"),)
    assert Name(PROV + "Plan") in plan.values(PROV + "type")
    assert not document.notes


def test_events_are_lines_or_a_list_or_one_alone_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events"
    wanted = told(read_openlineage(lines(THEIRS, ENDED)))
    for data in (json.dumps([THEIRS, ENDED]).encode(), b"\n" + lines(THEIRS) + b"\n\n" + lines(ENDED)):
        path.write_bytes(data)
        assert told(read_openlineage(path)) == wanted
    pretty = json.dumps(THEIRS, indent=2).encode()
    assert told(read_openlineage(pretty)) == told(read_openlineage(lines(THEIRS)))
    assert read_openlineage(b"").records == ()


def test_jobs_and_datasets_by_themselves_are_plans_and_entities() -> None:
    time = {"eventTime": "2024-05-01T12:00:00Z"}
    job = {**time, "job": {"namespace": "n", "name": "j"}}
    dataset = {**time, "dataset": {"namespace": "n", "name": "d"}}
    ids = {record.id for record in read_openlineage(lines(job, dataset)).records}
    assert ids == {NAMED + "job:n:j", NAMED + "dataset:n:d"}


BROKEN = {
    "no JSON": b"{",
    "a number": b"5",
    "text in a list": b'["text"]',
    "nothing": lines({"eventTime": "2024-05-01T12:00:00Z"}),
    "no time": lines({**THEIRS, "eventTime": "yesterday"}),
    "a time that is a number": lines({**THEIRS, "eventTime": 5}),
    "no run id": lines({**THEIRS, "run": {}}),
    "a run id that is none": lines({**THEIRS, "run": {"runId": "x"}}),
    "a run that is text": lines({**THEIRS, "run": "x"}),
    "no job": lines({key: value for key, value in THEIRS.items() if key != "job"}),
    "a job without a name": lines({**THEIRS, "job": {"namespace": "n"}}),
    "an input that is text": lines({**THEIRS, "inputs": ["x"]}),
    "an input without a name": lines({**THEIRS, "inputs": [{"namespace": "n"}]}),
    "nesting without an end": b"[" * 100_000,
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_event_is_refused(what: str) -> None:
    with pytest.raises(DocumentUnreadable):
        read_openlineage(BROKEN[what])


def test_the_line_that_is_wrong_is_named() -> None:
    with pytest.raises(DocumentUnreadable, match="line 2"):
        read_openlineage(lines(THEIRS, {**THEIRS, "eventTime": "yesterday"}))


def test_odd_facets_harm_nothing() -> None:
    odd = {
        **THEIRS,
        "run": {"runId": RUN_ID, "facets": {"parent": 5, "errorMessage": [], "a b": "x", "holotype_prov": 7}},
    }
    odd["job"] = {"namespace": "n", "name": "j", "facets": {"ownership": {"owners": [5, {"name": 7}]}, "sourceCode": 1}}
    odd["eventType"] = "EXPLODE"
    odd["outputs"] = {"not": "a list"}
    document = read_openlineage(lines(odd))
    assert any(record.term == "activity" for record in document.records)
    assert any("EXPLODE" in note for note in document.notes)


def test_missing_and_too_large_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        read_openlineage(tmp_path / "absent")
    with pytest.raises(DocumentUnreadable, match="largest="):
        read_openlineage(lines(THEIRS), largest=10)
