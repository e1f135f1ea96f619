"""Who visits the demo: a staff user for you, and some of the site's users, logged in."""

import secrets
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.utils import timezone

from inbox.models import Message

STAFF = "admin"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def make_staff() -> tuple[User, str]:
    """The staff user with a new random password, and some messages to read."""
    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=STAFF)
    user.is_staff = user.is_active = True
    user.set_password(password)
    user.save()
    if not user.messages.exists():
        _write_to(user)
    return user, password


def _write_to(user: User) -> None:
    now = timezone.now()
    senders = User.objects.exclude(pk=user.pk).order_by("pk")[:60]
    texts = (f"Hello {user.username}, {sender.first_name} here." for sender in senders)
    Message.objects.bulk_create(
        Message(sender=sender, recipient=user, text=text, sent=now)
        for sender, text in zip(senders, texts, strict=True)
    )


def session_cookie(user: User) -> str:
    """A ``Cookie`` header of somebody logged in; their ``last_login`` stays as seeded."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
