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
    """A page that takes long, made once for all who wait for it; see ``hang_on``."""

    key = models.CharField(max_length=64, primary_key=True)  # a hash of all that it differs by
    route = models.CharField(max_length=255)
    asked = models.TextField()  # JSON: what is known of the request
    owner = models.CharField(max_length=64)  # who asked first
    state = models.CharField(max_length=8, default="waiting")  # running, done, failed
    created = models.DateTimeField(db_default=Now())
    holder = models.CharField(max_length=32, default="")
    until = models.DateTimeField(null=True)  # the lease of its holder
    attempts = models.PositiveSmallIntegerField(default=0)
    done = models.FloatField(null=True)
    total = models.FloatField(null=True)
    message = models.CharField(max_length=200, default="")
    took = models.FloatField(null=True)  # seconds, the last time that it was done
    failures = models.PositiveSmallIntegerField(default=0)  # since it was done
    incident = models.CharField(max_length=16, default="")
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.TextField(default="")  # JSON
    body = models.BinaryField(null=True)
    expires = models.DateTimeField(null=True)  # until then it is what it is: done, or failed

    class Meta:
        verbose_name_plural = "work"
        indexes = [
            models.Index(fields=["state", "created"], name="unhurried_later_work_state"),
            models.Index(fields=["owner", "state"], name="unhurried_later_work_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.route}"
