"""What was ordered, read back from a run's folder by somebody who does not have the run in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import HolotypeError, InvalidOption, ObjectDamaged, WorkflowInvalid

from ..running.orders import read_order
from ..tasks.units import Units

if TYPE_CHECKING:
    from pathlib import Path

    from ..workflow import Workflow

__all__ = ["read_units"]


def read_units(folder: Path, *, workflow: Workflow | None = None) -> Units:
    """All units of the run in ``folder``.

    Raises ``InvalidOption`` where there is no run, ``WorkflowInvalid`` where its workflow is needed and not given, or
    another one, and ``ObjectDamaged`` where the order cannot be read.
    """
    path = folder / "order.json"
    try:
        return Units(read_order(path, None, workflow=workflow))
    except HolotypeError:
        raise
    except FileNotFoundError as error:
        raise InvalidOption(f"there is no run in {folder}", option="folder") from error
    except (ImportError, AttributeError) as error:
        what = f"{folder.name} calls a function that is not here ({error}): give the workflow itself, workflow="
        raise WorkflowInvalid(what, problems=(what,)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ObjectDamaged(f"{path} is not as it was written: {error!r}", key=str(path)) from error
