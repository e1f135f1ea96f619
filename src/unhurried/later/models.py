"""What waits, who works on it, and what could not be done: the only tables of the package.

Times are the database's own (``Now()``), so that hosts whose clocks differ agree on a lease.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Waiting(models.Model):
    """One thing to do, written by whoever wants it done, in his own transaction."""

    id = models.BigAutoField(primary_key=True)
    lane = models.CharField(max_length=100)
    kind = models.CharField(max_length=10)  # "task", or what a deferred write does
    target = models.CharField(max_length=255)  # a task's name, or a model's label
    body = models.TextField()  # JSON
    actor = models.CharField(max_length=255, default="")  # for ``later.flush_for``
    # ``unique=``, until it begins; most have none
    key = models.CharField(max_length=255, null=True, unique=True)  # noqa: DJ001
    created = models.DateTimeField(db_default=Now())
    due = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    holder = models.CharField(max_length=32, default="")
    until = models.DateTimeField(null=True)  # the lease of its holder

    class Meta:
        verbose_name_plural = "waiting"
        indexes = [
            models.Index(fields=["lane", "id"], name="unhurried_later_by_lane"),
            models.Index(fields=["kind", "due"], name="unhurried_later_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


class Lane(models.Model):
    """Who drains a lane, where one alone may."""

    name = models.CharField(max_length=100, primary_key=True)
    holder = models.CharField(max_length=32, default="")
    until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Dead(models.Model):
    """What could not be done, with the reason, until somebody has it tried again or discards it."""

    id = models.BigAutoField(primary_key=True)
    lane = models.CharField(max_length=100)
    kind = models.CharField(max_length=10)
    target = models.CharField(max_length=255)
    body = models.TextField()
    actor = models.CharField(max_length=255, default="")
    created = models.DateTimeField()
    died = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField()
    reason = models.TextField()

    class Meta:
        verbose_name_plural = "dead"

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


class Flushed(models.Model):
    """How far a process has written what it had added up, so that nothing is written twice."""

    process = models.CharField(max_length=32, primary_key=True)
    sequence = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        verbose_name_plural = "flushed"

    def __str__(self) -> str:
        return f"{self.process} {self.sequence}"


class Work(models.Model):
    """A page in the making, one for all who wait for it (``hang_on``), and then its result."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, default="waiting")  # running, done, failed
    path = models.TextField()
    asked = models.TextField()  # JSON: what the request is made again from
    owner = models.CharField(max_length=80)  # who asked first, for the cap
    created = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    holder = models.CharField(max_length=32, default="")
    until = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    message = models.CharField(max_length=255, default="")
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.TextField(default="")  # JSON
    body = models.BinaryField(default=b"")
    incident = models.CharField(max_length=32, default="")
    expires = models.DateTimeField(null=True)  # of a result, or of a failure

    class Meta:
        verbose_name_plural = "work"
        indexes = [
            models.Index(fields=["state", "created"], name="unhurried_work_state"),
            models.Index(fields=["owner", "state"], name="unhurried_work_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.path}"
