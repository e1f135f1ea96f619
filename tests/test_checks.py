"""Every check: what it says, and that its hint is the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks

from unhurried import testing
from unhurried.conf import settings


def found() -> dict[str, CheckMessage]:
    return {str(message.id): message for message in run_checks(tags=["unhurried"])}


def test_a_sound_site_has_nothing_to_say(store: Path) -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("wrong", "number", "says"),
    [
        ({"STROE": "x"}, "E001", "Did you mean 'STORE'?"),
        ({"MEASURE": "yes"}, "E002", "must be bool"),
        ({"SINKS": []}, "E002", "must be dict"),
        ({"SINKS": {"statd": {}}}, "E103", "statsd"),
        ({"SINKS": {"statsd": {"prot": 1}}}, "E103", "port"),
        ({"SINKS": {"statsd": {"port": "x"}}}, "E103", "port"),
        ({"PERMISSION": "no.such.thing"}, "E104", "no.such.thing"),
        ({"PERMISSION": "os.sep"}, "E104", "os.sep"),
        ({"PERMISSION": "tests.dashboard.site.apage"}, "E104", "async def"),
    ],
)
def test_wrong_settings_are_errors(
    wrong: dict[str, Any], number: str, says: str, store: Path
) -> None:
    with testing.override(STORE=store, STRICT=False, **wrong):
        message = found()[f"unhurried.{number}"]
    assert says in f"{message.msg} {message.hint}"
    assert message.hint


def test_no_dict_at_all(settings: Any) -> None:
    settings.UNHURRIED = ["STORE"]
    assert "not a dict" in found()["unhurried.E002"].msg


def test_a_missing_middleware_is_named(settings: Any) -> None:
    settings.MIDDLEWARE = settings.MIDDLEWARE[1:]
    assert "UnhurriedMiddleware" in str(found()["unhurried.W101"].hint)
    with testing.override(MEASURE=False):
        assert found() == {}


def test_a_folder_open_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with testing.override(STORE=tmp_path):
        message = found()["unhurried.E101"]
    assert message.hint == f"chmod 700 {tmp_path}"


def test_settings_are_read_live_and_named_when_wrong() -> None:
    with testing.override(BADGE=False):
        assert settings.BADGE is False
    assert settings.BADGE is True
    with pytest.raises(AttributeError, match="Did you mean 'STORE'"):
        settings.STOER  # noqa: B018
