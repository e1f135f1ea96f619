"""The inbox's tasks, and what they were called with."""

from __future__ import annotations

from typing import Any

from unhurried.later import task

from .models import Message, Ticket

calls: list[Any] = []


@task
def mark_received(message_ids: Any) -> None:
    """Slide 40's."""
    calls.append(message_ids)
    Message.objects.filter(pk__in=message_ids).update(received=True)


@task
def note(*args: Any, **kwargs: Any) -> None:
    calls.append((args, kwargs))


@task(attempts=1)
def once(*args: Any) -> None:
    calls.append(args)


@task(lane="mail", attempts=3)
def fails(text: str = "") -> None:
    calls.append(text)
    raise ValueError(f"no mail for {text}")


@task(unique=True)
def digest(user: int) -> None:
    calls.append(user)


@task(atomic=True)
def count(pk: int, *, fail: bool = False) -> None:
    message = Message.objects.get(pk=pk)
    message.views += 1
    message.save()
    if fail:
        raise ValueError("after it was written")


@task
async def waits(text: str) -> None:
    calls.append(text)


@task(name="prove", atomic=True)
def prove(title: str) -> None:
    """Its name does not say where it is."""
    Ticket.objects.create(title=title)


@task
def again(times: int) -> None:
    calls.append(times)
    if times:
        again.delay(times - 1)
