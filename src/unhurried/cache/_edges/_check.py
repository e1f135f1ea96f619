"""``manage.py unhurried edge check``: from outside, step by step: is an edge wired right?"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from importlib.resources import files
from time import monotonic, sleep
from typing import Any, Final
from urllib.parse import urlsplit

from django.urls import NoReverseMatch

from unhurried.conf import settings

from ._neutral import neutral
from ._probe import piece_of, tag_of, url_of
from ._purge import RefusedError, purge
from ._surrogate_keys import CONTROL, NAMES, key

TIMEOUT: Final = 10.0  # seconds
PURGED: Final = 1.0  # seconds that a purge may take
MOST: Final = 4_000_000  # bytes of a page that are looked at
SHIPPED: Final = {"vcl": "varnish.vcl", "nginx": "nginx.conf"}
VCL: Final = "Varnish: manage.py unhurried edge vcl; nginx: manage.py unhurried edge nginx."


@dataclass(frozen=True, slots=True)
class Step:
    """``state``: "ok", "not", or "skipped"; where it is not, ``way_out`` says what to do."""

    name: str
    state: str
    said: str
    way_out: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class NotSoError(Exception):
    """A step that failed; the next ones make sense or not, as ``ends`` says."""

    def __init__(self, said: str, way_out: str, *, ends: bool = False) -> None:
        super().__init__(said)
        self.said, self.way_out, self.ends = said, way_out, ends


class SkippedError(Exception):
    """Not asked, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes


def shipped(what: str) -> str:
    """The text of the configuration "vcl" or "nginx"."""
    return files(__package__).joinpath(SHIPPED[what]).read_text()


def check_edge(url: str) -> Iterator[Step]:
    """Each step as it is done; what hangs on one that failed is not tried.

    ``url`` is a page of the site as visitors see it, with scheme and host.
    """
    asked = Asked(url)
    for name in STEPS:
        step: Callable[[], str] = getattr(asked, name)
        try:
            yield Step(name, "ok", step())
        except SkippedError as error:
            yield Step(name, "skipped", str(error))
        except NotSoError as error:
            yield Step(name, "not", error.said, error.way_out)
            if error.ends:
                return
        except (OSError, HTTPException) as error:
            said = f"{url} does not answer: {error or type(error).__name__}"
            yield Step(name, "not", said, "Is the edge up, and that its address?")
            return


class Asked:
    """What is known so far of one edge."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.base, self.nonce = parts, secrets.token_hex(8)
        self.path = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
        self.page: Answer | None = None
        self.kind = self.probe = ""
        self.kept = False

    def get(self, path: str, **headers: str) -> Answer:
        maker = HTTPSConnection if self.base.scheme == "https" else HTTPConnection
        connection = maker(self.base.hostname or "", self.base.port, timeout=TIMEOUT)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("GET", path, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read(MOST))
        finally:
            connection.close()

    def reached(self) -> str:
        self.page = self.get(self.path)
        if self.page.status >= 500:
            said = f"the page answers {self.page.status}"
            raise NotSoError(
                said, "Is the origin up, and its address in the edge's backend?", ends=True
            )
        return f"the page answers {self.page.status}"

    def origin(self) -> str:
        seen = self._seen()
        self.kind = str(seen["believed"])
        return f"the site is behind it, and sees it as {seen['remote'] or 'a Unix socket'}"

    def _seen(self, **headers: str) -> dict[str, Any]:
        try:
            answer = self.get(url_of("seen", self.nonce), **headers)
        except NoReverseMatch:
            raise NotSoError(
                "the site has no address to be asked at",
                'urlpatterns += [path("unhurried/", include("unhurried.urls"))]',
                ends=True,
            ) from None
        try:
            found = json.loads(answer.body) if answer.status == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict) or "believed" not in found:
            raise NotSoError(
                f"our own address answers {answer.status}: {answer.body[:80]!r}",
                "400: ALLOWED_HOSTS lacks the host. 404: another SECRET_KEY, other urls, or a "
                "clock that is wrong. 301: say https.",
                ends=True,
            )
        return found

    def believed(self) -> str:
        seen = self._seen()
        if not seen["capability"]:
            raise NotSoError("no Surrogate-Capability arrives at the site", VCL, ends=True)
        if not self.kind:
            place = seen["remote"] or "unix:"
            raise NotSoError(
                f"the site does not believe {seen['capability']!r}, for it comes from {place}",
                f'If that is your edge: UNHURRIED = {{"SURROGATES": ["{place}"]}}',
                ends=True,
            )
        return f"it composes {self.kind.upper()}, and is believed"

    def forged(self) -> str:
        forged = f'forged-{self.nonce}="ESI/1.0 SSI/1.0"'
        if self.nonce in str(self._seen(Surrogate_Capability=forged)["capability"]):
            raise NotSoError("a client's own Surrogate-Capability arrives at the site", VCL)
        return "a client's own Surrogate-Capability does not arrive"

    def composed(self) -> str:
        answer = self._probe()
        if piece_of(self.nonce).encode() not in answer.body:
            raise NotSoError(f"an include was not followed: {answer.body[:120]!r}", VCL)
        return "an include was followed"

    def _probe(self, **headers: str) -> Answer:
        """One address for the whole check, for that is by what it is kept."""
        self.probe = self.probe or url_of("page", self.nonce)
        return self.get(self.probe, **headers)

    def shared(self) -> str:
        if self.kind != "esi":
            raise SkippedError("an edge of SSI keeps nothing here")
        first = self._probe()
        second = self._probe(Cookie="a=b")
        if first.body != second.body:
            raise NotSoError("a page for everybody was made twice", f"Is it kept at all? {VCL}")
        self.kept = True
        hit = second.headers.get("X-Cache") or f"Age: {second.headers.get('Age', 'none')}"
        return f"a page for everybody was made once ({hit})"

    def purged(self) -> str:
        if not self.kept:
            raise SkippedError("nothing is kept that could be purged")
        if not settings.EDGES:
            said = "EDGES is empty: what changes is not purged, and stays until its time is up"
            here = f"{self.base.scheme}://{self.base.netloc}"
            raise NotSoError(said, f'UNHURRIED = {{"EDGES": ["{here}"]}}')
        before, began = self._probe().body, monotonic()
        for edge in settings.EDGES:
            self._purge(str(edge))
        while self._probe().body == before:
            if monotonic() - began > PURGED:
                said = f"the page is the old one, {PURGED:g} s after it was purged"
                raise NotSoError(said, "Does EDGES name the very edge that visitors see?")
            sleep(0.02)
        return f"a purge was seen after {(monotonic() - began) * 1e3:.0f} ms"

    def _purge(self, edge: str) -> None:
        try:
            list(purge(edge, [key(tag_of(self.nonce))]))
        except (OSError, HTTPException, ValueError, RefusedError) as error:
            way = "Is this host in the acl of the VCL, and the address right in EDGES?"
            raise NotSoError(f"{edge}: {error}", way) from error

    def clean(self) -> str:
        assert self.page is not None
        left = [name for name in (CONTROL, *NAMES) if name in self.page.headers]
        if left:
            raise NotSoError(f"visitors get {', '.join(left)}", VCL)
        if neutral(self.page.body, "text/html") is not self.page.body:
            raise NotSoError("visitors get includes that nobody has followed", VCL)
        return "visitors get no header and no include of what is between the site and the edge"


#: In order; each is a method of Asked.
STEPS: Final = "reached origin believed forged composed shared purged clean".split()
