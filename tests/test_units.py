"""Amounts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remas.models import MAX_AMOUNT, Unit
from remas.units import format_amount, parse_amount


@given(st.integers(0, MAX_AMOUNT), st.sampled_from(Unit))
def test_what_is_written_reads_back_without_loss(amount: int, unit: Unit) -> None:
    assert parse_amount(format_amount(amount, unit), unit) == amount


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("8", Unit.NONE, 8),
        (" 64 GiB ", Unit.BYTES_IEC, 64 * 2**30),
        ("1.5 TiB", Unit.BYTES_IEC, 3 * 2**39),
        ("1,5 TB", Unit.BYTES_SI, 1_500_000_000_000),
        ("64g", Unit.BYTES_IEC, 64 * 2**30),  # for short: the unit's own family
        ("64g", Unit.BYTES_SI, 64 * 10**9),
        ("1 GB", Unit.BYTES_IEC, 10**9),  # said in full: as said
        ("1 GiB", Unit.BYTES_SI, 2**30),
        ("12 B", Unit.BYTES_SI, 12),
        ("0", Unit.BYTES_SI, 0),
    ],
)
def test_what_people_write(text: str, unit: Unit, amount: int) -> None:
    assert parse_amount(text, unit) == amount


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (64 * 2**30, Unit.BYTES_IEC, "64 GiB"),
        (3 * 2**39, Unit.BYTES_IEC, "1.5 TiB"),
        (2**30 + 1, Unit.BYTES_IEC, "1073741825 B"),  # no byte is hidden
        (1_500_000_000_000, Unit.BYTES_SI, "1.5 TB"),
        (0, Unit.BYTES_SI, "0 B"),
        (1_000_000, Unit.NONE, "1000000"),
    ],
)
def test_what_people_read(amount: int, unit: Unit, text: str) -> None:
    assert format_amount(amount, unit) == text


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", Unit.NONE),
        ("-1", Unit.NONE),
        ("1.5", Unit.NONE),
        ("8 GiB", Unit.NONE),
        ("many", Unit.BYTES_IEC),
        ("1 XB", Unit.BYTES_IEC),
        ("0.5 B", Unit.BYTES_SI),
        ("5", Unit.BYTES_IEC),  # of what?
        ("9223372036854775808", Unit.NONE),
        ("8 EiB", Unit.BYTES_IEC),
        ("1e3", Unit.NONE),
    ],
)
def test_what_cannot_be_meant(text: str, unit: Unit) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_amount(text, unit)
