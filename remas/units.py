"""Amounts as people write them: "64 GiB", "1.5 TB", "8"; stored as whole base units."""

import re
from enum import StrEnum
from fractions import Fraction

MAX_AMOUNT = 2**63 - 1
"""The largest amount of any resource: what a signed 64-bit column holds."""


class Unit(StrEnum):
    """How amounts of a resource are written; they are stored in whole base units."""

    NONE = ""
    BYTES_SI = "Bytes (SI)"
    BYTES_IEC = "Bytes (IEC)"


_STEPS = {
    Unit.NONE: ("", 1000, ()),
    Unit.BYTES_SI: ("B", 1000, ("kB", "MB", "GB", "TB", "PB", "EB")),
    Unit.BYTES_IEC: ("B", 1024, ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")),
}
_AMOUNT = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*([a-zA-Z]*)\s*")
_BYTES = {
    suffix.lower(): factor**power
    for _, factor, suffixes in (_STEPS[Unit.BYTES_SI], _STEPS[Unit.BYTES_IEC])
    for power, suffix in enumerate(suffixes, 1)
} | {"b": 1, "": 1}
# What people write for short means the unit's own family.
_SHORT = {letter: power for power, letter in enumerate("kmgtpe", 1)}


def format_amount(amount: int, unit: Unit) -> str:
    """The shortest exact text: parsing it again gives the same amount."""
    base, factor, suffixes = _STEPS[unit]
    for power in range(len(suffixes), 0, -1):
        value = Fraction(amount, factor**power)
        # Up to three decimals people read; more hides a byte, so the next smaller unit is used.
        if value >= 1 and (1000 * value).denominator == 1:
            return f"{_decimal(value)} {suffixes[power - 1]}"
    return f"{amount} {base}".strip()


def scale(amount: float, unit: Unit) -> tuple[str, int]:
    """The suffix and the size of the largest unit that is not more than the amount."""
    base, factor, suffixes = _STEPS[unit]
    for power in range(len(suffixes), 0, -1):
        if amount >= factor**power:
            return suffixes[power - 1], factor**power
    return base, 1


def _decimal(value: Fraction) -> str:
    thousandths = int(value * 1000)
    return f"{thousandths // 1000}.{thousandths % 1000:03}".rstrip("0").rstrip(".")


def parse_amount(text: str, unit: Unit) -> int:
    """Whole base units. Raises `ValueError` with a sentence that says what to write instead."""
    _, factor, suffixes = _STEPS[unit]
    match = _AMOUNT.fullmatch(text)
    example = f'such as "64 {suffixes[2]}"' if suffixes else 'such as "8"'
    if match is None:
        raise ValueError(f"Write an amount {example}.")
    suffix = match[2].lower()
    if not suffixes and suffix:
        raise ValueError(f"This is counted in whole units: write a number {example}.")
    if suffixes and not suffix and float(match[1].replace(",", ".")):
        # Nobody means five bytes by "5", and a wrong guess would go unnoticed.
        raise ValueError(f"Say of what: write an amount {example}.")
    scale = factor ** _SHORT[suffix] if suffix in _SHORT else _BYTES.get(suffix)
    if scale is None:
        raise ValueError(f"{match[2]} is no unit of this resource; write an amount {example}.")
    amount = Fraction(match[1].replace(",", ".")) * scale
    if amount.denominator != 1:
        raise ValueError("This is not a whole number of the smallest unit.")
    if amount > MAX_AMOUNT:
        raise ValueError("This is more than can be counted (2^63 - 1).")
    return int(amount)
