"""One migration history: up and down on both databases, and what it makes is what models say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from remas import create_app
from remas.config import Settings
from remas.extensions import db
from tests.conftest import DATABASE


@pytest.fixture
def fresh(
    request: pytest.FixtureRequest, environ: dict[str, str], tmp_path: Path
) -> Iterator[Flask]:
    """An app on an empty database of its own."""
    if DATABASE == "postgresql":
        with request.getfixturevalue("postgres_server").new_database() as url:
            yield from app_on(url, environ)
    else:
        yield from app_on(f"sqlite:///{tmp_path / 'fresh.db'}", environ)


def app_on(url: str, environ: dict[str, str]) -> Iterator[Flask]:
    app = create_app(Settings.load({**environ, "DATABASE_URL": url}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


ANN = (
    'INSERT INTO "user" (id, username, username_folded, email, email_folded, uid, password_hash, '
    "group_id, created_at) VALUES (1, 'ann', 'ann', 'a@example.org', 'a@example.org', 1, '', 1, "
    "'2030-01-01 00:00')"
)


# `environ` alone would count as free of databases.
pytestmark = pytest.mark.usefixtures("database_url")


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_models_and_migrations_agree(fresh: Flask) -> None:
    upgrade()

    def ours(thing: object, name: str, kind: str, reflected: bool, other: object) -> bool:
        return not (kind == "index" and name == "ix_reservation_span")  # PostgreSQL's, see below

    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_server_default": True}
        )
        assert compare_metadata(context, db.metadata) == []


def test_the_range_index_is_postgresqls(fresh: Flask) -> None:
    upgrade()
    on_reservation = {index["name"] for index in inspect(db.engine).get_indexes("reservation")}
    assert ("ix_reservation_span" in on_reservation) == (DATABASE == "postgresql")


def test_down_and_up_again(fresh: Flask) -> None:
    upgrade()
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    assert set(db.metadata.tables) <= set(inspect(db.engine).get_table_names())


def test_names_that_two_people_use_survive_the_way_down(fresh: Flask) -> None:
    upgrade()
    with db.engine.begin() as connection:
        for row in (
            "INSERT INTO \"group\" (id, name) VALUES (1, 'Everyone')",
            ANN,
            "INSERT INTO notification (id, name, type, owner_id) VALUES (1, 'soon', 'other', NULL)",
            "INSERT INTO notification (id, name, type, owner_id) VALUES (2, 'soon', 'other', 1)",
        ):
            connection.execute(text(row))
    downgrade(revision="0004")
    with db.engine.connect() as connection:
        names = connection.scalars(text("SELECT name FROM notification ORDER BY id")).all()
    assert names == ["soon", "soon 2"]


def test_names_are_folded_on_the_way_up(fresh: Flask) -> None:
    """Also letters of which the database knows no small ones; more rows than go at once."""
    upgrade(revision="0006")
    names = ["\u00c9MILE", "\u0130da", "\u00c0@X.org", *(f"P{number}" for number in range(1000))]
    row = text(
        'INSERT INTO "user" (id, username, email, uid, password_hash, group_id, created_at) '
        "VALUES (:id, :name, :email, :id, '', 1, '2030-01-01 00:00')"
    )
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO \"group\" (id, name) VALUES (1, 'Everyone')"))
        for number, name in enumerate(names, 1):
            known = {"id": 7 * number, "name": name, "email": f"{number}\u00c9@X.org"}
            connection.execute(row, known)
    upgrade()
    query = text('SELECT username_folded, email_folded FROM "user" ORDER BY id')
    with db.engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    first = ["\u00e9mile", "ida", "\u00e0@x.org"]
    folded = [*first, *(f"p{number}" for number in range(1000))]
    assert found == [(name, f"{number}\u00e9@x.org") for number, name in enumerate(folded, 1)]
    downgrade(revision="0006")
    with db.engine.connect() as connection:
        kept = connection.scalars(text('SELECT username FROM "user" ORDER BY id')).all()
    assert kept == names


RESERVATION = """INSERT INTO reservation (id, name, owner_id, starts_at, ends_at, created_at,
    updated_at) VALUES (1, 'x', 1, '{start}', '{end}', '{start}', '{start}')"""


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO capacity (node_id, resource_id, amount) VALUES (1, 1, -1)",
        'INSERT INTO "limit" (name, resource_id, amount, user_id, scope) '
        "VALUES ('x', 1, -1, 1, 'total')",
        "INSERT INTO \"limit\" (name, resource_id, amount, scope) VALUES ('x', 1, 1, 'total')",
        'INSERT INTO "limit" (name, resource_id, amount, user_id, group_id, scope) '
        "VALUES ('x', 1, 1, 1, 1, 'total')",
        'INSERT INTO "limit" (name, resource_id, amount, user_id, scope) '
        "VALUES ('x', 1, 1, 1, 'some')",
        "INSERT INTO allocation (reservation_id, node_id, resource_id, amount) VALUES (2, 1, 1, 0)",
        "INSERT INTO node (name, state) VALUES ('n1', 'available')",
        "INSERT INTO node (name, state) VALUES ('', 'available')",
        "INSERT INTO resource (name, unit) VALUES ('kilos', 'kg')",
        "INSERT INTO maintenance (node_id, starts_at, ends_at) "
        "VALUES (1, '2030-01-02 00:00', '2030-01-02 00:00')",
        RESERVATION.format(start="2030-01-02 00:00", end="2030-01-01 00:00"),
        "DELETE FROM node WHERE id = 1",
        'DELETE FROM "user" WHERE id = 1',
    ],
)
def test_the_schema_refuses_what_cannot_be(fresh: Flask, statement: str) -> None:
    upgrade()
    for row in (
        "INSERT INTO \"group\" (id, name) VALUES (1, 'Everyone')",
        ANN,
        "INSERT INTO node (id, name, state) VALUES (1, 'n1', 'available')",
        "INSERT INTO resource (id, name, unit) VALUES (1, 'gpu', '')",
        RESERVATION.replace("(1,", "(2,").format(start="2030-01-01 00:00", end="2030-01-01 01:00"),
        "INSERT INTO allocation (reservation_id, node_id, resource_id, amount) VALUES (2, 1, 1, 1)",
    ):
        if "allocation" in row and "VALUES (2, 1, 1, 0)" in statement:
            continue
        db.session.execute(text(row))
    db.session.commit()
    with pytest.raises(IntegrityError):
        db.session.execute(text(statement))
    db.session.rollback()
