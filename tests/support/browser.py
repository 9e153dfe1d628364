"""The machine's Chromium, and a watch over what a page complains about."""

import os
import shutil
import time
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Error, FloatRect, Locator, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# No requests of its own to the outside; no sandbox, because CI may be root in a container.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


def chromium() -> str | None:
    """The path of REMAS_TEST_CHROMIUM or of a Chromium on PATH; None where there is none."""
    given = os.environ.get("REMAS_TEST_CHROMIUM")
    return given or next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def box_of(locator: Locator, patience: float = 5) -> FloatRect:
    """Where an element is drawn, once it is.

    What is swapped in anew is for a moment found and not yet drawn, or drawn and already gone:
    Playwright then answers None instead of waiting.
    """
    deadline = time.monotonic() + patience
    while True:
        if box := locator.bounding_box():
            return box
        if time.monotonic() > deadline:
            raise AssertionError(f"{locator} is not drawn")
        time.sleep(0.02)


@dataclass
class PageWatch:
    """What went wrong on a page: console errors, uncaught exceptions, CSP violations."""

    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, text: str) -> None:
        """Expect complaints that contain `text`: `allow("422")` where a refusal is the point."""
        self.allowed.append(text)

    def attach(self, page: Page) -> None:
        """Watch `page` from now on, over all its navigations."""
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.expose_function("reportViolation", lambda text: self.complaints.append(f"CSP: {text}"))
        page.add_init_script(_REPORT_VIOLATIONS)

    @property
    def problems(self) -> list[str]:
        """The complaints nobody expected."""
        return [text for text in self.complaints if not any(part in text for part in self.allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: Error) -> None:
        self.complaints.append(f"exception: {error}")
