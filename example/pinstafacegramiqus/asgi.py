"""The site for ASGI servers (granian, uvicorn, daphne)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pinstafacegramiqus.settings")
application = get_asgi_application()
