"""The cases, one module per subject."""

from importlib import import_module
from pkgutil import iter_modules

from tests.queries.corpus.case import CASES, Case


def load() -> dict[str, Case]:
    """All cases by name, in one order everywhere."""
    for module in sorted(found.name for found in iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
    return dict(sorted(CASES.items()))
