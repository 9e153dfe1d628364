"""What a worker does with an id from the queue."""

from flask import current_app

from remas.services import delivery


def deliver(outbox_id: int) -> None:
    """Carry a letter, with a database session of its own."""
    with current_app.app_context():
        delivery.carry(outbox_id)
