"""Whether a site can enter the containers and conda environments that stages name, and what images they are."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from holotype.validators import GroupCheck

from ..tasks.entering import asks_for_image, entered
from . import codes
from .asking import answer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.validators import Found, Subject

    from ..declaring.environments import Environment
    from ..graphs.graph import Graph
    from ..site import Site

__all__ = ["EnvironmentsCheck", "image_ids"]

_ID = re.compile(r"^(?:sha256:)?([0-9a-f]{64})$", re.MULTILINE)
_SHOWN = 300


class EnvironmentsCheck(GroupCheck):
    """Asks for every image, and whether there is a way into it; of conda environments, only the latter."""

    name = "run.environments"
    codes = (codes.ENVIRONMENT_CLOSED, codes.ENVIRONMENT_MISSING, codes.ENVIRONMENT_FUNCTION)

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph, self._site = graph, site

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        wanted: dict[str, tuple[Environment, str]] = {}
        for name, node in self._graph.nodes.items():
            environment = node.stage.environment
            if environment.container is not None and node.stage.call is not None:
                what = f"{name} is a function, which runs in this Python and in no container"
                found.add(codes.ENVIRONMENT_FUNCTION, what, record=name, column=environment.container)
            if (named := environment.container or environment.conda) is not None:
                wanted.setdefault(named, (environment, name))
        for named, (environment, name) in wanted.items():
            try:
                entered(("true",), environment=environment, site=self._site, folder="", scratch="", variables={})
            except ValueError as error:
                found.add(codes.ENVIRONMENT_CLOSED, f"{name}: {error}", record=name, column=named)
                continue
            if environment.container is not None and (wrong := _image(named, self._site)[1]):
                found.add(codes.ENVIRONMENT_MISSING, f"{name}: {wrong}", record=name, column=named)


def image_ids(graph: Graph, site: Site) -> dict[str, str]:
    """The identifiers of the images that a graph names, those left out that are not there, or have none."""
    named = (node.stage.environment.container for node in graph.nodes.values())
    found = {image: _image(image, site)[0] for image in dict.fromkeys(named) if image is not None}
    return {image: id for image, id in found.items() if id}


def _image(image: str, site: Site) -> tuple[str, str]:
    """Its identifier, and what is wrong with it; each may be empty."""
    if site.containers is None:
        return "", ""
    try:
        asks = asks_for_image(site.containers, image, site=site)
    except ValueError as error:
        return "", str(error)
    if asks is None:
        there = "://" in image or os.path.exists(image)
        return "", "" if there else f"there is no image {image}"
    answer = answer_of(asks)
    said = _ID.search(answer)
    if said is not None:
        return said[1], ""
    return "", f"there is no image {image}: {answer.strip()[:_SHOWN]}"
