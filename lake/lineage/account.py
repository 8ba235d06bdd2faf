"""An account of one activity: what it was, what it used and made, who did it with what, as records of PROV::

activity ── used ──────────────▶ files, parameters, a script, an environment, a state of git
         ── wasAssociatedWith ─▶ a person (with the command as plan), programs that acted for them
files    ── wasGeneratedBy ────▶ activity
         ── specializationOf ──▶ their content, where identical bytes meet
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holotype.catalog import provenance as prov

from .parameters import kept_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ..capturing.environment import Environment
    from ..capturing.git import GitState
    from ..capturing.packages import Package
    from ..capturing.redacting import Redactor
    from ..capturing.seen import Status
    from ..capturing.tools import Tool
    from .versions import Version

__all__ = ["Account", "file_of", "status_word"]

_LABEL, _TYPE, _ROLE, _VALUE = (prov.PROV + word for word in ("label", "type", "role", "value"))

Attributes = tuple[tuple[str, "prov.Value"], ...]


def _own(word: str, value: object) -> tuple[str, prov.Value]:
    return prov.HOLOTYPE + word, prov.literal(value)


def _typed(*types: prov.Name) -> Attributes:
    return tuple((_TYPE, each) for each in types)


class Account:
    """What is said of one activity; said again, it is there once.  ``id``: the activity's identifier."""

    def __init__(self, id: str) -> None:
        self.id = id
        self._records: dict[prov.Record, None] = {}

    def document(self) -> prov.Document:
        """All of it."""
        return prov.Document(tuple(self._records), prefixes=prov.PREFIXES)

    def add(self, other: Account) -> None:
        """Say what another account says."""
        self._records |= other._records

    def _say(self, term: str, id: str | None, *arguments: str | datetime | None, attributes: Attributes = ()) -> None:
        self._records[prov.Record(term, id, arguments, attributes)] = None

    # -- the activity

    def activity(
        self,
        name: str,
        *,
        kind: str,
        began: datetime,
        ended: datetime | None,
        outcome: str,
        facts: Mapping[str, object],
    ) -> None:
        """What it was: its name, kind, times, ``completed``, ``failed`` or ``interrupted`` (when it ended may not be
        known then), and other facts by word.
        """
        attributes = (
            (_LABEL, prov.literal(name)),
            *_typed(prov.name(kind)),
            _own("outcome", outcome),
            *(_own(word, value) for word, value in sorted(facts.items()) if value is not None),
        )
        self._say("activity", self.id, began, ended, attributes=attributes)

    def started_by(self, outer: str) -> None:
        """Another activity started it."""
        self._say("wasStartedBy", None, self.id, None, outer)

    def informed_by(self, other: str) -> None:
        """It hung on another activity."""
        self._say("wasInformedBy", None, self.id, other)

    def graded(self, grade: str) -> str:
        """What it made is marked, and so is all that is made of that; returns the grade's identifier."""
        id = prov.grade_id(grade)
        self._say("entity", id, attributes=(*_typed(prov.name("grade")), (_LABEL, prov.literal(grade))))
        self._say("wasInfluencedBy", None, self.id, id)
        return id

    # -- files

    def file(
        self,
        version: Version,
        *,
        again: str | None = None,
        facts: Mapping[str, object] | None = None,
        sized: bool = True,
    ) -> str:
        """An entity for a version of a file, and for its content; returns its identifier.

        ``again``: the identifier it has instead of its usual one, which is another entity with the same bytes.
        ``facts``: what else is to be known of it.  ``sized``: whether its size is known.
        """
        id = again or file_of(version)
        said: list[tuple[str, prov.Value]] = [*_typed(prov.name("file"))]
        if version.place is not None:
            said += [
                (_LABEL, prov.literal(version.place.path)),
                _own("dataset", version.place.dataset),
                _own("path", version.place.path),
            ]
        else:
            said.append((_LABEL, prov.literal("{outside}/" + version.path.replace("\\", "/").rpartition("/")[2])))
        if sized:
            said.append(_own("size", version.size))
        if version.sha256 is not None:
            said.append(_own("sha256", version.sha256.hex()))
        said += [_own(word, value) for word, value in sorted((facts or {}).items()) if value is not None]
        self._say("entity", id, attributes=tuple(said))
        if version.sha256 is not None:
            self._has_content(id, version.sha256)
        return id

    def same(self, one: str, other: str) -> None:
        """Two entities are the same thing, seen in two ways."""
        self._say("alternateOf", None, one, other)

    def archived(self, id: str) -> str:
        """The entity that an identifier of a file version stands for; of anything else the entity itself."""
        version = prov.file_version(id)
        if version is None:
            return self.entity(id)
        facts = (
            *_typed(prov.name("file")),
            (_LABEL, prov.literal(version.path)),
            _own("dataset", version.dataset),
            _own("path", version.path),
            _own("sha256", version.sha256.hex()),
        )
        self._say("entity", id, attributes=facts)
        self._has_content(id, version.sha256)
        return id

    def _has_content(self, id: str, sha256: bytes) -> None:
        content = prov.content_id(sha256)
        self._say("entity", content, attributes=_typed(prov.name("content")))
        self._say("specializationOf", None, id, content)

    def entity(self, id: str, *, label: str | None = None, kind: str | None = None) -> str:
        """An entity that is no file of this machine; returns its identifier."""
        facts = _typed(prov.name(kind)) if kind is not None else ()
        self._say("entity", id, attributes=(*facts, *(((_LABEL, prov.literal(label)),) if label is not None else ())))
        return id

    def used(self, entity: str, *, role: str | None = None, time: datetime | None = None) -> None:
        """The activity used an entity."""
        self._say("used", None, self.id, entity, time, attributes=_in_role(role))

    def generated(
        self, entity: str, *, role: str | None = None, time: datetime | None = None, status: Status | None = None
    ) -> None:
        """The activity made an entity; ``status``: of the file that it is, by which it is known again."""
        known = () if status is None else (_own("status", status_word(status)),)
        self._say("wasGeneratedBy", None, entity, self.id, time, attributes=(*_in_role(role), *known))

    def revised(self, new: str, old: str) -> None:
        """An entity is the earlier one, changed in place by the activity."""
        revision = prov.Name(prov.PROV + "Revision")
        self._say("wasDerivedFrom", None, new, old, self.id, attributes=_typed(revision))

    def derived(self, new: str, old: str) -> None:
        """An entity came out of another one, by the activity."""
        self._say("wasDerivedFrom", None, new, old, self.id)

    def invalidated(self, entity: str, *, time: datetime | None = None) -> None:
        """The activity removed an entity."""
        self._say("wasInvalidatedBy", None, entity, self.id, time)

    # -- with what, and by whom

    def parameters(self, values: Mapping[str, Any], redactor: Redactor) -> None:
        """The parameters it was given, together one entity; nothing secret of them."""
        self.given(kept_parameters(values, redactor))

    def given(self, shown: Mapping[str, Any]) -> None:
        """Parameters as they may be kept."""
        if not shown:
            return
        id = prov.described_id("parameters", shown)
        facts = tuple(_own(f"parameter:{name}", value) for name, value in shown.items())
        self._say("entity", id, attributes=(*_typed(prov.name("parameters")), (_LABEL, _shortly(shown)), *facts))
        self.used(id, role="parameters")

    def command(
        self, arguments: Sequence[str], *, cwd: str, variables: Mapping[str, str], streams: Mapping[str, str]
    ) -> str:
        """A command as a plan, with the files that its standard streams are; returns its identifier."""
        said = {"command": list(arguments), "cwd": cwd, "variables": dict(variables), "streams": dict(streams)}
        id = prov.described_id("command", said)
        self._say(
            "entity",
            id,
            attributes=(
                *_typed(prov.Name(prov.PROV + "Plan"), prov.name("command")),
                (_LABEL, prov.literal(" ".join(arguments)[:200])),
                (_VALUE, prov.literal(list(arguments))),
                _own("cwd", cwd),
                *(_own(word, dict(said)) for word, said in (("variables", variables), ("streams", streams)) if said),
            ),
        )
        return id

    def person(self, author: str, *, plan: str | None = None) -> str:
        """Who did it, by which plan; returns the agent's identifier."""
        id = prov.person_id(author)
        self._say("agent", id, attributes=((_LABEL, prov.literal(author)), *_typed(prov.Name(prov.PROV + "Person"))))
        self._say("wasAssociatedWith", None, self.id, id, plan)
        return id

    def program(self, tool: Tool, *, person: str) -> None:
        """A program that took part, on behalf of a person."""
        id = prov.software_id(tool.name, f"{tool.version or ''}+sha256.{tool.sha256[:16]}".lstrip("+"))
        facts = (
            (_LABEL, prov.literal(tool.name)),
            *_typed(prov.Name(prov.PROV + "SoftwareAgent")),
            _own("path", tool.path),
            _own("sha256", tool.sha256),
            *((_own("version", tool.version),) if tool.version is not None else ()),
        )
        self._say("agent", id, attributes=facts)
        self._say("wasAssociatedWith", None, self.id, id, None)
        self._say("actedOnBehalfOf", None, id, person, self.id)

    def software(self, name: str, version: str, *, person: str) -> None:
        """A program that took part on behalf of a person, as it says itself what it is."""
        id = prov.software_id(name, version)
        kind = prov.Name(prov.PROV + "SoftwareAgent")
        said = ((_LABEL, prov.literal(f"{name} {version}".rstrip())), *_typed(kind), _own("version", version))
        self._say("agent", id, attributes=said)
        self._say("wasAssociatedWith", None, self.id, id, None)
        self._say("actedOnBehalfOf", None, id, person, None)

    def environment(self, found: Environment, graph: prov.Graph) -> None:
        """Where it ran: one entity, of which packages are members.  What ``graph`` has is not described again."""
        id = f"urn:holotype:environment:{found.digest}"
        self.used(id, role="environment")
        if graph.known([id])[0]:
            return
        interpreter, system = found.interpreter, found.system
        facts = [
            (_LABEL, prov.literal(f"{interpreter.implementation} {interpreter.version}")),
            *_typed(prov.name("environment"), prov.Name(prov.PROV + "Collection")),
            *(_own(word, _fields(part)) for word, part in (("interpreter", interpreter), ("system", system))),
            _own("processor", _fields(found.processor)),
            _own("blas", [_fields(each) for each in found.blas]),
            _own("locale", found.locale),
            _own("timezone", found.timezone),
            _own("variables", dict(found.variables)),
        ]
        if found.container is not None:
            facts.append(_own("container", _fields(found.container)))
        self._say("entity", id, attributes=tuple(facts))
        for package in (*found.packages, *found.conda):
            self._say("hadMember", None, id, self._package(package))

    def _package(self, package: Package) -> str:
        id = prov.package_id(package.name, package.version, ecosystem="pypi" if package.source == "pypi" else "conda")
        if package.sha256 is not None:  # the same version may be built in many ways
            id += f"?checksum=sha256:{package.sha256}"
        facts = {word: value for word, value in _fields(package).items() if value is not None}
        self._say(
            "entity",
            id,
            attributes=(
                (_LABEL, prov.literal(f"{package.name} {package.version}")),
                *_typed(prov.name("package")),
                *(_own(word, value) for word, value in sorted(facts.items())),
            ),
        )
        return id

    def git(self, state: GitState) -> None:
        """The state of the code it ran from."""
        facts = {
            word: value.decode(errors="replace") if isinstance(value, bytes) else value
            for word, value in _fields(state).items()
            if value is not None
        }
        id = prov.described_id("git", facts)
        label = f"git {state.describe or state.commit or 'without a commit'}{' with changes' if state.dirty else ''}"
        self._say(
            "entity",
            id,
            attributes=(
                (_LABEL, prov.literal(label)),
                *_typed(prov.name("git")),
                *(_own(word, value) for word, value in sorted(facts.items())),
            ),
        )
        self.used(id, role="code")


def status_word(status: Status) -> str:
    """What tells a file from its other versions, in a word."""
    return f"{status.size}:{status.mtime_ns}:{status.ctime_ns}:{status.inode}"


def file_of(version: Version) -> str:
    """The usual identifier of a version of a file."""
    place = version.place
    if version.sha256 is None:
        where = f"{place.dataset}:{place.path}" if place is not None else version.path
        return prov.described_id("unread", [where, version.size, version.mtime_ns])
    if place is None:
        return prov.outside_id(version.sha256, prov.place_digest(version.path), _last(version.path))
    return prov.file_id(place.dataset, place.path, version.sha256)


def _last(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].encode(errors="surrogateescape").decode(errors="replace")


def _in_role(role: str | None) -> Attributes:
    return () if role is None else ((_ROLE, prov.literal(role)),)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__ if not name.startswith("_")}


def _shortly(values: Mapping[str, object]) -> prov.Value:
    return prov.literal(", ".join(f"{name}={value}" for name, value in values.items())[:200])
