"""One-time login links: signed, short-lived, void once used, and without a table."""

from django.contrib.auth.models import User
from django.core import signing

SALT = "pinstafacegramiqus.login"
MAX_AGE = 15 * 60  # seconds


def login_token(user: User) -> str:
    """A token for ``/login/<token>/``. It holds the last login, so logging in voids it."""
    return signing.dumps([user.pk, _state(user)], salt=SALT)


def user_for(token: str) -> User | None:
    """The user a token stands for, or None if it is forged, too old or already used."""
    try:
        pk, state = signing.loads(token, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    return user if user and _state(user) == state else None


def _state(user: User) -> str:
    return user.last_login.isoformat() if user.last_login else ""
