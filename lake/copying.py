"""Copy: an archive goes to another storage, all of it or some datasets.

The copy is an archive of its own, with its own id, log and sessions, and with the settings of this one, so that what is
backed up to either later is cut alike.  Its ``archive.json`` says of which archive it is a copy: a copy that was
interrupted goes on there, and a later one brings what is new, but nothing is ever mixed into a stranger's archive.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from holotype.catalog import ArchiveExists, ArchiveNotFound, Catalog, open_store

from .context import Context
from .executing import thread_count
from .moving.inventory import End
from .moving.travellers import chosen, dataset_names, refuse_itself
from .schema import TABLES
from .sync import sync

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any

    from holotype.catalog import ObjectStore

    from .executing import Submits
    from .progress import OnProgress
    from .sync import Synced

__all__ = ["copy"]

_ORIGIN = "copy_of"  # the setting that has the id of the archive a copy was made of


def copy(
    context: Context,
    url: str | os.PathLike[str],
    *,
    name: str | None = None,
    datasets: Iterable[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    executor: Submits | None = None,
    progress: OnProgress | None = None,
) -> Synced:
    """Copy the live snapshots to an archive at ``url``, which is made unless a copy of this one is there already.

    ``name``: what people will call the copy, by default as this one.  ``storage_options``: for its backend, never
    stored.  All else is as in ``sync``.

    Warns with ``SingleWriterWarning`` where the storage lets only one write at a time.  Raises ``ArchiveExists`` when
    another archive is there, and what ``sync`` raises.
    """
    thread_count(workers)  # what is wrong with the call is said before anything is made there
    names, store = dataset_names(datasets), open_store(url, storage_options=storage_options)
    catalog = _existing(context, store)
    refuse_itself(context, store, other=None if catalog is None else catalog.id)
    chosen(End(context, context.catalog.refresh()), names)
    catalog = _copy_of(context, catalog or _created(context, store, name))
    target = Context(store, catalog, context.author, context.clock)
    return sync(context, target, datasets=names, workers=workers, executor=executor, progress=progress, work="copy")


def _existing(context: Context, store: ObjectStore) -> Catalog | None:
    """The catalog of the archive in ``store``, if there is one."""
    with suppress(ArchiveNotFound):
        return Catalog.open(store, tables=TABLES, clock=context.clock)
    return None


def _created(context: Context, store: ObjectStore, name: str | None) -> Catalog:
    own = context.catalog
    with suppress(ArchiveExists):  # made meanwhile, perhaps by another copy of the same archive
        return Catalog.create(
            store,
            tables=TABLES,
            name=own.name if name is None else name,
            settings={**own.settings, _ORIGIN: own.id},
            clock=context.clock,
        )
    return Catalog.open(store, tables=TABLES, clock=context.clock)


def _copy_of(context: Context, catalog: Catalog) -> Catalog:
    if catalog.settings.get(_ORIGIN) != context.catalog.id:
        raise ArchiveExists(
            f"there is an archive at {catalog.store.url} that is no copy of this one: name another place, or sync with"
            " it",
            url=catalog.store.url,
        )
    return catalog
