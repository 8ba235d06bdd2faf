"""What failed and was done again is in the archive as well: each attempt, what it used, and why there was another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from holotype.scheduling import Input, Instead, Reduce, Retry, Rule, Step, When, Workflow, archive_run

from ..running.making import copying

if TYPE_CHECKING:
    from .laboratories import Laboratory

TRIES = "[ {attempt} -lt 3 ] && exit {attempt}; cat {text} > {out}"  # twice in vain


def retried() -> Workflow:
    rules = (Rule(When("exit", codes=1), Retry(1, raising={"memory": 2})), Rule(When("exit", codes=2), Retry(1)))
    first = copying("first", command=TRIES, errors=rules)
    return Workflow(
        name="retried",
        inputs={"text": Input()},
        steps={"first": Step(first, {"text": "text"}), "second": Step(copying("second"), {"text": "first.out"})},
        outputs={"out": "second.out"},
    )


def test_each_attempt_is_an_activity_that_the_next_was_informed_by(laboratory: Laboratory) -> None:
    archive = laboratory.archive
    with laboratory.scheduler(archive) as scheduler:
        run = scheduler.start(retried(), laboratory.samples[:1], name="one")
        scheduler.work(timeout=120)
        assert run.outcome().state == "done"
    found = archive.sql("SELECT name, kind, outcome FROM activities WHERE kind IN ('task', 'attempt') ORDER BY name")
    assert found.fetchall() == [
        ("first[a]", "task", "completed"),
        ("first[a], attempt 1", "attempt", "failed"),
        ("first[a], attempt 2", "attempt", "failed"),
        ("second[a]", "task", "completed"),
    ]
    # All of it is in the past of the result, back to the raw reads, and from these on.
    up = archive.provenance.upstream(f"{run.archived}/results/samples/a/second/out.txt")
    labels = up["label"].to_list()
    assert {"first[a]", "first[a], attempt 1", "first[a], attempt 2"} <= set(labels)
    down = archive.provenance.downstream("reads@1/a.txt")["label"].to_list()
    assert "first[a], attempt 1" in down
    informed = archive.sql("""
        SELECT one.label, other.label FROM prov_relations
        JOIN prov_elements AS one ON one.key = subject JOIN prov_elements AS other ON other.key = object
        WHERE prov_relations.term = 'wasInformedBy' ORDER BY ALL
    """).fetchall()
    assert informed == [
        ("first[a]", "first[a], attempt 2"),
        ("first[a], attempt 2", "first[a], attempt 1"),
    ]
    ((text,),) = archive.sql("SELECT attributes FROM prov_elements WHERE label = 'first[a], attempt 2'").fetchall()
    (by,) = [value for name, value in json.loads(text) if (name or "").endswith("decided-by")]
    assert by.startswith("retry, by rule 0 of its stage")
    made = archive.sql("SELECT count(*) FROM prov_relations WHERE term = 'wasGeneratedBy' AND role = 'out'").fetchall()
    assert made == [(2,)]
    again = archive_run(laboratory.run("one"), archive)
    assert again.tasks == 0


def test_what_was_done_in_another_way_or_with_less_tells_what_was_tried_before(laboratory: Laboratory) -> None:
    rules = (
        Rule(When("exit", codes=1), Reduce(grade="less", dropping="more")),
        Rule(When("exit", codes=2), Instead(copying("instead", inputs={"text": Input()}), grade="other")),
    )
    first = copying(
        "first",
        command="[ -z {more} ] && exit 2; exit 1",
        inputs={"text": Input(), "more": Input(optional=True)},
        errors=rules,
    )
    workflow = Workflow(
        name="ways",
        inputs={"text": Input()},
        steps={
            "more": Step(copying("more"), {"text": "text"}),
            "first": Step(first, {"text": "text", "more": "more.out"}),
        },
        outputs={"out": "first.out"},
    )
    archive = laboratory.archive
    with laboratory.scheduler(archive) as scheduler:
        run = scheduler.start(workflow, laboratory.samples[:1], name="one")
        scheduler.work(timeout=120)
        assert run.outcome().state == "degraded"
    used = archive.sql("""
        SELECT one.label, count(*) FILTER (other.path IS NOT NULL) FROM prov_relations
        JOIN prov_elements AS one ON one.key = subject JOIN prov_elements AS other ON other.key = object
        WHERE prov_relations.term = 'used' AND one.label LIKE 'first%' GROUP BY 1 ORDER BY 1
    """).fetchall()
    assert used == [("first[a]", 1), ("first[a], attempt 1", 2), ("first[a], attempt 2", 1)]
