"""Messages from one user to another."""

from django.conf import settings
from django.db import models


class Message(models.Model):
    """``received`` turns true when its recipient was shown it (slide 39)."""

    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sent")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="messages")
    text = models.TextField()
    sent = models.DateTimeField()
    received = models.BooleanField(default=False)

    class Meta:
        ordering = ["-sent"]

    def __str__(self) -> str:
        return f"{self.sender} to {self.recipient}"
