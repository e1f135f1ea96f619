"""Where the package leans on what others have not promised: each wrap, each private name read.

On a new Django this file says what has moved; a new lean has to be added here, with its reason.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery.signals
import django
import pytest
from asgiref.sync import SyncToAsync, async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes import fields
from django.core.cache import cache
from django.core.management import BaseCommand, call_command
from django.db import connection, connections
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.models import Model, query
from django.db.models.fields import related_descriptors
from django.db.models.query_utils import DeferredAttribute
from django.http import FileResponse, StreamingHttpResponse
from django.template.base import Node, NodeList, Template, TextNode
from django.template.loader_tags import ExtendsNode
from django.test import Client
from django.test import utils as test_utils
from django.test.utils import setup_test_environment, teardown_test_environment
from django.utils.functional import LazyObject, SimpleLazyObject, empty

import unhurried
from unhurried.cache._fragments._message_regions import telling
from unhurried.cache.reading import record
from unhurried.measure import _wraps
from unhurried.measure._probes._fetching import Timed
from unhurried.measure._probes.cache import VERBS
from unhurried.queries._find._origin import tracking

SOURCE = Path(unhurried.__file__).parent

#: (class, method): the parameters that our wrapper hands on; None: whatever it is called with.
TEMPLATE = ["self", "context"]
WRAPPED = {
    "django.template.base.Template.render": TEMPLATE,
    "http.client.HTTPConnection.request": None,
    "http.client.HTTPConnection.endheaders": None,
    "http.client.HTTPConnection.getresponse": None,
    "django.core.management.base.BaseCommand.execute": None,
    "asgiref.sync.SyncToAsync.__init__": None,
}
if django.VERSION >= (6, 0):
    WRAPPED["django.template.base.PartialTemplate.render"] = TEMPLATE
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
WRAPPED |= {f"{LOCMEM}.{prefix}{verb}": None for verb in VERBS for prefix in ("", "a")}

#: Private names of others that the source reads: expression or string -> why.
PRIVATE = {
    "_non_atomic_requests": "which a view has asked for already: the decorator can only add to it",
    "blocks[0]._from_testcase": "whether a TestCase is under way, whose rows no thread sees",
    "blocks[-1]._from_testcase": "the same, as atomic(durable=True) asks it",
    "utils._TestState": "whether a test runner is about to take the databases away",
    "rows._iterable_class": "whether a queryset gives instances or values",
    "rows._result_cache": "whether it has been evaluated: then it costs no query",
    "target._fields": "whether it is values() or values_list()",
    "self._rows._db": "whether using() was said",
    "rows._db": "the same, of a task's argument",
    "self.rows._hints": "whether a router would be told of an instance",
    "_fields": "the names of a named tuple, which are documented",
    "rows._prefetch_related_lookups": "what is fetched beside the instances",
    "self.rows._prefetch_related_lookups": "the same, of a compiled one",
    "_prefetch_related_lookups": "the same, inside a Prefetch",
    "rows._known_related_objects": "whose related manager's rows they are",
    "self.rows._known_related_objects": "the same, of a compiled one",
    "_fetch_mode": "how what is deferred will be fetched (Django 6.1)",
    "relation.related_model._default_manager": "in which order a relation's rows come",
    "found._iterable_class": "whether a lambda's queryset gives instances",
    "self.rows._db": "whether using() was said in a lambda",
    "rows._hints": "whose related manager that is",
    "self._rows._hints": "whose related manager it is",
    "instance.__dict__": "to see a deferred column without a query",
    "queryset._insert": "rows as they are, in one statement: not so bulk_create",
    "rows._raw_delete": "one statement, without signals: delete() may fetch the rows first",
    "cache._connections": "no public way from the proxy to the back end's class",
    "cache._alias": "the same",
    "_fetch_all": "whether a queryset's class does something with its rows",
    "values._iterable_class": "what makes rows of values, which may be somebody's own",
    "_cursor": "a backend's own way to its cursors, as django-tenants has it",
    "_prepare_cursor": "the same, of what becomes of one",
    "_cache": "the client of a cache, and in Redis' its pools: close() of that one does nothing",
    "_pools": "the same",
    "_cached_user": "whether the page has looked at its user; asking would be a query",
    "_acached_user": "the same for auser()",
    "_wrapped": "whether a lazy user was looked at; there is no public question",
    "user.__dict__": "to see _wrapped without waking the lazy object",
    "request.__dict__": "to see the user without running a lazy attribute",
    "record.__dict__": "extra fields of a LogRecord have no other door",
    "queryset._query": "a lazy queryset's query; its clones copy what is on it",
    "queryset._hints": "whose related manager it is",
    "queryset._known_related_objects": "the same, with the foreign key",
    "queryset._iterable_class": "the one place through which every instance passes",
    "queryset._prefetch_related_lookups": "whether a prefetch is to follow; a remedy tried out",
    "_prefetched_objects_cache": "to put a dict there that notices what is read",
    "instance._state.__dict__": "where an instance carries its origin",
    "value._state.__dict__": "the same",
    "_get_response": "beyond it nobody has to do with what the page asks",
    "_get_response_async": "the same",
    "target._default_manager": "documented: the manager that related ones are made of",
    "queryset._fields": "whether it yields instances, or what values() was asked for",
    "_iterator": "what runs while iterator() is gone through",
    "model._default_manager": "documented: the manager that get_object_or_404() asks",
    "handler._connections": "caches and tasks of a replay are its own; settings alone are too late",
    "atomic._from_testcase": "as django.test does: durable blocks may stand in what is rolled back",
    "store._storage_path": "the engine of file sessions keeps its folder on the class",
    "_storage_path": "the same",
    "ContentType.objects._cache": "its model by id; asking the manager would be a query",
    "_look": "our own, on the class that is made for each mapping",
    "_resolve_lookup": "the frame in which a template follows a variable's dots",
    "_filter_name": "which filter of a template a function is; its own name may be another",
    "_store": "the dict of CaseInsensitiveMapping, which request.headers is",
    "headers._store": "the same, of a response: what stands there has been checked already",
    "kept._store": "the same, of the one that it is a copy of",
    "base(self)._setup": "the one place where a lazy object is woken",
    "other._see_all": "our own, of another such mapping",
    "_csp_nonce": "where Django 6 keeps the nonce of a response",
    "_csp_": "how attributes of a response begin that Django 6's decorators, and django-csp, set",
    "_reason_phrase": "of a response: nothing that it is rendered from",
    "_post_render_callbacks": "the same: a list that who comes later adds to",
    "_resource_closers": "the same",
    "_messages": "where Django's middleware puts a request's messages",
    "_request": "Django REST framework's request holds Django's there",
    "_collections_abc": "the module's frames are Python's, not the project's",
    "_current_scheme_host": "a cached_property through which build_absolute_uri passes",
    "object.__dict__": "to put an observer in the place of an attribute, and to take it out",
    "twin.__dict__": "the same",
    "django_csrf._unmask_cipher_token": "to tell a CSRF token of ours from any other text",
    "_processors_index": "which layer of a context its processors have filled",
    "celery.current_app._get_current_object": "current_app is a proxy; whether there is an app",
}
#: Documented, underscore and all: Model._meta, _state and _base_manager, sys._getframe.
DOCUMENTED = {"_meta", "_state", "_base_manager", "_getframe", "_current_frames"}

#: Variables that are read from the frames of these functions while they run.
FRAMES = {
    related_descriptors.ForwardManyToOneDescriptor.__get__: {"self", "instance"},
    related_descriptors.ReverseOneToOneDescriptor.__get__: {"self", "instance"},
    DeferredAttribute.__get__: {"self", "instance"},
    getattr(fields, "GenericForeignKeyDescriptor", fields.GenericForeignKey).__get__: {
        *("self", "instance"),
    },
    query.prefetch_one_level: {"lookup", "level", "instances"},
    query.prefetch_related_objects: set(),
    query.ModelIterable.__iter__: {"self"},
    query.QuerySet.get: {"self"},
    Model.save: {"self"},
    Model.delete: {"self"},
    Node.render_annotated: {"self", "context"},
    SyncToAsync.thread_handler: {"self", "loop"},
    SyncToAsync.__call__: {"self"},
}

#: Public by name, promised by no documentation.
UNDOCUMENTED = {
    "connection.execute_wrappers": (connection, "execute_wrappers"),
    "connection.atomic_blocks": (connection, "atomic_blocks"),
    "CursorWrapper.cursor": (CursorWrapper(None, connection), "cursor"),
    "CursorWrapper.db": (CursorWrapper(None, connection), "db"),
    "connection.make_cursor": (connection, "make_cursor"),
    "connection.make_debug_cursor": (connection, "make_debug_cursor"),
    "connection.wrap_database_errors": (connection, "wrap_database_errors"),
    "SyncToAsync.func": (SyncToAsync(len), "func"),
    "FileResponse.file_to_stream": (FileResponse(), "file_to_stream"),
    "StreamingHttpResponse.is_async": (StreamingHttpResponse(), "is_async"),
}
ALWAYS_FINE = re.compile(r"__(?!dict__|getattr__)\w+__")


def full_name(wrap: _wraps.Wrap) -> str:
    return f"{wrap.owner.__module__}.{wrap.owner.__qualname__}.{wrap.method}"


def test_every_wrap_is_known_here():
    found = {full_name(wrap) for wrap in _wraps.installed}
    assert found == WRAPPED.keys()
    assert len(found) == len(_wraps.installed), "wrapped twice"


@pytest.mark.parametrize("wrap", _wraps.installed, ids=full_name)
def test_a_wrap_says_why_and_what_it_costs(wrap):
    assert wrap.why.endswith(".")
    assert wrap.cost


@pytest.mark.parametrize("wrap", _wraps.installed, ids=full_name)
def test_a_wrap_stands_in_its_place(wrap):
    """The original is there, is of the same colour, and takes what we hand on."""
    standing = inspect.getattr_static(wrap.owner, wrap.method)
    original = inspect.unwrap(standing)
    assert original is not standing
    assert inspect.iscoroutinefunction(original) == inspect.iscoroutinefunction(standing)
    parameters = WRAPPED[full_name(wrap)]
    if parameters is not None:
        assert list(inspect.signature(original).parameters) == parameters


def run(code: str, **unhurried_settings: Any) -> Any:
    """The JSON that ``code`` prints, in a process of its own with Django set up."""
    given = {"INSTALLED_APPS": ["unhurried"], "UNHURRIED": unhurried_settings}
    setup = f"import json, django\nfrom django.conf import settings\nsettings.configure(**{given})"
    bare = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", f"{setup}\n{code}"],
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_unwrapping_restores_every_original():
    """A name the class only inherited is gone again; one it defined is the very same object."""
    code = """
import inspect
from unhurried.cache.reading import record
from unhurried.measure import _wraps
before = {}
wrap = _wraps.wrap
def noted(owner, method, make, **says):
    before.setdefault((owner, method), (vars(owner).get(method), getattr(owner, method)))
    wrap(owner, method, make, **says)
from unhurried.measure import _outside
from unhurried.measure._probes import cache, http, template
for module in (cache, http, template, _outside):
    module.wrap = noted
django.setup()
changed = [getattr(o, m) is not had for (o, m), (_, had) in before.items()]
_wraps.unwrap_all()
restored = [vars(o).get(m) is own and getattr(o, m) is had for (o, m), (own, had) in before.items()]
print(json.dumps([len(changed), all(changed), all(restored), _wraps.installed]))
"""
    count, changed, restored, installed = run(code)
    assert count == len(WRAPPED)
    assert changed
    assert restored
    assert installed == []


def test_off_means_that_nothing_is_installed():
    code = """
django.setup()
from django.core.signals import got_request_exception
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, query
from django.db.models.fields import related_descriptors
from django.db.models.query_utils import DeferredAttribute
from django.db.backends.signals import connection_created
from unhurried.cache.reading import record
from unhurried.measure import _wraps
connected = connection_created.receivers, got_request_exception.receivers
print(json.dumps([_wraps.installed, len(connection.execute_wrappers), *map(len, connected)]))
"""
    connected, failed = bare_receivers()
    # The tap stays for the cache's guard: a process that is not measured writes all the same.
    assert run(code, MEASURE=False) == [[], 0, connected + 1, failed]


def test_who_keeps_nothing_listens_to_connects_alone():
    """Each request and each connect pays for whoever listens, if he has nothing to do, too."""
    code = """
django.setup()
import django.core.handlers.base
from django.core.signals import request_finished, request_started
from django.db.backends.signals import connection_created
signals = connection_created, request_started, request_finished
print(json.dumps([len(signal.receivers) for signal in signals]))
"""
    connected, started, finished = run(f"settings.INSTALLED_APPS = []\n{code}")
    assert run(code) == [connected + 1, started, finished]


def bare_receivers() -> list[int]:
    """How many listen in a Django without us."""
    code = """
settings.INSTALLED_APPS = []
django.setup()
from django.core.signals import got_request_exception
from django.db.backends.signals import connection_created
print(json.dumps([len(connection_created.receivers), len(got_request_exception.receivers)]))
"""
    return run(code)


def private_reads(path: Path) -> Iterator[tuple[str, str]]:
    """(where, expression) of private names read on what is not our own; strings that name one."""
    tree = ast.parse(path.read_text())
    ours, slots = our_names(tree), our_slots(tree)
    for node in ast.walk(tree):
        where = f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            own = isinstance(node.value, ast.Name) and node.value.id in ours
            fine = node.attr in DOCUMENTED or ALWAYS_FINE.fullmatch(node.attr)
            if not own and not fine:
                yield where, ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            private = re.fullmatch(r"_(?!unhurried)[a-z]\w+", node.value)
            private = private and node.value not in slots | DOCUMENTED
            if private and path.parent.name != "sinks":
                yield where, node.value  # those of the sinks are parts of names they write
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            if names[0] not in ("unhurried", "__future__") and any(n[0] == "_" for n in names):
                yield where, ast.unparse(node)


def our_names(tree: ast.Module) -> set[str]:
    """What in this module is ours: self and cls, our modules and classes, instances of them."""
    names = {"self", "cls"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "") == "unhurried"):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
    for node in ast.walk(tree):  # slot = cls(path): an instance of our own
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made_by = node.value.func
            if isinstance(made_by, ast.Name) and made_by.id in names:
                names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return names


def our_slots(tree: ast.Module) -> set[str]:
    """What this module's classes say in __slots__."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    slots = [node.value for node in assigned if ast.unparse(node.targets[0]) == "__slots__"]
    inside = [node for value in slots for node in ast.walk(value)]
    return {node.value for node in inside if isinstance(node, ast.Constant)}


@pytest.mark.long
def test_every_private_name_read_is_known_here():
    found = [read for path in sorted(SOURCE.rglob("*.py")) for read in private_reads(path)]
    unknown = [f"{where}: {name}" for where, name in found if name not in PRIVATE]
    assert not unknown, "use a public name, or add it to PRIVATE with its reason"
    unused = PRIVATE.keys() - {name for _, name in found}
    assert not unused, "no longer read: take it out of PRIVATE"


@pytest.mark.parametrize("function", FRAMES, ids=lambda function: function.__qualname__)
def test_a_frame_still_holds_what_is_read_from_it(function):
    code = inspect.unwrap(function).__code__
    names = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    assert names >= FRAMES[function]


def test_querysets_are_wrapped_only_while_somebody_tracks():
    original = query.QuerySet.__init__
    with tracking(), tracking():
        assert query.QuerySet.__init__ is not original
        assert inspect.unwrap(query.QuerySet.__init__) is original
        assert inspect.signature(query.QuerySet.__init__) == inspect.signature(original)
    assert query.QuerySet.__init__ is original


def test_nodes_are_wrapped_only_while_somebody_records():
    originals = Node.render_annotated, TextNode.render_annotated
    with record(), record():
        assert Node.render_annotated is not originals[0]
        assert inspect.unwrap(Node.render_annotated) is originals[0]
        assert inspect.unwrap(TextNode.render_annotated) is originals[1]
    assert (Node.render_annotated, TextNode.render_annotated) == originals


def test_templates_are_wrapped_only_while_pages_are_made():
    original = Template.render
    with telling(), telling():
        assert Template.render is not original
        assert inspect.unwrap(Template.render) is inspect.unwrap(original)
    assert Template.render is original


def test_a_template_asks_its_node_for_its_parent():
    """In the instance, so that a page hears of the templates it extends; as for nodes in a list."""
    code = ExtendsNode.render.__code__
    assert "get_parent" in code.co_names
    assert "render_annotated" in {
        *NodeList.render.__code__.co_names,
        *names_within(NodeList.render),
    }


def names_within(function):
    inner = (each for each in function.__code__.co_consts if hasattr(each, "co_names"))
    return {name for code in inner for name in code.co_names}


def test_no_other_node_of_djangos_has_a_rendering_of_its_own():
    """Theirs would not be heard; their text would be told as what is around it."""
    own = {kind for kind in subclasses(Node) if "render_annotated" in vars(kind)}
    assert {kind for kind in own if kind.__module__.startswith("django.")} == {TextNode}


def subclasses(kind: type) -> set[type]:
    return {kind, *(each for child in kind.__subclasses__() for each in subclasses(child))} - {Node}


def test_a_clone_copies_what_is_on_the_query():
    """So the line that made a queryset stays with it, and ``_clone`` need not be wrapped."""
    users = User.objects.all()
    users.query.mark = "here"
    assert users.filter(pk=1).order_by("pk")[:3].query.mark == "here"
    assert users.values("pk")._iterable_class is not users._iterable_class


def test_the_caches_proxy_still_knows_its_back_end():
    assert type(cache._connections[cache._alias]).__qualname__ == "LocMemCache"


@pytest.mark.django_db
def test_a_user_that_was_looked_at_can_be_seen():
    """AuthenticationMiddleware: a lazy user, whose look-up is kept on the request."""
    request = Client().get("/empty/").wsgi_request
    user = request.__dict__["user"]
    assert isinstance(user, LazyObject)
    assert user.__dict__["_wrapped"] is empty
    assert not hasattr(request, "_cached_user")
    assert not request.user.is_authenticated
    assert isinstance(request._cached_user, AnonymousUser)
    assert user.__dict__["_wrapped"] is not empty


@pytest.mark.django_db
def test_the_async_user_is_kept_too():
    request = Client().get("/empty/").wsgi_request
    async_to_sync(request.auser)()
    assert isinstance(request._acached_user, AnonymousUser)


def test_a_lazy_object_keeps_its_place_for_the_wrapped():
    assert SimpleLazyObject(User).__dict__["_wrapped"] is empty


@pytest.mark.django_db
@pytest.mark.parametrize("fetch", ["fetchone", "fetchmany", "fetchall", "__iter__"])
def test_a_cursor_fetches_through_what_stands_in_it(fetch):
    """Django's own wrapper reaches the driver's cursor by ``cursor``, and so does ours."""
    asked = []

    class StandIn:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return list

        def __iter__(self) -> Iterator[int]:
            asked.append("__iter__")
            return iter([])

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        driver, cursor.cursor = cursor.cursor, StandIn()
        list(getattr(cursor, fetch)())
        cursor.cursor = driver
    assert asked == [fetch]


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [False, True])
def test_a_connection_makes_its_cursors_by_the_two_we_stand_in_for(debug):
    """A class of ours below Django's own, set on the connection, not on its class."""
    connection.force_debug_cursor = debug
    try:
        with connection.cursor() as cursor:
            assert isinstance(cursor, CursorDebugWrapper if debug else CursorWrapper)
            assert isinstance(cursor, Timed)
    finally:
        connection.force_debug_cursor = False
    real = connections["default"]
    assert {"make_cursor", "make_debug_cursor"} <= vars(real).keys()
    assert not type(real).make_cursor.__module__.startswith("unhurried")


def test_a_cursor_of_django_finds_a_fetch_and_wraps_errors_as_ours_does():
    """What a fetch of ours leaves out is all that Django's does besides."""
    assert "wrap_database_errors(cursor_attr)" in inspect.getsource(CursorWrapper.__getattr__)
    assert {"fetchone", "fetchmany", "fetchall"} <= CursorWrapper.WRAP_ERROR_ATTRS
    assert "wrap_database_errors" in inspect.getsource(CursorWrapper.__iter__)


@pytest.mark.parametrize("name", UNDOCUMENTED)
def test_what_is_public_but_not_promised_is_there(name):
    owner, attribute = UNDOCUMENTED[name]
    assert hasattr(owner, attribute)


def test_a_command_runs_through_execute():
    """call_command and the command line both do."""
    assert "self.execute(" in inspect.getsource(BaseCommand.run_from_argv)
    assert "command.execute(" in inspect.getsource(call_command)


def test_the_test_environment_can_be_seen():
    """There is no public question; here pytest-django has set it up."""
    assert hasattr(test_utils._TestState, "saved_data")
    assert "_TestState.saved_data = saved_data" in inspect.getsource(setup_test_environment)
    assert "del _TestState.saved_data" in inspect.getsource(teardown_test_environment)


def test_celerys_signals_have_their_names():
    for name in ("task_prerun", "task_failure", "task_postrun"):
        assert hasattr(celery.signals, name)


def test_nothing_else_of_djangos_is_replaced():
    """No cursor, compiler, descriptor or manager: only what WRAPPED names holds our functions."""
    strangers = set()
    for module in [m for name, m in sys.modules.items() if name.startswith("django.")]:
        for owner in [o for o in vars(module).values() if issubclass(type(o), type)]:
            for name, value in vars(owner).items():
                if str(getattr(value, "__code__", "")).find(str(SOURCE)) >= 0:
                    strangers.add(f"{owner.__module__}.{owner.__qualname__}.{name}")
    assert {name for name in strangers if not name.startswith("unhurried.")} <= WRAPPED.keys()
