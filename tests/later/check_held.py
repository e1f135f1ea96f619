"""Deferred writes beside rows that others hold, on PostgreSQL; run by test_later_postgres."""

from __future__ import annotations

import threading

import pytest
from django.db import connections, transaction
from django.db.models import F

from unhurried.later import _drain, later
from unhurried.later.reading import paused

from .inbox.models import Message
from .outbox import drained_once, due_now, messages, reasons


@pytest.mark.django_db(transaction=True)
def test_one_that_is_only_held_is_not_buried_with_one_that_is_refused() -> None:
    _drain.install()
    [held], [refused] = messages(1), messages(1, views=900)  # below 1000, says the database
    both = Message.everything.filter(pk__in=[held.pk, refused.pk])
    with paused():  # nobody but us applies it
        later(both).update(views=F("views") + 500)
        drain_beside_a_holder(held)
        held.refresh_from_db(from_queryset=Message.everything.all())
        assert (held.views, reasons()) == (500, [])
        for _ in range(2):
            due_now()
            drained_once()
    assert len(reasons()) == 1


def drain_beside_a_holder(held: Message) -> None:
    """Three times while another holds the row, and then once more."""
    locked, free = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Message.everything.select_for_update().filter(pk=held.pk))
            locked.set()
            free.wait(30)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    try:
        for _ in range(3):
            due_now()
            drained_once()
    finally:
        free.set()
        holder.join()
    due_now()
    drained_once()
