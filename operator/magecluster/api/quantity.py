"""Amounts of Kubernetes, such as `500m`, `4` and `1.5Gi`, as numbers."""

import re
from fractions import Fraction

LENGTH = 64
_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?:(?P<binary>[KMGTPE])i|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_POWERS = {suffix: power for power, suffix in enumerate("num kMGTPE", start=-3)}


def amount_of(quantity: str | int) -> Fraction:
    """The exact value. Raises `ValueError` for what is none, or longer than anybody writes it."""
    text = str(quantity)
    found = _GRAMMAR.fullmatch(text) if len(text) <= LENGTH else None
    if found is None:
        raise ValueError("this is no amount: write it like 500m, 4 or 16Gi")
    number = Fraction(found["number"])
    if binary := found["binary"]:
        return number * Fraction(1024) ** _POWERS[binary.replace("K", "k")]
    if decimal := found["decimal"]:
        return number * Fraction(1000) ** _POWERS[decimal]
    return number * Fraction(10) ** int(found["exponent"] or 0)
