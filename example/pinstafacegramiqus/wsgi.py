"""The site for WSGI servers (gunicorn, granian, mod_wsgi)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pinstafacegramiqus.settings")
application = get_wsgi_application()
