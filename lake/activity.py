"""An activity in Python: what a block or a function used and made, found by listening, and kept with how it was done.

    with archive.activity("normalise", parameters={"alpha": 0.1}) as activity:
        table = pandas.read_csv("counts.csv")           # heard
        (table * 0.1).to_csv("normalised.csv")          # heard
        activity.used("run42@2/reference.csv")          # said: nobody could hear it

    @archive.activity("normalise")                      # its arguments are the parameters
    def normalise(alpha): ...

When the block ends, one commit says all of it: versions of files by their content, the script, the parameters, the
environment, the state of git, the person.  A block that raises is kept as failed, with what it had made.  Of one whose
process is killed there is a note, from which it is recorded as interrupted (see ``lineage/settling.py``).
"""

from __future__ import annotations

import functools
import inspect
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from holotype.catalog import InvalidOption
from holotype.catalog import provenance as prov

from .capturing.aside import aside
from .capturing.environment import environment
from .capturing.git import git_state
from .capturing.hooks import listening
from .capturing.scripts import arguments, main_script
from .capturing.seen import Seen
from .lineage.account import Account
from .lineage.beginning import begin, telling
from .lineage.naming import entity_of
from .lineage.telling import Scene, keep, kept, named_output, sight, status_of, tell_files
from .lineage.waiting import settle_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from types import TracebackType

    from .capturing.hooks import Heard
    from .context import Context

    _F = TypeVar("_F", bound=Callable[..., Any])

__all__ = ["Activity"]

_outer: ContextVar[str | None] = ContextVar("holotype_activity", default=None)


class Activity:
    """One activity (see the module); entered once, or put before a function, each call of which is one."""

    def __init__(
        self,
        context: Context,
        name: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        dataset: str | None = None,
        source: str | os.PathLike[str] | None = None,
        listen: bool = True,
    ) -> None:
        if not name:
            raise InvalidOption("an activity needs a name", option="name")
        self.name, self.id = name, prov.activity_id(context.entropy(16))
        self._context, self._parameters = context, dict(parameters or {})
        self._dataset, self._source = dataset, None if source is None else os.fspath(source)
        self._listen = listen
        self._scene: Scene | None = None
        self._listening: AbstractContextManager[Heard] | None = None
        self._heard: Heard | None = None
        self._said: list[tuple[str, str, str]] = []  # what was done, an entity, its role
        self._files: dict[str, Seen] = {}
        self._digests: dict[str, bytes] = {}  # of files that were said to be used, as they were then

    def __enter__(self) -> Activity:
        if self._scene is not None:
            raise InvalidOption("an activity happens once: make another", option="name")
        self._process = os.getpid()
        self._context.catalog.check_writable()
        settle_waiting(self._context)
        self._scene = scene = Scene.of(self._context, dataset=self._dataset, source=self._source)
        self._parent = _outer.get()
        self._began = self._context.clock()
        script = self._script = main_script()
        self._noted = begin(
            scene,
            self.id,
            self.name,
            kind="python",
            began=self._began,
            folder=os.getcwd(),
            dataset=self._dataset,
            parameters=self._parameters,
            parent=self._parent,
            facts=self._surroundings(scene),
        )
        self._token = _outer.set(self.id)
        folder = os.path.dirname(script) if script is not None else os.getcwd()
        self._git = aside(lambda: git_state(folder))
        if self._listen:
            roots = [*scene.places.sources.values(), os.getcwd()]
            self._listening = listening(roots, digests=True, leave_out=[scene.own] if scene.own is not None else [])
            self._heard = self._listening.__enter__()
        return self

    def _surroundings(self, scene: Scene) -> dict[str, object]:
        """The script that runs, with what, and where."""
        script, redactor = self._script, scene.redactor
        return {
            "script": None if script is None else redactor.path(os.path.realpath(script)),
            "arguments": redactor.arguments(["python", *arguments()])[1:],
            "cwd": redactor.path(os.getcwd()),
        }

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listening is not None:
            self._listening.__exit__(None, None, None)
        _outer.reset(self._token)
        if os.getpid() != self._process:
            return  # a forked child leaves the block as well; what it did is its parent's to tell
        # The clock may have been put back.
        scene, ended = self._scene, max(self._began, self._context.clock())
        assert scene is not None
        outcome = "completed" if error is None else "failed"
        words = None if error is None else kept(error, scene.redactor)
        try:
            with telling(scene, self._noted, outcome=outcome, ended=ended, error=words):
                self._tell(scene, outcome, words, ended)
        except Exception as trouble:
            # The block's own error is what its caller has to see.
            if error is None:
                raise
            error.add_note(f"the activity {self.name!r} could not be recorded: {trouble}")

    def __call__(self, function: _F) -> _F:
        """A function, or a coroutine, each call of which is an activity with its arguments as parameters.

        Raises ``InvalidOption`` for a generator, whose work is done when others ask for it.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InvalidOption(
                f"{function.__name__} is a generator: open the activity where it is used", option="name"
            )
        signature = inspect.signature(function)

        def opened(given: tuple[Any, ...], named: dict[str, Any]) -> Activity:
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            return Activity(
                self._context,
                self.name,
                parameters={**self._parameters, **bound.arguments},
                dataset=self._dataset,
                source=self._source,
                listen=self._listen,
            )

        @functools.wraps(function)
        def recorded(*given: Any, **named: Any) -> Any:
            with opened(given, named):
                return function(*given, **named)

        @functools.wraps(function)
        async def awaited(*given: Any, **named: Any) -> Any:
            with opened(given, named):
                return await function(*given, **named)

        wrapped: Any = awaited if inspect.iscoroutinefunction(function) else recorded
        return cast("_F", wrapped)  # it takes and gives what the function does

    def used(self, what: str | os.PathLike[str], *, role: str = "input") -> str:
        """Say that the activity used something: a file of this machine, as it is now; an archived one, such as
        ``run42@2/reference.csv``; a snapshot; or any entity by its IRI.  Returns the path or the entity's identifier.

        Raises ``SourceNotFound``, or what naming an archived entity raises.
        """
        return self._say("used", what, role)

    def generated(self, what: str | os.PathLike[str], *, role: str = "output") -> str:
        """Say that the activity made something: a file, as it is when the activity ends, or any entity by its IRI.

        Returns the path or the entity's identifier.  Raises ``SourceNotFound``.
        """
        return self._say("generated", what, role)

    def _say(self, verb: str, what: str | os.PathLike[str], role: str) -> str:
        if self._scene is None:
            raise InvalidOption("an activity is told of what it used and made while it is open", option="name")
        path = os.path.realpath(what)
        status = status_of(path)
        if status is not None:
            before = self._files.get(path)
            wrote, read = verb == "generated", verb == "used"
            digest = self._scene.versions().now(path).sha256 if read else None
            if digest is not None:
                self._digests[path] = digest
            self._files[path] = Seen(
                path,
                read=read or (before is not None and before.read),
                written=wrote or (before is not None and before.written),
                by=(),
                before=status if read else before.before if before is not None else None,
                after=status,
            )
            return path
        entity = entity_of(self._context, what, state=self._context.catalog.refresh())
        self._said.append((verb, entity, role))
        return entity

    def _tell(self, scene: Scene, outcome: str, error: str | None, ended: datetime) -> None:
        heard, notes = self._heard, list[str]()
        digests = {**(heard.before if heard is not None else {}), **self._digests}
        sightings = sight(scene, self._seen(), notes, digests=digests)
        notes += heard.notes if heard is not None else ()
        trouble = [self._noted.trouble] if self._noted.trouble is not None else []
        found, state = environment(redactor=scene.redactor), self._git.result()
        facts: dict[str, object] = {
            **self._surroundings(scene),
            "error": error,
            "seeds": [list(each) for each in heard.seeds] if heard is not None and heard.seeds else None,
            "remote": [list(each) for each in heard.remote] if heard is not None and heard.remote else None,
            "momentary": dict(found.momentary) or None,
            "notes": [scene.redactor.text(each) for each in (*trouble, *notes)] or None,
        }

        def tell(graph: prov.Graph) -> prov.Document:
            account = Account(self.id)
            tell_files(account, scene, graph, sightings, ended=ended)
            for verb, entity, role in self._said:
                if verb == "used":
                    account.used(account.archived(entity), role=role)
                else:
                    made = named_output(account, scene, graph, entity)
                    account.generated(account.archived(made), role=role, time=ended)
            account.person(self._context.author)
            account.parameters(self._parameters, scene.redactor)
            account.environment(found, graph)
            if state is not None:
                account.git(state)
            if self._parent is not None:
                account.started_by(self._parent)
            account.activity(self.name, kind="python", began=self._began, ended=ended, outcome=outcome, facts=facts)
            return account.document()

        keep(self._context, tell, operation="activity", message=self.name)

    def _seen(self) -> list[Seen]:
        """What was heard, and what was said, which counts for more."""
        heard = self._heard
        found = {each.path: each for each in heard.seen} if heard is not None else {}
        for path, said in self._files.items():
            both = found.get(path)
            now = status_of(path)
            found[path] = Seen(
                path,
                read=said.read or (both is not None and both.read),
                written=(said.written or (both is not None and both.written)) and now is not None,
                executed=both is not None and both.executed,
                by=both.by if both is not None else (),
                before=said.before or (both.before if both is not None else None),
                after=now,
            )
        return list(found.values())
