"""Deferred writes: what the rows are after the drain is what a plain write would have made them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Now, Upper
from django.test.utils import isolate_apps

from unhurried.later import LaterError, later
from unhurried.later._outbox._clock import in_seconds
from unhurried.later.models import Dead, Waiting

from .inbox.models import Child, Folder, Message, Parent, Ticket
from .outbox import drained, drained_once, due_now, messages, reasons, statements, waiting

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2026, 11, 28, 12, 0, 0, 123456, tzinfo=datetime.UTC)


def test_a_deferred_update_is_applied_by_the_drain() -> None:
    rows = messages(3)
    assert (
        later(Message.objects.filter(pk__in=[row.pk for row in rows[:2]])).update(received=True)
        == 2
    )
    assert Message.objects.filter(received=True).count() == 0
    drained()
    assert Message.objects.filter(received=True).count() == 2
    assert waiting() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "it's \u2603"),
        ("received", True),
        ("views", 7),
        ("likes", None),
        ("price", Decimal("12.34")),
        ("price", "12.34"),
        ("weight", 0.1),
        ("seen", NOON),
        ("seen", None),
        ("day", NOON.date()),
        ("took", datetime.timedelta(days=1, microseconds=3)),
        ("note", ""),
        ("note", None),
        ("data", {"a": [1, None, "x"]}),
        ("raw", b"\x00\xff"),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.30}",
)
def test_each_kind_of_field_comes_through(name: str, value: Any) -> None:
    likely = {"likes": 3, "seen": NOON.replace(year=2000), "note": "before", "views": 1}
    (row,) = messages(1, **likely)
    later(Message.objects.filter(pk=row.pk)).update(**{name: value})
    drained()
    Message.objects.filter(pk=row.pk).update(text=F("text"))
    found = Message.objects.get(pk=row.pk)
    Message.objects.filter(pk=row.pk).update(**{name: value})
    assert getattr(found, name) == getattr(Message.objects.get(pk=row.pk), name)
    assert reasons() == []


def test_foreign_keys_take_instances_and_keys() -> None:
    folder = Folder.objects.create(name="work")
    (row,) = messages(1)
    loaded = Message.objects.filter(pk=row.pk)
    list(loaded)
    later(loaded).update(folder=folder)
    assert loaded[0].folder == folder
    drained()
    assert Message.objects.get().folder == folder
    later(Message.objects.all()).update(folder_id=None)
    drained()
    assert Message.objects.get().folder is None


def test_rows_that_a_default_manager_hides_are_written_too() -> None:
    messages(1, hidden=True)
    later(Message.everything.all()).update(received=True)
    drained()
    assert Message.everything.get().received


# What was seen, and no more


def test_a_row_that_matches_by_the_time_of_the_drain_was_not_seen_and_stays() -> None:
    messages(2)
    later(Message.objects.filter(received=False)).update(received=True)
    messages(1)
    drained()
    assert Message.objects.filter(received=False).count() == 1


def test_a_predicate_is_asked_when_it_is_applied() -> None:
    messages(2)
    later(Message.objects.filter(received=False), predicate=True).update(received=True, seen=NOON)
    messages(1, received=False)
    drained()
    assert Message.objects.filter(received=True, seen=NOON).count() == 3


def test_a_predicate_over_joins_and_moments() -> None:
    work = Folder.objects.create(name="work")
    messages(1, folder=work, seen=NOON)
    messages(1, seen=NOON)
    found = Message.objects.filter(folder__name="work", seen__lte=NOON, price=Decimal(0))
    later(found, predicate=True).update(views=F("views") + 2)
    drained()
    assert sorted(Message.objects.values_list("views", flat=True)) == [0, 2]


def test_slices_joins_and_duplicates_are_keys_in_the_end() -> None:
    work = Folder.objects.create(name="work")
    messages(5, folder=work)
    assert (
        later(Message.objects.filter(folder__name="work").order_by("-pk")[:2]).update(views=9) == 2
    )
    folders = Folder.objects.filter(message__views=0)
    assert later(folders).update(name="home") == 1
    drained()
    assert list(Message.objects.order_by("pk").values_list("views", flat=True)) == [0, 0, 0, 9, 9]
    assert Folder.objects.get().name == "home"


def test_deleted_rows_are_no_matter() -> None:
    messages(2)
    later(Message.objects.all()).update(views=1)
    Message.objects.first().delete()  # type: ignore[union-attr]
    drained()
    assert Message.objects.get().views == 1
    assert reasons() == []


# What need not be written


def test_everything_received_already_loaded_asks_nothing() -> None:
    messages(20, received=True)
    loaded = Message.objects.all()
    list(loaded)
    assert statements(lambda: later(loaded).update(received=True)) == []
    assert waiting() == 0


def test_everything_received_already_and_not_loaded_asks_for_keys_and_writes_nothing() -> None:
    messages(20, received=True)
    (asked,) = statements(lambda: later(Message.objects.all()).update(received=True))
    assert asked.startswith("SELECT")
    assert waiting() == 0


def test_of_loaded_rows_those_that_are_right_are_left_out() -> None:
    messages(3, received=True)
    messages(2)
    loaded = Message.objects.all()
    list(loaded)
    assert later(loaded).update(received=True) == 2


def test_the_guard_knows_null() -> None:
    (null,) = messages(1, note=None)
    (same,) = messages(1, note="x")
    assert later(Message.objects.all()).update(note="x") == 1
    drained()
    null.refresh_from_db()
    assert null.note == "x"
    assert later(Message.objects.filter(pk=same.pk)).update(note=None) == 1
    drained()
    assert later(Message.objects.filter(pk=same.pk)).update(note=None) == 0


def test_what_was_written_meanwhile_is_not_written_again() -> None:
    messages(2)
    later(Message.objects.all()).update(received=True)
    Message.objects.update(received=True)
    changed: list[int] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith('UPDATE "inbox_message"'):
            changed.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(look):
        drained()
    assert waiting() == sum(changed) == 0


class Replicated:
    """Reads go to a database that is not there."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


def test_what_is_right_already_is_asked_of_the_database_that_is_written_to(
    settings: Any,
) -> None:
    messages(2)
    settings.DATABASE_ROUTERS = [Replicated()]
    assert later(Message.objects.all()).update(received=True) == 2
    assert later(Message.objects.all(), predicate=True).update(received=True) == 1


def test_values_that_databases_compare_otherwise_are_always_written() -> None:
    messages(1, data={"a": 1}, weight=1.0)
    assert later(Message.objects.all()).update(data={"a": 1}) == 1
    assert later(Message.objects.all()).update(weight=1.0) == 1


def test_a_deferred_column_is_not_asked_for() -> None:
    messages(2)
    loaded = Message.objects.only("text")
    list(loaded)
    asked = statements(lambda: later(loaded).update(received=True))
    assert len(asked) == 1
    assert asked[0].startswith("INSERT")


def test_back_and_forth_the_last_wins_though_the_row_is_as_it_will_be() -> None:
    messages(1)
    later(Message.objects.all()).update(received=True)
    later(Message.objects.all()).update(received=False)  # as it is, but not as it will be
    drained()
    assert not Message.objects.get().received
    later(Message.objects.all()).update(views=F("views") + 1)
    later(Message.objects.all()).update(views=0)
    drained()
    assert Message.objects.get().views == 0


@pytest.mark.parametrize("first", [{"received": True}, {"received": True, "views": 3}], ids=str)
def test_the_same_of_rows_that_were_loaded_before_it_was_applied(first: dict[str, Any]) -> None:
    messages(1)
    one, two = Message.objects.all(), Message.objects.all()
    assert len(one) == len(two) == 1
    later(one).update(**first)
    assert later(two).update(received=False) == 1
    drained()
    assert not Message.objects.get().received
    list(loaded := Message.objects.all())
    assert later(loaded).update(received=False) == 1  # it can't know that all is applied by now
    drained()


def test_the_same_value_again_and_again_is_left_out_once_it_is_loaded() -> None:
    messages(1)
    list(loaded := Message.objects.all())
    later(loaded).update(text="seen")
    assert later(loaded).update(text="seen") == 1  # the first may have been rolled back
    drained()
    list(loaded := Message.objects.all())
    assert later(loaded).update(text="seen") == 0


# Sums


def test_deltas_add_up() -> None:
    messages(2)
    for n in range(1, 5):
        later(Message.objects.all()).update(views=F("views") + n)
    later(Message.objects.all()).update(views=F("views") - 1)
    later(Message.objects.all()).update(views=1 + F("views"))
    drained()
    assert list(Message.objects.values_list("views", flat=True)) == [10, 10]


def test_decimals_stay_exact_and_null_stays_null() -> None:
    messages(1, price=Decimal("0.10"))
    for _ in range(3):
        later(Message.objects.all()).update(
            price=F("price") + Decimal("0.10"), likes=F("likes") + 1
        )
    drained()
    found = Message.objects.get()
    assert found.price == Decimal("0.40")
    assert found.likes is None
    later(Message.objects.all()).update(likes=4)
    later(Message.objects.all()).update(likes=None)
    later(Message.objects.all()).update(likes=F("likes") + 1)
    drained()
    assert Message.objects.get().likes is None


def test_a_set_takes_the_place_of_what_came_before_and_deltas_go_on_from_it() -> None:
    messages(1, views=5)
    rows = Message.objects.all()
    later(rows).update(views=F("views") + 100)
    later(rows).update(views=10)
    later(rows).update(views=F("views") + 1, text="a")
    later(rows).update(text="b")
    drained()
    found = Message.objects.get()
    assert (found.views, found.text) == (11, "b")


def test_a_delete_ends_it() -> None:
    rows = messages(2)
    later(Message.objects.filter(pk=rows[0].pk)).update(views=3)
    later(Message.objects.filter(pk=rows[0].pk)).delete()
    later(Message.objects.filter(pk=rows[0].pk)).update(views=4)
    drained()
    assert [row.pk for row in Message.objects.all()] == [rows[1].pk]


def test_deletes_cascade() -> None:
    work = Folder.objects.create(name="work")
    messages(2, folder=work)
    later(Folder.objects.all()).delete()
    drained()
    assert Message.objects.count() == 0


def test_many_writes_of_the_same_rows_are_one_statement() -> None:
    rows = messages(20)
    for _ in range(50):
        later(Message.objects.filter(pk__in=[row.pk for row in rows])).update(views=F("views") + 1)
    asked = statements(drained)
    assert sum('UPDATE "inbox_message"' in sql for sql in asked) == 1
    assert set(Message.objects.values_list("views", flat=True)) == {50}


def test_many_values_are_one_statement_with_a_case() -> None:
    rows = messages(30)
    for n, row in enumerate(rows):
        later(Message.objects.filter(pk=row.pk)).update(text=f"new {row.pk}", views=n + 1)
    asked = statements(drained)
    assert sum('UPDATE "inbox_message"' in sql for sql in asked) == 1
    for n, found in enumerate(Message.objects.order_by("pk")):
        assert (found.text, found.views) == (f"new {found.pk}", n + 1)


def test_two_hundred_updates_of_twenty_rows_are_at_most_280_statements() -> None:
    rows = messages(4000)
    loaded = []
    for at in range(200):
        some = Message.objects.filter(pk__in=[row.pk for row in rows[at * 20 : at * 20 + 20]])
        list(some)
        loaded.append(some)

    def work() -> None:
        for some in loaded:
            later(some).update(received=True)
        drained()

    assert len(statements(work)) <= 280
    assert Message.objects.filter(received=False).count() == 0


# Creating


def test_created_rows_are_made_together() -> None:
    made = [later(Message).create(text=f"m{n}", price="1.50") for n in range(5)]
    assert all(row.pk is None for row in made)
    asked = statements(drained)
    assert sum('INSERT INTO "inbox_message"' in sql for sql in asked) == 1
    assert Message.objects.filter(price=Decimal("1.50"), received=False).count() == 5


def test_what_is_created_has_the_moment_it_was_asked_for() -> None:
    made = later(Ticket).create(title="a")
    drained()
    found = Ticket.objects.get()
    assert (found.pk, found.at) == (made.pk, made.at)
    assert found.made is not None


def test_a_created_row_with_its_own_key_may_be_written_to_in_order() -> None:
    made = later(Ticket).create(title="a")
    later(Ticket.objects.filter(pk=made.pk)).update(title="b")  # not there yet: nothing is seen
    drained()
    later(Ticket.objects.all()).update(title="c")
    later(Ticket.objects.all()).delete()
    later(Ticket).create(id=made.pk, title="d")
    drained()
    assert Ticket.objects.get().title == "d"


def test_children_of_other_models_can_be_created_and_updated() -> None:
    later(Child).create(name="Ann", toy="bear")
    drained()
    assert Child.objects.get().name == "Ann"
    later(Child.objects.all()).update(name="Bob", toy="car")
    drained()
    assert Parent.objects.get().name == "Bob"
    assert Child.objects.get().toy == "car"
    with pytest.raises(LaterError, match="parents"):
        later(Child.objects.all(), predicate=True).update(name="Eve")


# What can't be deferred is said at the call


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text": Upper("text")}, "can't be written down"),
        ({"views": F("likes") + 1}, "can't be written down"),
        ({"views": F("views") * 2}, "can't be written down"),
        ({"views": F("views") + F("likes")}, "can't be written down"),
        ({"views": F("views") + True}, "can't be written down"),
        ({"id": 3}, "can't be updated later"),
        ({"views": "many"}, "can't be"),
        ({"recieved": True}, "no field 'recieved'"),
        ({"day": NOON.time()}, "can't be"),
    ],
    ids=str,
)
def test_what_cannot_be_written_down_raises_at_the_call(values: dict[str, Any], says: str) -> None:
    messages(1)
    with pytest.raises(LaterError, match=says):
        later(Message.objects.all()).update(**values)
    assert waiting() == 0


class Money:
    def __init__(self, amount: str, currency: str) -> None:
        self.amount, self.currency = Decimal(amount), currency

    def __repr__(self) -> str:
        return f"{self.amount} {self.currency}"


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """Of one column that a second one belongs to, as django-money has it."""

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Money) else Money(value, "EUR")

    def value_to_string(self, obj: Any) -> Any:
        return self.value_from_object(obj).amount


@isolate_apps("tests.later.inbox")
def test_a_value_whose_field_has_no_text_for_it_is_refused_by_name() -> None:
    class Priced(models.Model):  # noqa: DJ008
        price = MoneyField(max_digits=6, decimal_places=2)

        class Meta:
            app_label = "inbox"

    says = r"inbox.Priced.price can't be 5 USD. .*MoneyField.* Decimal.* Write to it now"
    with pytest.raises(LaterError, match=says):
        later(Priced.objects.all()).update(price=Money("5", "USD"))
    with pytest.raises(LaterError, match=says):
        later(Priced).create(price=Money("5", "USD"))
    assert waiting() == 0


@pytest.mark.parametrize(
    "target",
    [
        lambda: Message.objects.values("pk"),
        lambda: Message.objects.all().union(Message.objects.all()),
        lambda: Message.objects.values_list("pk", flat=True),
    ],
    ids=["values", "union", "values_list"],
)
def test_what_has_no_rows_raises(target: Any) -> None:
    with pytest.raises(LaterError, match=r"values\(\), or to a union"):
        later(target()).update(received=True)


def test_other_mistakes_are_told() -> None:
    with pytest.raises(TypeError, match="wants a queryset"):
        later([1, 2])  # type: ignore[call-overload]
    with pytest.raises(LaterError, match=r"later\(Message.objects.filter"):
        later(Message).update(received=True)
    with pytest.raises(LaterError, match="Give create"):
        later(Message).create(text=None)
    with pytest.raises(LaterError, match="is an expression"):
        later(Message).create(text=Upper(Value("a")))
    with pytest.raises(TypeError, match="nothing to write"):
        later(Message.objects.all()).update()
    with pytest.raises(ValueError, match="actor="):
        later.flush_for(None)


def test_now_is_the_moment_of_the_call() -> None:
    messages(1)
    before = datetime.datetime.now(datetime.UTC)
    later(Message.objects.all()).update(seen=Now())
    after = datetime.datetime.now(datetime.UTC)
    drained()
    assert before <= Message.objects.get().seen <= after  # type: ignore[operator]


def test_loaded_instances_show_the_new_values() -> None:
    messages(2, views=3)
    loaded = Message.objects.all()
    list(loaded)
    later(loaded).update(received=True, views=F("views") + 1)
    assert {(row.received, row.views) for row in loaded} == {(True, 4)}


# What can't be applied


def test_one_poisoned_row_is_laid_aside_alone() -> None:
    rows = messages(50)
    Message.objects.filter(pk=rows[17].pk).update(views=999)
    later(Message.objects.all()).update(views=F("views") + 1)
    for _ in range(3):
        drained()
        due_now()
    assert Message.objects.filter(views=1).count() == 49
    (dead,) = Dead.objects.all()
    assert "IntegrityError" in dead.reason
    assert str(rows[17].pk) in dead.body
    assert waiting() == 0


def test_one_poisoned_write_among_many_is_laid_aside_alone() -> None:
    rows = messages(40)
    for row in rows:
        value = 5000 if row is rows[3] else 1
        later(Message.objects.filter(pk=row.pk)).update(views=F("views") + value)
    for _ in range(3):
        drained()
        due_now()
    assert Message.objects.filter(views=1).count() == 39
    assert len(reasons()) == 1


def test_nothing_overtakes_an_older_write_to_the_same_row_that_was_put_off() -> None:
    rows = messages(3)
    later(Message.objects.filter(pk=rows[0].pk)).update(text="old")
    Waiting.objects.update(due=in_seconds(60))
    later(Message.objects.filter(pk=rows[0].pk)).update(text="new")
    later(Message.objects.filter(pk__in=[rows[0].pk, rows[1].pk])).update(views=1)
    later(Message.objects.filter(pk=rows[1].pk)).update(views=2)
    later(Message.objects.filter(pk=rows[2].pk)).update(views=3)
    drained_once()
    assert waiting() == 4
    assert Message.objects.get(views=3).pk == rows[2].pk
    due_now()
    drained()
    found = [(row.text, row.views) for row in Message.objects.order_by("pk")]
    assert found == [("new", 1), ("message 1", 2), ("message 2", 3)]


def test_nothing_overtakes_a_predicate_that_was_put_off_nor_it_what_was() -> None:
    rows = messages(2)
    later(Message.objects.filter(views=0), predicate=True).update(views=1)
    Waiting.objects.update(due=in_seconds(60))
    later(Message.objects.filter(pk=rows[0].pk)).update(views=2)
    drained_once()
    assert waiting() == 2
    due_now()
    drained()
    assert sorted(Message.objects.values_list("views", flat=True)) == [1, 2]
    later(Message.objects.filter(pk=rows[0].pk)).update(views=5)
    Waiting.objects.update(due=in_seconds(60))
    later(Message.objects.filter(views=5), predicate=True).update(text="five")
    drained_once()
    assert waiting() == 2


def test_what_fails_is_not_overtaken_in_the_drain_in_which_it_fails() -> None:
    (row,) = messages(1, views=999)
    one = Message.objects.filter(pk=row.pk)
    later(one).update(views=F("views") + 1)  # refused, and tried again
    later(one).update(text="after it")
    drained_once()
    assert waiting() == 2
    Message.objects.update(views=0)
    due_now()
    drained()
    found = Message.objects.get()
    assert (found.views, found.text) == (1, "after it")


def test_numbers_too_large_for_the_database_do_not_stop_the_lane() -> None:
    rows = messages(2)
    later(Message.objects.filter(pk=rows[0].pk)).update(likes=2**80)
    later(Message.objects.filter(pk=rows[1].pk)).update(likes=1)
    for _ in range(3):
        drained()
        due_now()
    assert Message.objects.filter(likes=1).count() == 1
    assert len(reasons()) == 1


def test_a_model_that_is_gone_is_dead_and_no_crash() -> None:
    messages(1)
    later(Message.objects.all()).update(received=True)
    Waiting.objects.create(
        lane="inbox.Gone", kind="update", target="inbox.Gone", body='{"pk":[1],"set":{"a":1}}'
    )
    Waiting.objects.create(
        lane="inbox.Message",
        kind="update",
        target="inbox.Message",
        body='{"pk":[1],"set":{"gone":1}}',
    )
    Waiting.objects.create(lane="inbox.Message", kind="update", target="inbox.Message", body="[]")
    drained()
    assert Message.objects.get().received
    assert len(reasons()) == 3
    assert "no field 'gone'" in " ".join(reasons())


def test_of_a_transaction_that_is_rolled_back_nothing_is_left() -> None:
    messages(1)

    def fails() -> None:
        with transaction.atomic():
            later(Message.objects.all()).update(views=1)
            Message.objects.update(views=5000)

    with pytest.raises(IntegrityError):
        fails()
    assert waiting() == 0
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            fails()
        later(Message.objects.all()).update(views=2)
    drained()
    assert Message.objects.get().views == 2


# Reading one's own writes


def test_flush_for_applies_what_this_user_deferred_and_what_came_before() -> None:
    messages(1)
    rows = Message.objects.all()
    later(rows).update(views=1)
    later(rows, actor="ann").update(views=2)
    later(rows, actor="bob").update(note="b")
    assert later.flush_for("ann")
    assert Message.objects.get().views == 2
    assert statements(lambda: later.flush_for("ann")) != []
    assert len(statements(lambda: later.flush_for("ann"))) == 1


def test_flush_for_within_a_transaction_is_part_of_it() -> None:
    messages(1)
    later(Message.objects.all(), actor="ann").update(views=2)

    with transaction.atomic():
        assert later.flush_for("ann")
        assert Message.objects.get().views == 2
        transaction.set_rollback(True)
    assert Message.objects.get().views == 0
    drained()
    assert Message.objects.get().views == 2


def test_async_twins() -> None:
    messages(2)

    async def work() -> None:
        assert await later(Message.objects.all(), actor="ann").aupdate(views=1) == 2
        await later(Message).acreate(text="third")
        assert await later.aflush_for("ann")

    async_to_sync(work)()
    assert sorted(Message.objects.values_list("views", flat=True)) == [0, 1, 1]
    async_to_sync(later(Message.objects.all()).adelete)()
    drained()
    assert Message.objects.count() == 0
