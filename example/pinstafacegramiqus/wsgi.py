"""The site for WSGI servers (gunicorn, granian, mod_wsgi)."""

import os

from django.core.wsgi import get_wsgi_application

from unhurried.cache import front_door

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pinstafacegramiqus.settings")
# A page that is kept is served before Django is asked.
application = front_door(get_wsgi_application())
