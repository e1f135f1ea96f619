"""What people have besides a login: a profile, and others they follow."""

from django.conf import settings
from django.db import models


class Profile(models.Model):
    """Where a user is and what they say about themselves."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    city = models.CharField(max_length=60)
    about = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.user} of {self.city}"


class Follow(models.Model):
    """``follower`` sees what ``followed`` pins."""

    follower = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="following")
    followed = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="followers")
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["follower", "followed"], name="follow_once")]

    def __str__(self) -> str:
        return f"{self.follower} follows {self.followed}"
