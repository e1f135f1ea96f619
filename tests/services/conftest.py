"""The real servers, each started once per run, if a test asks. A missing one is an error."""

import sys
from pathlib import Path

import pytest

from tests import servers

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def redis_server():
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def memcached_server():
    with servers.memcached() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server():
    # A test database need not survive the power going.
    with servers.postgres("fsync=off", "synchronous_commit=off") as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server():
    with servers.rabbitmq() as server:
        yield server


@pytest.fixture(scope="session")
def carbon_server():
    with servers.carbon() as server:
        yield server


@pytest.fixture(scope="session")
def chromium():
    return servers.chromium()


@pytest.fixture
def say(record_property, request):
    """Print what was seen, and keep it in the report."""

    def tell(text):
        record_property("seen", text)
        sys.stdout.write(f"{request.node.name}: {text}\n")

    return tell


def pytest_collection_modifyitems(items):
    """Whatever lies in this folder needs servers: the mark cannot be forgotten."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.services)
