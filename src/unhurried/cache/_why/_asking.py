"""From a URL, a key or a name to what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from time import time
from typing import Any, Final

from django.http import HttpRequest
from django.urls import Resolver404

from unhurried.conf import nearest
from unhurried.measure.reading import Change, KeptRow, changes, kept

from .._audience._urls import page_of
from .._engine._around import around, leading
from .._engine._counts import KINDS
from .._engine._entry import Entry
from .._engine._look import glance
from .._engine._lookup import Lookup
from .._engine._policy import Policy
from .._errors import CacheError, Unavailable
from .._functions import _registry
from .._pages import _asking
from .._pages._page import CachedPage
from .._pages._told import UNTOLD
from .._tokens._home import home_named
from ._answer import Tie, Why

ON_VIEW: Final = "Put @cached_page(600) on it"
OF_PAGE: Final = "Pass the URL of a page"
BY_NAME: Final = (
    "where another URLconf or a package leads to it, ask by its name. What is cached: "
    "manage.py unhurried why"
)
NO_KEY: Final = "It has no key: a request like this goes to the view."
ALONE: Final = "Whoever has messages to see gets a page of their own"
SERVED: Final = ("fresh", "stale", "changed")
COMPUTED: Final = ("computed", "unstored", "failed", "bypassed")


def why(what: str | HttpRequest) -> Why:
    """What is kept of it, what it hangs on and who has changed that, how often it was of use, and
    why it was not kept.

    ``what``: a page, by its URL (a path may do) or a request; what a cached function or a part of a
    template has for some arguments, by its key ("username:jacob"); or all of one name. Computes
    nothing. Raises CacheError for what nobody knows, and StoreError where there are no numbers.
    """
    if isinstance(what, HttpRequest):
        return _of_page(what)
    is_address = what.startswith(("/", "http://", "https://")) and _name_of(what) is None
    return _of_page(what) if is_address else _of_name(what)


def all_of_it() -> list[Why]:
    """All that was asked for or is known here: what has saved most time first."""
    rows = {row.name: row for row in kept()}
    unseen = [name for name in sorted(_registry.known) if name not in rows]
    return [_told(row.name, row, {}) for row in rows.values()] + [
        _told(name, None, {}) for name in unseen
    ]


def _of_page(target: str | HttpRequest) -> Why:
    meta = _asking.meta_of(target)
    page = _page_at(target, meta)
    key = page.key(target)
    lookup = glance(page.policy, key) if key else None
    found = _told(page.name, _row(page.name), changes(), lookup)
    note = found.note if key else NO_KEY
    if key and found.state == "missing" and isinstance(target, str) and target.startswith("/"):
        note = f"This is of {meta['scheme']}://{meta['host']}; for another, pass the whole URL."
    return replace(found, note=note)


def _page_at(target: str | HttpRequest, meta: dict[str, Any]) -> CachedPage:
    """That of the view; or what is kept of this URL, as nobody sees from here which views another
    URLconf has, or a package calls.
    """
    said, hint = f"No cached_page was found on the view of {meta['path']}.", ON_VIEW
    page = None
    try:
        page = page_of(_asking.match_of(meta).func)
    except Resolver404:
        said, hint = f"{meta['path']} leads nowhere.", OF_PAGE
    page = page or next(_kept_at(target), None)
    if page is None:
        raise CacheError(said, f"{hint}; {BY_NAME}")
    return page


def _kept_at(target: str | HttpRequest) -> Iterator[CachedPage]:
    """Those that anybody may see, and that have an entry there."""
    for each in [*_registry.known.values()]:
        if isinstance(each, CachedPage) and not each.options.by:
            key = each.key(target)
            if key and glance(each.policy, key).entry is not None:
                yield each


def _name_of(what: str) -> str | None:
    """A name that is known, or that of a key; names may look like anything, addresses too."""
    names = _names()
    return what if what in names else _prefix(what, names)


def _names() -> set[str]:
    return {*(row.name for row in kept()), *_registry.known}


def _of_name(what: str) -> Why:
    name = _name_of(what)
    if name is None:
        raise CacheError(
            f"Nothing that is cached is called {what!r}.{nearest(what, sorted(_names()))}",
            "What is cached: manage.py unhurried why",
        )
    thing = _registry.known.get(name)
    policy = getattr(thing, "policy", None) or Policy(name, 1, 1, kind="fragment")
    lookup = None
    if what != name or _takes_nothing(thing):
        part = "part|" if thing is None else ""  # of a template: nobody has registered it
        lookup = glance(policy, f"{around()}{leading()}|{part}{what}")
    return _told(name, _row(name), changes(), lookup)


def _prefix(what: str, names: Iterable[str]) -> str | None:
    """The longest name that this key can be of."""
    fitting = [name for name in names if what.startswith(f"{name}:")]
    return max(fitting, key=len, default=None)


def _takes_nothing(thing: Any) -> bool:
    signature = getattr(thing, "signature", None)
    return signature is not None and not signature.parameters


def _row(name: str) -> KeptRow | None:
    return next((row for row in kept() if row.name == name), None)


def _told(
    name: str, row: KeptRow | None, seen: dict[str, list[Change]], lookup: Lookup | None = None
) -> Why:
    thing = _registry.known.get(name)
    kind = thing.policy.kind if thing is not None else KINDS[row.kind] if row is not None else ""
    told: dict[str, Any] = {"name": name, "kind": kind or "page"}
    if row is not None:
        told |= {
            "hits": sum(row.counts[each] for each in SERVED),
            "misses": sum(row.counts[each] for each in COMPUTED),
            "saved": row.saved,
            "stored": row.stored,
            "bytes": row.bytes,
            "reasons": tuple(row.reasons),
        }
    if lookup is not None:
        told |= _of_entry(lookup)
    entry = lookup.entry if lookup is not None else None
    tags = entry.tags() if entry is not None else row.ties if row is not None else ()
    told["ties"] = tuple(_ties(tags, seen, _different(entry)))
    return Why(**told)


def _of_entry(lookup: Lookup) -> dict[str, Any]:
    entry = lookup.entry
    told: dict[str, Any] = {"key": lookup.key, "state": lookup.state, "note": lookup.reason}
    if entry is not None:
        now = time()
        told |= {"age": now - entry.created, "ttl": entry.hard - now}
        told["bytes"] = len(entry.bodies[0])
        if UNTOLD in entry.meta:
            told["note"] = told["note"] or f"{ALONE}: {entry.meta[UNTOLD]}."
    return told


def _different(entry: Entry | None) -> set[str]:
    """Those of its tags that are not what they were when it was made."""
    if entry is None:
        return set()
    found: set[str] = set()
    for name, (world, tokens) in entry.deps.items():
        home = home_named(name)
        try:
            there, now = home.read([*tokens]) if home is not None else ("", [])
        except Unavailable:
            continue
        same = there == world
        pairs = zip(tokens.items(), now, strict=False) if same else ()
        found |= {tag for (tag, token), current in pairs if token != current}
        found |= set() if same else {*tokens}
    return found


def _ties(tags: Iterable[str], seen: dict[str, list[Change]], different: set[str]) -> list[Tie]:
    found = []
    for tag in sorted(tags):
        last = seen.get(tag, [None])[0]
        changed, who = (last.last, last.who) if last is not None else (0.0, "")
        found.append(Tie(tag, _spoken(tag), changed, who, tag in different))
    return found


def _spoken(tag: str) -> str:
    """As people call it."""
    alias, _, name = tag.partition(":")
    if alias == "name":
        return f"invalidate({name!r})"
    if alias == "db":
        return f"anything in {name}"
    where = "" if alias == "default" else f" in {alias}"
    return f"any write that can't be read{where}" if name == "*" else f"{name}{where}"


_registry.answers.append(why)
