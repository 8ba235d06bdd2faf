"""Whether a site has what a workflow's tasks need: programs, processors, memory, room."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from holotype.validators import GroupCheck

from ..declaring.environments import Version
from ..declaring.quantities import shown_bytes
from ..declaring.resources import Load
from ..declaring.steps import Setting
from ..graphs.laying import lay_out
from ..site import memory_of_machine
from . import codes
from .asking import answer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence

    from holotype.validators import Found, Subject

    from ..declaring.environments import Tool
    from ..declaring.resources import Needs
    from ..graphs.graph import Graph, Node
    from ..site import Site
    from .order import Order

__all__ = ["NeedsCheck", "ToolsCheck", "loads_of", "tool_versions"]

# Programs that are asked at a time.
_AT_ONCE = 8


class ToolsCheck(GroupCheck):
    """Asks every program for its version, as stages that run here without a container would start it."""

    name = "run.tools"
    codes = (codes.TOOL_MISSING, codes.TOOL_VERSION, codes.TOOL_SILENT)

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph, self._site = graph, site

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        wanted: dict[Tool, list[str]] = {}
        for name, node in self._graph.nodes.items():
            for tool in _tools_of(node):
                wanted.setdefault(tool, []).append(name)
        for tool, answer in _asked(wanted, self._site):
            _hold(tool, answer, wanted[tool], found)


def tool_versions(graph: Graph, site: Site, *, known: Container[Tool] = ()) -> dict[Tool, str]:
    """What the programs of a graph say that they are, but for those that are ``known``; nothing of those that do not
    say, or are not there.
    """
    wanted = dict.fromkeys(tool for node in graph.nodes.values() for tool in _tools_of(node) if tool not in known)
    found: dict[Tool, str] = {}
    for tool, answer in _asked(wanted, site):
        said = re.search(tool.says, answer or "")
        found[tool] = "" if said is None else said[1]
    return found


def _tools_of(node: Node) -> tuple[Tool, ...]:
    """The programs that a stage starts from PATH."""
    environment = node.stage.environment
    return environment.tools if environment.container is None and environment.conda is None else ()


def _asked(tools: Collection[Tool], site: Site) -> Iterator[tuple[Tool, str | None]]:
    """What each says of its version; ``None`` where there is no such program."""

    def ask(tool: Tool) -> str | None:
        program = shutil.which(tool.name, path=site.path)
        return None if program is None else answer_of([program, *tool.asks])

    if tools:
        with ThreadPoolExecutor(_AT_ONCE) as asking:
            yield from zip(tools, asking.map(ask, tools), strict=True)


def _hold(tool: Tool, answer: str | None, nodes: list[str], found: Found) -> None:
    where = nodes[0] if len(nodes) == 1 else f"{nodes[0]} and {len(nodes) - 1} others"
    if answer is None:
        found.add(
            codes.TOOL_MISSING, f"there is no {tool.name}, which {where} needs", record=nodes[0], column=tool.name
        )
        return
    said = re.search(tool.says, answer)
    if said is None or not re.search(r"\d", said[1]):
        if tool.versions:
            what = f"{tool.name} does not tell its version, which has to be {tool.versions}"
            found.add(codes.TOOL_SILENT, what, record=nodes[0], column=tool.name, seen=answer)
    elif not Version(said[1]).fits(tool.versions):
        what = f"{tool.name} is {said[1]}, and {where} needs {tool.versions}"
        found.add(codes.TOOL_VERSION, what, record=nodes[0], column=tool.name, seen=said[1], expected=tool.versions)


class NeedsCheck(GroupCheck):
    """Holds what tasks will need, as far as that is known before there is an input of theirs, against what there is."""

    name = "run.needs"
    codes = (
        codes.NEEDS,
        codes.SITE_LACKS,
        codes.SITE_FOLDER,
        codes.SITE_ROOM,
        codes.SITE_SPACE,
        codes.SITE_MEMORY,
        codes.RUN_EXISTS,
    )

    def __init__(self, order: Order, site: Site) -> None:
        self._order, self._site = order, site

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        self._folder(found)
        self._memory(found)
        graph = lay_out(self._order.workflow, lambda *_: None)
        disk, free, room = 0, _free(Path(self._site.folder)), True
        for node in graph.nodes.values():
            try:
                needs = [node.stage.resources.needs(load) for load in loads_of(self._order, node)]
            except ValueError as error:
                found.add(codes.NEEDS, f"{node.name}: {error}", record=node.name)
                continue
            disk += sum(each.disk for each in needs)
            most = max((each.disk for each in needs), default=0)
            if most > free:
                room = False
                what = f"{node.name} needs {shown_bytes(most)} of disk at once, and {shown_bytes(free)} are free"
                found.add(codes.SITE_ROOM, what, record=node.name, seen=free, expected=most)
            for what, asked, there in _lacking(self._site, needs):
                shown = shown_bytes if what == "memory" else str
                message = f"{node.name} needs {shown(asked)} of {what}, and there is {shown(there)}"
                found.add(codes.SITE_LACKS, message, record=node.name, column=what, seen=there, expected=asked)
        # How many of them there are at once is not known, nor how much of it they leave: it may still go well.
        if room and disk > free:
            what = f"all tasks together need {shown_bytes(disk)}, and {shown_bytes(free)} are free"
            found.add(codes.SITE_SPACE, what, seen=free, expected=disk)

    def _memory(self, found: Found) -> None:
        there = memory_of_machine()
        if there is not None and self._site.memory > there:
            said = shown_bytes(self._site.memory)
            what = f"the site is said to have {said} of memory, and the machine has {shown_bytes(there)}"
            found.add(codes.SITE_MEMORY, what, seen=there, expected=self._site.memory)

    def _folder(self, found: Found) -> None:
        folder = Path(self._site.folder)
        if self._order.name is not None and (folder / "runs" / self._order.name / "order.json").exists():
            what = f"there is a run {self._order.name} already, with its results: resume it, or call this one otherwise"
            found.add(codes.RUN_EXISTS, what, seen=self._order.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            found.add(codes.SITE_FOLDER, f"{folder} cannot be written to: {error.strerror}", seen=str(folder))


def loads_of(order: Order, node: Node) -> Iterator[Load]:
    """One for each sample: what steps before it make is not known yet, so it is all of the sample's."""
    values = order.values()
    parameters = {
        name: values.get(each.name) if isinstance(each, Setting) else each for name, each in node.parameters.items()
    }
    for name in node.scatter:
        if isinstance(several := parameters.get(name), tuple) and several:
            parameters[name] = several[0]
    outside = {name: bound for name, bound in node.inputs.items() if all(each.node is None for each in bound.sources())}
    shared = [path for paths in order.shared.values() for path in paths]
    everybodys = {name: _bytes_of(paths) for name, paths in order.shared.items()}
    for sample in order.samples:
        own = [path for name in sample.files for path in sample.paths(name)]
        size = _bytes_of((*own, *shared))
        given = everybodys | {name: _bytes_of(sample.paths(name)) for name in sample.files}
        sizes = {name: sum(given.get(each.name, 0) for each in bound.sources()) for name, bound in outside.items()}
        yield Load(input_size=size, files=len(own) + len(shared), parameters=parameters, sizes=sizes)


def _lacking(site: Site, needs: list[Needs]) -> Iterator[tuple[str, int, int]]:
    """What is needed, how much of it, and how much there is, where that is less."""
    for name in ("cpus", "memory", "gpus"):
        most = max((getattr(each, name) for each in needs), default=0)
        if most > getattr(site, name):
            yield name, most, getattr(site, name)
    for each in needs[:1]:
        for kind in ("licences", "instruments"):
            there = getattr(site, kind)
            for name, count in getattr(each, kind).items():
                if count > there.get(name, 0):
                    yield name, count, there.get(name, 0)


def _bytes_of(paths: Iterable[str]) -> int:
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))


def _free(folder: Path) -> int:
    """The free bytes where a folder is, or will be."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
