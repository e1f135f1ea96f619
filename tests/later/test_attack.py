"""Promises of ``docs/rules/later.md``, attacked: each test says what should be, and was not."""

# ruff: noqa: DJ008

from __future__ import annotations

import datetime
import enum
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connections, models, router, transaction
from django.db.models import Count, F, Q, Value, Window
from django.db.models.functions import Lower, RowNumber
from django.db.models.signals import pre_delete

from unhurried.later import LaterError, Tally, later, task
from unhurried.later._ending import ending
from unhurried.later._outbox._clock import in_seconds
from unhurried.later._writing import _later
from unhurried.later.models import Waiting

from .inbox import tasks
from .inbox.models import Child, Folder, Message, Parent, Ticket
from .outbox import drained, drained_once, due_now, messages, reasons, statements, waiting

pytestmark = pytest.mark.django_db


class Shown(models.Manager["Odd"]):
    def get_queryset(self) -> models.QuerySet[Odd]:
        return super().get_queryset().filter(hidden=False)


class Odd(models.Model):
    """A nullable JSON, and a base manager that hides rows."""

    hidden = models.BooleanField(default=False)
    views = models.IntegerField(default=0)
    data = models.JSONField(null=True, default=dict)

    objects = Shown()
    everything: models.Manager[Odd] = models.Manager()

    class Meta:
        app_label = "inbox"
        base_manager_name = "objects"


class Sized(models.Model):
    """A column that the database makes."""

    name = models.CharField(max_length=20)
    small = models.GeneratedField(
        expression=Lower("name"), output_field=models.CharField(max_length=20), db_persist=True
    )

    class Meta:
        app_label = "inbox"


class Dated(models.Model):
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "inbox"


class DatedChild(Dated):
    name = models.CharField(max_length=20)

    class Meta:
        app_label = "inbox"


class Soft(models.QuerySet["Kept"]):
    def delete(self) -> tuple[int, dict[str, int]]:
        return self.update(gone=True), {}


class Kept(models.Model):
    """Whose rows are never really deleted."""

    gone = models.BooleanField(default=False)

    objects: ClassVar[Any] = Soft.as_manager()

    class Meta:
        app_label = "inbox"


class Pair(models.Model):
    pk = models.CompositePrimaryKey("left", "right")
    left = models.IntegerField()
    right = models.IntegerField()

    class Meta:
        app_label = "inbox"


class Color(str, enum.Enum):  # noqa: UP042  (a StrEnum tells its value)
    RED = "red"


@task
def quits() -> None:
    raise SystemExit(1)


@task(attempts=1)
def mumbles() -> None:
    raise ValueError("\ud800")


@task(atomic=True)
def swallows() -> None:
    Message.objects.update(views=7)
    try:
        Message.objects.update(views=5000)
    except IntegrityError:
        pass


# Wrong rows


def test_a_slice_with_a_predicate_does_not_write_to_all_rows() -> None:
    messages(5)
    rows = Message.objects.order_by("pk")[:2]
    try:
        later(rows, predicate=True).update(views=F("views") + 1)
    except (LaterError, TypeError):
        return
    drained()
    assert list(Message.objects.order_by("pk").values_list("views", flat=True)) == [1, 1, 0, 0, 0]


def test_the_guard_does_not_change_which_rows_a_window_chooses() -> None:
    rows = messages(4)
    Message.objects.filter(pk=rows[0].pk).update(received=True)
    first_two = Message.objects.annotate(n=Window(RowNumber(), order_by="pk")).filter(n__lte=2)
    later(first_two).update(received=True)
    drained()
    found = list(Message.objects.order_by("pk").values_list("received", flat=True))
    assert found == [True, True, False, False]


def test_rows_related_to_an_instance_are_written_to_in_its_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connections.settings, "other", dict(connections.settings["default"]))
    folder = Folder.objects.create(name="work")
    folder._state.db = "other"  # as one that was loaded from there
    rows = folder.message_set.all()
    written_to = router.db_for_write(Message, **rows._hints)  # type: ignore[attr-defined]
    found = later(rows)._alias
    if hasattr(connections._connections, "other"):
        del connections["other"]
    assert (found, written_to) == ("other", "other")


def test_a_soft_delete_stays_soft() -> None:
    row = Kept.objects.create()
    try:
        later(Kept.objects.all()).delete()
    except LaterError:
        pass
    drained()
    assert Kept.objects.filter(pk=row.pk).exists()


# Order


def test_what_was_cut_in_two_and_put_off_is_not_overtaken() -> None:
    rows = messages(2)
    first = Message.objects.filter(pk=rows[0].pk)
    first.update(views=999)
    later(Message.objects.all()).update(views=F("views") + 1, text="old")  # refused for the first
    later(first).update(text="new")
    for _ in range(2):
        drained_once()
    first.update(views=0)  # now it can be done
    due_now()
    drained()
    found = [(row.views, row.text) for row in Message.objects.order_by("pk")]
    assert found == [(1, "new"), (1, "old")]


def test_a_row_of_two_tables_is_written_in_order() -> None:
    child = Child.objects.create(name="before", toy="bear")
    later(Child.objects.all()).update(toy="car")
    later(Parent.objects.all()).update(name="first")
    later(Child.objects.all()).update(name="second")
    drained()
    child.refresh_from_db()
    assert child.name == "second"


def test_what_waits_for_the_parents_row_is_known_to_the_childs() -> None:
    child = Child.objects.create(name="before", toy="bear")
    later(Parent.objects.all()).update(name="first")
    later(Child.objects.all()).update(name="before")
    drained()
    child.refresh_from_db()
    assert child.name == "before"


def test_a_created_key_does_not_overtake_its_deletion_that_was_put_off() -> None:
    ticket = Ticket.objects.create(title="old")
    later(Ticket.objects.all()).delete()
    Waiting.objects.update(due=in_seconds(60))
    later(Ticket).create(id=ticket.pk, title="new")
    for _ in range(3):
        drained_once()
        Waiting.objects.filter(kind="create").update(due=in_seconds(-1))
    due_now()
    drained()
    assert reasons() == []
    assert Ticket.objects.get().title == "new"


def test_many_writes_that_wait_for_one_row_do_not_stop_the_others() -> None:
    rows = messages(2)
    body = json.dumps({"pk": [rows[0].pk], "add": {"views": 1}})
    one = {"lane": "inbox.Message", "target": "inbox.Message", "kind": "update", "body": body}
    Waiting.objects.bulk_create(Waiting(**one) for _ in range(500))
    first = Waiting.objects.order_by("id").values("id")[:1]
    Waiting.objects.filter(id__in=first).update(due=in_seconds(60))  # as if it were locked
    later(Message.objects.filter(pk=rows[1].pk)).update(views=5)
    drained_once()
    assert Message.objects.get(pk=rows[1].pk).views == 5


# Writes that are lost


def test_after_a_rollback_the_same_call_is_no_repetition() -> None:
    messages(1)
    loaded = Message.objects.all()
    list(loaded)
    with transaction.atomic():
        later(loaded).update(received=True)
        transaction.set_rollback(True)
    later(loaded).update(received=True)
    drained()
    assert Message.objects.get().received


def test_a_loaded_row_is_not_right_while_a_predicate_waits() -> None:
    messages(1, received=True)
    loaded = Message.objects.all()
    list(loaded)
    later(Message.objects.filter(views=0), predicate=True).update(received=False)
    later(loaded).update(received=True)
    drained()
    assert Message.objects.get().received


def test_a_base_manager_that_hides_rows_hides_none_from_the_drain() -> None:
    Odd.everything.create(hidden=True)
    assert later(Odd.everything.all()).update(views=1) == 1
    drained()
    assert Odd.everything.get().views == 1


def test_nor_from_a_tally_nor_from_a_task() -> None:
    row = Odd.everything.create(hidden=True)
    views = Tally(Odd, "views")
    views.add(row, 3)
    views.flush()
    assert views.value(row) == Odd.everything.get().views == 3
    tasks.calls.clear()
    tasks.note.delay(row)
    drained()
    assert tasks.calls == [((row,), {})]


@contextmanager
def refused(error: Exception) -> Iterator[None]:
    def receive(sender: Any, **kwargs: Any) -> None:
        raise error

    pre_delete.connect(receive, sender=Folder)
    try:
        yield
    finally:
        pre_delete.disconnect(receive, sender=Folder)


def test_a_receiver_that_finds_no_service_stops_no_other_lane() -> None:
    Folder.objects.create(name="work")
    messages(1)
    later(Folder.objects.all()).delete()
    later(Message.objects.all()).update(views=1)
    with refused(ConnectionRefusedError("the search engine is away")):
        for _ in range(3):
            try:
                drained_once()
            except OSError:
                pass
    assert Message.objects.get().views == 1


# Wrong values


def test_json_null_is_written_as_such() -> None:
    messages(1, data={"a": 1})
    try:
        later(Message.objects.all()).update(data=Value(None, models.JSONField()))
    except LaterError:
        return
    for _ in range(3):
        drained()
        due_now()
    assert reasons() == []
    assert Message.objects.filter(data=Value(None, models.JSONField())).exists()


def test_none_is_sql_null_in_a_case_too() -> None:
    rows = [Odd.objects.create() for _ in range(5)]
    for n, row in enumerate(rows):
        later(Odd.objects.filter(pk=row.pk)).update(data=None if n == 0 else {"n": n})
    drained()
    assert Odd.objects.filter(data__isnull=True).count() == 1


def test_a_text_that_is_an_enums_is_its_value() -> None:
    rows = messages(2)
    Message.objects.filter(pk=rows[0].pk).update(text=Color.RED)  # Django's own
    later(Message.objects.filter(pk=rows[1].pk)).update(text=Color.RED)
    drained()
    assert list(Message.objects.order_by("pk").values_list("text", flat=True)) == ["red", "red"]


def test_an_instance_that_is_not_saved_is_no_null() -> None:
    messages(1, folder=Folder.objects.create(name="work"))
    with pytest.raises(ValueError, match=r"[Uu]nsaved"), transaction.atomic():
        Message.objects.update(folder=Folder(name="new"))
    with pytest.raises((ValueError, LaterError)):
        later(Message.objects.all()).update(folder=Folder(name="new"))


def test_nor_is_it_in_a_row_that_is_created() -> None:
    with pytest.raises(ValueError, match="unsaved"), transaction.atomic():
        Message.objects.create(text="a", folder=Folder(name="new"))
    with pytest.raises((ValueError, LaterError)):
        later(Message).create(text="a", folder=Folder(name="new"))


def test_a_child_is_made_when_it_was_asked_for() -> None:
    made = later(DatedChild).create(name="Ann")
    drained()
    assert DatedChild.objects.get().at == made.at


def test_a_fraction_added_to_an_integer_is_told_or_kept() -> None:
    messages(1, views=1)
    try:
        later(Message.objects.all()).update(views=F("views") + 1.5)
    except LaterError:
        return
    drained()
    kept = Message.objects.filter(views__gt=2).exists()
    assert kept, "1 + 1.5 became 2"


# What raises, and should not; what does not, and should


def test_a_predicate_that_matches_nothing_writes_nothing() -> None:
    messages(1)
    later(Message.objects.filter(pk__in=[]), predicate=True).update(views=F("views") + 1)
    later(Message.objects.none(), predicate=True).update(received=True)
    drained()
    assert Message.objects.get().views == 0


def test_a_row_with_a_generated_column_can_be_created() -> None:
    later(Sized).create(name="ANN")
    drained()
    assert Sized.objects.get().small == "ann"


def test_an_instance_with_a_key_that_is_not_saved_is_told_at_the_call() -> None:
    with pytest.raises(ValueError, match="not saved"):
        tasks.note.delay(Ticket(title="never saved"))


def test_an_instance_with_a_key_of_several_columns_comes_through_or_is_told() -> None:
    pair = Pair.objects.create(left=1, right=2)
    tasks.calls.clear()
    try:
        tasks.note.delay(pair)
    except (TypeError, LaterError):
        return
    drained()
    assert tasks.calls == [((pair,), {})]


def test_a_lane_with_a_dot_is_refused_by_using_too() -> None:
    with pytest.raises(ValueError, match="without dots"):
        tasks.note.using(lane="a.b").delay(1)


def test_once_ends_though_something_waits_that_this_release_does_not_know() -> None:
    Waiting.objects.create(lane="default", kind="newer", target="x", body="{}")
    too_long = threading.Timer(1.5, ending.set)
    too_long.start()
    try:
        drained()
        assert not ending.is_set(), "it would have gone on for ever"
    finally:
        too_long.cancel()
        too_long.join()
        ending.clear()


def test_flush_for_does_not_ask_again_and_again_for_what_was_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages(1)
    later(Message.objects.all(), actor="ann").update(views=1)
    Waiting.objects.update(due=in_seconds(60))
    monkeypatch.setattr(_later, "PATIENCE", 0.2)
    asked = statements(lambda: later.flush_for("ann"))
    assert len(asked) < 50, f"{len(asked)} statements in 0.2 s"


def test_a_task_that_leaves_the_process_takes_no_other_with_it() -> None:
    tasks.calls.clear()
    quits.delay()
    tasks.note.delay(1)
    drained()
    assert tasks.calls == [((1,), {})]


def test_a_reason_that_is_no_unicode_is_a_reason() -> None:
    mumbles.delay()
    drained()
    assert len(reasons()) == 1


def test_a_moment_with_a_zone_is_refused_at_the_call_where_there_are_none(settings: Any) -> None:
    settings.USE_TZ = False
    messages(1)
    loaded = Message.objects.all()
    list(loaded)
    with pytest.raises((LaterError, ValueError)):
        later(loaded).update(seen=datetime.datetime.now(datetime.UTC))


def test_a_number_that_is_not_finite_is_told_as_later_tells_it() -> None:
    messages(1)
    with pytest.raises(LaterError, match="weight"):
        later(Message.objects.all()).update(weight=float("inf"))


# What held


def test_an_atomic_task_that_swallows_an_error_is_not_done() -> None:
    messages(1)
    swallows.delay()
    drained()
    assert Message.objects.get().views == 0
    assert Waiting.objects.get().attempts == 1


def test_without_time_zones_all_is_done(settings: Any) -> None:
    settings.USE_TZ = False
    messages(1)
    tasks.calls.clear()
    moment = datetime.datetime(2026, 3, 29, 2, 30, 0, 5)
    later(Message.objects.all()).update(seen=moment)
    later(Message.objects.filter(seen=None), predicate=True).update(views=F("views") + 1)
    tasks.note.using(run_after=datetime.datetime.now()).delay(1)
    tasks.note.using(run_after=datetime.datetime.now() + datetime.timedelta(hours=1)).delay(2)
    drained()
    assert Message.objects.get().seen == moment
    assert (tasks.calls, waiting()) == ([((1,), {})], 1)


def test_many_kinds_in_a_case() -> None:
    folders = [Folder.objects.create(name=f"f{n}") for n in range(5)]
    rows = messages(5)
    at = datetime.datetime(2026, 10, 25, 2, 30, tzinfo=datetime.UTC)
    for n, row in enumerate(rows):
        values: dict[str, Any] = {
            "folder": folders[n],
            "took": datetime.timedelta(days=-n, microseconds=n),
            "seen": at + datetime.timedelta(seconds=n),
            "raw": bytes([n]),
            "price": f"{n}.25",
            "data": {"n": [n]},
            "note": None if n else "x",
        }
        later(Message.objects.filter(pk=row.pk)).update(**values)
    drained()
    assert reasons() == []
    for n, found in enumerate(Message.objects.order_by("pk")):
        assert found.folder == folders[n]
        assert found.took == datetime.timedelta(days=-n, microseconds=n)
        assert found.seen == at + datetime.timedelta(seconds=n)
        assert (bytes(found.raw), str(found.price), found.data) == (
            bytes([n]),
            f"{n}.25",
            {"n": [n]},
        )
        assert found.note == (None if n else "x")


def test_children_in_a_case() -> None:
    rows = [Child.objects.create(name="x", toy="y") for _ in range(6)]
    for n, row in enumerate(rows):
        later(Child.objects.filter(pk=row.pk)).update(name=f"n{n}", toy=f"t{n}")
    drained()
    found = list(Child.objects.order_by("pk").values_list("name", "toy"))
    assert found == [(f"n{n}", f"t{n}") for n in range(6)]


@pytest.mark.parametrize("predicate", [False, True])
def test_querysets_of_every_shape(predicate: bool) -> None:
    work = Folder.objects.create(name="100% work")
    messages(3, folder=work)
    messages(2)
    shapes: list[Any] = [
        Message.objects.select_related("folder").filter(folder__name__contains="0% w"),
        Message.objects.prefetch_related("folder").only("text").filter(folder=work),
        Message.objects.defer("text").filter(folder__name__startswith="100%").order_by("-seen"),
        Message.objects.extra(where=["folder_id = %s"], params=[work.pk]),
        Message.objects.annotate(n=Count("folder__message")).filter(n__gte=3),
        Message.objects.filter(Q(folder=work) & ~Q(text="%s")).distinct(),
        Message.objects.exclude(folder=None).reverse(),
        work.message_set.all(),
    ]
    for n, rows in enumerate(shapes, 1):
        later(rows, predicate=predicate).update(views=n)
        drained()
        found = list(Message.objects.order_by("pk").values_list("views", flat=True))
        assert (found, reasons()) == ([n, n, n, 0, 0], [])
    assert waiting() == 0
