"""``wattbus db``: the database's schema."""

import typer

from core.store.upgrade import current, head, upgrade
from hub.verbs._shared import DEFAULT, ConfigOption, configuration

NAME = "db"
app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_schema(config: ConfigOption = DEFAULT) -> None:
    """Bring the database to this version's schema (makes it when there is none)."""
    url = configuration(config).database_url()
    before = current(url)
    upgrade(url)
    typer.echo(f"schema {before or 'none'} -> {head()}")


@app.command("current")
def current_schema(config: ConfigOption = DEFAULT) -> None:
    """Print the schema's revision; exit 1 when it is not this version's."""
    found = current(configuration(config).database_url())
    typer.echo(found or "none")
    if found != head():
        raise typer.Exit(1)
