"""Amounts, against the Kubernetes client's own reading of them."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from magecluster.api.model import QUANTITY
from magecluster.api.quantity import amount_of

DIGITS = st.text("0123456789", min_size=1, max_size=20)
SUFFIX = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
EXPONENT = st.builds("{}{}".format, st.sampled_from("eE"), st.integers(-99, 99))
WRITTEN = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "+", "-"]),
    st.one_of(DIGITS, st.builds("{}.{}".format, DIGITS, DIGITS), DIGITS.map(".{}".format), DIGITS.map("{}.".format)),
    st.one_of(SUFFIX, EXPONENT),
)


def theirs(quantity: str) -> Fraction:
    with localcontext(prec=300):
        return Fraction(Decimal(parse_quantity(quantity)))


@given(WRITTEN)
def test_the_client_reads_the_same(quantity: str) -> None:
    assert amount_of(quantity) == theirs(quantity)


@given(st.from_regex(QUANTITY, fullmatch=True))
def test_what_the_definition_accepts_is_read_the_same_or_refused(quantity: str) -> None:
    try:
        ours = amount_of(quantity)
    except ValueError:
        _, _, exponent = quantity.lower().partition("e")
        assert len(quantity) > 64 or "." in exponent or len(exponent.lstrip("+-")) > 3
    else:
        assert ours == theirs(quantity)


@given(st.integers(-(10**18), 10**18))
def test_a_number_is_itself(number: int) -> None:
    assert amount_of(number) == amount_of(str(number)) == number


@pytest.mark.parametrize(
    "text",
    ["", "m", "Gi", "1 Gi", "1gi", "1K", "1ki", "1mi", "1e", "1e0.5", "1e3Ki", "0x1", "1_0", "\u0661", "inf", "1\n"],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 500m"):
        amount_of(text)


@pytest.mark.parametrize("text", ["1e999999999", "9" * 5000, "1." + "0" * 100])
def test_what_would_take_long_to_compute_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 500m"):
        amount_of(text)
