"""Outputs of CWL's tools: what they are called is a pattern here, and the name of a file may be chosen anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...declaring.ports import Output
from .commands import escaped
from .loading import listed
from .ports import about_of, beside_of, formats_of, last
from .values import Kind, Reference, kind_of, parts_of

if TYPE_CHECKING:
    from ..imported import Losses
    from ..naming import Names
    from .loading import Process
    from .ports import Given

__all__ = ["Outputs"]

_KNOWN = ("id", "type", "label", "doc", "outputBinding", "format", "secondaryFiles", "streamable")
_ENDING = re.compile(r"(?:\.[A-Za-z0-9]+)+")


class Outputs:
    """Reads the outputs of a tool.

    ``made``: them, by their names here.  ``names``: those, by their names there.  ``named``: texts in the command that
    stand for one of them.
    """

    def __init__(self, process: Process, given: Mapping[str, Given], names: Names, losses: Losses, at: str) -> None:
        self._process, self._given, self._losses, self._at = process, given, losses, at
        self._texts = _texts_of(process.said)
        self.made: dict[str, Output] = {}
        self.names: dict[str, str] = {}
        self.named: dict[str, str] = {}
        for said in listed(process.said.get("outputs"), key="id", value="type"):
            if not isinstance(said, Mapping) or "id" not in said:
                losses.add(f"{at}.outputs", said, "it is no output")
                continue
            self._add(said, names)

    def _add(self, said: Mapping[str, Any], names: Names) -> None:
        there = last(said["id"])
        where = f"{self._at}.outputs.{there}"
        self._losses.unknown(said, _KNOWN, at=where)
        try:
            kind = kind_of(said.get("type"))
            if kind.of not in ("File", "stdout", "stderr"):
                raise ValueError("what comes out is files here")
            name = names.of(there, at=where)
            path, many = self._path(name, kind, said, where)
            self.made[name] = Output(
                path,
                self._format(said, where),
                many=many,
                optional=kind.optional,
                beside=beside_of(said.get("secondaryFiles"), self._losses, at=where),
                about=about_of(said),
            )
            self.names[there] = name
        except ValueError as error:
            self._losses.add(where, dict(said), str(error))

    def _format(self, said: Mapping[str, Any], where: str) -> str | None:
        formats = formats_of(said.get("format"), self._process, self._losses, at=where)
        return formats[0] if len(formats) == 1 else None

    def _path(self, name: str, kind: Kind, said: Mapping[str, Any], where: str) -> tuple[str, bool]:
        """Its pattern, and whether there are many of it."""
        if kind.of in ("stdout", "stderr"):
            text = self._process.said.get(kind.of)
            if text is None:
                self.named[f"({kind.of})"] = name
                return f"{name}.{kind.of}", False
            return self._named(name, str(text), where), False
        binding = said.get("outputBinding") or {}
        self._losses.unknown(binding, ("glob",), at=f"{where}.outputBinding")
        if "outputEval" in binding:
            raise ValueError("what comes out is found by its name, not by JavaScript")
        glob = binding.get("glob")
        several = glob if isinstance(glob, list) else [glob]
        if len(several) != 1 or not isinstance(several[0], str):
            raise ValueError("an output has one pattern here")
        pattern = several[0]
        if re.search(r"[*?]", pattern):
            return self._plain(pattern), kind.many
        return self._named(name, pattern, where), kind.many

    def _named(self, name: str, text: str, where: str) -> str:
        """The pattern of an output with a name, which in the command is the output itself."""
        try:
            path = self._plain(text)
        except ValueError:
            # Where the command is told the name, it may be any.
            if text not in self._texts:
                raise
            tail = text.rpartition(")")[2]
            path = name + (tail if _ENDING.fullmatch(tail) else "")
            self._losses.add(f"{where}.outputBinding", text, f"what the file is called is not carried: it is {path}")
        if text in self._texts:
            self.named.setdefault(text, name)
        elif "{" in path.replace("{{", ""):
            told = "characters that lead into folders are replaced in names of files here, and not in the command"
            self._losses.add(f"{where}.outputBinding", text, told)
        return path

    def _plain(self, text: str) -> str:
        if re.search(r"[\[\\]", re.sub(r"\$\([^)]*\)", "", text)):
            raise ValueError("a pattern has * and ? only")
        return "".join(self._piece(part) for part in parts_of(text))

    def _piece(self, part: str | Reference) -> str:
        if isinstance(part, str):
            return escaped(part)
        match part.path:
            case ("inputs", name) if name in self._given:
                given = self._given[name]
                if given.parameter is not None and not (given.kind.many or given.kind.optional):
                    return f"{{{given.name}}}"
        raise ValueError(f"{part} cannot be said in the name of a file")


def _texts_of(said: Mapping[str, Any]) -> set[str]:
    """The texts that stand in a command by themselves."""
    arguments = said.get("arguments") or []
    values = [each.get("valueFrom") if isinstance(each, Mapping) else each for each in arguments]
    streams = [said.get("stdout"), said.get("stderr")]
    return {str(text) for text in (*values, *streams) if text is not None}
