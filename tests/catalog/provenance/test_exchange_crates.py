"""RO-Crates go out with everything and come back; those of others are read as what they say."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import InvalidOption, SourceNotFound, SourceProblem, TargetRefused
from holotype.catalog.provenance import Root, read_crate, write_crate
from holotype.catalog.provenance.model import PROV, XSD, Document, Literal, Name, Record
from holotype.catalog.provenance.vocabulary import HOLOTYPE

from ...effort import share
from .documents import EX, TRICKY, documents
from .runs import ALIGN, ANA, BWA, CALL, CALLING, FLOW, FLOW_DATA, READS_DATA, RUN, RUN_42, A, B, C

if TYPE_CHECKING:
    from holotype.catalog.provenance import Written

rocrate = pytest.importorskip("rocrate.rocrate")

ROOT = Root("Run 42", "Reads of sample 42, aligned and called", "https://spdx.org/licenses/CC-BY-4.0")
SCHEMA = "http://schema.org/"


def told(document: Document) -> Counter[object]:
    return Counter(
        (bundle, record.term, record.id, record.arguments, frozenset(record.attributes)) for bundle, record in document
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path | None]:
    (tmp_path / "a").write_bytes(READS_DATA)
    (tmp_path / "flow").write_bytes(FLOW_DATA)
    return {A: tmp_path / "a", FLOW: tmp_path / "flow", B: None}


class Crate:
    """A crate that was written, by its nodes."""

    def __init__(self, folder: Path, files: dict[str, Path | None], **options: Any) -> None:
        self.folder = folder
        self.written: Written = write_crate(RUN_42, folder, root=ROOT, files=files, **options)
        self.metadata = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
        self.nodes = {node["@id"]: node for node in self.metadata["@graph"]}

    def ids(self, node: str, key: str) -> set[str]:
        value = self.nodes[node].get(key, [])
        return {each["@id"] for each in (value if isinstance(value, list) else [value])}


@pytest.fixture(params=["1.2", "1.3"])
def crate(request: pytest.FixtureRequest, tmp_path: Path, files: dict[str, Path | None]) -> Crate:
    return Crate(tmp_path / "crate", files, version=request.param)


def test_a_crate_comes_back_as_it_was_to_the_last_attribute(crate: Crate) -> None:
    assert not crate.written.lost
    read = read_crate(crate.folder)
    assert told(read) == told(RUN_42)
    assert not read.notes


@pytest.mark.parametrize("attach", [True, False])
@given(document=st.one_of(documents(), documents(TRICKY)))
@settings(max_examples=share(20), deadline=None)
def test_any_document_makes_a_crate_that_says_what_it_lost(attach: bool, document: Document) -> None:  # noqa: FBT001
    folder = Path(tempfile.mkdtemp())
    try:
        written = write_crate(document, folder, root=ROOT, attach=attach)
        read = told(read_crate(folder))
    finally:
        shutil.rmtree(folder)
    lost = told(Document(tuple(loss.record for loss in written.lost if loss.record and not loss.bundle)))
    for loss in written.lost:
        if loss.record and loss.bundle:
            lost[(loss.bundle, *next(iter(told(Document((loss.record,)))))[1:])] += 1  # type: ignore[index]
    left = told(Document(tuple(record for loss in written.lost for record in loss.left)))
    assert read == told(document) - lost + left
    assert not (attach and lost)


def test_activities_are_actions_with_all_that_they_did(crate: Crate) -> None:
    action = crate.nodes[ALIGN]
    assert action["@type"] == "CreateAction"
    assert (action["name"], action["startTime"], action["endTime"]) == (
        "align",
        "2024-05-01T10:01:00+00:00",
        "2024-05-01T10:02:00+00:00",
    )
    assert action["actionStatus"] == {"@id": SCHEMA + "CompletedActionStatus"}
    assert "run42/reads/a%201.fastq" in crate.ids(ALIGN, "object")
    assert crate.ids(ALIGN, "result") == {B}
    assert BWA in crate.ids(ALIGN, "instrument")
    assert crate.ids("./", "mentions") >= {RUN, ALIGN, CALL}


def test_what_failed_says_so(crate: Crate) -> None:
    action = crate.nodes[CALL]
    assert action["actionStatus"] == {"@id": SCHEMA + "FailedActionStatus"}
    assert "3" in action["error"]
    assert crate.ids(CALL, "agent") == {ANA}
    assert crate.ids(CALL, "instrument") == {CALLING}
    assert crate.nodes[CALLING]["@type"] == "SoftwareSourceCode"


def test_files_come_with_their_digests_and_their_bytes(crate: Crate) -> None:
    node = crate.nodes["run42/reads/a%201.fastq"]
    assert (node["@type"], node["sha256"], node["contentSize"]) == ("File", hashlib.sha256(READS_DATA).hexdigest(), "4")
    assert node["identifier"] == A
    assert (crate.folder / "run42/reads/a 1.fastq").read_bytes() == READS_DATA
    assert crate.ids("./", "hasPart") >= {"run42/reads/a%201.fastq", B, C, "provenance.json"}


def test_parameters_are_values_of_formal_parameters(crate: Crate) -> None:
    values = [crate.nodes[id] for id in crate.ids(ALIGN, "object") if crate.nodes[id]["@type"] == "PropertyValue"]
    assert {(each["name"], each["value"]) for each in values} == {("threads", "4"), ("mode", "fast")}
    (formal,) = (crate.nodes[each["exampleOfWork"]["@id"]] for each in values if each["name"] == "threads")
    assert (formal["@type"], formal["additionalType"]) == ("FormalParameter", "Integer")


def test_the_environment_is_told_with_its_packages(crate: Crate) -> None:
    (variable,) = (crate.nodes[id] for id in crate.ids(ALIGN, "environment"))
    assert (variable["@type"], variable["name"], variable["value"]) == ("PropertyValue", "os", "Linux")
    (package,) = (crate.nodes[id] for id in crate.ids(BWA, "softwareRequirements"))
    assert (package["name"], package["softwareVersion"]) == ("numpy", "2.2.0")


def test_a_run_in_steps_is_told_step_by_step(crate: Crate) -> None:
    flow = crate.nodes["code/flow.cwl"]
    assert set(flow["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"}
    assert crate.ids("./", "mainEntity") == {"code/flow.cwl"}
    steps = [crate.nodes[each["@id"]] for each in flow["step"]]
    assert [(step["@type"], step["position"]) for step in steps] == [("HowToStep", "1"), ("HowToStep", "2")]
    assert crate.ids("code/flow.cwl", "hasPart") == {
        id for step in steps for id in crate.ids(step["@id"], "workExample")
    }
    (organized,) = (node for node in crate.nodes.values() if node["@type"] == "OrganizeAction")
    assert organized["result"] == {"@id": RUN}
    controls = [crate.nodes[each["@id"]] for each in organized["object"]]
    assert [(each["instrument"]["@id"], each["object"]["@id"]) for each in controls] == [
        (steps[0]["@id"], ALIGN),
        (steps[1]["@id"], CALL),
    ]


def test_it_conforms_to_the_profiles_that_it_fulfils(crate: Crate) -> None:
    runs = {"1.2": "0.5", "1.3": "0.6"}[crate.written.format.removeprefix("ro-crate ")]
    profiles = crate.ids("./", "conformsTo")
    assert profiles >= {f"https://w3id.org/ro/wfrun/{kind}/{runs}" for kind in ("process", "workflow", "provenance")}
    for profile in profiles:
        assert "CreativeWork" in crate.nodes[profile]["@type"]


def test_a_crate_without_an_instrument_conforms_to_no_profile_of_runs(tmp_path: Path) -> None:
    document = Document((Record("activity", EX + "plot"),))
    write_crate(document, tmp_path / "crate", root=ROOT)
    assert "wfrun/process" not in (tmp_path / "crate/ro-crate-metadata.json").read_text("utf-8")


def test_every_term_is_one_that_the_contexts_define(crate: Crate) -> None:
    known = pytest.importorskip("rocrate.vocabs").RO_CRATE["@context"]
    for node in crate.nodes.values():
        kinds = node["@type"] if isinstance(node["@type"], list) else [node["@type"]]
        for term in {*node, *kinds} - {"@id", "@type"}:
            prefix, colon, _ = term.partition(":")
            assert (
                term in known
                or term in ("environment", "sha256", "Profile")
                or (colon and prefix in ("prov", "holotype"))
            ), term
    assert crate.metadata["@context"][2]["holotype"] == HOLOTYPE
    described = {id for id in crate.nodes if not id.startswith("ro-crate-metadata")}
    links = {id for node in described for key in crate.nodes[node] for id in _links(crate.nodes[node][key])}
    assert {id for id in links - described if id.startswith(("urn:holotype:act", "#", "run42", "code"))} == set()


def _links(value: Any) -> set[str]:
    return {each["@id"] for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)}


def test_the_package_reads_it(crate: Crate) -> None:
    read = rocrate.ROCrate(crate.folder)
    assert {action.id for action in read.get_by_type("CreateAction")} == {RUN, ALIGN, CALL}
    assert read.mainEntity.id == "code/flow.cwl"
    assert read.get(ALIGN)["result"].id == B


def test_a_zip_of_it_is_read_like_the_folder(crate: Crate, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", crate.folder)
    assert told(read_crate(archive)) == told(RUN_42)


def test_a_crate_that_another_program_set_anew_is_still_itself(crate: Crate) -> None:
    path = crate.folder / "ro-crate-metadata.json"
    crate.metadata["@graph"].reverse()
    path.write_text(json.dumps(crate.metadata, sort_keys=False), "utf-8")
    assert told(read_crate(crate.folder)) == told(RUN_42)


def test_of_a_crate_that_was_edited_the_edit_is_read(crate: Crate) -> None:
    crate.nodes[ANA]["name"] = "Ana Rivera-Suter"
    (crate.folder / "ro-crate-metadata.json").write_text(json.dumps(crate.metadata), "utf-8")
    read = read_crate(crate.folder)
    (ana,) = (record for record in read.records if record.id == ANA)
    assert ana.values(PROV + "label") == (Literal("Ana Rivera-Suter"),)
    assert any("provenance.json" in note for note in read.notes)
    assert {record.arguments for record in read.records if record.term == "wasGeneratedBy"} >= {
        (B, ALIGN, None),
        (C, CALL, None),
    }


def test_of_a_crate_whose_provenance_was_edited_the_rest_is_read(crate: Crate) -> None:
    (crate.folder / "provenance.json").write_text('{"entity": {"urn:other": {}}}')
    read = read_crate(crate.folder)
    assert "urn:other" not in {record.id for record in read.records}
    assert ALIGN in {record.id for record in read.records}


def test_without_the_attachment_the_crate_itself_says_what_was_made_of_what(
    tmp_path: Path, files: dict[str, Path | None]
) -> None:
    crate = Crate(tmp_path / "crate", files, attach=False)
    assert not (crate.folder / "provenance.json").exists()
    assert crate.written.lost
    said = {(record.term, record.arguments[:2]) for record in read_crate(crate.folder).records}
    assert said >= {
        ("used", (ALIGN, A)),
        ("used", (CALL, B)),
        ("wasGeneratedBy", (B, ALIGN)),
        ("wasGeneratedBy", (C, CALL)),
        ("wasDerivedFrom", (C, B)),
        ("wasAttributedTo", (C, ANA)),
        ("wasInformedBy", (CALL, ALIGN)),
        ("wasAssociatedWith", (CALL, ANA)),
        ("wasAssociatedWith", (ALIGN, BWA)),
    }


def test_a_step_is_known_by_the_plan_that_its_plan_is_part_of(tmp_path: Path) -> None:
    flow, tool, run, step = (EX + name for name in ("flow", "tool", "run", "step"))
    document = Document(
        (
            Record("hadMember", None, (flow, tool)),
            Record("wasAssociatedWith", None, (run, EX + "engine", flow)),
            Record("wasAssociatedWith", None, (step, None, tool)),
        )
    )
    text = write_crate(document, tmp_path / "crate", root=ROOT).text
    nodes = {node["@id"]: node for node in json.loads(text)["@graph"]}
    assert nodes[f"{flow}#step-1"]["workExample"] == {"@id": tool}
    assert nodes["#control-1-1"]["object"] == {"@id": step}


def test_two_versions_of_a_path_have_places_of_their_own(tmp_path: Path) -> None:
    files: dict[str, Path | None] = {}
    for word in ("one", "two"):
        (tmp_path / word).mkdir()
        (tmp_path / word / "data.csv").write_text(word)
        files[EX + word] = tmp_path / word / "data.csv"
    document = Document(tuple(Record("entity", id) for id in files))
    write_crate(document, tmp_path / "crate", root=ROOT, files=files)
    written = {path.read_text() for path in (tmp_path / "crate/files").iterdir()}
    assert written == {"one", "two"}


def test_a_path_that_leads_out_of_the_crate_is_written_within_it(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("data")
    attributes = ((HOLOTYPE + "dataset", Literal("..")), (HOLOTYPE + "path", Literal("../../C:\\evil/../x")))
    document = Document((Record("entity", EX + "e", (), attributes),))
    write_crate(document, tmp_path / "in/crate", root=ROOT, files={EX + "e": tmp_path / "data"})
    outside = [
        path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(tmp_path / "in/crate")
    ]
    assert outside == [tmp_path / "data"]


def test_what_cannot_be_written_is_refused_before_anything_is(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other bytes")
    target = tmp_path / "crate"
    with pytest.raises(SourceProblem, match="SHA-256"):
        write_crate(RUN_42, target, root=ROOT, files={A: tmp_path / "other"})
    with pytest.raises(SourceNotFound):
        write_crate(RUN_42, target, root=ROOT, files={A: tmp_path / "absent"})
    with pytest.raises(InvalidOption, match="urn:nothing"):
        write_crate(RUN_42, target, root=ROOT, files={"urn:nothing": tmp_path / "other"})
    with pytest.raises(InvalidOption, match=r"1\.2"):
        write_crate(RUN_42, target, root=ROOT, version="9")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert not target.exists()
    with pytest.raises(TargetRefused):
        write_crate(RUN_42, tmp_path, root=ROOT)


def foreign(*nodes: dict[str, Any], context: Any = "https://w3id.org/ro/crate/1.1/context") -> Document:
    about = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}}
    graph = [about, {"@id": "./", "@type": "Dataset"}, *nodes]
    return read_crate(json.dumps({"@context": context, "@graph": graph}).encode())


def test_a_crate_of_others_is_read_as_what_it_says() -> None:
    document = foreign(
        {"@id": "pics/in.jpg", "@type": "File", "sha256": "0" * 64, "contentSize": "12", "name": "in"},
        {"@id": "pics/out.jpg", "@type": ["File", "ImageObject"], "author": {"@id": "https://orcid.org/0000"}},
        {"@id": "https://imagemagick.org", "@type": "SoftwareApplication", "name": "ImageMagick", "version": 7.1},
        {"@id": "https://orcid.org/0000", "@type": "Person", "name": "Ana"},
        {
            "@id": "#sepia",
            "@type": "CreateAction",
            "object": [{"@id": "pics/in.jpg"}],
            "result": {"@id": "pics/out.jpg"},
            "instrument": {"@id": "https://imagemagick.org"},
            "agent": {"@id": "https://orcid.org/0000"},
            "endTime": "2024-05-01T12:00:00+02:00",
            "actionStatus": "http://schema.org/FailedActionStatus",
        },
    )
    ids = {record.values(PROV + "label") or record.id: record.id for record in document.records if record.id}
    action = next(record for record in document.records if record.term == "activity")
    picture = ids[(Literal("in"),)]
    assert picture
    file = next(record for record in document.records if record.id == picture)
    assert file.values(HOLOTYPE + "sha256") == (Literal("0" * 64),)
    assert file.values(HOLOTYPE + "size") == (Literal("12", XSD + "integer"),)
    assert action.values(HOLOTYPE + "outcome") == (Literal("failed"),)
    assert str(action["endTime"]) == "2024-05-01 12:00:00+02:00"
    agents = {record.id: record for record in document.records if record.term == "agent"}
    assert Name(PROV + "SoftwareAgent") in agents["https://imagemagick.org"].values(PROV + "type")
    assert agents["https://imagemagick.org"].values(SCHEMA + "version") == (Literal("7.1", XSD + "double"),)
    assert {(record.term, record.arguments[:2]) for record in document.records} >= {
        ("used", (action.id, picture)),
        ("wasAssociatedWith", (action.id, "https://orcid.org/0000")),
        ("wasAssociatedWith", (action.id, "https://imagemagick.org")),
    }
    assert not document.notes


def test_terms_of_a_crate_of_its_own_are_known_by_its_context() -> None:
    context = ["https://w3id.org/ro/crate/1.2/context", {"ex": EX, "width": "ex:width", "height": {"@id": "ex:height"}}]
    document = foreign(
        {"@id": "http://e/1", "@type": "ex:Thing", "width": "1", "height": "2", "ex:a": "3"}, context=context
    )
    (thing,) = (record for record in document.records if record.id == "http://e/1")
    assert set(thing.attributes) == {
        (PROV + "type", Name(EX + "Thing")),
        (EX + "width", Literal("1")),
        (EX + "height", Literal("2")),
        (EX + "a", Literal("3")),
    }


def test_a_context_that_is_not_known_is_named_and_not_fetched() -> None:
    assert any("http://e/context" in note for note in foreign(context=["http://e/context"]).notes)
