"""Units of measurement, written as UCUM has them (``mg/L``, ``m.s-2``, ``Cel``), and numbers from one to another.

A small table of the units that laboratories write, with the metric prefixes: enough to compare ranges; what is not in
it is refused by name.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import InvalidChoice

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Unit", "convert_unit", "unit_of"]

_BASES = ("m", "g", "s", "K", "C", "cd", "rad", "bit")

Powers = tuple[int, ...]


@dataclass(frozen=True)
class Unit:
    """A value in this unit is ``value * factor + offset`` in metres, grams, seconds, kelvins, coulombs, candelas,
    radians and bits, to ``powers``.
    """

    factor: float
    powers: Powers
    offset: float = 0.0


def _powers(**given: int) -> Powers:
    return tuple(given.get(base, 0) for base in _BASES)


_ONE = Unit(1.0, _powers())
_JOULE, _VOLT = _powers(m=2, g=1, s=-2), _powers(m=2, g=1, s=-2, C=-1)
# As UCUM 2.2 defines them; those with True take a prefix.
_ATOMS: Mapping[str, tuple[Unit, bool]] = MappingProxyType(
    {
        **{base: (Unit(1.0, _powers(**{base: 1})), True) for base in _BASES},
        "L": (Unit(1e-3, _powers(m=3)), True),
        "l": (Unit(1e-3, _powers(m=3)), True),
        "mol": (Unit(6.02214076e23, _powers()), True),
        "A": (Unit(1.0, _powers(C=1, s=-1)), True),
        "Hz": (Unit(1.0, _powers(s=-1)), True),
        "N": (Unit(1e3, _powers(m=1, g=1, s=-2)), True),
        "Pa": (Unit(1e3, _powers(m=-1, g=1, s=-2)), True),
        "bar": (Unit(1e8, _powers(m=-1, g=1, s=-2)), True),
        "atm": (Unit(101325e3, _powers(m=-1, g=1, s=-2)), False),
        "m[Hg]": (Unit(133.322e6, _powers(m=-1, g=1, s=-2)), True),
        "J": (Unit(1e3, _JOULE), True),
        "eV": (Unit(1.602176634e-16, _JOULE), True),
        "cal": (Unit(4184.0, _JOULE), True),
        "W": (Unit(1e3, _powers(m=2, g=1, s=-3)), True),
        "V": (Unit(1e3, _VOLT), True),
        "Ohm": (Unit(1e3, _powers(m=2, g=1, s=-1, C=-2)), True),
        "S": (Unit(1e-3, _powers(m=-2, g=-1, s=1, C=2)), True),
        "F": (Unit(1e-3, _powers(m=-2, g=-1, s=2, C=2)), True),
        "T": (Unit(1e3, _powers(g=1, s=-1, C=-1)), True),
        "Bq": (Unit(1.0, _powers(s=-1)), True),
        "Gy": (Unit(1.0, _powers(m=2, s=-2)), True),
        "Sv": (Unit(1.0, _powers(m=2, s=-2)), True),
        "kat": (Unit(6.02214076e23, _powers(s=-1)), True),
        "U": (Unit(1e-6 * 6.02214076e23 / 60, _powers(s=-1)), True),
        "u": (Unit(1.66053906660e-24, _powers(g=1)), True),
        "t": (Unit(1e6, _powers(g=1)), True),
        "By": (Unit(8.0, _powers(bit=1)), True),
        "min": (Unit(60.0, _powers(s=1)), False),
        "h": (Unit(3600.0, _powers(s=1)), False),
        "d": (Unit(86400.0, _powers(s=1)), False),
        "wk": (Unit(604800.0, _powers(s=1)), False),
        "mo": (Unit(2629800.0, _powers(s=1)), False),
        "a": (Unit(31557600.0, _powers(s=1)), False),
        "deg": (Unit(math.pi / 180, _powers(rad=1)), False),
        "sr": (Unit(1.0, _powers(rad=2)), True),
        "%": (Unit(1e-2, _powers()), False),
        "[ppth]": (Unit(1e-3, _powers()), False),
        "[ppm]": (Unit(1e-6, _powers()), False),
        "[ppb]": (Unit(1e-9, _powers()), False),
        "[in_i]": (Unit(0.0254, _powers(m=1)), False),
        "[ft_i]": (Unit(0.3048, _powers(m=1)), False),
        "[lb_av]": (Unit(453.59237, _powers(g=1)), False),
        "Ao": (Unit(1e-10, _powers(m=1)), False),
        "Cel": (Unit(1.0, _powers(K=1), 273.15), False),
        "[degF]": (Unit(5 / 9, _powers(K=1), 459.67 * 5 / 9), False),
    }
)
_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
# What people write, and UCUM does not.
_OTHERWISE = {"°C": "Cel", "degC": "Cel", "℃": "Cel", "°F": "[degF]", "degF": "[degF]", "ppm": "[ppm]", "Å": "Ao"}
_TERM = re.compile(r"([^\d.\-+/*^\s{}()]+(?:\[[^\]]*\])?|\[[^\]]*\]|10\*|10\^|\d+)?(?:\^?([+-]?\d+))?(?:\{[^}]*\})*")


def unit_of(written: str) -> Unit:
    """The unit that is written so; ``""`` and ``1`` are the number one.  Raises ``InvalidChoice``."""
    return _unit_of(written.strip())


@lru_cache(maxsize=1024)
def _unit_of(written: str) -> Unit:
    if len(written) > 200:
        raise InvalidChoice(f"{written[:40]!r}… is no unit", unit=written[:200])
    try:
        found = _product(written)
    except OverflowError:
        found = None
    if found is None or not math.isfinite(found.factor) or found.factor == 0:
        raise InvalidChoice(f"{written!r} is out of all proportion", unit=written)
    return found


def _product(written: str) -> Unit:
    spelled = _OTHERWISE.get(written, written).replace("µ", "u").replace("μ", "u").replace("·", ".")
    if spelled in _ATOMS:
        return _ATOMS[spelled][0]
    factor, powers = 1.0, [0] * len(_BASES)
    sign = 1
    for place, part in enumerate(re.split(r"([./])", spelled)):
        if place % 2:
            # In UCUM a slash divides by what stands next to it alone.
            sign = -1 if part == "/" else 1
            continue
        if not part and not (place == 0 and spelled[:1] in ("", "/")):
            raise InvalidChoice(f"{written!r} is no unit", unit=written)
        one, power = _term(part, written)
        factor *= one.factor ** (sign * power)
        powers = [have + sign * power * more for have, more in zip(powers, one.powers, strict=True)]
    return Unit(factor, tuple(powers))


def _term(part: str, written: str) -> tuple[Unit, int]:
    found = _TERM.fullmatch(part)
    if found is None:
        raise InvalidChoice(f"{part!r} in {written!r} is no unit", unit=written)
    atom, power = found[1] or "", int(found[2] or 1)
    if abs(power) > 30:
        raise InvalidChoice(f"{written!r} has a power of {power}", unit=written)
    if atom in ("10*", "10^"):
        return Unit(10.0, _ONE.powers), power
    if not atom or atom.isdigit():
        return Unit(float(atom or (found[2] or 1)), _ONE.powers), 1
    one = _atom(_OTHERWISE.get(atom, atom))
    if one is None:
        raise InvalidChoice(f"there is no unit {atom!r} (in {written!r}) among those that are known", unit=written)
    return one, power


def _atom(name: str) -> Unit | None:
    if name in _ATOMS:
        return _ATOMS[name][0]
    for length in (2, 1):
        prefix, atom = name[:length], name[length:]
        if prefix in _PREFIXES and atom in _ATOMS and _ATOMS[atom][1]:
            one = _ATOMS[atom][0]
            return Unit(one.factor * 10.0 ** _PREFIXES[prefix], one.powers)
    return None


def convert_unit(value: float, source: str, target: str) -> float:
    """A value in the unit ``source``, in the unit ``target``; raises ``InvalidChoice`` where they measure different
    things.
    """
    if source == target:
        return value
    one, other = unit_of(source), unit_of(target)
    if one.powers != other.powers:
        raise InvalidChoice(f"{source or '1'} and {target or '1'} measure different things", unit=source)
    return (value * one.factor + one.offset - other.offset) / other.factor
