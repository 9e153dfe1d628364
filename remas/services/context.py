"""What every use case may ask of its surroundings."""

from flask import current_app

from remas.config import Settings


def settings() -> Settings:
    """The settings of the running application."""
    current: Settings = current_app.config["REMAS"]
    return current
