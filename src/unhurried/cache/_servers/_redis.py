"""Redis and Valkey by redis-py's connections: its authentication, TLS and parser, our own pool.

Its client and pool are left out: they cost more than the server takes, and hide what the protocol
must know, which connection an answer came by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from time import monotonic
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from .._errors import CacheError, Unavailable
from ._kinds import locations, options_of
from ._pool import GoneError, Pool, SilentError

T = TypeVar("T")
Command = tuple[Any, ...]

RECHECK: Final = 1.0  # seconds after which a connection is asked again whether it is the primary's
ROLE: Final = ("INFO", "replication")
#: What is said to Django's back end about its own client and pool, and to a connection is not.
NOT_OURS: Final = frozenset({"pool_class", "parser_class", "serializer", "max_connections"})
NOT_ONE_SERVER: Final = ("Sentinel", "Cluster", "Shard", "Herd")


class Prepared(NamedTuple):
    """A command, and how it goes over the wire."""

    command: Command
    packed: list[bytes]


class RedisLink:
    """One connection, and whose: ``world`` is the server's run_id, "" if it does not tell."""

    def __init__(self, connection: Any, library: ModuleType) -> None:
        self._connection = connection
        self._library = library
        self._check_at = 0.0
        try:
            self.world = self._identify()
        except BaseException:
            self.close()
            raise

    def ask(self, *commands: Command) -> list[Any]:
        """The replies, in one round trip; Unavailable if one of them is an error."""
        if monotonic() < self._check_at or not self.world:
            replies = self._replies(commands)
        else:
            *replies, role = self._replies((*commands, ROLE))
            self._check(role)
        for reply in replies:
            if isinstance(reply, Exception):
                raise Unavailable(f"Redis refuses: {reply}") from reply
        return replies

    def again(self, question: Prepared) -> Any:
        """The reply to what has been packed once for all."""
        if monotonic() >= self._check_at and self.world:
            return self.ask(question.command)[0]
        (reply,) = self._said(question.packed, 1)
        if isinstance(reply, Exception):
            raise Unavailable(f"Redis refuses: {reply}") from reply
        return reply

    def _identify(self) -> str:
        server, role = self._replies((("INFO", "server"), ROLE))
        if isinstance(server, Exception) or isinstance(role, Exception):
            return ""  # no right to ask, or a proxy
        self._check(role)
        return _field(server, b"run_id")

    def _check(self, reply: Any) -> None:
        """A replica, or what has become one, holds tokens that the primary has renewed since."""
        self._check_at = monotonic() + RECHECK
        if isinstance(reply, bytes) and _field(reply, b"role") not in ("", "master"):
            raise Unavailable(
                "The Redis server is a replica; LOCATION must name the primary first."
            )

    def _replies(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        if len(commands) == 1:  # what a page asks
            packed = connection.pack_command(*commands[0])
        else:
            packed = connection.pack_commands(commands)
        return self._said(packed, len(commands))

    def _said(self, packed: Any, count: int) -> list[Any]:
        errors = self._library.exceptions
        try:
            self._connection.send_packed_command(packed)
            return [self._reply() for _ in range(count)]
        except (errors.TimeoutError, TimeoutError) as error:
            raise SilentError(str(error)) from error
        except (errors.ConnectionError, OSError) as error:
            raise GoneError(str(error)) from error
        except errors.RedisError as error:
            raise Unavailable(str(error)) from error

    def _reply(self) -> Any:
        try:
            return self._connection.read_response()
        except self._library.exceptions.ResponseError as error:
            return error  # those of the other commands are still to be read

    def close(self) -> None:
        """Close it; it may be closed already."""
        self._connection.disconnect()


def _field(info: bytes, name: bytes) -> str:
    for line in info.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key == name:
            return value.decode("ascii", "replace")
    return ""


class RedisServer:
    """The primary of an alias; all that is written and read lies there."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.library = library()
        self._connection_class, self._arguments = _connection(alias, self.library)
        self._pool = Pool(f"The cache {alias!r}", self._connect)
        self._packer = self._connection_class(**self._arguments)  # never connected

    def _connect(self) -> RedisLink:
        connection = self._connection_class(**self._arguments)
        try:
            return RedisLink(connection, self.library)
        except BaseException:
            connection.disconnect()
            raise

    def prepared(self, *command: Any) -> Prepared:
        """For ``again``: a command that is said often."""
        return Prepared(command, self._packer.pack_command(*command))

    def talk(self, talk: Callable[[RedisLink], T], *, urgent: bool = False) -> T:
        """What ``talk`` returns to whom a connection is lent; raises Unavailable."""
        return self._pool.ask(talk, urgent=urgent)

    def ask(self, *commands: Command, urgent: bool = False) -> list[Any]:
        """The replies to the commands, in one round trip; raises Unavailable."""
        return self._pool.ask(lambda link: link.ask(*commands), urgent=urgent)


def library() -> ModuleType:
    """redis-py; CacheError where it is not installed."""
    try:
        found = import_module("redis")  # the whole first: a part, while another thread is half way
        import_module("redis.connection")  # through the whole, would come as half of itself
        return found
    except ImportError as error:
        raise CacheError("redis-py is not installed.", "pip install redis hiredis") from error


def _connection(alias: str, redis: ModuleType) -> tuple[type, dict[str, Any]]:
    """(class, arguments) of a connection, from LOCATION and OPTIONS as Django reads them."""
    places = locations(alias)
    if not places:
        raise CacheError(f"CACHES[{alias!r}] has no LOCATION.", "LOCATION = 'redis://host:6379/0'")
    url = places[0].replace("valkey", "redis", 1) if places[0].startswith("valkey") else places[0]
    try:
        pool = redis.ConnectionPool.from_url(url, **_arguments(alias, redis))
        arguments = {"decode_responses": False, **pool.connection_kwargs}
        pool.connection_class(**arguments)
    except (ValueError, TypeError, redis.RedisError) as error:
        raise CacheError(
            f"CACHES[{alias!r}] makes no Redis connection: {error}.",
            "Look at its LOCATION and OPTIONS.",
        ) from error
    return pool.connection_class, arguments


def _arguments(alias: str, redis: ModuleType) -> dict[str, Any]:
    options = dict(options_of(alias).get("OPTIONS", {}))
    _refuse_several(alias, options)
    if "CONNECTION_POOL_KWARGS" in options or any(name.isupper() for name in options):
        options = _of_django_redis(options)
    parser = options.get("parser_class")
    given = {name: value for name, value in options.items() if name not in NOT_OURS}
    if parser:
        given["parser_class"] = import_string(parser) if isinstance(parser, str) else parser
    quick = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0, "protocol": 2}
    # What a server does not answer at once is not worth waiting for three times over.
    never = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    return {**quick, "retry": never, **given, "decode_responses": False}


def _refuse_several(alias: str, options: dict[str, Any]) -> None:
    """One key, one server: behind these our tokens would lie on whichever was asked."""
    for name in ("CLIENT_CLASS", "pool_class", "CONNECTION_POOL_CLASS", "CONNECTION_FACTORY"):
        value = str(options.get(name, ""))
        if any(word in value for word in NOT_ONE_SERVER):
            raise CacheError(
                f"CACHES[{alias!r}] has {name} {value!r}, which is more than one server.",
                "Give an alias of its own, with the address of one Redis primary, to unhurried.",
            )


def _of_django_redis(options: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a connection from the upper-case options of django-redis."""
    names = {
        "PASSWORD": "password",
        "USERNAME": "username",
        "DB": "db",
        "SOCKET_TIMEOUT": "socket_timeout",
        "SOCKET_CONNECT_TIMEOUT": "socket_connect_timeout",
        "PARSER_CLASS": "parser_class",
    }
    renamed = {new: options[old] for old, new in names.items() if options.get(old) is not None}
    return {**options.get("CONNECTION_POOL_KWARGS", {}), **renamed}


@cache
def redis_server(alias: str) -> RedisServer:
    """The one server object of an alias in this process."""
    return RedisServer(alias)


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting == "CACHES":
        redis_server.cache_clear()


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.cache.redis")
