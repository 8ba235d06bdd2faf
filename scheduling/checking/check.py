"""Everything that is looked at before a run begins, in one report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from holotype.validators import Examination, Report

from ..graphs.checking import GraphCheck
from ..graphs.laying import lay_out
from .contents import look_at_contents
from .environments import EnvironmentsCheck
from .given import GivenCheck
from .machine import NeedsCheck, ToolsCheck
from .quotas import QuotaCheck

if TYPE_CHECKING:
    from holotype.validators import Cost

    from ..site import Site
    from ..workflow import Workflow
    from .order import Order

__all__ = ["check_order", "check_quotas", "check_workflow"]


def check_workflow(workflow: Workflow, site: Site | None = None) -> Report:
    """What is wrong with a workflow by itself, and with what ``site`` has for it."""
    examination = Examination(checks=())
    examination.ask(GraphCheck(workflow), name=workflow.name)
    if site is not None:
        graph = lay_out(workflow, lambda *_: None)
        examination.ask(ToolsCheck(graph, site), name=workflow.name)
        examination.ask(EnvironmentsCheck(graph, site), name=workflow.name)
    return examination.report()


def check_order(order: Order, *, cost: Cost | str, now: float | None = None) -> Report:
    """What is wrong with a workflow, with what it is to be run over, and with what the site has for that.

    ``cost``: how much of each file is looked at.  ``now``: what time it is, in seconds since 1970.
    """
    examination = Examination(checks=())
    name = order.workflow.name
    examination.ask(GivenCheck(order), name=name)
    whole = check_workflow(order.workflow, order.site)
    if order.site is not None:
        examination.ask(NeedsCheck(order, order.site), name=name)
    contents = look_at_contents(order, cost=cost)
    # What cannot be laid out cannot be reckoned.
    quotas = [check_quotas(order, now=now)] if whole.ok else []
    return Report.together([whole, examination.report(), contents.report(), *quotas])


def check_quotas(order: Order, *, now: float | None = None) -> Report:
    """Whether a run keeps within what may be used.  ``now``: what time it is, in seconds since 1970."""
    examination = Examination(checks=())
    if order.site is not None and order.site.quotas:
        check = QuotaCheck(order, order.site, now=time.time() if now is None else now)
        examination.ask(check, name=order.workflow.name)
    return examination.report()
