"""Files that name people: CSV with a header, or what `getent passwd` prints."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remas.errors import Invalid
from remas.services.uids import END, FIRST

KNOWN = ("username", "uid", "name", "surname", "email", "group", "time_zone")
_PASSWD = re.compile(r"[^:,;\s]+:[^:]*:\d+:\d*:[^:]*:[^:]*:[^:]*")


@dataclass(frozen=True, slots=True)
class PersonSpec:
    """A person of a file; empty: the file does not say."""

    line: int
    username: str
    uid: int | None = None
    name: str = ""
    surname: str = ""
    email: str = ""
    group: str = ""
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of `getent passwd` that is no person."""

    number: int
    username: str
    why: str


def read(text: str) -> tuple[list[PersonSpec], list[LeftOut]]:
    """The people, and who was left out. Raises `Invalid` with one entry a line."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise Invalid.field("file", "The file is empty.")
    if _PASSWD.fullmatch(first.strip()):
        return _passwd(lines)
    return list(_csv(lines)), []


def _csv(lines: Sequence[str]) -> Iterator[PersonSpec]:
    """A header of columns in any order, then a line a person."""
    semicolons = ";" in lines[0] and "," not in lines[0]  # as some spreadsheets write it
    try:
        rows = list(csv.reader(lines, delimiter=";" if semicolons else ","))
    except csv.Error as error:
        raise Invalid.field("file", f"This is no CSV: {error}.") from error
    header = [cell.strip() for cell in rows[0]]
    if "username" not in header or len(set(header)) != len(header) or set(header) - set(KNOWN):
        raise Invalid.field(
            "line 1",
            f"The header names columns, each once: username, and any of {', '.join(KNOWN[1:])}.",
        )
    errors: dict[str, list[str]] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(header):
            text = f"There are {len(cells)} cells under {len(header)} headings."
            errors[f"line {number}"] = [text]
            continue
        values = dict(zip(header, cells, strict=True))
        uid = values.pop("uid", "")
        if uid and not (uid.isascii() and uid.isdecimal() and len(uid) <= len(str(2**31))):
            errors[f"line {number}"] = [f"{uid} is no uid."]
            continue
        yield PersonSpec(number, uid=int(uid) if uid else None, **values)
    if errors:
        raise Invalid(errors)


def _passwd(lines: Sequence[str]) -> tuple[list[PersonSpec], list[LeftOut]]:
    """`name:x:uid:gid:gecos:home:shell`; services and nobody are left out."""
    people: list[PersonSpec] = []
    left_out: list[LeftOut] = []
    errors: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not _PASSWD.fullmatch(line.strip()):
            errors[f"line {number}"] = ["This is no line of getent passwd."]
            continue
        username, _, uid, _, gecos, _, _ = line.strip().split(":")
        if not FIRST <= int(uid) < END:
            why = f"uid {uid} is not one of people, {FIRST} to {END - 1}"
            left_out.append(LeftOut(number, username, why))
            continue
        name, surname = _names(gecos, username)
        people.append(PersonSpec(number, username, int(uid), name, surname))
    if errors:
        raise Invalid(errors)
    return people, left_out


def _names(gecos: str, username: str) -> tuple[str, str]:
    """Name and surname of the first part of GECOS, in which & stands for the username."""
    words = gecos.split(",")[0].replace("&", username.capitalize()).split()
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 else ("".join(words), "")
