"""The parts of the benchmark, each a table: who is compared with whom, and what is printed."""

from __future__ import annotations

import contextlib
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from _cache_process import Child, DiedError
from cache_site import tools

BASES = ("cache_page, locmem", "cache_page, redis")
#: of which base, and how much of it
BUDGETS = {
    "unhurried door, locmem": (0, 0.02),
    "unhurried door, redis": (1, 0.12),
    "unhurried, locmem": (0, 0.25),
}
PROCESSES = 4
Told = dict[str, list[Any]]
BLOCK_SECONDS = 0.01


def wanted(names: Iterable[str], options: Any) -> list[str]:
    return [name for name in names if not options.tool or options.tool in name]


def rounds(seconds: float, at_least: int = 3) -> Iterator[int]:
    end = time.monotonic() + seconds
    for number in count():
        if number >= at_least and time.monotonic() > end:
            return
        yield number


def in_any_order(blocks: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Each block once, in random order: what it told, by name."""
    return {name: blocks[name]() for name in random.sample(list(blocks), len(blocks))}


def middle(found: list[float]) -> float:
    return statistics.median(found)


def attempt(name: str, row: Callable[[], str]) -> None:
    """Prints a tool's row, or why there is none: one that does not run must not stop the rest."""
    try:
        print(f"{name:28}{row()}", flush=True)
    except DiedError as error:
        print(f"{name:28}did not run: {error}", flush=True)


def judged(ratio: float, budget: float | None) -> str:
    if budget is None:
        return f"{ratio:10.3f}{'':16}"
    return f"{ratio:10.3f}{budget:8.2f}" + ("        " if ratio <= budget else "  MISSED")


# --- hits -------------------------------------------------------------------------------------


def hits(stage: Any, options: Any) -> None:
    print("\nhit on a page of 20 KB made of ten tables, CPU per request; the bases' rows are A/A")
    print(f"{'':28}{'':>9}{'/locmem':>10}{'/redis':>10}{'budget':>8}  after a write, to others")
    with stage.child("pages", BASES[0]) as local, stage.child("pages", BASES[1]) as remote:
        for name in wanted(tools.HITS, options):
            attempt(name, lambda name=name: hit(stage, options, name, local, remote))


def hit(stage: Any, options: Any, name: str, local: Child, remote: Child) -> str:
    with stage.child("pages", name) as child:
        found = compared_hits(options.seconds, child, local, remote)
        told = correctness(child, stage.cookies)
    ratios = [middle(found["local"]), middle(found["remote"])]
    which, budget = BUDGETS.get(name, (0, None))
    missed = " MISSED" if budget and ratios[which] > budget else ""
    limit = f"{budget:8.2f}" if budget else f"{'':8}"
    took = middle(found["seconds"]) * 1e6
    return f"{took:6.0f} us{ratios[0]:10.3f}{ratios[1]:10.3f}{limit}  {told}{missed}"


def correctness(child: Child, cookies: list[str]) -> str:
    """In words; "new" and "no leak" would be no merit of a tool that keeps nothing."""
    if not child.ask("kept"):
        return "KEEPS NOTHING: a second request asks the database again"
    stale, leaks = child.ask("stale"), child.ask("leaks", cookies=cookies)
    fresh = "new, deleted by hand" if child.ask("by_hand") else "new"
    return f"{'old: ' + ', '.join(stale) if stale else fresh}; {'LEAKS' if leaks else 'no leak'}"


def compared_hits(
    seconds: float, child: Child, local: Child, remote: Child
) -> dict[str, list[float]]:
    """Ratios of the child's blocks to those of both bases, round by round."""
    everybody = {"child": child, "local": local, "remote": remote}
    blocks = {name: page_blocks(one) for name, one in everybody.items()}
    found = defaultdict(list)
    for _ in rounds(seconds):
        took = in_any_order(blocks)
        found["seconds"].append(took["child"])
        for base in ("local", "remote"):
            found[base].append(took["child"] / took[base])
    return found


def page_blocks(child: Child) -> Callable[[], float]:
    """Blocks as long as makes the clock's own steps small."""
    given = {"url": "/page/0/", "first": 0}
    quick = child.ask("block", **given, count=17)
    quick = child.ask("block", **given, count=17)
    many = 1 + max(16, min(512, int(BLOCK_SECONDS / quick)))
    return lambda: child.ask("block", **given, count=many)


# --- a tagged hit beside a plain one ----------------------------------------------------------


def get(stage: Any, options: Any) -> None:
    print("\ntagged hit / plain get of the same 20 KB, ten tags, shared client, in one process")
    print(
        f"{'':28}{'plain':>9}{'CPU':>10}{'budget':>8}{'':8}{'A/A':>8}{'wall':>8}"
        "  reads of the server per hit"
    )
    for name in wanted(tools.GETS, options):
        attempt(name, lambda name=name: got(stage, options, name))


def got(stage: Any, options: Any, name: str) -> str:
    found = defaultdict(list)
    with stage.child("get", name) as child:
        ways = ("tagged", "plain", "again")
        blocks = {way: lambda way=way: child.ask("block", way=way, count=64) for way in ways}
        for _ in rounds(options.seconds):
            took = in_any_order(blocks)
            for what in ("cpu", "wall"):
                base = (took["plain"][what] + took["again"][what]) / 2
                found[what].append(took["tagged"][what] / base)
            found["plain"].append(took["plain"]["cpu"])
            found["control"].append(took["plain"]["cpu"] / took["again"]["cpu"])
            found["reads"].append(took["tagged"]["reads"])
    reads = f"  {middle(found['reads']):.2f}" if name == "redis" else ""
    return (
        f"{middle(found['plain']) * 1e6:6.0f} us{judged(middle(found['cpu']), 1.15)}"
        f"{middle(found['control']):8.3f}{middle(found['wall']):8.3f}{reads}"
    )


# --- misses -----------------------------------------------------------------------------------


def misses(stage: Any, options: Any) -> None:
    print("\nmiss of that page, CPU per request: each request asks for a page of its own")
    print(
        f"{'':28}{'':>9}{'/untouched':>12}{'/undecorated in the same process':>36}"
        f"{'budget':>8}{'':8}{'A/A':>8}"
    )
    numbers = count(1, 100)
    with stage.child("pages", "no tool") as base:
        for name in wanted(tools.MISSES, options):
            attempt(name, lambda name=name: missed(stage, options, name, base, numbers))


def missed(stage: Any, options: Any, name: str, base: Child, numbers: Iterator[int]) -> str:
    found = defaultdict(list)
    with stage.child("pages", name) as child:
        given = {"base": (base, "plain"), "plain": (child, "plain")}
        given |= {"again": (child, "plain"), "page": (child, "page")}
        blocks = {key: fresh_block(*one, numbers) for key, one in given.items()}
        in_any_order(blocks)
        for _ in rounds(options.seconds):
            took = in_any_order(blocks)
            found["seconds"].append(took["page"])
            found["base"].append(took["page"] / took["base"])
            found["same"].append(took["page"] * 2 / (took["plain"] + took["again"]))
            found["control"].append(took["plain"] / took["again"])
    told = {key: middle(values) for key, values in found.items()}
    budget = 1.05 if name.startswith("unhurried") else None
    return (
        f"{told['seconds'] * 1e6:6.0f} us{told['base']:12.3f}{'':26}"
        f"{judged(told['same'], budget)}{told['control']:8.3f}"
    )


def fresh_block(child: Child, page: str, numbers: Iterator[int]) -> Callable[[], float]:
    return lambda: child.ask("block", url=f"/{page}/{{}}/", first=next(numbers), count=9)


# --- crowds -----------------------------------------------------------------------------------


def crowd(stage: Any, options: Any) -> None:
    print(f"\n{options.readers} readers at once over {PROCESSES} processes: computations, of 1 s")
    print(f"{'':28}{'cold':>8}{'after a write':>15}{'budget':>8}   slowest; read after the write")
    for name in wanted(tools.CROWDS, options):
        attempt(name, lambda name=name: crowded(stage, options, name))


def crowded(stage: Any, options: Any, name: str) -> str:
    """A computation leaves a byte in a file of the place that the processes share."""
    with stage.place() as place, contextlib.ExitStack() as stack:
        log = Path(place.folder) / "computed"
        children = [Child("crowd", name, place) for _ in range(PROCESSES)]
        for child in children:
            stack.enter_context(child)
        cold, first = rush(children, options.readers, log)
        children[0].ask("write", name="NEW")
        more, then = rush(children, options.readers, log)
    return line_of_crowd(name, cold, more, first, then)


def line_of_crowd(name: str, cold: int, more: int, first: Told, then: Told) -> str:
    ours = name.startswith("unhurried")
    limit = f"{'1 + 1' if ours else '':>8}"
    verdict = "  MISSED" if ours and (cold, more) != (1, 1) else ""
    slowest = max(first["seconds"] + then["seconds"])
    read = ", ".join(sorted({value[:16].split(" with ")[0] for value in then["values"]}))
    lost = len(first["waiting"]) + len(then["waiting"])
    waiting = f"; {lost} readers still wait" if lost else ""
    return f"{cold:8}{more:15}{limit}   {slowest:.2f} s, {read}{waiting}{verdict}"


def rush(children: list[Child], readers: int, log: Path) -> tuple[int, Told]:
    """How often it was computed, and what the readers tell."""
    before = log.stat().st_size if log.exists() else 0
    for what, given in (("arm", {"count": readers // len(children)}), ("go", {})):
        for child in children:
            child.tell(what, **given)
        told = [child.hear() for child in children]
    merged = {key: [one for each in told for one in each[key]] for key in told[0]}
    return (log.stat().st_size if log.exists() else 0) - before, merged


# --- writes -----------------------------------------------------------------------------------


def writes(stage: Any, options: Any) -> None:
    print(f"\nsave() of a row that {options.entries} entries depend on / that none does")
    print(
        f"{'':28}{'CPU, none':>11}{'many':>11}{'wall, none':>12}{'many':>11}{'many / none':>12}"
        f"{'budget':>8}{'A/A':>16}  Redis' CPU"
    )
    for name in wanted(tools.WRITERS, options):
        attempt(name, lambda name=name: written(stage, options, name))


def written(stage: Any, options: Any, name: str) -> str:
    many = options.entries if name != "no tool" else 0
    # A write of cacheops deletes its entries; nobody else's knows of any, so valid ones are rare.
    every = 1 if name.startswith("cacheops") else 500
    found = defaultdict(list)
    with stage.child("writes", name) as child:
        tables = ("many", "none", "again")
        blocks = {table: lambda table=table: child.ask("write", table=table) for table in tables}
        child.ask("fill", count=many)
        for number in rounds(options.seconds, at_least=5):
            if number % every == every - 1:
                child.ask("fill", count=many)
            child.ask("write", table="warm")
            note(found, in_any_order(blocks))
        right = child.ask("right")
    told = {key: middle(values) for key, values in found.items()}
    return line_of_writes(name, told) + ("" if right else "  OLD AFTER IT")


def note(found: dict[str, list[float]], took: dict[str, dict[str, float]]) -> None:
    for table in ("many", "none"):
        for what, value in took[table].items():
            found[f"{what} {table}"].append(value)
    base = (took["none"]["wall"] + took["again"]["wall"]) / 2
    found["ratio"].append(took["many"]["wall"] / base)
    found["control"].append(took["none"]["wall"] / took["again"]["wall"])


def line_of_writes(name: str, told: dict[str, float]) -> str:
    us = {key: f"{value * 1e6:.0f} us" for key, value in told.items()}
    budget = 1.05 if name.startswith("unhurried") else None
    return (
        f"{us['cpu none']:>11}{us['cpu many']:>11}{us['wall none']:>12}{us['wall many']:>11}"
        f"{told['ratio']:12.3f}{judged(told['ratio'], budget)[10:]}{told['control']:8.3f}"
        f"{us['server many']:>12}"
    )
