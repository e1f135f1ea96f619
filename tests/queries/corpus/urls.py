"""The pages of the cases; ``load()`` has imported them all."""

from tests.queries.corpus.case import PAGES
from tests.queries.corpus.cases import load

load()
urlpatterns = PAGES
