"""Files of provenance: valid or not, readable or not, large or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from holotype.catalog import SourceNotFound, Violation, check_prov
from holotype.catalog.provenance.checking import check
from holotype.catalog.provenance.provn import read_provn

# Files whose names say whether they are valid, beside the checkout where there are any.
CORPUS = Path(__file__).parents[3].parent / "shared" / "corpora" / "prov"


def test_a_valid_file_has_no_violations(tmp_path: Path) -> None:
    path = tmp_path / "valid.provn"
    path.write_text("document prefix ex <urn:ex:> entity(ex:é) endDocument", encoding="utf-8")
    assert check_prov(path) == check_prov(str(path)) == ()


def test_a_file_has_the_violations_of_its_document(tmp_path: Path) -> None:
    path = tmp_path / "broken.provn"
    path.write_text("document prefix ex <urn:ex:>\nwasDerivedFrom(ex:e, ex:e)\nendDocument", encoding="utf-8")
    (violation,) = check_prov(path)
    assert violation == check(read_provn(path.read_text(encoding="utf-8")))[0]
    assert violation.records[0].line == 2


@pytest.mark.parametrize("content", [b"document\nentity(", b"document \xff endDocument", b""])
def test_a_file_that_is_no_provenance_has_one_violation(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "torn.provn"
    path.write_bytes(content)
    (violation,) = check_prov(path)
    assert isinstance(violation, Violation)
    assert violation.constraint == "syntax"
    assert violation.records == ()
    assert str(path) in violation.message


def test_a_syntax_violation_says_the_line_and_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "torn.provn"
    path.write_text("document\nprefix ex <urn:ex:>\nused(ex:a, ex:e, noon)\nendDocument", encoding="utf-8")
    (violation,) = check_prov(path)
    assert "line 3" in violation.message
    assert "a time such as" in violation.message


def test_a_folder_is_no_provenance(tmp_path: Path) -> None:
    assert [violation.constraint for violation in check_prov(tmp_path)] == ["syntax"]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"nowhere\.provn"):
        check_prov(tmp_path / "nowhere.provn")


def test_every_file_of_a_corpus_is_judged_as_its_name_says() -> None:
    wrong = [path.name for path in sorted(CORPUS.glob("*.provn")) if bool(check_prov(path)) != ("fail" in path.name)]
    assert not wrong


def chain(steps: int) -> str:
    """A document in which every step derives one entity from the one before it."""
    statements = [
        f"activity(ex:a{at}) entity(ex:e{at}) used(ex:u{at}; ex:a{at}, ex:e{at}, -) "
        f"wasGeneratedBy(ex:e{at + 1}, ex:a{at}, -) wasDerivedFrom(ex:e{at + 1}, ex:e{at}, ex:a{at}, -, ex:u{at})"
        for at in range(steps)
    ]
    return "document prefix ex <urn:ex:>\n" + "\n".join(statements) + "\n"


def test_a_chain_of_20_000_statements_is_checked() -> None:
    document = read_provn(chain(4_000) + "endDocument")
    assert len(document.records) == 20_000
    assert check(document) == ()


def test_a_chain_of_20_000_statements_that_bites_its_tail_is_found() -> None:
    (violation,) = check(read_provn(chain(4_000) + "specializationOf(ex:e0, ex:e4000) endDocument"))
    assert violation.constraint == "derivation-generation-generation-ordering"
    assert len(violation.records) == 4_001
    assert len(violation.message) < 1_000


def test_20_000_specializations_of_one_another_are_found_as_one_cycle() -> None:
    links = "\n".join(f"specializationOf(ex:e{(at + 1) % 20_000}, ex:e{at})" for at in range(20_000))
    (violation,) = check(read_provn(f"document prefix ex <urn:ex:>\n{links}\nendDocument"))
    assert violation.constraint == "impossible-specialization-reflexive"
    assert len(violation.records) == 20_000


def test_20_000_statements_of_one_thing_are_merged() -> None:
    told = "wasGeneratedBy(ex:e, ex:a, -)\nused(ex:a, ex:e, -)\n" * 9_999
    assert (
        check(read_provn(f"document prefix ex <urn:ex:>\n{told}wasGeneratedBy(ex:g; ex:e, ex:a, -) endDocument")) == ()
    )
