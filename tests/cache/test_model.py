"""The token protocol, exhaustively: every order of the steps of two writers and a reader.

A writer may die after COMMIT or roll back; the reader computes and stores twice; the cache server
may expire a token whose deadline is over, and evict one at any time. A protocol is wrong if
an entry is valid that is older than what a writer has returned from having written, or
if in the end, nobody being under way and no deadline pending, one is valid that differs at all.

Protocols known to be wrong must be found wrong by the same explorer, else it explores too little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

READS = 2

# Where a writer stands.
BEFORE, TOUCHED, COMMITTED, RENEWED, DONE = range(5)


@dataclass(frozen=True, slots=True)
class State:
    """All there is. Values are numbers, and each new one is another."""

    token: int | None = None
    pends: bool = False  # the token has a timeout
    intent: int | None = None  # of the older design: which writer says that it is about to commit
    fresh: int = 1  # the next random token
    data: int = 0
    wrote: tuple[int, int] = (0, 0)  # the data as each writer left it
    told: int = 0  # the newest data whose writer has returned
    writers: tuple[int, int] = (BEFORE, BEFORE)
    held: tuple[int | None, int | None] = (None, None)  # what a writer has read to write it back
    read_token: int | None = None
    read_data: int | None = None
    entry: tuple[int, int] | None = None  # (token, data)
    stored: int = 0
    evicted: bool = False

    def writer(self, number: int, at: int, **changes: object) -> State:
        places = tuple(at if i == number else place for i, place in enumerate(self.writers))
        return replace(self, writers=places, **changes)

    def left_by(self, number: int) -> State:
        wrote = tuple(self.data if i == number else data for i, data in enumerate(self.wrote))
        return replace(self, wrote=wrote)

    def returned(self, number: int) -> State:
        if self.writers[number] != DONE:
            return self
        return replace(self, told=max(self.told, self.wrote[number]))

    def renewed(self, *, pends: bool) -> dict[str, object]:
        return {"token": self.fresh, "fresh": self.fresh + 1, "pends": pends}


Step = tuple[str, State]


class Protocol:
    """Ours: touch before COMMIT, a new token with a timeout after it, whatever its outcome."""

    renewed_pends = True
    renews_after_rollback = True

    def announce(self, state: State, me: int) -> State:
        """Just before COMMIT: touch the token, add it if it is absent."""
        if state.token is None:
            return state.writer(me, TOUCHED, **state.renewed(pends=True))
        return state.writer(me, TOUCHED, pends=True)

    def renew(self, state: State, me: int) -> State:
        return state.writer(me, DONE, **state.renewed(pends=self.renewed_pends))

    def conclude(self, state: State, me: int) -> State:
        raise AssertionError("there is nothing left to do")

    def rolled_back(self, state: State, me: int) -> State:
        return state.writer(me, COMMITTED if self.renews_after_rollback else DONE)

    def overdue(self, state: State) -> Iterator[Step]:
        """The deadline is over: that of a writer who is about to commit is longer than that."""
        if state.pends and TOUCHED not in state.writers:
            yield "the token expires", replace(state, token=None, pends=False)

    def settled(self, state: State) -> bool:
        return not state.pends


class RollbackUntold(Protocol):
    """A rollback has changed nothing, so nobody need be told."""

    renews_after_rollback = False


class TimeoutCleared(Protocol):
    """After COMMIT the timeout has served its purpose, so a token without one is set."""

    renewed_pends = False


class Embedded(Protocol):
    """The table: what pends is kept apart from the token, and outlasts a renewal as it is."""

    def renew(self, state: State, me: int) -> State:
        return state.writer(me, DONE, **state.renewed(pends=state.pends))

    def overdue(self, state: State) -> Iterator[Step]:
        if state.pends and TOUCHED not in state.writers:
            yield "the token expires", replace(state, **state.renewed(pends=False))


class WriteBack(Protocol):
    """Touching by reading the token and setting it again, with a timeout."""

    def announce(self, state: State, me: int) -> State:
        if state.token is None:
            return super().announce(state, me)
        if state.held[me] is None:
            held = tuple(state.token if i == me else had for i, had in enumerate(state.held))
            return replace(state, held=held)
        return state.writer(me, TOUCHED, token=state.held[me], pends=True)


class IntentKey(Protocol):
    """A key says who is about to commit; a reader who finds it overdue renews for the dead."""

    def announce(self, state: State, me: int) -> State:
        return state.writer(me, TOUCHED, intent=me)

    def renew(self, state: State, me: int) -> State:
        return state.writer(me, RENEWED, **state.renewed(pends=False))

    def conclude(self, state: State, me: int) -> State:
        return state.writer(me, DONE, intent=None)

    def rolled_back(self, state: State, me: int) -> State:
        return state.writer(me, DONE, intent=None)

    def overdue(self, state: State) -> Iterator[Step]:
        if state.intent is not None and state.writers[state.intent] >= COMMITTED:
            yield "a reader renews", replace(state, intent=None, **state.renewed(pends=False))

    def settled(self, state: State) -> bool:
        return state.intent is None


class RenewBefore(Protocol):
    """As the packages do: invalidate, then commit."""

    def announce(self, state: State, me: int) -> State:
        return state.writer(me, TOUCHED, **state.renewed(pends=False))

    def renew(self, state: State, me: int) -> State:
        return state.writer(me, DONE)


class NoTouch(Protocol):
    """Renewing after COMMIT alone: who is killed in between has told nobody."""

    def announce(self, state: State, me: int) -> State:
        return state.writer(me, TOUCHED)


@dataclass(frozen=True)
class World:
    """What else may happen."""

    rollback: bool = False
    eviction: bool = False
    death: bool = True
    token_first: bool = True  # the reader asks for the token before it reads the data


def steps(protocol: Protocol, world: World, state: State) -> Iterator[Step]:
    for me in (0, 1):
        yield from writes(protocol, world, state, me)
    yield from protocol.overdue(state)
    if world.eviction and not state.evicted and state.token is not None:
        yield "the token is evicted", replace(state, token=None, pends=False, evicted=True)
    yield from reads(world, state)


def writes(protocol: Protocol, world: World, state: State, me: int) -> Iterator[Step]:
    match state.writers[me]:
        case 0:
            yield f"{me} announces", protocol.announce(state, me)
        case 1:
            yield f"{me} commits", state.writer(me, COMMITTED, data=state.data + 1).left_by(me)
            if world.rollback:
                yield f"{me} rolls back", protocol.rolled_back(state, me)
        case 2:
            yield f"{me} renews", protocol.renew(state, me).returned(me)
            if world.death:
                yield f"{me} is killed", state.writer(me, DONE)
        case 3:
            yield f"{me} concludes", protocol.conclude(state, me).returned(me)


def reads(world: World, state: State) -> Iterator[Step]:
    if state.stored == READS:
        return
    if state.read_token is None and (world.token_first or state.read_data is not None):
        if state.token is None:
            added = replace(state, **state.renewed(pends=False))
            yield "the reader adds a token", replace(added, read_token=added.token)
        else:
            yield "the reader has the token", replace(state, read_token=state.token)
    if state.read_data is None and (state.read_token is not None or not world.token_first):
        yield "the reader selects", replace(state, read_data=state.data)
    if state.read_token is not None and state.read_data is not None:
        entry = state.read_token, state.read_data
        done = {"read_token": None, "read_data": None, "stored": state.stored + 1}
        yield "the reader stores", replace(state, entry=entry, **done)


def is_stale(protocol: Protocol, state: State) -> bool:
    if state.entry is None or state.entry[0] != state.token:
        return False
    quiet = state.writers == (DONE, DONE) and state.read_token is None and state.read_data is None
    for_ever = quiet and protocol.settled(state) and state.entry[1] != state.data
    return for_ever or state.entry[1] < state.told


def explore(protocol: Protocol, world: World) -> tuple[int, list[str]]:
    """(states, the shortest way to a stale entry, or [])."""
    came: dict[State, tuple[State, str] | None] = {State(): None}
    todo = [State()]
    for state in todo:  # grows while it is walked: breadth first, so the way found is a shortest
        if is_stale(protocol, state):
            return len(came), way(came, state)
        for name, after in steps(protocol, world, state):
            if after not in came:
                came[after] = state, name
                todo.append(after)
    return len(came), []


def way(came: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    taken: list[str] = []
    while (before := came[state]) is not None:
        state, name = before
        taken.append(name)
    return taken[::-1]


RIGHT = [Protocol(), Embedded()]


def name_of(value: object) -> str:
    return type(value).__name__ if isinstance(value, Protocol) else str(value)


@pytest.mark.parametrize("rollback", [False, True])
@pytest.mark.parametrize("protocol", RIGHT, ids=name_of)
def test_the_protocol_is_right(protocol, rollback):
    states, stale = explore(protocol, World(rollback))
    assert stale == []
    assert states > 1000


def test_what_it_leaves_to_the_hard_ttl_is_an_eviction_before_commit_and_then_a_kill():
    """Between touch and COMMIT the server forgets the token, and the writer can't renew it."""
    _, stale = explore(Protocol(), World(eviction=True))
    evicted = stale.index("the token is evicted")
    killed = next(i for i, step in enumerate(stale) if step.endswith("is killed"))
    victim = stale[killed][0]
    assert stale.index(f"{victim} announces") < evicted < stale.index(f"{victim} commits") < killed


@pytest.mark.parametrize("rollback", [False, True])
def test_it_is_right_under_eviction_while_nobody_is_killed(rollback):
    states, stale = explore(Protocol(), World(rollback, eviction=True, death=False))
    assert stale == []
    assert states > 1000


def test_a_sure_rollback_need_not_be_told_of():
    assert explore(RollbackUntold(), World(rollback=True))[1] == []


@pytest.mark.parametrize(
    ("protocol", "world"),
    [
        (TimeoutCleared(), World()),
        (IntentKey(), World()),
        (IntentKey(), World(rollback=True)),
        (WriteBack(), World(death=False)),
        (RenewBefore(), World(death=False)),
        (NoTouch(), World()),
        (Protocol(), World(death=False, token_first=False)),
    ],
    ids=name_of,
)
def test_what_is_known_to_be_wrong_is_found_wrong(protocol, world):
    _, stale = explore(protocol, world)
    assert stale, "the explorer does not explore enough"
