"""Recording what others did: activities that another program carried out and watched, and the tables that it keeps.

    archive.record_activities(
        [Deed(unique="run7/align[a]", name="align[a]", began=…, used=(DeedFile(…),), generated=(DeedFile(…),))],
        dataset="runs/run7", source="site/runs/run7",
        rows=KeptRows({RUNS: …, TASKS: …}, key="run", about="run7", identity=…, version=…),
    )

Thousands of activities go in a few commits, the rows in the last of them: where they are, all of it is.  Done again
after whatever had happened, what is there is left as it is.  The tables are those of the caller, and the archive knows
nothing of what they mean: they are declared in it, seen in SQL by everybody, compacted, verified, copied and compared.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from holotype.catalog import InvalidOption
from holotype.catalog import provenance as prov

from .lineage.deeds import Deed, tell_deeds, untold
from .lineage.telling import Scene, keep
from .records.kept import KeptRows, change, is_news
from .records.views import VIEWS
from .schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from holotype.catalog import State

    from .context import Context
    from .records.kept import Change

__all__ = ["keep_rows", "record_activities"]

# Activities in one commit: enough that a commit costs next to nothing for each, few enough to be held in memory.
_TOGETHER = 2000


def record_activities(
    context: Context,
    deeds: Iterable[Deed],
    *,
    dataset: str | None = None,
    source: str | os.PathLike[str] | None = None,
    rows: KeptRows | None = None,
    message: str = "",
) -> int:
    """Keep what ``deeds`` tell, those first that ended first, and ``rows`` with the last of them.

    ``dataset``: whose files those below ``source`` are, by default where it was last backed up from.  Returns of how
    many the archive was told for the first time.

    Raises ``InvalidOption`` for what is no ``Deed`` or no ``KeptRows``, for two of one ``unique``, and where ``rows``
    do not fit what is there, ``ProvenanceRefused`` where it cannot be true, ``ArchiveReadOnly``, ``Conflict`` after
    losing to others again and again, or what the store raises; then what was committed stays, and the rest may be told
    again.
    """
    context.catalog.check_writable()
    every = _deeds(deeds)
    if rows is not None:
        _refuse_rows(rows)
    scene = Scene.of(context, dataset=dataset, source=None if source is None else os.fspath(source))
    graph = prov.Graph(context.catalog, state=scene.state)
    if rows is not None:  # what is refused is refused before anything is said
        is_news(context.catalog, rows, state=scene.state)
    new = sorted(untold(scene, every, graph=graph), key=lambda deed: (deed.ended or deed.began, deed.began))
    parts = [new[start : start + _TOGETHER] for start in range(0, len(new), _TOGETHER)]
    for part in parts[:-1]:
        _keep(context, scene, part, None, message)
    if parts or rows is not None:
        _keep(context, scene, parts[-1] if parts else (), rows, message)
    return len(new)


def keep_rows(context: Context, rows: KeptRows, *, message: str = "") -> bool:
    """Keep ``rows`` in place of what was given before for the same; whether that was news.  Raises as
    ``record_activities``.
    """
    context.catalog.check_writable()
    _refuse_rows(rows)
    before = context.catalog.refresh().version
    keep(
        context,
        lambda graph: prov.Document(),
        operation="keep",
        message=message or f"{rows.key} {rows.about}",
        beside=lambda state: _change(context, rows, state),
    )
    return context.catalog.state.version > before


def _deeds(deeds: Iterable[Deed]) -> list[Deed]:
    every = list(deeds)
    for each in every:
        _refuse_unless(each, Deed, "deeds")
    named = dict.fromkeys(each.unique for each in every)
    if len(named) < len(every):
        raise InvalidOption("two activities are told from others by the same", option="unique")
    return every


def _refuse_unless(given: object, kind: type, option: str) -> None:
    if not isinstance(given, kind):
        raise InvalidOption(f"{option}: a lake.{kind.__name__} is wanted, not {given!r}", option=option)


def _refuse_rows(rows: KeptRows) -> None:
    _refuse_unless(rows, KeptRows, "rows")
    rows.refuse_names({*VIEWS, *(table.name for table in TABLES)})


def _keep(context: Context, scene: Scene, deeds: Sequence[Deed], rows: KeptRows | None, message: str) -> None:
    def tell(graph: prov.Graph) -> prov.Document:
        return tell_deeds(scene, graph, untold(scene, deeds, graph=graph))

    keep(
        context,
        tell,
        operation="activities",
        message=message or f"{len(deeds)} activities",
        beside=None if rows is None else lambda state: _change(context, rows, state),
    )


def _change(context: Context, rows: KeptRows, state: State) -> Change:
    return change(context.catalog, [rows], state=state, time=context.clock(), author=context.author)
