"""Where numbers go besides the store: setting ``SINKS``, {name of the sink: its options}.

A sink that is down slows nothing; what it loses is counted in ``unhurried.<sink>.lost``. One with
a wrong option is off: a check names it, and one warning is logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.core.signals import setting_changed

from unhurried.conf import nearest, settings

from .._errors import say_once
from . import _options, graphite, log, prometheus, statsd


class Sink(Protocol):
    """A module of this package."""

    @property
    def Options(self) -> type[Any]:  # noqa: N802 - a class
        """Its options, a frozen dataclass."""

    @property
    def install(self) -> Callable[[Any], Callable[[], None]]:
        """Subscribe with these options; returns what takes it back."""


SINKS: Final[dict[str, Sink]] = {
    "log": log,
    "statsd": statsd,
    "graphite": graphite,
    "prometheus": prometheus,
}


@dataclass(frozen=True, slots=True)
class Installed:
    options: Any
    remove: Callable[[], None]


_installed: dict[str, Installed] = {}


def options(name: str) -> Any | None:
    """The options of a sink as they are now, or None where it is not, or wrongly, configured."""
    return _options.read(name, SINKS[name].Options)


def problems() -> Iterator[tuple[str, str]]:
    """Yield (message, hint) for everything wrong with SINKS."""
    for name, given in settings.SINKS.items():
        sink = SINKS.get(name)
        if sink is None:
            hint = f"Known: {', '.join(SINKS)}"
            yield f"{_options.where(name)} is no sink.{nearest(name, SINKS)}", hint
        else:
            yield from _options.problems(name, sink.Options, given)


def install() -> None:
    """Subscribe the sinks that are configured, now and whenever the settings change."""
    setting_changed.connect(_setting_changed, dispatch_uid="unhurried.sinks")
    refresh()


def refresh() -> None:
    """Make what is installed what is configured; a sink whose options are as before goes on."""
    for message, hint in problems():
        say_once("%s %s", message, hint)
    for name, sink in SINKS.items():
        wanted, has = options(name), _installed.get(name)
        if has is not None and has.options != wanted:
            _installed.pop(name).remove()
            has = None
        if has is None and wanted is not None:
            _installed[name] = Installed(wanted, sink.install(wanted))


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting == "UNHURRIED":
        refresh()
