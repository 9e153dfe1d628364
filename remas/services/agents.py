"""With which program somebody came, in words: for the list of one's own sessions."""

import re

LONGEST = 100  # as in the table
# The first that is named counts: most browsers also name those they want to be taken for.
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def readable(user_agent: str | None) -> str | None:
    """`Firefox on Linux`; of other programs their own first word, such as `curl/8.5`."""
    told = "".join(sign for sign in user_agent or "" if sign.isprintable()).strip()
    if not told:
        return None
    program = next((name for sign, name in _PROGRAMS if re.search(f"{sign}[a-zA-Z]*/", told)), "")
    if not program or not told.startswith("Mozilla/"):
        return told.split()[0][:LONGEST]
    system = next((name for sign, name in _SYSTEMS if sign in told), "")
    return f"{program} on {system}" if system else program
