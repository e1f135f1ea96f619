"""The relations and functions a statement names, by where in it they stand.

No grammar: a name is a relation wherever one may stand, so what comes out is a superset. A column
behind ``EXTRACT(… FROM`` or a common table's name among the tables costs a token, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ._words import is_word, parts_of

#: Behind these a relation may stand.
_OPENING: Final = frozenset({"from", "join", "into", "update", "using", "table", "truncate"})
#: These may stand between, and leave us waiting for it.
_BETWEEN: Final = frozenset({"only", "lateral", "if", "exists", "not", "ignore", "as"})
#: From here on a comma separates no relations.
_CLOSING: Final = frozenset(
    "select where group order having limit offset set returning values window for union intersect "
    "except on when do fetch".split()
)
#: Before a name in front of a bracket, which is no call then: ``WITH name(columns) AS``.
_NO_CALL: Final = ("into", "with", "recursive")
#: UPDATE and DELETE behind these are no statements: FOR UPDATE, ON DELETE, DO UPDATE …
_NO_VERB: Final = frozenset({"for", "on", "do", "then", "key", "of", "before", "after", "or"})
_OR_ACTIONS: Final = frozenset({"abort", "fail", "ignore", "replace", "rollback"})
#: Words that stand before a parenthesis and are no functions.
SYNTAX: Final = frozenset(
    "abs all and any array as asc between bigint bit by case cast char character coalesce "
    "collate conflict cross cube current decimal desc distinct do double else end escape "
    "except excluded exists extract filter float for from full generated greatest group "
    "grouping having if ilike in index inner insert integer intersect interval into is isnull "
    "join key lateral least left like limit materialized natural normalize not notnull null "
    "nullif numeric of offset on or order outer over overlay partition position precision "
    "primary range recursive references replace returning right rollup row rows select set "
    "sets similar some substring table text then time timestamp to treat trim truncate union "
    "unique update using values varchar varying when where window with within without work "
    "xmlconcat xmlelement xmlforest xmlparse".split()
)


@dataclass(slots=True)
class Named:
    """What was found; ``written`` is what INSERT, UPDATE, DELETE and their like aim at."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    into: bool = False  # SELECT … INTO makes a table


class _Walk:
    def __init__(self, words: list[str], verb: str) -> None:
        self.words, self.verb = words, verb
        self.found = Named()
        self.depths = [False]  # whether a comma separates relations, by parenthesis
        self.waiting = self.aiming = False

    def run(self) -> Named:
        at = 0
        while at < len(self.words) and self.words[at]:
            at = self.step(at)
        return self.found

    def step(self, at: int) -> int:
        word = self.words[at]
        if word == "(":
            self.depths.append(self.waiting)
        elif word == ")":
            self.depths = self.depths[:-1] or [False]
            self.waiting = False
        elif word == ",":
            self.waiting = self.depths[-1]
        elif word[0] == '"' or is_word(word):
            return self.named(at)
        return at + 1

    def named(self, at: int) -> int:
        word, before, behind = self.words[at], self.words[at - 1] if at else "", self.words[at + 1]
        if before == "." and behind == "(":  # whatever it is called: no syntax has a schema
            self.found.calls.add(_plain(word))
        elif word in _OPENING:
            self.open(word, before)
        elif word in _CLOSING:
            self.depths[-1] = self.depths[-1] and word in ("on", "when")
            self.waiting = False
        elif word in ("delete", "merge", "insert", "replace") and behind != "(":
            self.aiming = before not in _NO_VERB or (self.aiming and word == "replace")
        elif self.waiting and not (word in _BETWEEN or (before == "or" and word in _OR_ACTIONS)):
            if word != "or":
                return self.relation(at)
        elif behind == "(" and word not in SYNTAX and before not in _NO_CALL:
            self.found.calls.add(_plain(word))
        return at + 1

    def open(self, word: str, before: str) -> None:
        if word == "update":
            if before in _NO_VERB and before != "or":
                return
            self.aiming = True
        if word == "truncate":
            self.aiming = True
        if word == "into" and self.verb in ("select", "with") and not self.aiming:
            self.aiming = self.found.into = True
        self.waiting = True
        self.depths[-1] = word in ("from", "using", "join", "truncate", "table")

    def relation(self, at: int) -> int:
        """Take the name, qualified or not, that begins here; where to go on."""
        parts = _parts(self.words[at])
        at += 1
        while self.words[at] == "." and self.words[at + 1]:
            parts += _parts(self.words[at + 1])
            at += 2
        name = ".".join(parts[-2:])
        if self.words[at] == "(" and not self.aiming and self.verb != "insert":
            self.found.calls.add(parts[-1].lower())
        elif self.aiming:
            self.found.written.add(name)
        else:
            self.found.read.add(name)
        if not (self.aiming and self.verb in ("truncate", "drop")):
            self.aiming = False
        self.waiting = False
        return at


def _parts(word: str) -> list[str]:
    return parts_of(word) if word[0] == '"' else [word]


def _plain(word: str) -> str:
    return _parts(word)[-1].lower()


def named(words: list[str], verb: str) -> Named:
    """All relations and functions of one statement."""
    return _Walk([*words, "", "", ""], verb).run()
