"""Making a page: the view and its rendering under observation, kept only if it is for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token

from .._audience import IN_EACH_PAGE, carried, observing
from .._audience._quiet import has_messages
from .._audience._storable import VARIES
from .._audience._swap import held_by
from .._engine._compute import Computing
from .._engine._invalidate import invalidate_name
from .._engine._lookup import Lookup
from .._errors import Unavailable
from .._fragments import _automatic
from .._fragments._holes import Collector, Holed, collected
from .._fragments._message_regions import Region, Told, telling
from .._units._caches import noticed
from .._units._unit import Unit, current, loose, unit_now
from . import _entries, _fit, _headers, _own_token, _refused, _spelling, _told
from ._answer import QUIET, dress, fill, fitting, fresh_for, share
from ._decorated import Decorated
from ._failed import ANSWERS, Failed
from ._visit import PLACE, Visit


class Making:
    """From the view's call to the moment its response is kept, which may be much later.

    A template is rendered after the view has returned; and the headers are final once every
    middleware has seen the response. The lease is ours all the time; ``close`` gives it back.
    """

    def __init__(self, visit: Visit, lookup: Lookup) -> None:
        self.visit, self.lookup = visit, lookup
        unit = unit_now()
        blind = unit is None and loose.get()
        self.unit = unit or Unit(recording=True)
        self.seen: list[Any] = []
        #: Attributes that its view has set: who renders it may look at them.
        self._own: set[str] = set()
        self.brought = carried(visit.page.view, visit.request)
        told = Told(visit.request, for_all=not visit.page.options.by)
        self.collector = Collector(told=told if lookup.act == "compute" else None)
        #: The page without its pieces, where it has some.
        self.holed: Holed | None = None
        #: Where it shows messages, if that is known of all of them.
        self.spoken = _told.Spoken()
        self.automatic: set[str] = set()
        #: It has looked for messages, and there were none.
        self.quiet = False
        #: A table that was written while it was made; and how many writes there were before that.
        self._wrote, self._writes = "", 0
        #: What the page was when its view had made it, and what has been done to it since.
        self._left: tuple[Decorated, bytes] | None = None
        self.open = True
        self._watching, self._between = ExitStack(), ExitStack()
        with self._current():
            self.computing = Computing(lookup).__enter__()
        if blind:
            self.computing.refuse("something was read before it that nobody recorded")

    @contextmanager
    def _current(self) -> Iterator[None]:
        token = current.set(self.unit)
        try:
            yield
        finally:
            current.reset(token)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around whatever makes the page: what it looks at is noted, what it reads recorded."""
        self._writes = self.unit.writes
        try:
            with self._current(), telling(), ExitStack() as self._watching:
                seen = observing(self.visit.request, known=IN_EACH_PAGE, csrf=self.collector.csrf)
                self.seen.append(self._watching.enter_context(seen))
                self.seen[-1].foreign -= self._own
                with collected(self.collector), noticed(self.unit):
                    yield
        except ANSWERS as error:
            self.refuse(f"it raised {type(error).__name__}")
            self.close()
            raise
        except BaseException as error:  # boundary: none; whatever it is goes on
            self.close(error)
            raise

    def wait(self) -> None:
        """For whoever renders it. What others look at until then, they may put into its context."""
        self._first().unrendered.append(self)
        seen = observing(self.visit.request, known=IN_EACH_PAGE, csrf=self.collector.csrf)
        self.seen.append(self._between.enter_context(seen))
        self._own = self.seen[-1].foreign - self.seen[0].foreign

    def go_on(self) -> None:
        waiting = self._first().unrendered
        if self in waiting:
            waiting.remove(self)
        self._between.close()
        self._own &= self.seen[-1].foreign  # others may have set it again

    def _first(self) -> Visit:
        """The one that the middleware knows of; this may be a page within another."""
        found: Visit = held_by(self.visit.request).get(PLACE, self.visit)
        return found

    def made(self) -> None:
        """The page is there: what we do with it ourselves is not looked at."""
        self._watching.close()
        self._wrote = self.unit.written_since(self._writes) or self._wrote

    def split(self, response: HttpResponseBase) -> None:
        """Take the pieces out of a page that has come whole."""
        if response.streaming or not isinstance(response, HttpResponse):
            return
        plain = response.content
        if self.collector.pieces or self._shows_token():
            plain = _spelling.plain(
                response, self.visit.page.name, marked=bool(self.collector.pieces)
            )
        content, regions = self._regions(response, plain)
        found = _automatic.marked(
            *(content, self.collector, self.visit.request),
            touched={what for seen in self.seen for what in seen.touched},
        )
        text, self.automatic = found
        if self._shows_token() and _own_token.in_headers(response, self.collector.csrf(), b""):
            self.automatic.discard("csrf")
        if self.collector.pieces:
            if plain is not response.content:
                del response["Content-Encoding"]
            holed = self.collector.split(text)
            self.spoken = _told.taken(holed, regions, response.charset)
            self.holed = holed if holed.holes or holed.mangled else None
            response.content = self.spoken.sent

    def _regions(self, response: HttpResponse, content: bytes) -> tuple[bytes, list[Region]]:
        plain = "Content-Encoding" not in response and _spelling.is_plain(response.charset)
        if not plain or self.collector.told is None or self._looks():
            return content, []
        return _told.marked(content, response.charset, self.collector)

    def _shows_token(self) -> bool:
        return any("csrf" in seen.touched for seen in self.seen)

    def _own_token(self, response: HttpResponseBase) -> None:
        """The page was shown a secret of nobody's: its reader gets his own, and its cookie."""
        if self._shows_token():
            _own_token.give(response, self.collector.csrf(), get_token(self.visit.request).encode())

    def close(self, error: BaseException | None = None) -> None:
        if self.open:
            self.open = False
            self.computing.__exit__(type(error) if error else None, error, None)

    def refuse(self, reason: str) -> None:
        """Not this one, and nobody waits for the next; what is kept of before is wrong, too."""
        lookup = self.lookup
        self._pass_over(reason)
        _refused.remember(lookup.key, reason)
        if lookup.entry is not None and lookup.store is not None and lookup.holder:
            try:
                lookup.store.delete(lookup.key)
            except Unavailable:
                pass
            for label in lookup.labels:  # whoever has a copy ready asks for its tokens alone
                invalidate_name(label)

    def _pass_over(self, reason: str) -> None:
        """Not this one; but the next reader's may well be kept, and what is kept is right."""
        self.computing.refuse(reason)
        _refused.count(self.visit.page.name, reason)

    def refused(self, response: HttpResponseBase, *, final: bool = False) -> bool:
        """Whether the response may not be kept for others; raises Failed for one of the 5xx."""
        if response.status_code >= 500:
            error = Failed(self._whole(response))
            self.close(error)
            raise error
        if self._speaks():
            self._only_once()
            return True
        reason = _fit.reason(self, response, final=final)
        if reason and self.spoken.is_of_its_maker():  # the next one may well be kept
            self._only_once()
        elif reason and final:  # the page was fit: some middleware has said it of this reader
            self._pass_over(reason)
        elif reason:
            self.refuse(reason)
        elif self._wrote:
            self._has_written()
        return bool(reason or self._wrote)

    def _has_written(self) -> None:
        """Its first time may be its last: then the next one is kept."""
        reason = self.computing.wrote(self._wrote)
        _refused.count(self.visit.page.name, reason)
        if not self.computing.once:
            _refused.remember(self.lookup.key, reason)

    def _looks(self) -> list[str]:
        """The lines that look at messages, outside of regions."""
        return [seen.touched["messages"] for seen in self.seen if "messages" in seen.touched]

    def _speaks(self) -> bool:
        told = self.collector.told
        if not self._looks() and (told is None or not told.count):
            return False
        self.quiet = bool(self.spoken.spans) or not has_messages(self.visit.request)
        return not self.quiet

    def _whole(self, response: HttpResponseBase) -> HttpResponseBase:
        """With its pieces and its messages, for the reader who is there."""
        self._own_token(response)
        holed, self.holed = self.holed, None
        spoken, self.spoken = self.spoken, _told.Spoken()
        if holed is not None and isinstance(response, HttpResponse):
            shown = _told.with_shown(holed, spoken.spans, spoken.shown, response.charset)
            body = fill(self.visit.request, response, shown)
            if response.has_header("Content-Length"):  # it was of what is not sent
                response["Content-Length"] = str(len(body))
        elif isinstance(response, HttpResponse):
            spoken.give_back(response)
        return response

    def keep(self, response: Any, *, final: bool = False) -> HttpResponseBase:
        """Keep it if it may be kept, and answer with what later readers will get."""
        if final and (found := self._keep_as_left(response)) is not None:
            return found
        if self.refused(response, final=final) or not self._as_sent(response):
            return self.let_go(response)
        try:
            return self._kept(response, final=final)
        finally:
            self.close()

    def leave(self, response: Any) -> None:
        """To the middleware, whose headers are kept with it."""
        self.visit.making = self
        self._left = Decorated(response), response.content

    def _keep_as_left(self, response: HttpResponse) -> HttpResponseBase | None:
        """Where a middleware makes each response vary on what is not in the key (``Vary: Origin``):
        the page as it was before, which goes through all middleware then; None if it is none.
        """
        if self._left is None or not _fit.of_others(self, response):
            return None
        if not _fit.of_response(self, response, final=True).startswith(VARIES):
            return None  # something else is said of it
        (around, content), self._left = self._left, None
        if not around.take_off_beside(content, response):
            return None
        return around.put_back(self.keep(response))  # type: ignore[no-any-return]

    def _as_sent(self, response: Any) -> bool:
        """Whether what came of it is the page without messages, or can be made that again."""
        if self.spoken.is_as_sent(response):
            return True
        if self.spoken.is_of_its_maker():
            self._only_once()
            return False
        self.spoken = _told.Spoken()
        return True

    def _only_once(self) -> None:
        self.computing.refuse("it shows messages, once")
        self.computing.once = True

    def _kept(self, response: HttpResponse, *, final: bool) -> HttpResponseBase:
        around = self.computing.around
        bodies, meta = _entries.made(self.visit, response, self.holed, around, final=final)
        if self.quiet:
            meta[QUIET] = True
            meta |= _told.meta_of(self.spoken, self.collector.told, self._looks())
        with self._current():
            entry = self.computing.keep(bodies, meta)
        self.visit.restore()
        index = fitting(self.visit.request, entry)
        if not self.computing.kept or index is None:
            return self.let_go(response)
        left = fresh_for(entry, fresh=True)
        status = _headers.forwarded(_why(self.lookup), left)
        request = self.visit.request
        dressed = dress(response, request, entry, index, self.visit.detailed(status))
        share(request, dressed, entry, self.visit.page)
        return dressed

    def let_go(self, response: HttpResponseBase) -> HttpResponseBase:
        """As the view made it."""
        visit = self.visit
        self.close()
        self._whole(response)
        visit.restore()
        visit.reason = visit.reason or self.computing.refused
        why = "miss" if self.lookup.act == "compute" else "bypass"
        why = _why(self.lookup) if why == "miss" else why
        _headers.add_status(response, visit.detailed(_headers.forwarded(why)))
        return response


def _why(lookup: Lookup) -> str:
    return "stale" if lookup.entry is not None and lookup.state != "missing" else "miss"
