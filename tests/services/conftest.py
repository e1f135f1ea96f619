"""The real servers, each started once per run, if a test asks. A missing one is an error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import servers

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


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
def example_on_postgres(postgres_server, tmp_path_factory):
    """``run(file, …)``: the JSON that it prints, with an example site and database of its own."""
    paths = os.pathsep.join([str(ROOT / "example"), os.environ.get("PYTHONPATH", "")])

    def run(file, *arguments):
        name = f"pinsta_{file.stem}"
        where = {"host": postgres_server.host, "port": postgres_server.port, "user": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        environment = os.environ | {
            "DATABASE_URL": f"postgres://postgres:none@{where['host']}:{where['port']}/{name}",
            "DJANGO_SETTINGS_MODULE": "pinstafacegramiqus.settings",
            "PINSTA_DATA": str(tmp_path_factory.mktemp("pinsta")),
            "PYTHONPATH": paths,
        }
        argv = [sys.executable, "-W", "error", str(file), *map(str, arguments)]
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def roads(example_on_postgres):
    """What the example's pages of rule 5 say on its three sides."""
    return example_on_postgres(ROOT / "tests" / "example" / "roads_probe.py", 0.04)


@pytest.fixture(scope="session")
def schemaless(example_on_postgres):
    """How the example's pins are found by their attributes, with indexes and without."""
    return example_on_postgres(HERE / "schemaless_probe.py", 1)


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
