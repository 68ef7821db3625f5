"""Where Alembic runs the steps: on the connection and inside the transaction that store/migrate hands over."""

from alembic import context

from mailgate.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
