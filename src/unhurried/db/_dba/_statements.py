"""What takes the database's time, with the routes and lines that ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from unhurried.measure.reading import typed
from unhurried.queries.reading import fingerprint

from ._answers import FINE, LOOK, NOTHING, UNKNOWN, Answer, Item
from ._asking import PATH, Look, Row
from ._numbers import percent, plural, seconds, span
from ._ties import LINE, UNTIED, Cursors, Place, Ties, kind_of

SHOWN: Final = 10
PLACES: Final = 4  # of one statement
LEAST: Final = 0.001  # of its time, that a place is worth a line
WORTH: Final = 0.005  # of all time, that a statement is worth its lines
NOBODY: Final = "no line of this site asks it: psql, another application, or before measuring began"
OFTEN: Final = 3.0  # times in one request
REASON: Final = (
    "What takes the most time in all is worth the most; the share is of all this database did,"
    " by pg_stat_statements."
)
TITLE: Final = "Top statements"
WHY_NOT: Final = "<insufficient privilege>"


@dataclass(slots=True)
class Statement:
    """One statement, over all rows that pg_stat_statements has of it. ``seconds`` executing."""

    key: str
    text: str
    kind: str
    places: list[Place]
    queryids: list[str] = field(default_factory=list)
    calls: int = 0
    rows: int = 0
    seconds: float = 0.0

    def add(self, row: Row) -> None:
        self.queryids.append(row["queryid"])
        self.calls += row["calls"]
        self.rows += row["rows"]
        self.seconds += row["seconds"]


def statements(look: Look) -> Answer:
    """The dearest, each with its line."""
    extension = look.row("extension")
    if not extension["schema"] or not extension["loaded"]:
        return _without(extension)
    path = f"{PATH}, {look.quoted(extension['schema'])}"
    rows, since = look.rows("statements", path), look.row("statements_since", path)
    ties = Ties.of(look.alias)
    found = sorted(group(rows, ties), key=lambda each: -each.seconds)
    total = float(rows[0]["total"]) if rows else 0.0
    tied = dict.fromkeys((LINE, UNTIED), 0.0)
    for each in found:
        tied[each.kind] = tied.get(each.kind, 0.0) + each.seconds
    named = (each for each in found if each.kind in (LINE, UNTIED))
    shown = [each for each in named if each.seconds >= WORTH * total][:SHOWN]
    hidden = any(row["query"] in (None, WHY_NOT) for row in rows)
    return Answer(
        "statements",
        TITLE,
        UNKNOWN if hidden else LOOK if shown else FINE,
        f"{seconds(total)} of {plural(sum(each.calls for each in found), 'call')}"
        f" {_since(since)}; {percent(tied[LINE] / total if total else 0.0)} tied to a line",
        REASON + _gaps(ties, tied, total),
        (_grant(look),) if hidden else () if shown else (NOTHING,),
        tuple(_item(each, total) for each in shown),
        tuple(_facts(tied, total)),
        _values(found, tied, total, since),
    )


def group(rows: list[Row], ties: Ties) -> list[Statement]:
    """One for each key: lists of any length, and each role, have a row of their own there."""
    cursors = Cursors(row["query"] or "" for row in rows)
    found: dict[str, Statement] = {}
    for row in rows:
        text = row["query"] or WHY_NOT
        known = cursors.key(text)
        if known not in found:
            places = ties.places_of(known)
            kind = LINE if places else kind_of(text)
            shown = fingerprint(text, "postgresql")
            found[known] = Statement(known, shown, kind, places)
        found[known].add(row)
    return list(found.values())


def _since(row: Row) -> str:
    ago = row["reset_ago"]
    return "since the server was made" if ago is None else f"in {span(ago)}"


def _gaps(ties: Ties, tied: dict[str, float], total: float) -> str:
    """Why less is tied than could be."""
    if ties.trouble:
        return f" Lines are not known: {ties.trouble}"
    if not len(ties):
        return " Lines are not known yet: unhurried has seen no statement here."
    if total and tied[UNTIED] > 0.05 * total:
        return " What is tied to none was asked by others, or before measuring began."
    return ""


def _facts(tied: dict[str, float], total: float) -> list[str]:
    """``3.1 % transaction control``: what no line asks by itself, the dearest first."""
    kinds = sorted(tied.items(), key=lambda each: -each[1])
    return [f"{percent(took / total)} {kind}" for kind, took in kinds if kind != LINE and took]


def _values(
    found: list[Statement], tied: dict[str, float], total: float, since: Row
) -> dict[str, Any]:
    return {
        "seconds": total,
        "tied": tied[LINE] / total if total else 0.0,
        "kinds": {kind: took / total for kind, took in tied.items()} if total else {},
        "since": since["reset_ago"],
        "forgotten": since["dealloc"],
        "statements": len(found),
    }


def _item(each: Statement, total: float) -> Item:
    mean = each.seconds / max(each.calls, 1)
    share = each.seconds / total if total else 0.0
    return Item(
        each.text,
        f"{percent(share)}, {seconds(each.seconds)}: {plural(each.calls, 'call')} of"
        f" {seconds(mean)}, {each.rows / max(each.calls, 1):,.1f} rows each",
        _remedy(each),
        tuple(_told(p) for p in each.places[:PLACES] if p.share >= LEAST) or (NOBODY,),
        {
            "queryids": each.queryids,
            "seconds": each.seconds,
            "share": share,
            "calls": each.calls,
            "mean": mean,
            "rows": each.rows,
            "kind": each.kind,
            "places": [
                {"route": p.label, "line": p.line, "share": p.share, "loops": p.loops}
                for p in each.places
            ],
        },
    )


def _told(place: Place) -> str:
    often = f", {place.each:,.0f} times each" if place.loops and place.each >= OFTEN else ""
    return f"{place.line} on {place.label}, {percent(place.share)}{often}"


def _remedy(each: Statement) -> tuple[str, ...]:
    """A page that repeats it is diagnosed with proof; anything else is explained."""
    for place in each.places:
        if (place.loops or place.each >= OFTEN) and place.kind == "request":
            return (f"fewer of them: manage.py unhurried diagnose --url {typed(place.label)}",)
    if each.places:
        return (f"at {each.places[0].line}: print(queryset.explain(analyze=True, buffers=True))",)
    return ()


def _without(extension: Row) -> Answer:
    """It is not loaded, or not created: the way there, in three lines."""
    what = "is not loaded by the server" if not extension["loaded"] else "is not created here"
    steps = (
        "postgresql.conf: shared_preload_libraries = 'pg_stat_statements', and restart",
        'in a migration: CreateExtension("pg_stat_statements"), or CREATE EXTENSION as superuser',
        "then let the site run for a while, and ask again",
    )
    return Answer("statements", TITLE, UNKNOWN, f"pg_stat_statements {what}", REASON, steps)


def _grant(look: Look) -> str:
    return f"GRANT pg_read_all_stats TO {look.quoted(look.row('since')['role'])};"
