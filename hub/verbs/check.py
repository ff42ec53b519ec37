"""``wattbus check``: everything that is wrong with an installation, at once."""

from importlib import metadata

import typer

from core.store.upgrade import current, head
from hub.boot import channel_spec
from hub.companies import all_terms
from hub.config import Config, ConfigError
from hub.verbs._shared import DEFAULT, ConfigOption, configuration, die

NAME = "check"

#: Our top-level import names; no other installed distribution may claim one.
NAMES = ("adapters", "channels", "core", "hub", "mappings", "simulators")


def command(config: ConfigOption = DEFAULT) -> None:
    """Check configuration, names, schema, keys and mappings; exit 1 with every problem named."""
    settings = configuration(config)
    problems = [*name_clashes(), *_schema(settings), *_companies(settings), *_channels(settings)]
    if problems:
        die("\n".join(problems))
    channels, companies = len(settings.channels), len(settings.companies)
    typer.echo(f"{config}: fine (channels: {channels}, companies: {companies})")


def name_clashes() -> list[str]:
    """Distributions other than ours that bring a package with one of our names."""
    claimed = metadata.packages_distributions()
    return [
        f"package {name} is also brought by {other}: use an environment for Wattbus alone"
        for name in NAMES
        for other in sorted(set(claimed.get(name, [])) - {"wattbus"})
    ]


def _schema(settings: Config) -> list[str]:
    try:
        found = current(settings.database_url())
    except Exception as error:  # any driver's own way to say no
        return [f"[database] does not answer: {error}"]
    if found != head():
        return [f"[database] is at schema {found or 'none'}: run `wattbus db upgrade`"]
    return []


def _companies(settings: Config) -> list[str]:
    try:
        all_terms(settings)
    except ConfigError as error:
        return error.problems
    return []


def _channels(settings: Config) -> list[str]:
    problems = []
    for name, section in settings.channels.items():
        try:
            channel_spec(section.kind)
        except ConfigError as error:
            problems += [f"[channels.{name}] {problem}" for problem in error.problems]
    return problems
