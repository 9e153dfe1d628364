"""How Alembic reaches the application's database; run by `flask_migrate.upgrade()`."""

from alembic import context
from flask import current_app

migrate = current_app.extensions["migrate"]
engine = migrate.db.engine

with engine.connect() as connection:
    if engine.dialect.name == "sqlite":
        # A batch change makes a table anew: references to it must not be followed meanwhile.
        # SQLite ignores this inside a transaction, so it goes to the driver.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
    context.configure(
        connection=connection,
        target_metadata=migrate.db.metadata,
        transaction_per_migration=True,
        **migrate.configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
    if engine.dialect.name == "sqlite":
        connection.commit()
        connection.connection.driver_connection.execute("PRAGMA foreign_keys = ON")
