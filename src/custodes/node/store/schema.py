# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue's schema version: created and upgraded by Alembic, checked whenever a store is opened."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from custodes.errors import unavailable


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: sa.Engine) -> None:
    """Bring the schema up to date; an interrupted upgrade leaves the old one (DDL is transactional here)."""
    config = _config()
    with engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema(engine: sa.Engine) -> None:
    """Raise ``CustodesError`` (UNAVAILABLE) unless the schema is the one that this version knows."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != ScriptDirectory.from_config(_config()).get_current_head():
        raise unavailable("the catalogue belongs to another version of Custodes")
