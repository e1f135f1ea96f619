"""What was looked at and is not in the key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Literal

from django.conf import settings

from ._names import of_header

Choice = str | Callable[[Any], Any]

#: In the key of every page. Of the query: a parameter that is not declared sends the request past
#: the cache, so that each page that is kept was made without any.
#: Authorization and Range do the same; the encoding is chosen anew for each who asks.
IN_EACH_PAGE: Final = frozenset(
    {"path", "host", "scheme", "method", "query"}
    | {"header:Authorization", "header:Range", "header:Accept-Encoding"}
)
#: No callable proves these: it says one thing of them, and the page may say any other.
_WHOLES: Final = frozenset(
    {"user", "session", "messages", "csrf", "nonce", "headers", "cookies", "body", "request"}
)


def unproven(
    touched: Mapping[str, str],
    *,
    audience: Choice = "all",
    vary: Iterable[Choice] = (),
    allowed: Collection[str] = (),
    kind: Literal["page", "fragment"] = "page",
) -> dict[str, str]:
    """Of ``touched`` (input: line of the first look), what the key does not hold; empty: shareable.

    ``audience`` and ``vary`` are as ``cached_page`` takes them. A callable among them proves what
    it looked at itself, ``allowed``, if that is one value: ``user:is_staff``, ``header:Dnt``,
    ``cookie:theme``, ``session:plan``, ``attr:tenant``. Who looks at ``user.is_staff`` to tell two
    pages apart has not said that either may greet the user by name; so a look at the user, the
    session, the headers or the cookies as such stays unproven. What the value is made to be is the
    callable's promise: it must differ wherever the page may.

    Messages, CSRF tokens and nonces are proven by nothing: each look gives another, or takes it.
    The key of a ``fragment`` holds its arguments, language and time zone, and nothing of a page's.
    """
    known = {each for choice in (audience, *vary) for each in _held_by(choice)}
    known |= {each for each in allowed if each not in _WHOLES}
    if kind == "page":
        known |= IN_EACH_PAGE
    return {name: line for name, line in touched.items() if not _is_known(name, known)}


def _held_by(choice: Choice) -> Iterable[str]:
    """The inputs that a word of ``audience`` or ``vary`` puts into the key."""
    if not isinstance(choice, str):
        return ()
    if choice == "session":
        return "session", "user", f"cookie:{settings.SESSION_COOKIE_NAME}"
    if choice.startswith("header:"):
        return (of_header(choice.removeprefix("header:")),)
    return (choice,)


def _is_known(name: str, known: Collection[str]) -> bool:
    """``user`` in the key proves ``user:is_staff`` too."""
    whole = name.partition(":")[0]
    return name in known or (whole in ("user", "session") and whole in known)


def way_out(name: str, kind: str = "page") -> str:
    """What to do about an input that is not in the key of such a thing, in a sentence."""
    whole, _, part = name.partition(":")
    if kind == "fragment" and whole in _OF_PAGES:
        return _OF_PARTS
    if part.startswith("self."):
        return "cached_page(…)(….as_view()), around the whole view, sees how it is made."
    if whole == "attr":
        return (
            f"A middleware sets request.{part}: cached_page(…, vary=[lambda request: …]) puts what "
            "the page takes from it into the key."
        )
    return _WAYS.get(whole, "").format(name=name) or f'cached_page(…, vary=["{name}"]) adds it.'


#: What a part of a template has no options for.
_OF_PAGES: Final = frozenset(
    {"attr", "cookie", "cookies", "header", "headers", "meta", "session", "user"}
)
_OF_PARTS: Final = (
    "{% phased with user %} around what is one reader's makes it for each; "
    'a @fragment has audience="user".'
)
_WAYS: Final = {
    "user": 'cached_page(…, audience="user") keeps a page for each; or take it out of the page.',
    "session": 'cached_page(…, audience="session") keeps a page for each; or take it out.',
    "messages": "Messages are shown once, to one: {{% phased with messages %}} around them.",
    "csrf": "A token that stands on a page is put in for each; nothing else can be made of it.",
    "nonce": "A nonce that stands on a page is put in for each; nothing else can be made of it.",
    "headers": 'Ask for one header by its name: cached_page(…, vary=["header:Accept"]) adds it.',
    "cookies": 'Ask for one cookie by its name: cached_page(…, vary=["cookie:theme"]) adds it.',
    "meta": "cached_page(…, vary=[lambda request: …]) adds what the page takes from it.",
    "request": "Give what the page needs of the request, not the whole of it.",
    "body": "A page that is made from what was sent can't be kept.",
    "query": "A part that is kept is not told apart by the query: make it an argument of the tag.",
    "path": "A part that is kept is not told apart by the address: make it an argument of the tag.",
}
