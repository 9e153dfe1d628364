"""Flask's application, with what of it is not to be as Flask has it."""

from types import TracebackType
from typing import Any

from flask import Flask, request

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Application(Flask):
    """Writes a mistake of ours down without the address: in some, a part of it is a secret."""

    def log_exception(self, exc_info: ExcInfo | Any) -> None:
        """Log method, rule and traceback; the rule tells which view it was."""
        rule = request.url_rule.rule if request.url_rule else "an unknown address"
        self.logger.error("exception on %s %s", request.method, rule, exc_info=exc_info)
