"""Pictures of provenance say all that is there, and nothing that a name would have them say."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog.provenance import dot, mermaid
from holotype.catalog.provenance.model import ELEMENTS, PROV, Bundle, Document, Literal, Record

from ...effort import share
from .documents import EX, TRICKY, documents
from .runs import RUN_42

# Strings of DOT: between quotes, with a backslash before whatever would end or change them.
DOT_TOKENS = re.compile(r'"(?:[^"\\\n]|\\["\\n])*"|->|[\w.-]+|[{}\[\];=,]|\s+')
DOT_NODE = re.compile(r'\s+(?P<key>n\d+) \[label="(?P<label>(?:[^"\\]|\\.)*)", shape=(?P<shape>\w+), .*\];')
DOT_EDGE = re.compile(
    r'  (?P<first>n\d+) -> (?P<second>n\d+) \[label="(?P<label>(?:[^"\\]|\\.)*)"(?:, style=dashed)?\];'
)
# What Mermaid is given between quotes: plain signs, and numbers of all others.
TEXT = r'"(?P<label>(?:[\w .,:/@+-]|#\d+;|<br/>)*)"'
MERMAID = [
    re.compile(r"flowchart RL"),
    re.compile(rf"  subgraph b\d+\[{TEXT}\]"),
    re.compile(r"  end"),
    re.compile(rf"    (?P<key>n\d+)(?:\(\[{TEXT}\]\):::entity)".replace("(?P<key>", "(")),
    re.compile(rf"    (n\d+)\[{TEXT}\]:::activity"),
    re.compile(rf"    (n\d+)\[/{TEXT}\\\]:::agent"),
    re.compile(rf"  n\d+ (?:-->|-\.->)\|{TEXT}\| n\d+"),
    re.compile(r"  classDef \w+ [\w#:,]+"),
]

NASTY = [
    'quote " inside',
    "back\\slash\\",
    "new\nline\r\nand\rmore",
    "brackets ])}>",
    "end; subgraph x; end",
    "#quot; &lt; &#35;",
    "<script>alert(1)</script>",
    '"]; evil [label="x',
    "`markdown` **bold** $$x$$",
    "%%{init: {}}%%",
    "click n1 href",
    "ünïcødé 漢字 😀",
    "\x00\x07\x1b[31m\u2028",
    "\\N \\G \\l",
    "1. a list",
    "- another",
    "",
]


def named(label: str) -> Document:
    return Document((Record("entity", EX + label, (), ((PROV + "label", Literal(label)),)),))


def said_in_dot(text: str) -> tuple[dict[str, tuple[str, str]], list[tuple[str, str, str]]]:
    """The nodes and the edges of a graph in DOT."""
    nodes = {
        match["key"]: (match["label"], match["shape"])
        for line in text.splitlines()
        if (match := DOT_NODE.fullmatch(line))
    }
    edges = [
        (match["first"], match["second"], match["label"])
        for line in text.splitlines()
        if (match := DOT_EDGE.fullmatch(line))
    ]
    return nodes, edges


def elements(document: Document) -> set[str]:
    spoken = {record.id for _, record in document if record.term in ELEMENTS}
    for _, record in document:
        if record.term not in ELEMENTS:
            names = [value for value in record.arguments if isinstance(value, str)]
            # The events of a derivation are no things.
            spoken.update(
                names[:3]
                if record.term != "wasDerivedFrom"
                else [n for n in record.arguments[:3] if isinstance(n, str)]
            )
    return {id for id in spoken if id is not None}


@given(document=st.one_of(documents(), documents(TRICKY)))
@settings(max_examples=share(80), deadline=None)
def test_dot_is_well_formed_and_has_every_thing_once(document: Document) -> None:
    text = dot(document, whole=True)
    assert "".join(DOT_TOKENS.findall(text)) == text
    nodes, edges = said_in_dot(text)
    assert len(nodes) == len(elements(document))
    assert text.count(" -> ") >= len(edges)
    assert {key for first, second, _ in edges for key in (first, second)} <= nodes.keys()


@given(document=st.one_of(documents(), documents(TRICKY)))
@settings(max_examples=share(80), deadline=None)
def test_mermaid_has_nothing_but_lines_of_its_own(document: Document) -> None:
    for line in mermaid(document, whole=True).splitlines():
        assert any(kind.fullmatch(line) for kind in MERMAID), line


@pytest.mark.parametrize("label", NASTY)
def test_whatever_a_label_is_made_of_it_stays_a_label(label: str) -> None:
    document = named(label)
    text = dot(document, whole=True)
    assert "".join(DOT_TOKENS.findall(text)) == text
    ((shown, shape),) = said_in_dot(text)[0].values()
    assert shape == "ellipse"
    assert "evil" not in text.replace(shown, "")
    lines = mermaid(document, whole=True).splitlines()
    assert all(any(kind.fullmatch(line) for kind in MERMAID) for line in lines)
    assert len([line for line in lines if ":::" in line]) == 1


def test_labels_are_shown_as_they_are() -> None:
    nodes, _ = said_in_dot(dot(named('a "b" \\ ü\nc')))
    assert [label for label, _ in nodes.values()] == ['a \\"b\\" \\\\ ü\\nc']
    assert '"a #34;b#34; ü<br/>c"' in mermaid(named('a "b" ü\nc'))


def test_each_kind_has_its_shape_and_each_relation_its_name() -> None:
    figure, plot, ana = EX + "figure", EX + "plot", EX + "ana"
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    document = Document(
        (
            Record("wasGeneratedBy", None, (figure, plot, noon), ((PROV + "role", Literal("output")),)),
            Record("wasAssociatedWith", None, (plot, ana, EX + "recipe")),
        ),
        prefixes={"ex": EX},
    )
    nodes, edges = said_in_dot(dot(document, whole=True))
    assert dict(nodes.values()) == {
        "ex:figure": "ellipse",
        "ex:plot": "box",
        "ex:ana": "house",
        "ex:recipe": "ellipse",
    }
    labels = {(nodes[first][0], nodes[second][0]): label for first, second, label in edges}
    assert labels == {
        ("ex:figure", "ex:plot"): "wasGeneratedBy (output)\\n2024-05-01T12:00:00+00:00",
        ("ex:plot", "ex:ana"): "wasAssociatedWith",
        ("ex:plot", "ex:recipe"): "wasAssociatedWith: plan",
    }
    text = mermaid(document, whole=True)
    assert 'n2["ex:plot"]:::activity' in text
    assert 'n3[/"ex:ana"\\]:::agent' in text
    assert 'n1 -->|"wasGeneratedBy #40;output#41;<br/>2024-05-01T12:00:00+00:00"| n2' in text


def test_bundles_are_frames_around_what_they_say() -> None:
    document = Document((Record("entity", EX + "a"),), (Bundle(EX + "b", (Record("entity", EX + "c"),)),))
    drawn = dot(document, whole=True)
    assert re.search(r'subgraph cluster_1 \{\n    label="http://example.org/b";\n    n2 \[.*\n  \}', drawn)
    assert re.search(r'subgraph b1\["http://example.org/b"\]\n    n2.*\n  end', mermaid(document, whole=True))


def test_an_empty_document_is_an_empty_picture() -> None:
    assert said_in_dot(dot(Document())) == ({}, [])
    assert mermaid(Document()).startswith("flowchart RL\n")


def test_graphviz_takes_it_where_it_is_there() -> None:
    program = shutil.which("dot")
    texts = [dot(RUN_42), *(dot(named(label)) for label in NASTY)]
    for text in texts if program else []:
        assert program is not None
        drawn = subprocess.run([program, "-Tplain"], input=text.encode(), capture_output=True, check=True)
        assert drawn.stdout.count(b"\nnode ") == len(said_in_dot(text)[0])
    assert texts


PACKAGE, BYTES, FILE = "pkg:pypi/numpy@2.2.0", "urn:holotype:content:" + "ab" * 32, EX + "file"


def test_packages_and_contents_are_drawn_only_in_a_whole_picture() -> None:
    document = Document(
        (
            Record("entity", PACKAGE, (), ((PROV + "label", Literal("numpy 2.2.0")),)),
            Record("entity", BYTES),
            Record("entity", FILE, (), ((PROV + "label", Literal("counts.csv")),)),
            Record("activity", EX + "run"),
            Record("used", None, (EX + "run", FILE, None)),
            Record("used", None, (EX + "run", PACKAGE, None)),
            Record("hadMember", None, (EX + "environment", PACKAGE)),
            Record("specializationOf", None, (FILE, BYTES)),
            Record("wasDerivedFrom", None, (PACKAGE, FILE, EX + "run", None, None)),
        )
    )
    for draw in (mermaid, dot):
        usual, whole = draw(document), draw(document, whole=True)
        for text in ("numpy", "abababab", "hadMember", "specializationOf", "wasDerivedFrom"):
            assert text not in usual
            assert text in whole
        assert "counts.csv" in usual
        assert usual.count("used") == 1
        assert whole.count("used") == 2
