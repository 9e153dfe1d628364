"""Values in PromQL: whatever signs a name has, it stays a name."""

import re

import pytest

from remas.grafana import promql

ODD = [
    'quo"te',
    "apo'strophe",
    "back\\slash",
    'end\\"',
    "{brace}",
    "{{ .Labels }}",
    "a.b",
    "a|b",
    "(x)*+?^$[y]",
    '"} or vector(1) #',
    "${node_name}",
    "two\nlines",
]


def unquoted(literal: str) -> str:
    """What Prometheus reads in a string literal."""
    signs = {"n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: signs.get(found[1], found[1]), literal[1:-1])


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_name_is_matched_as_it_is(name: str, quote: str) -> None:
    filled = promql.fill(f"up{{node={quote}${{node_name}}{quote}}} > 0", {"node_name": name})
    assert filled.startswith("up{node=")
    assert filled.endswith("} > 0")
    literal = filled.removeprefix("up{node=").removesuffix("} > 0")
    assert literal[0] == literal[-1] == quote
    assert not re.search(rf"(?<!\\)(\\\\)*{quote}", literal[1:-1])  # it ends where it is to end
    assert unquoted(literal) == name


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("operator", ["=~", "!~", "=~ "])
def test_in_a_pattern_it_matches_itself_and_nothing_else(name: str, operator: str) -> None:
    filled = promql.fill(f'up{{node{operator}"${{node_name}}|x"}}', {"node_name": name})
    pattern = unquoted(filled.removeprefix(f"up{{node{operator}").removesuffix("}"))
    assert re.fullmatch(pattern, name)
    assert re.fullmatch(pattern, "x")
    assert not re.fullmatch(pattern, name + "y")
    assert not re.fullmatch(pattern, name.replace(".", "-")) or "." not in name


def test_outside_of_quotes_only_numbers_are_put_in() -> None:
    values = {"allocation_amount": 8, "user_name": "1 or vector(1)"}
    filled = promql.fill("used > ${allocation_amount} + ${user_name}", values)
    assert filled == "used > 8 + ${user_name}"


def test_a_number_in_quotes_is_written_as_it_is() -> None:
    filled = promql.fill('up{groupname=~"${user_username}|${user_uid}"}', {"user_uid": 1007})
    assert filled == 'up{groupname=~"${user_username}|1007"}'


def test_a_quote_within_a_literal_does_not_end_it() -> None:
    filled = promql.fill(r'up{a="\"", b="${node_name}"} + ${n}', {"node_name": 'x"', "n": 1})
    assert filled == r'up{a="\"", b="x\""} + 1'
