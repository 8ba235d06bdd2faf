"""SQL views over provenance, for questions that people ask of it without knowing how PROV is kept.

``provenance``: what had to do with what, a row for each statement, by identifiers::

    subject                        term            object                    role    time
    urn:holotype:file:run42:…      wasGeneratedBy  urn:holotype:activity:…   output  2026-03-01 10:00:00
    urn:holotype:activity:…        used            urn:holotype:file:run42…  input

A statement that speaks of a third thing, such as the plan of ``wasAssociatedWith``, has a second row for it, whose role
says what it is.  ``activities``: what was done, a row each, by its last word where more was said of it later.

Snapshots and the backups that made them are in both (see ``lake/provenance/backups.py``); which files a snapshot has is
what the view ``files`` says.
"""

from __future__ import annotations

from holotype.catalog import provenance as prov

__all__ = ["PROVENANCE_VIEWS"]


def _argument(place: int, what: str) -> str:
    """SQL for the argument of a relation at a place, by the names that the terms of PROV give it; or for its name."""
    cases = [
        f"WHEN '{term.name}' THEN " + (f"arguments->>'$.{argument.name}'" if what == "value" else f"'{argument.name}'")
        for term in prov.TERMS.values()
        if len(term.arguments) > place and term.name not in prov.ELEMENTS
        for argument in [term.arguments[place]]
        if argument.refers not in ("time", "event")
    ]
    return f"CASE term {' '.join(cases)} END"


# A person's identifier, as the vocabulary of provenance makes it.
_PERSON = "'urn:holotype:person:' || replace(url_encode({}), '%40', '@')"
# The identifier of the collection that purged snapshots at one moment.
_COLLECTION = "'urn:holotype:activity:' || sha256('purged ' || epoch_us(time) || ' ' || author)"
_PURGED = "(SELECT * FROM retention WHERE event = 'purged')"

_PROVENANCE = f"""
WITH said AS (
    SELECT
        {_argument(0, "value")} AS subject, term, {_argument(1, "value")} AS second, {_argument(2, "value")} AS third,
        {_argument(2, "name")} AS what, role, time, recorded, author, id, bundle
    FROM prov_relations
)
SELECT subject, term, second AS object, role, time, recorded, author, id, bundle
FROM said WHERE second IS NOT NULL OR third IS NULL
UNION ALL
SELECT subject, term, third, what, time, recorded, author, id, bundle FROM said WHERE third IS NOT NULL
UNION ALL
SELECT
    'urn:holotype:snapshot:' || snapshot, 'wasGeneratedBy', 'urn:holotype:activity:' || snapshot, NULL,
    time, time, author, NULL, NULL
FROM snapshots
UNION ALL
SELECT
    'urn:holotype:activity:' || snapshot, 'wasAssociatedWith', {_PERSON.format("author")}, NULL,
    NULL, time, author, NULL, NULL
FROM snapshots
UNION ALL
SELECT
    'urn:holotype:snapshot:' || snapshot, 'wasDerivedFrom', 'urn:holotype:snapshot:' || parent, NULL,
    NULL, time, author, NULL, NULL
FROM snapshots WHERE parent IS NOT NULL
UNION ALL
SELECT
    'urn:holotype:snapshot:' || snapshot, 'wasInvalidatedBy', {_COLLECTION}, NULL,
    time, time, author, NULL, NULL
FROM {_PURGED}
UNION ALL
SELECT DISTINCT {_COLLECTION}, 'wasAssociatedWith', {_PERSON.format("author")}, NULL, NULL, time, author, NULL, NULL
FROM {_PURGED}
"""


def _fact(word: str) -> str:
    """SQL for the last value of an attribute of holotype's own."""
    pairs = f"list_filter(CAST(attributes AS JSON[]), lambda pair: pair->>'$[0]' = '{prov.HOLOTYPE}{word}')"
    return f"list_extract({pairs}, -1)->>'$[1]'"


def _last(what: str) -> str:
    return f"max_by({what}, recorded) FILTER ({what} IS NOT NULL)"


_ACTIVITIES = f"""
WITH said AS (
    SELECT
        key, id, label, type, began, ended, {_fact("outcome")} AS outcome, {_fact("error")} AS error, recorded, author
    FROM prov_elements WHERE term = 'activity' AND bundle IS NULL
), who AS (
    SELECT r.subject AS key, string_agg(DISTINCT coalesce(p.label, p.id), ', ') AS author
    FROM prov_relations r JOIN prov_elements p ON p.key = r.object
    WHERE r.term = 'wasAssociatedWith' AND p.term = 'agent' AND p.type IS DISTINCT FROM 'SoftwareAgent'
    GROUP BY r.subject
), done AS (
    SELECT
        id, any_value(key) AS key, {_last("label")} AS name, {_last("type")} AS kind, {_last("began")} AS began,
        {_last("ended")} AS ended, {_last("outcome")} AS outcome, {_last("error")} AS error,
        {_last("author")} AS teller, max(recorded) AS recorded
    FROM said GROUP BY id
), every AS (
    SELECT
        d.id, d.name, d.kind, d.began, d.ended, d.outcome, coalesce(w.author, d.teller) AS author, d.error, d.recorded
    FROM done d LEFT JOIN who w USING (key)
    UNION ALL
    SELECT
        'urn:holotype:activity:' || snapshot,
        CASE kind WHEN 'files' THEN 'backup of ' ELSE 'writing of the ' || kind || ' ' END || dataset || '@' || number,
        CASE kind WHEN 'files' THEN 'backup' ELSE 'write-' || kind END,
        CASE WHEN began <= time THEN began END, time, 'completed', author, NULL, time
    FROM snapshots
    UNION ALL
    SELECT DISTINCT
        {_COLLECTION}, 'collect', 'collect', NULL::TIMESTAMPTZ, NULL::TIMESTAMPTZ, 'completed', author, NULL, time
    FROM {_PURGED}
)
SELECT id, name, kind, began, ended, epoch(ended) - epoch(began) AS seconds, outcome, author, error, recorded FROM every
"""

PROVENANCE_VIEWS = {"provenance": _PROVENANCE, "activities": _ACTIVITIES}
