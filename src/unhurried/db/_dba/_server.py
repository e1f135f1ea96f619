"""How many are connected, and how much of what is read is in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ._answers import FINE, LOOK, NOTHING, Answer, Item
from ._asking import Look, Row
from ._numbers import percent, plural, size

FULL: Final = 0.8  # of the connections there may be
HIT: Final = 0.99  # of the blocks, found in memory
BLOCKS: Final = 100_000  # asked for; of fewer the share says nothing


def server(look: Look) -> Answer:
    """Connections against how many there may be; blocks found in memory."""
    rows, limit, cache = look.rows("sessions"), look.row("connections"), look.rows("cache")
    room, used = limit["most"] - limit["reserved"], len(rows) + 1
    items = [*_full(used, room, rows), *_cold(look, cache)]
    hits = {each["kind"]: _ratio(each) for each in cache}
    return Answer(
        "server",
        "Connections and memory",
        LOOK if items else FINE,
        f"{used} of {plural(room, 'connection')}; in memory {_said(hits['table'])} of table blocks,"
        f" {_said(hits['index'])} of index blocks",
        f"Without a free connection a page fails, and what is not in memory waits for the disk;"
        f" named from {percent(FULL)} of connections on, and below {percent(HIT)} of blocks.",
        () if items else (NOTHING,),
        tuple(items),
        tuple(_by_state(rows)),
        {"used": used, "most": room, "hits": hits},
    )


def _by_state(rows: list[Row]) -> Iterator[str]:
    """``8 idle: web``, the most first."""
    counted = Counter(
        (row["state"] or "of others", row["application"] or "unnamed") for row in rows
    )
    for (state, application), number in sorted(counted.items(), key=lambda each: -each[1]):
        yield f"{number} {state}: {application}"


def _full(used: int, room: int, rows: list[Row]) -> Iterator[Item]:
    if used >= FULL * room:
        idle = sum(row["state"] == "idle" for row in rows)
        yield Item(
            "connections",
            f"{used} of {room}, {idle} of them idle",
            (
                'OPTIONS = {"pool": {"min_size": 2, "max_size": 4}} (psycopg 3), or a lower',
                "CONN_MAX_AGE; processes x threads of all servers is what there can be; PgBouncer",
            ),
            values={"used": used, "most": room, "idle": idle},
        )


def _cold(look: Look, cache: list[Row]) -> Iterator[Item]:
    for row in cache:
        share, blocks = _ratio(row), row["hit"] + row["read"]
        if share is not None and share < HIT and blocks >= BLOCKS:
            whole = look.row("since")["size"]
            yield Item(
                f"{row['kind']} blocks in memory",
                f"{percent(share)} of {blocks:,}",
                (
                    f"shared_buffers is {size(row['buffers'])}, the database {size(whole)}:",
                    "a quarter of the machine's memory is usual; fewer scans from end to end help",
                ),
                values={"share": share, "blocks": blocks, "buffers": row["buffers"]},
            )


def _ratio(row: Row) -> float | None:
    asked = row["hit"] + row["read"]
    return row["hit"] / asked if asked else None


def _said(share: float | None) -> str:
    return "none yet" if share is None else percent(share) if share < 0.995 else f"{share:.1%}"
