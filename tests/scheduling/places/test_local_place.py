"""This machine keeps the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holotype.scheduling import Job, LocalPlace

from .place_contract import PlaceContract

if TYPE_CHECKING:
    from holotype.scheduling import Place


class TestLocalPlace(PlaceContract):
    examples = 15

    def make(self, tmp_path: Path) -> Place:
        return LocalPlace(tmp_path / "place")

    def job(
        self,
        tmp_path: Path,
        id: str,
        *,
        code: int = 0,
        signal: int | None = None,
        seconds: float = 0.0,
        time: float | None = None,
    ) -> Job:
        end = f"kill -{signal} $$" if signal is not None else f"exit {code}"
        nap = f"sleep {seconds}; " if seconds else ""
        return Job(
            id=id,
            command=("sh", "-c", f"echo started; {nap}{end}"),
            folder=str(tmp_path),
            stdout=str(tmp_path / f"{id}.out"),
            stderr=str(tmp_path / f"{id}.err"),
            environment={"PATH": "/usr/bin:/bin"},
            time=time,
        )

    def impossible(self, tmp_path: Path, id: str) -> Job:
        there = str(tmp_path)
        return Job(id=id, command=("no-such-program",), folder=there, stdout=f"{there}/out", stderr=f"{there}/err")

    def starts(self, tmp_path: Path, id: str) -> int:
        said = Path(tmp_path / f"{id}.out")
        return said.read_text().count("started") if said.exists() else 0
