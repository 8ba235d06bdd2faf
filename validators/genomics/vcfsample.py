"""The columns of samples: FORMAT, looked at once for each that a file has, and each sample's values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import vcfcodes as codes
from .vcfcodes import mild
from .vcfspec import Field, genotypes, reserved_format
from .vcfvalues import GENOTYPE_NEW, GENOTYPE_OLD, pieces, wrong_percent, wrong_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..findings import Code
    from .vcfheader import Header
    from .vcfrecord import Alleles, Used

__all__ = ["Samples", "Shape"]

_NEW = re.compile(rb"[A-Za-z_][0-9A-Za-z_.]*")
_REMEMBERED = 1 << 16
_COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A", "U": "A"}


@dataclass(frozen=True)
class Shape:
    """A FORMAT: its keys, what is known of each, and what is wrong with it."""

    keys: tuple[str, ...]
    fields: tuple[Field | None, ...]
    wrong: tuple[tuple[Code, str, str], ...]


class Samples:
    """Looks at samples of one file."""

    def __init__(self, header: Header, used: Used, tell: Callable[..., None]) -> None:
        self._header, self._used, self._tell = header, used, tell
        self._shapes: dict[bytes, Shape] = {}
        self._sound: set[tuple[bytes, tuple[int, ...], bytes]] = set()
        self._genotype = re.compile((GENOTYPE_NEW if header.version >= (4, 4) else GENOTYPE_OLD).encode())

    def shape(self, text: bytes) -> Shape:
        """What a FORMAT is; keys that are not declared are told of when it is first met."""
        if text not in self._shapes:
            if len(self._shapes) >= _REMEMBERED:
                self._shapes.clear()
            self._shapes[text] = self._made(text)
            self._used.grown += 1
        return self._shapes[text]

    def known(self, text: bytes) -> Shape | None:
        """A FORMAT that a record has been looked at with."""
        return self._shapes.get(text)

    def check(self, text: bytes, samples: bytes | None, alleles: Alleles) -> None:
        """Tell what is wrong with a record's FORMAT and its samples, which are still separated by tabs."""
        shape = self.shape(text)
        for code, message, seen in shape.wrong:
            self._tell(code, message, "FORMAT", seen=seen)
        if samples is None or any(code == codes.FORMAT for code, *_ in shape.wrong):
            return
        names = self._header.samples
        remembers = len(text) < 200
        for place, sample in enumerate(pieces(samples, b"\t")):
            known = (text, alleles.counts, sample)
            # How many modified bases there can be depends on the alleles themselves.
            if known in self._sound:
                continue
            name = names[place] if place < len(names) else str(place + 10)
            sound = self._sample(sample, shape, alleles, name)
            if sound and remembers and len(sample) < 200 and not any(f and f.number == "M" for f in shape.fields):
                if len(self._sound) >= _REMEMBERED:
                    self._sound.clear()
                self._sound.add(known)

    def _made(self, text: bytes) -> Shape:
        version = self._header.version
        wrong: list[tuple[Code, str, str]] = []
        keys = tuple(each.decode("utf-8", "backslashreplace") for each in text.split(b":"))
        fields: list[Field | None] = []
        for key in keys:
            declared = self._header.formats.get(key)
            fields.append(declared or reserved_format(version, key))
            if not key:
                wrong.append((codes.FORMAT, "between two colons there is no key", text.decode("utf-8", "replace")))
            elif not self._legal(key, declared=declared is not None):
                wrong.append((codes.FORMAT, "a key has characters that it may not have", key))
            elif declared is None and self._used.once("FORMAT", key):
                self._tell(codes.UNKNOWN_FORMAT, f"the key {key} is not declared", "FORMAT", seen=key)
        if len(set(keys)) < len(keys):
            code = codes.FORMAT if version >= (4, 3) else mild(codes.FORMAT)
            wrong.append((code, "a key is there twice", ":".join(keys)))
        if "GT" in keys[1:]:
            wrong.append((codes.FORMAT, "GT is not the first key", ":".join(keys)))
        local = any(each is not None and each.number in ("LA", "LR", "LG") for each in fields)
        if local and keys[: 1 + (keys[0] == "GT")][-1] != "LAA":
            wrong.append((codes.FORMAT, "LAA does not come before what is of local alleles", ":".join(keys)))
        return Shape(keys, tuple(fields), tuple(wrong))

    def _legal(self, key: str, *, declared: bool) -> bool:
        """Before 4.3 keys are alphanumeric; one that is declared has been told of in the header."""
        new = bool(_NEW.fullmatch(key.encode("utf-8", "replace")))
        return new if self._header.version >= (4, 3) or declared else key.isascii() and key.isalnum()

    def _sample(self, sample: bytes, shape: Shape, alleles: Alleles, name: str) -> bool:
        """Whether a sample's values are sound; what is not is told."""
        values = sample.split(b":", len(shape.keys))
        if len(values) > len(shape.keys):
            self._tell(codes.SAMPLE_FIELDS, "it has more values than FORMAT has keys", name, seen=sample,
                       expected=f"at most {len(shape.keys)}")  # fmt: skip
            return False
        sound, genotype = True, b""
        if shape.keys[0] == "GT":
            genotype = values[0]
            sound = self._check_genotype(genotype, alleles, name)
            if not sound:
                return False
        local = dict(zip(shape.keys, values, strict=False)).get("LAA")
        for key, field, value in zip(shape.keys, shape.fields, values, strict=False):
            if key == "GT" or value == b".":
                continue
            if not value and not (key == "LAA" and self._header.version >= (4, 5)):
                self._tell(codes.EMPTY, f"{key} is empty", name, seen=sample)
                sound = False
            elif field is not None and value:
                sound &= self._value(
                    key, field, value, name, _Counting(alleles, genotype, local, shape.keys[0] == "GT")
                )
        return sound

    def _check_genotype(self, genotype: bytes, alleles: Alleles, name: str) -> bool:
        if not self._genotype.fullmatch(genotype):
            self._tell(codes.GT, "it is no genotype", name, seen=genotype, expected="such as 0/1, 1|0, ./.")
            return False
        most = alleles.counts[-1]
        highest = max((int(each[:9]) for each in re.findall(rb"[0-9]+", genotype)), default=0)
        if highest > most:
            self._tell(codes.GT, f"there is no allele {highest}", name, seen=genotype, expected=f"at most {most}")
            return False
        if highest > alleles.counts[0] and self._used.once("allele", "1"):
            self._tell(mild(codes.GT), "allele 1 is called where ALT has none", name, seen=genotype, expected="0")
        return True

    def _value(self, key: str, field: Field, value: bytes, name: str, counting: _Counting) -> bool:
        if wrong_percent(value, self._header.version) and self._used.once("percent", key):
            self._tell(codes.PERCENT, f"a value of {key} has a percent sign that begins no code", name, seen=value)
        count = 0
        for one in pieces(value, b","):
            count += 1
            wrong = None if one == b"." else "empty" if not one else wrong_value(one, field, self._header.version, key)
            if wrong is not None:
                self._tell(codes.SAMPLE_TYPE, f"a value of {key} is {wrong}", name, seen=one, expected=field.type)
                return False
        allowed = counting.of(field.number, key)
        if allowed is not None and count not in allowed:
            self._tell(codes.SAMPLE_NUMBER, f"{key} has {count} values", name, seen=value,
                       expected=f"Number={field.number}: " + " or ".join(map(str, sorted(allowed))))  # fmt: skip
            return False
        return True


@dataclass(frozen=True)
class _Counting:
    """What numbers of values depend on: the alleles, a sample's genotype and its local alleles."""

    alleles: Alleles
    genotype: bytes
    local: bytes | None
    called: bool

    @property
    def ploidy(self) -> int | None:
        """``None`` for a genotype that is a dot: it may be haploid, or nothing at all.  Without one, two."""
        if not self.called:
            return 2
        return None if self.genotype == b"." else len(re.findall(rb"[0-9]+|\.", self.genotype))

    def of(self, number: str, key: str) -> set[int] | None:
        """How many values there may be; ``None`` where any number may."""
        counts, ploidy = self.alleles.counts, self.ploidy
        if number in ("LA", "LR", "LG"):
            local = 0 if self.local is None or self.local in (b"", b".") else self.local.count(b",") + 1
            counts, number = (local,), number[1:]
        match number:
            case "A":
                return {*counts}
            case "R":
                return {count + 1 for count in counts}
            case "G":
                return None if ploidy is None else {genotypes(count + 1, ploidy) for count in counts}
            case "P":
                return None if ploidy is None else {ploidy}
            case "M":
                return {_modifiable(self.genotype, self.alleles, key[-1:])}
            case _:
                return {int(number)} if number.isdigit() and int(number) else None


def _modifiable(genotype: bytes, alleles: Alleles, base: str) -> int:
    """How many bases of a genotype can be modified: unphased copies of an allele count once (VCF 4.5, 1.4.4)."""
    marks = re.findall(rb"([/|]?)([0-9]+|\.)", genotype)
    implied = b"/" if any(mark == b"/" for mark, _ in marks) else b"|"
    counted: set[bytes] = set()
    total = 0
    for mark, allele in marks:
        unphased = (mark or implied) == b"/"
        if allele == b"." or (unphased and allele in counted):
            continue
        if unphased:
            counted.add(allele)
        place = int(allele)
        text = alleles.ref if place == 0 else alleles.alts[place - 1] if place <= len(alleles.alts) else b""
        letters = text.decode("ascii", "replace").upper()
        if letters.isalpha():
            either = 2 * len(letters) if base == "N" else letters.count(base.replace("U", "T"))
            total += either + (0 if base == "N" else letters.count(_COMPLEMENT.get(base, "?")))
    return total
