"""What is to be said of a page in one line, and its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import asdict, dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final

from django.conf import settings
from django.http.response import HttpResponseBase, ResponseHeaders

from .._audience import called, members, refusal, unproven, way_out
from .._audience._urls import page_of
from .._engine._beside import unseen
from .._pages._headers import NAME
from ._layout import Region, worst
from ._piece import AMBER, BY_ITSELF, GREEN, RED, colour_of, is_personal
from ._recorder import Recorder

KEEP: Final = "@cached_page(600)"
CONNECTION: Final = "a connection"
#: A package leads to it, or another URLconf.
SOMEWHERE: Final = (
    "It has a cached_page, which can't be found from its view. Whether it is kept: "
    "manage.py unhurried why"
)
#: What we say ourselves where a view says nothing.
_OURS: Final = frozenset({"no-cache", "private"})
SHOWN: Final = 2  # places that are named; the rest is counted
_WORD: Final = re.compile(r"[a-z]{3,20}")
_TAGS: Final = re.compile(r"\{[{%].*?[%}]\}|[{<].*")
_FOUND: Final = BY_ITSELF - {"messages"}  # on the page, whoever has put them there
_DEEDS: Final = ("write", "deed")
_HOPELESS: Final = (*_DEEDS, "statement")


@dataclass(slots=True)
class Verdict:
    """``said`` in a line, ``remedy`` in up to two; ``renewed``: whose changes would renew the page.

    ``places``: what is not for everybody, as {"line", "source", "colour", "reads"}. ``gates``: what
    lets people in before the view. ``kept``: of a page with ``cached_page``, whether it is kept.
    """

    said: str
    remedy: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    gates: list[str] = field(default_factory=list)
    kept: str = ""
    colour: str = GREEN

    def as_dict(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        return asdict(self)


def verdict_of(
    recorder: Recorder,
    response: HttpResponseBase,
    regions: list[Region],
    held: Iterable[str] = (),
) -> Verdict:
    """What was observed in this one run; raises nothing of its own. ``held``: what a replay has not
    let out, as "a mail: its subject".
    """
    page = page_of(getattr(recorder.request.resolver_match, "func", None))
    found = _said(recorder.view.reads, _places(regions), regions)
    if (reason := unseen() or _refusal(recorder.request, response)) and found.remedy:
        found = Verdict(f"the page can't be kept as it is: {reason}", colour=RED)
    if found.remedy and (sent := [*held]):
        found = Verdict(_of_held(sent), colour=RED)
    if page is None and _has_page(response):
        found = Verdict(SOMEWHERE, kept=SOMEWHERE)
    found.renewed = sorted({t for r in regions if r.colour == GREEN for t in r.tables})
    found.places = found.places or _places(regions)
    found.gates = [f"{line} looks at {name}" for name, line in recorder.gates.items()]
    if page is not None:
        found.kept = _kept(page, recorder, regions)
        found.remedy = [each for each in found.remedy if each != KEEP]
    return found


def _of_held(held: list[str]) -> str:
    """A connection may have asked or sent; a mail or a task would be missed."""
    sent = [each for each in held if not each.startswith(CONNECTION)]
    kind, _, what = (sent or held)[0].partition(": ")
    if sent:
        return f"the page can't be kept: it sends {kind} ({what})"
    return f"nobody can tell whether the page can be kept: {kind} ({what}) was held back"


def _refusal(request: Any, response: HttpResponseBase) -> str:
    """As of the view's own answer: what a middleware sends for what was looked at is told as that.

    The nearest there is to it, once the middleware is done.
    """
    twin = copy(response)
    sent = {settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_NAME, "messages"}
    twin.cookies = SimpleCookie({k: m.value for k, m in response.cookies.items() if k not in sent})
    if _has_page(response) and {*members(response.get("Cache-Control", ""))} <= _OURS:
        rest = {k: v for k, v in response.items() if k.lower() != "cache-control"}
        twin.headers = ResponseHeaders(rest)
    return refusal(request, twin, final=True)


def _has_page(response: HttpResponseBase) -> bool:
    return any(each.startswith(NAME) for each in members(response.get("Cache-Status", "")))


def _said(view: dict[str, str], places: list[dict[str, Any]], regions: list[Region]) -> Verdict:
    for name, line in [*view.items(), *_reads(regions)]:
        if name.partition(":")[0] in _HOPELESS:
            return Verdict(f"the page can't be kept: {spoken(name)} at {line}", colour=RED)
    own = {name: line for name, line in view.items() if is_personal(name) or name == "messages"}
    if own:
        name, line = next(iter(own.items()))
        said = f"the view itself looks at {', '.join(own)}: {line}"
        return Verdict(said, [way_out(name)], colour=colour_of(own))
    personal = [each for each in places if any(map(is_personal, each["reads"]))]
    said = "nothing on the page is personal"
    if personal:
        said += f" but {_listed(personal)}"
    still = [
        each for each in places if each not in personal and not BY_ITSELF.issuperset(each["reads"])
    ]
    if still:
        said += f"; {_listed(still)} stands still while it is kept"
    return Verdict(said, [KEEP, *_remedies(personal)], colour=worst(regions))


def _reads(regions: Iterable[Region]) -> Iterable[tuple[str, str]]:
    return [read for region in regions for read in region.reads.items()]


def _places(regions: Iterable[Region]) -> list[dict[str, Any]]:
    """Each line that reads what is not everybody's, once, with what it reads."""
    found: dict[str, dict[str, Any]] = {}
    for region in regions:
        for line, source in region.places.items():
            known = found.setdefault(line, {"line": line, "source": source, "reads": []})
            known["reads"] = sorted({*known["reads"], *region.reads})
    for each in found.values():
        each["colour"] = colour_of(dict.fromkeys(each["reads"], ""))
    return list(found.values())


def _listed(places: list[dict[str, Any]]) -> str:
    named = [f'{each["line"]} "{each["source"]}"' for each in places[:SHOWN]]
    more = len(places) - SHOWN
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _remedies(places: list[dict[str, Any]]) -> list[str]:
    """One line for all of a kind."""
    found: dict[str, None] = {}
    for each in places:
        if each["colour"] == AMBER:
            wholes = {name.partition(":")[0] for name in each["reads"]}
            phased = ", or {% phased with user %} around it" if wholes == {"user"} else ""
            found[f'{{% fragment "{_name(each)}" %}}{phased}'] = None
        else:
            reads = (name for name in each["reads"] if colour_of({name: ""}) == RED)
            found |= {way_out(name): None for name in reads if is_personal(name)}
    return list(found)


def _name(place: dict[str, Any]) -> str:
    """A name for the fragment: the first word that people read there, else the template's."""
    words = _WORD.findall(_TAGS.sub(" ", place["source"]).lower())
    stem = re.split(r"[/\\]", place["line"].rpartition(":")[0])[-1].partition(".")[0]
    return words[0] if words else stem.strip("_") or "mine"


def _kept(page: Any, recorder: Recorder, regions: list[Region]) -> str:
    """Whether ``cached_page`` keeps it, and if not, what it has looked at beyond its key."""
    if reason := unseen():
        return f"cached_page does not keep it: {reason}"
    options = page.options
    allowed: set[str] = set()
    for each in options.by:
        if callable(each):
            allowed |= called(each, recorder.request)[1]
    reads = {name: line for name, line in _reads(regions) if is_personal(name)}
    view = recorder.view.reads
    done = [name for name in view if name.partition(":")[0] in _DEEDS]
    own = {name: line for name, line in view.items() if name not in _FOUND and name not in done}
    found = unproven(
        {**reads, **own},
        audience=options.audience, vary=options.vary, allowed=allowed,
    )  # fmt: skip
    if not found:
        missed = f", and a hit does without {spoken(done[0])}" if done else ""
        return f"cached_page keeps it{missed}."
    name, line = next(iter(found.items()))
    return f"cached_page does not keep it: {line} looks at {name}. {way_out(name)}"


def spoken(name: str) -> str:
    """What a page has read, for people."""
    kind, _, what = name.partition(":")
    return {
        "write": f"a write to {what}",
        "deed": what,
        "statement": f"a statement nobody can vouch for ({what})",
        "clock": f"the time {what}".strip(),
        "random": f"chance {what}".strip(),
        "unseen": f"{what} of Django's, which had it already",
    }.get(kind, name)
