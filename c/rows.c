/* measure/_rows.py, _clients.py and _store.py: where a finished unit of work is written. */
#include "unhurried_c.h"
#include <math.h>

enum { EDGES = 15 };

static struct {
    long long started, requests, bytes, wall, cpu, wall_max, status_200, template, wall_0, db;
    long long cache, http, queries, queries_max, db_0, queries_0, queue_0, connects, connecting;
    long long queue, queued, fine_cpu, fine_db, fine_queries, stride, lanes, fine;
    long long time_last, exact, count_last, lowest;
    double per_log, time_offset, count_offset;
    long long ns[EDGES], counts[EDGES];
} at;

static int edges(PyObject *named, const char *name, long long *into)
{
    PyObject *tuple = wired_item(named, name);
    int failed = tuple == NULL;
    for (Py_ssize_t i = 0; !failed && i < EDGES; i++) {
        PyObject *edge = PySequence_GetItem(tuple, i);
        into[i] = edge ? PyLong_AsLongLong(edge) : -1;
        failed = PyErr_Occurred() != NULL;
        Py_XDECREF(edge);
    }
    Py_XDECREF(tuple);
    return failed ? -1 : 0;
}

static int wired_float(PyObject *named, const char *name, double *place)
{
    PyObject *value = wired_item(named, name);
    *place = value ? PyFloat_AsDouble(value) : -1;
    Py_XDECREF(value);
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *row_wire(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
#define LANE(name) || wired_number(named, #name, &at.name) < 0
    if (0 LANE(started) LANE(requests) LANE(bytes) LANE(wall) LANE(cpu) LANE(wall_max)
            LANE(status_200) LANE(template) LANE(wall_0) LANE(db) LANE(cache) LANE(http)
            LANE(queries) LANE(queries_max) LANE(db_0) LANE(queries_0) LANE(queue_0)
            LANE(connects) LANE(connecting) LANE(queue) LANE(queued) LANE(fine_cpu)
            LANE(fine_db) LANE(fine_queries) LANE(stride) LANE(lanes) LANE(fine)
            LANE(time_last) LANE(exact) LANE(count_last) LANE(lowest)
        || wired_float(named, "per_log", &at.per_log) < 0
        || wired_float(named, "time_offset", &at.time_offset) < 0
        || wired_float(named, "count_offset", &at.count_offset) < 0
        || edges(named, "coarse_ns", at.ns) < 0 || edges(named, "coarse_count", at.counts) < 0) {
        return NULL;
    }
#undef LANE
    long long last = at.time_last > at.count_last ? at.time_last : at.count_last;
    if (at.fine_queries + at.stride * last >= at.fine || at.queue_0 + EDGES >= at.lanes) {
        PyErr_SetString(PyExc_ValueError, "row_wire() was given something else");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* bisect_left */
static inline int coarse(const long long *edge, long long value)
{
    int i = 0;
    while (i < EDGES && edge[i] < value) {
        i++;
    }
    return i;
}

/* TIME.index() */
static inline long long fine_time(long long ns)
{
    if (ns <= at.lowest) {
        return 0;
    }
    long long bucket = (long long)(log((double)ns) * at.per_log - at.time_offset);
    return bucket < at.time_last ? bucket : at.time_last;
}

/* COUNT.index() */
static inline long long fine_count(long long count)
{
    if (count <= at.exact) {
        return count > 0 ? count : 0; /* whoever has set it: nothing is written before the first */
    }
    long long bucket = (long long)(log((double)count) * at.per_log - at.count_offset);
    return bucket < at.count_last ? bucket : at.count_last;
}

static int write_status(Row *row, Core *record)
{
    PyObject *raised = record->raised ? Py_True : Py_False;
    PyObject *written = PyObject_CallMethod(
        (PyObject *)row, "_write_status", "LO", record->status, raised);
    Py_XDECREF(written);
    return written == NULL ? -1 : 0;
}

static int write_rare(Row *row, Core *record)
{
    PyObject *written = PyObject_CallMethod((PyObject *)row, "_write_rare", "O", record->rare);
    Py_XDECREF(written);
    return written == NULL ? -1 : 0;
}

int row_write(Row *row, Core *record)
{
    uint64_t *lane = words(&row->lane_words), *fine = words(&row->fine_words);
    long long db, cache, http, template, wall = record->wall;
    if (core_part(record, DB, &db) < 0 || core_part(record, CACHE, &cache) < 0
        || core_part(record, HTTP, &http) < 0 || core_part(record, TEMPLATE, &template) < 0) {
        return -1;
    }
    lane[at.started] += record->row == Py_None;
    lane[at.wall] += wall;
    lane[at.cpu] += record->cpu;
    lane[at.wall_0 + coarse(at.ns, wall)] += 1;
    fine[at.stride * fine_time(wall)] += 1;
    fine[at.fine_cpu + at.stride * fine_time(record->cpu)] += 1;
    if (wall > 0 && (uint64_t)wall > lane[at.wall_max]) {
        lane[at.wall_max] = wall;
    }
    lane[at.bytes] += record->size;
    if (record->status == 200 && !record->raised) {
        lane[at.status_200] += 1;
    } else if (write_status(row, record) < 0) {
        return -1;
    }
    lane[at.template] += template;
    lane[at.db] += db;
    if (record->queries) {
        lane[at.queries] += record->queries;
        lane[at.db_0 + coarse(at.ns, db)] += 1;
        lane[at.queries_0 + coarse(at.counts, record->queries)] += 1;
        fine[at.fine_db + at.stride * fine_time(db)] += 1;
        fine[at.fine_queries + at.stride * fine_count(record->queries)] += 1;
        if (record->queries > 0 && (uint64_t)record->queries > lane[at.queries_max]) {
            lane[at.queries_max] = record->queries;
        }
    }
    if (cache || http) {
        lane[at.cache] += cache;
        lane[at.http] += http;
    }
    if (record->connects) {
        lane[at.connects] += record->connects;
        lane[at.connecting] += record->connecting;
    }
    if (record->queued != Py_None) {
        long long queued = PyLong_AsLongLong(record->queued);
        if (queued == -1 && PyErr_Occurred()) {
            return -1;
        }
        lane[at.queue] += queued;
        lane[at.queued] += 1;
        lane[at.queue_0 + coarse(at.ns, queued)] += 1;
    }
    if (record->rare != Py_None && write_rare(row, record) < 0) {
        return -1;
    }
    lane[at.requests] += 1; /* who sees it sees all that belongs to it */
    return 0;
}

void row_started(Row *row)
{
    words(&row->lane_words)[at.started] += 1;
}

static PyObject *row_write_method(Row *row, PyObject *record)
{
    if (!PyObject_TypeCheck(record, &CoreType)) {
        return PyErr_Format(PyExc_TypeError, "write() wants a record, not %R", record);
    }
    if (row->lanes == NULL) {
        PyErr_SetString(PyExc_ValueError, "a row that was not begun");
        return NULL;
    }
    if (row_write(row, (Core *)record) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int row_init(Row *row, PyObject *args, PyObject *named)
{
    static char *names[] = {"lanes", "fine", NULL};
    PyObject *lanes, *fine;
    if (!PyArg_ParseTupleAndKeywords(args, named, "OO", names, &lanes, &fine)) {
        return -1;
    }
    if (row->lanes != NULL) {
        PyErr_SetString(PyExc_TypeError, "a row is begun once");
        return -1;
    }
    if (at.lanes <= 0) { /* until row_wire(): none is too short for that */
        PyErr_SetString(PyExc_RuntimeError, "unhurried_c is nothing without unhurried");
        return -1;
    }
    if (PyObject_GetBuffer(lanes, &row->lane_words, PyBUF_WRITABLE) < 0) {
        return -1;
    }
    if (PyObject_GetBuffer(fine, &row->fine_words, PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&row->lane_words);
        return -1;
    }
    if (length(&row->lane_words) < at.lanes || length(&row->fine_words) < at.fine) {
        PyBuffer_Release(&row->lane_words);
        PyBuffer_Release(&row->fine_words);
        PyErr_SetString(PyExc_ValueError, "a row's words are too few");
        return -1;
    }
    row->lanes = Py_NewRef(lanes);
    row->fine = Py_NewRef(fine);
    row->paths = Py_NewRef(Py_None);
    return 0;
}

static void row_dealloc(Row *row)
{
    if (row->lanes != NULL) {
        PyBuffer_Release(&row->lane_words);
        PyBuffer_Release(&row->fine_words);
    }
    Py_XDECREF(row->lanes);
    Py_XDECREF(row->fine);
    Py_XDECREF(row->paths);
    Py_TYPE(row)->tp_free(row);
}

static PyMemberDef row_members[] = {
    {"lanes", T_OBJECT_EX, offsetof(Row, lanes), READONLY, NULL},
    {"fine", T_OBJECT_EX, offsetof(Row, fine), READONLY, NULL},
    {"paths", T_OBJECT_EX, offsetof(Row, paths), 0, NULL},
    {NULL},
};

static PyMethodDef row_methods[] = {
    {"write", (PyCFunction)row_write_method, METH_O, "Add a finished unit."},
    {NULL},
};

PyTypeObject RowType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Row",
    .tp_doc = "The words of one route; see unhurried.measure._rows.",
    .tp_basicsize = sizeof(Row),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)row_init,
    .tp_dealloc = (destructor)row_dealloc,
    .tp_members = row_members,
    .tp_methods = row_methods,
};

/* Places */

enum { CLIENT, COST, ERROR, REQUESTS, FAILED, LAST, WORDS }; /* _clients.py's */

int places_add(Places *places, PyObject *client, long long wall, long long status)
{
    PyObject *where = PyDict_GetItemWithError(places->places, client);
    if (where == NULL) { /* admit it */
        PyObject *added = PyErr_Occurred()
            ? NULL
            : PyObject_CallMethod((PyObject *)places, "add", "OLL", client, wall, status);
        Py_XDECREF(added);
        return added == NULL ? -1 : 0;
    }
    Py_ssize_t begin = PyLong_AsSsize_t(where);
    if (begin < 0 || begin + WORDS > length(&places->words)) {
        PyErr_SetString(PyExc_IndexError, "a client's place is none");
        return -1;
    }
    uint64_t *word = words(&places->words) + begin;
    word[COST] += wall;
    word[REQUESTS] += 1;
    word[FAILED] += status >= 400;
    word[LAST] = (uint64_t)time(NULL);
    return 0;
}

static int places_init(Places *places, PyObject *args, PyObject *named)
{
    static char *names[] = {"lanes", NULL};
    PyObject *lanes;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O", names, &lanes)) {
        return -1;
    }
    if (places->lanes != NULL) {
        PyErr_SetString(PyExc_TypeError, "places are begun once");
        return -1;
    }
    PyObject *dict = PyDict_New(), *known = PyDict_New();
    if (dict == NULL || known == NULL
        || PyObject_GetBuffer(lanes, &places->words, PyBUF_WRITABLE) < 0) {
        Py_XDECREF(dict);
        Py_XDECREF(known);
        return -1;
    }
    places->places = dict;
    places->known = known;
    places->lanes = Py_NewRef(lanes);
    return 0;
}

static void places_dealloc(Places *places)
{
    if (places->lanes != NULL) {
        PyBuffer_Release(&places->words);
    }
    Py_XDECREF(places->lanes);
    Py_XDECREF(places->places);
    Py_XDECREF(places->known);
    Py_TYPE(places)->tp_free(places);
}

static PyMemberDef places_members[] = {
    {"_lanes", T_OBJECT_EX, offsetof(Places, lanes), READONLY, NULL},
    {"_places", T_OBJECT_EX, offsetof(Places, places), READONLY, NULL},
    {"_known", T_OBJECT_EX, offsetof(Places, known), READONLY, NULL},
    {NULL},
};

PyTypeObject PlacesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Places",
    .tp_doc = "The words of those whose requests cost most; see unhurried.measure._clients.",
    .tp_basicsize = sizeof(Places),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)places_init,
    .tp_dealloc = (destructor)places_dealloc,
    .tp_members = places_members,
};

/* Hot */

static PyObject *get_lock(Hot *store, void *Py_UNUSED(closure))
{
    if (store->lock == NULL) {
        PyErr_SetString(PyExc_AttributeError, "lock");
        return NULL;
    }
    return Py_NewRef(store->lock);
}

static int set_lock(Hot *store, PyObject *lock, void *Py_UNUSED(closure))
{
    PyObject *acquire = lock ? PyObject_GetAttrString(lock, "acquire") : NULL;
    PyObject *release = acquire ? PyObject_GetAttrString(lock, "release") : NULL;
    if (release == NULL) {
        Py_XDECREF(acquire);
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "a store's lock is not deleted");
        }
        return -1;
    }
    Py_XSETREF(store->lock, Py_NewRef(lock));
    Py_XSETREF(store->acquire, acquire);
    Py_XSETREF(store->release, release);
    return 0;
}

static int hot_init(Hot *store, PyObject *args, PyObject *named)
{
    store->countdown = 1;
    PyObject **dicts[] = {&store->requests, &store->met};
    for (size_t i = 0; i < 2; i++) {
        PyObject *dict = PyDict_New();
        if (dict == NULL) {
            return -1;
        }
        Py_XSETREF(*dicts[i], dict);
    }
    PyObject *asked = PyList_New(0);
    if (asked == NULL) {
        return -1;
    }
    Py_XSETREF(store->asked, asked);
    Py_XSETREF(store->clients, Py_NewRef(Py_None));
    return 0;
}

static int hot_traverse(Hot *store, visitproc visit, void *arg)
{
    Py_VISIT(store->lock);
    Py_VISIT(store->acquire);
    Py_VISIT(store->release);
    Py_VISIT(store->requests);
    Py_VISIT(store->clients);
    Py_VISIT(store->asked);
    Py_VISIT(store->met);
    return 0;
}

static int hot_clear(Hot *store)
{
    Py_CLEAR(store->lock);
    Py_CLEAR(store->acquire);
    Py_CLEAR(store->release);
    Py_CLEAR(store->requests);
    Py_CLEAR(store->clients);
    Py_CLEAR(store->asked);
    Py_CLEAR(store->met);
    return 0;
}

static void hot_dealloc(Hot *store)
{
    PyObject_GC_UnTrack(store);
    hot_clear(store);
    Py_TYPE(store)->tp_free(store);
}

static PyMemberDef hot_members[] = {
    {"requests", T_OBJECT_EX, offsetof(Hot, requests), 0, NULL},
    {"clients", T_OBJECT_EX, offsetof(Hot, clients), 0, NULL},
    {"asked", T_OBJECT_EX, offsetof(Hot, asked), 0, NULL},
    {"met", T_OBJECT_EX, offsetof(Hot, met), 0, NULL},
    {"countdown", T_LONGLONG, offsetof(Hot, countdown), 0, NULL},
    {"due", T_LONGLONG, offsetof(Hot, due), 0, NULL},
    {"asked_until", T_LONGLONG, offsetof(Hot, asked_until), 0, NULL},
    {"left", T_BOOL, offsetof(Hot, left), 0, NULL},
    {NULL},
};

static PyGetSetDef hot_getset[] = {
    {"lock", (getter)get_lock, (setter)set_lock, NULL, NULL},
    {NULL},
};

PyTypeObject HotType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Hot",
    .tp_doc = "What every unit of work looks at; see unhurried.measure._store.",
    .tp_basicsize = sizeof(Hot),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)hot_init,
    .tp_dealloc = (destructor)hot_dealloc,
    .tp_traverse = (traverseproc)hot_traverse,
    .tp_clear = (inquiry)hot_clear,
    .tp_members = hot_members,
    .tp_getset = hot_getset,
};
