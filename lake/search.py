"""Search: find datasets, snapshots and files by what they are called and what is said of them.

What is searched is the newest state: datasets, their live snapshots, the files of each dataset's latest snapshot, and
files that were annotated in an earlier live one.

``text`` is words: each has to be found, in any case and inside other words, in what belongs to the thing itself (a
dataset's name, a snapshot's message, a file's path, and the keys and values of annotations), or in its dataset's
name, but not all of them in that alone.  ``tags`` and ``where`` ask for annotations; ``where`` compares values of
like type::

    search(context, "liver contaminated")
    search(context, tags=["approved"], where={"temperature": (">=", 37.5), "lab": "Rivera"}, kind="snapshot")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import InvalidOption

from .annotations import TARGET, current, typed
from .manifest import Manifest
from .records.snapshots import snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from holotype.catalog import State

    from .context import Context

__all__ = ["search"]

_KINDS = ("dataset", "snapshot", "file")
_COLUMN = {"text": "text", "number": "number", "boolean": "number", "time": "moment", "tag": "text"}
_COMPARE = {
    "=": pl.Expr.eq,
    "==": pl.Expr.eq,
    "!=": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}
_RESULT = ("kind", "dataset", "number", "snapshot", "path", "message", "tags")
_SCHEMA = {
    "kind": pl.String(),
    "dataset": pl.String(),
    "number": pl.Int64(),
    "snapshot": pl.String(),
    "path": pl.String(),
    "message": pl.String(),
    "tags": pl.List(pl.String()),
    "own": pl.String(),
}


def search(
    context: Context,
    text: str | None = None,
    *,
    tags: Iterable[str] = (),
    where: Mapping[str, object] | None = None,
    kind: Literal["dataset", "snapshot", "file"] | None = None,
) -> pl.DataFrame:
    """Find what has all the words of ``text``, all ``tags``, and fits ``where`` (see the module).

    ``where``: by key a value to be equal to, or a pair of a comparison (``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``,
    ``contains``) and a value.  ``kind``: only things of this kind.

    Columns: ``kind``, ``dataset``, ``number`` and ``snapshot`` (missing for a dataset), ``path`` (of a file),
    ``message`` (of a snapshot) and ``tags``; sorted by dataset, number and path.  Raises ``InvalidOption``, or what
    reading the tables raises.
    """
    words = [word.lower() for word in (text or "").split()]
    wanted = [tags] if isinstance(tags, str) else list(tags)
    if not (words or wanted or where):
        raise InvalidOption("say what to search for: words, tags, or where", option="text")
    if kind is not None and kind not in _KINDS:
        raise InvalidOption(f"kind is one of {', '.join(_KINDS)}, not {kind!r}", option="kind")
    state = context.catalog.refresh()
    live = pl.DataFrame(snapshots(context, state=state))
    newest = live.sort("number").group_by("dataset", maintain_order=True).last()
    said = _said(current(context, state=state), live, newest)
    things = _things(live, said)
    conditions = [_tagged(tag) for tag in wanted] + [_fits(key, asked) for key, asked in (where or {}).items()]
    for condition in conditions:
        things = things.join(said.filter(condition), on=TARGET, how="semi", nulls_equal=True)
    if words:
        things = things.filter(_found(words))
    if words and not conditions and kind in (None, "file"):
        annotated = things.filter(pl.col("kind") == "file")
        parts = [things, *_files(context, newest, words, state)]
        unannotated = pl.concat(parts[1:]) if len(parts) > 1 else things.clear()
        things = pl.concat([things, unannotated.join(annotated, on=TARGET, how="anti", nulls_equal=True)])
    if kind is not None:
        things = things.filter(pl.col("kind") == kind)
    return things.select(_RESULT).sort("dataset", "number", "path", nulls_last=False)


def _tagged(tag: str) -> pl.Expr:
    return (pl.col("key") == tag) & (pl.col("type") == "tag")


def _fits(key: str, asked: object) -> pl.Expr:
    """Whether a row of annotations is what is asked of ``key``."""
    sign, value = asked if isinstance(asked, tuple) and len(asked) == 2 else ("=", asked)
    if sign != "contains" and sign not in _COMPARE:
        raise InvalidOption(f"where: {sign!r} is none of {', '.join(_COMPARE)}, contains", option="where")
    wanted: dict[str, Any] = typed(key, value)  # type: ignore[arg-type]  # refuses what is no value
    kind = wanted["type"]
    if kind == "removed":
        raise InvalidOption(f"where: {key}: nothing can be compared with None", option="where")
    same: pl.Expr = (pl.col("key") == key) & (pl.col("type") == kind)
    column = pl.col(_COLUMN[kind])
    if sign == "contains":
        if kind != "text":
            raise InvalidOption(f"where: {key}: only text contains something", option="where")
        return same & column.str.to_lowercase().str.contains(str(value).lower(), literal=True)
    fits: pl.Expr = _COMPARE[sign](column, pl.lit(wanted[_COLUMN[kind]]))
    return same & fits


def _found(words: Sequence[str]) -> pl.Expr:
    """Whether all words are in what a thing is about, and one of them in what is its own."""
    name = pl.col("dataset").str.to_lowercase()
    inside = [pl.col("own").str.contains(word, literal=True) for word in words]
    with_name = [own | name.str.contains(word, literal=True) for own, word in zip(inside, words, strict=True)]
    return pl.any_horizontal(inside) & pl.all_horizontal(with_name)


def _said(rows: pl.DataFrame, live: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """The annotations of what can be found.  What is said of a file in every version is said of each version that can
    be found."""
    kept = rows.filter(
        pl.col("dataset").is_in(newest["dataset"].implode())
        & (pl.col("snapshot").is_null() | pl.col("snapshot").is_in(live["snapshot"].implode()))
    )
    everywhere = kept.filter(pl.col("path").is_not_null() & pl.col("snapshot").is_null())
    others = kept.join(everywhere, on=[*TARGET, "key"], how="anti", nulls_equal=True)
    in_one = others.filter(pl.col("path").is_not_null())
    places = pl.concat(
        [
            everywhere.select("dataset", "path").join(newest.select("dataset", "snapshot"), on="dataset"),
            in_one.select("dataset", "path", "snapshot"),
        ]
    ).unique()
    spread = everywhere.drop("snapshot").join(places, on=["dataset", "path"]).select(kept.columns)
    # What is said of one version counts there instead.
    return pl.concat([others, spread.join(in_one, on=[*TARGET, "key"], how="anti", nulls_equal=True)])


def _things(live: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Datasets, snapshots and annotated files, each with its tags and, in lower case, all that is its own."""
    about = said.group_by(TARGET).agg(
        pl.col("key").filter(pl.col("type") == "tag").sort().alias("tags"),
        pl.concat_str("key", "text", separator=" ", ignore_nulls=True).str.join(" ").alias("said"),
    )
    datasets = live.select("dataset").unique().select(pl.lit("dataset").alias("kind"), "dataset", own=pl.col("dataset"))
    versions = live.select(
        pl.lit("snapshot").alias("kind"), "dataset", "number", "snapshot", "message", own=pl.col("message")
    )
    files = (
        about.filter(pl.col("path").is_not_null())
        .join(live.select("snapshot", "number"), on="snapshot")
        .select(pl.lit("file").alias("kind"), "dataset", "number", "snapshot", "path", own=pl.col("path"))
    )
    empty = pl.DataFrame(schema=_SCHEMA).drop("tags")
    things = pl.concat([empty, datasets, versions, files], how="diagonal")
    return (
        things.join(about, on=TARGET, how="left", nulls_equal=True)
        .with_columns(
            pl.concat_str("own", "said", separator=" ", ignore_nulls=True).str.to_lowercase().alias("own"),
            pl.col("tags").fill_null(pl.lit([], pl.List(pl.String))),
        )
        .select(*_SCHEMA)
    )


def _files(context: Context, newest: pl.DataFrame, words: Sequence[str], state: State) -> Iterator[pl.DataFrame]:
    """The entries of each dataset's latest snapshot whose paths have the words."""
    for dataset, number, snapshot in newest.select("dataset", "number", "snapshot").iter_rows():
        inside = [word for word in words if word not in dataset.lower()]
        for rows in Manifest.load(context.catalog, snapshot, state=state).rows(columns=["path"]):
            own = [pc.match_substring(rows["path"], word, ignore_case=True) for word in words]
            found = _either(own)
            for word, mask in zip(words, own, strict=True):
                found = pc.and_(found, mask) if word in inside else found
            paths = rows["path"].filter(found)
            if len(paths):
                yield pl.DataFrame({"path": pl.Series(paths.to_pylist(), dtype=pl.String)}).select(
                    kind=pl.lit("file"),
                    dataset=pl.lit(dataset),
                    number=pl.lit(number, pl.Int64),
                    snapshot=pl.lit(snapshot),
                    path=pl.col("path"),
                    message=pl.lit(None, pl.String),
                    tags=pl.lit([], pl.List(pl.String)),
                    own=pl.col("path").str.to_lowercase(),
                )


def _either(masks: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.or_(found, mask)
    return found
