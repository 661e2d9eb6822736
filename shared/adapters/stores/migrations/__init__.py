"""Alembic environment and revisions of the record; see ``shared.adapters.stores.migrate``."""
