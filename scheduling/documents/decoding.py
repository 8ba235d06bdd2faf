"""Text made into plain values, with what could do harm, or mean two things, refused."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from holotype.catalog import ExtraMissing

__all__ = ["decoded"]


def decoded(text: str, ending: str) -> Any:
    """The values that a text holds; ``ending``: ``.yaml``, ``.yml``, ``.toml`` or ``.json``, for its language, or
    ``.cwl`` for YAML 1.2, in which ``yes`` and dates are texts, ``010`` is ten, and ``{type: File?}`` is what it seems.

    Raises ``ValueError`` for what is none, or refers to other parts of itself, ``RecursionError`` for what is too deep,
    and ``ExtraMissing``.
    """
    if ending == ".toml":
        return tomllib.loads(text)
    if ending == ".json":
        return json.loads(text)
    if ending == ".cwl":
        return _yaml_1_2(text)
    if ending not in (".yaml", ".yml"):
        raise ValueError(f"a workflow is a .yaml, .toml or .json, and this is {ending or 'without an ending'}")
    try:
        import yaml
    except ImportError as error:
        raise ExtraMissing("YAML needs PyYAML: pip install 'holotype[workflows]'", extra="workflows") from error

    class Loader(yaml.SafeLoader):
        """Refuses what says one key twice, of which YAML keeps the last, and references, of which little makes much."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                event: Any = self.peek_event()  # type: ignore[no-untyped-call]
                raise ValueError(f"line {event.start_mark.line + 1}: references are not followed")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as there
            made: dict[Any, Any] = super().construct_mapping(node, deep)
            if len(made) < len(node.value):
                seen = set[Any]()
                for each, _ in node.value:
                    key = self.construct_object(each, deep=True)
                    if key in seen:
                        raise ValueError(f"line {each.start_mark.line + 1}: {key} is there twice")
                    seen.add(key)
            return made

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _yaml_1_2(text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.composer import Composer
        from ruamel.yaml.constructor import SafeConstructor
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
        from ruamel.yaml.events import AliasEvent
    except ImportError as error:
        raise ExtraMissing("CWL needs ruamel.yaml: pip install 'holotype[workflows]'", extra="workflows") from error

    class NoReferences(Composer):
        """Refuses references, of which little makes much."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.parser.check_event(AliasEvent):
                raise ValueError(f"line {self.parser.peek_event().start_mark.line + 1}: references are not followed")
            return super().compose_node(parent, index)

    class NoDates(SafeConstructor):
        """Leaves dates as they are written."""

    NoDates.add_constructor("tag:yaml.org,2002:timestamp", NoDates.construct_yaml_str)
    reader = YAML(typ="safe", pure=True)
    reader.Composer, reader.Constructor = NoReferences, NoDates
    try:
        return reader.load(text)
    except MarkedYAMLError as error:
        where = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        raise ValueError(f"{where}{error.problem or error.context}") from error
    except YAMLError as error:
        raise ValueError(str(error)) from error
