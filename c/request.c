/* measure/_request.py and _units.py: a request's beginning, its view, its end. */
#include "unhurried_c.h"
#include <string.h>

static PyObject *store_globals, *paths_globals, *record_type, *sampled_type, *response_type, *weigh;
static PyObject *python_begin, *python_resolved, *python_end, *failed_, *stand;
static PyObject *stop_waiting, *may_be_proxy, *parse, *waited, *look, *resolving, *finished;
static long long patient, oldest_ns, ahead_ns;

static PyObject *name_opened, *name_META, *name_status_code, *name_resolver_match, *name_route;
static PyObject *name_method, *name_streaming, *name_is_rendered, *name_content, *name_path_info;
static PyObject *name_cost, *name_sample_every, *name_of, *name_ONE_IN;
static PyObject *GET, *REMOTE_ADDR, *FORWARDED, *QUERY_STRING, *REQUEST_START;
static PyObject *REQUEST, *UNRESOLVED, *EMPTY;

int request_ready(void)
{
    struct {
        PyObject **place;
        const char *text;
    } texts[] = {
        {&name_opened, "opened"}, {&name_META, "META"}, {&name_status_code, "status_code"},
        {&name_resolver_match, "resolver_match"}, {&name_route, "route"},
        {&name_method, "method"}, {&name_streaming, "streaming"},
        {&name_is_rendered, "is_rendered"}, {&name_content, "content"},
        {&name_path_info, "path_info"}, {&name_of, "of"}, {&name_cost, "cost"},
        {&name_sample_every, "sample_every"}, {&name_ONE_IN, "ONE_IN"}, {&GET, "GET"},
        {&REMOTE_ADDR, "REMOTE_ADDR"}, {&FORWARDED, "HTTP_X_FORWARDED_FOR"},
        {&QUERY_STRING, "QUERY_STRING"}, {&REQUEST_START, "HTTP_X_REQUEST_START"},
        {&REQUEST, "request"}, {&UNRESOLVED, "(none)"}, {&EMPTY, ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].place = PyUnicode_InternFromString(texts[i].text);
        if (*texts[i].place == NULL) {
            return -1;
        }
    }
    return 0;
}

PyObject *request_wire(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
    Py_CLEAR(python_end);
    if (wired(named, "store_globals", &store_globals) < 0
        || wired(named, "paths_globals", &paths_globals) < 0
        || wired(named, "record", &record_type) < 0
        || wired(named, "sampled", &sampled_type) < 0 || wired(named, "weigh", &weigh) < 0
        || wired(named, "response", &response_type) < 0
        || wired(named, "begin", &python_begin) < 0
        || wired(named, "resolved", &python_resolved) < 0
        || wired(named, "failed", &failed_) < 0
        || wired(named, "stand", &stand) < 0 || wired(named, "stop_waiting", &stop_waiting) < 0
        || wired(named, "may_be_proxy", &may_be_proxy) < 0 || wired(named, "parse", &parse) < 0
        || wired(named, "waited", &waited) < 0 || wired(named, "look", &look) < 0
        || wired(named, "resolving", &resolving) < 0 || wired(named, "finished", &finished) < 0
        || wired_number(named, "patient", &patient) < 0
        || wired_number(named, "oldest_ns", &oldest_ns) < 0
        || wired_number(named, "ahead_ns", &ahead_ns) < 0) {
        return NULL;
    }
    if (!PyDict_Check(store_globals) || !PyDict_Check(paths_globals)
        || !PyList_Check(resolving) || !PyList_Check(finished)
        || !PyType_Check(record_type) || !PyType_IsSubtype((PyTypeObject *)record_type, &CoreType)
        || !PyType_Check(sampled_type)
        || !PyType_IsSubtype((PyTypeObject *)sampled_type, &SampledType)) {
        PyErr_SetString(PyExc_TypeError, "request_wire() was given something else");
        return NULL;
    }
    if (wired(named, "end", &python_end) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static inline Hot *as_store(PyObject *object)
{
    return object != NULL && PyObject_TypeCheck(object, &HotType) && ((Hot *)object)->lock != NULL
        ? (Hot *)object : NULL;
}

static inline Row *as_row(PyObject *object)
{
    return object != NULL && PyObject_TypeCheck(object, &RowType) && ((Row *)object)->lanes != NULL
        ? (Row *)object : NULL;
}

/* What went wrong here is told as it is there, and breaks no page; NULL for what is no error. */
static PyObject *fail(PyObject *store)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (error != NULL && trace != NULL) {
        PyException_SetTraceback(error, trace);
    }
    PyObject *told = error ? PyObject_CallFunctionObjArgs(failed_, error, store, NULL) : NULL;
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return told;
}

/* _queue.parse() of what most proxies send: digits and a point. */
static PyObject *parsed(PyObject *header)
{
    const char *text = NULL, *begin = NULL;
    if (PyUnicode_CheckExact(header) && PyUnicode_IS_ASCII(header)) {
        begin = (const char *)PyUnicode_1BYTE_DATA(header);
        text = begin + (strncmp(begin, "t=", 2) == 0 ? 2 : 0);
    }
    if (text == NULL || *text == '\0' || strspn(text, "0123456789.") != strlen(text)
        || strlen(text) > 30 || memchr(begin, '\0', PyUnicode_GET_LENGTH(header))) {
        return PyObject_CallOneArg(parse, header);
    }
    double stamp = PyOS_string_to_double(text, NULL, NULL);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return PyObject_CallOneArg(parse, header);
    }
    if (stamp >= 1e12) {
        stamp /= stamp < 1e15 ? 1e3 : stamp < 1e18 ? 1e6 : 1e9;
    }
    double ns = (clock_ns(CLOCK_REALTIME) / 1e9 - stamp) * 1e9;
    if (-ahead_ns <= ns && ns <= oldest_ns) {
        return PyLong_FromLongLong(ns > 0 ? (long long)ns : 0);
    }
    Py_RETURN_NONE;
}

/* _queue.waited() */
static PyObject *queued(PyObject *meta, PyObject *header, PyObject *peer)
{
    if (!PyUnicode_CheckExact(peer)) {
        return PyObject_CallOneArg(waited, meta);
    }
    PyObject *may = PyObject_CallOneArg(may_be_proxy, peer);
    int proxy = may ? PyObject_IsTrue(may) : -1;
    Py_XDECREF(may);
    if (proxy < 0) {
        return NULL;
    }
    return proxy ? parsed(header) : PyObject_CallOneArg(waited, meta);
}

/* Clients.of() */
static PyObject *client(PyObject *clients, PyObject *meta, PyObject *peer)
{
    if (PyUnicode_CheckExact(peer) && PyObject_TypeCheck(clients, &PlacesType)
        && ((Places *)clients)->known != NULL) {
        PyObject *forwarded = PyDict_GetItemWithError(meta, FORWARDED);
        if (forwarded == NULL && !PyErr_Occurred()) {
            PyObject *known = PyDict_GetItemWithError(((Places *)clients)->known, peer);
            if (known != NULL) {
                return Py_NewRef(known);
            }
        }
        if (PyErr_Occurred()) {
            return NULL;
        }
    }
    return PyObject_CallMethodOneArg(clients, name_of, meta);
}

static int ask_of(Core *record, Hot *store, PyObject *meta, PyObject *peer)
{
    if (store->clients != NULL && store->clients != Py_None) {
        PyObject *found = client(store->clients, meta, peer);
        if (found == NULL) {
            return -1;
        }
        Py_XSETREF(record->client, found);
    }
    PyObject *header = PyDict_GetItemWithError(meta, REQUEST_START);
    if (header != NULL) {
        Py_INCREF(header);
        PyObject *ns = queued(meta, header, peer);
        Py_DECREF(header);
        if (ns == NULL) {
            return -1;
        }
        Py_XSETREF(record->queued, ns);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int ask(Core *record, Hot *store, PyObject *meta)
{
    PyObject *peer = PyDict_GetItemWithError(meta, REMOTE_ADDR);
    if (peer == NULL && PyErr_Occurred()) {
        return -1;
    }
    if (peer == NULL || peer == Py_None) {
        peer = EMPTY;
    }
    Py_INCREF(peer);
    int failed = ask_of(record, store, meta, peer);
    Py_DECREF(peer);
    return failed;
}

/* One in so many is sampled: threads that count at once only shift which. */
static Core *begun(Hot *store)
{
    PyTypeObject *type = (PyTypeObject *)record_type;
    if (--store->countdown > 0) {
        Core *record = (Core *)type->tp_alloc(type, 0);
        if (record != NULL && core_begin(record, REQUEST, UNRESOLVED, (PyObject *)store) < 0) {
            Py_CLEAR(record);
        }
        return record;
    }
    PyObject *cost = PyObject_GetAttr((PyObject *)store, name_cost);
    PyObject *every = cost ? PyObject_GetAttr(cost, name_sample_every) : NULL;
    store->countdown = every ? PyLong_AsLongLong(every) : 0;
    Py_XDECREF(cost);
    Py_XDECREF(every);
    if (PyErr_Occurred()) {
        return NULL;
    }
    return (Core *)PyObject_CallFunctionObjArgs(
        sampled_type, REQUEST, UNRESOLVED, (PyObject *)store, NULL);
}

static PyObject *begun_of(PyObject *request, Hot *store)
{
    PyObject *meta = PyObject_GetAttr(request, name_META);
    if (meta == NULL) {
        return NULL;
    }
    if (!PyDict_CheckExact(meta)) {
        Py_DECREF(meta);
        return PyObject_CallOneArg(python_begin, request);
    }
    Core *record = begun(store);
    if (record == NULL || ask(record, store, meta) < 0) {
        Py_XDECREF(record);
        record = NULL;
    }
    Py_DECREF(meta);
    return (PyObject *)record;
}

PyObject *request_begin(PyObject *Py_UNUSED(module), PyObject *request)
{
    int failed;
    if (unwired(python_end)) {
        return NULL;
    }
    Core *outer = under_way(&failed);
    Hot *store = as_store(PyDict_GetItemWithError(store_globals, name_opened));
    if (failed || PyErr_Occurred()) {
        return NULL;
    }
    if (outer != NULL || store == NULL) {
        return PyObject_CallOneArg(python_begin, request);
    }
    Py_INCREF(store); /* it may be left meanwhile */
    PyObject *record = begun_of(request, store);
    Py_DECREF(store);
    return record;
}

/* request.META.get("QUERY_STRING"), of whatever a view or a middleware has put there, too. */
static PyObject *query_of(PyObject *request)
{
    PyObject *meta = PyObject_GetAttr(request, name_META), *query = NULL;
    if (meta != NULL && PyDict_CheckExact(meta)) {
        query = PyDict_GetItemWithError(meta, QUERY_STRING);
        query = query ? Py_NewRef(query) : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    } else if (meta != NULL) {
        query = PyObject_CallMethod(meta, "get", "O", QUERY_STRING);
    }
    Py_XDECREF(meta);
    return query;
}

/* 1: it has arguments and may be kept, so that paths are looked at. */
static int has_arguments(PyObject *request, PyObject *args, PyObject *kwargs)
{
    PyObject *method = PyObject_GetAttr(request, name_method);
    int is_get = method ? PyObject_RichCompareBool(method, GET, Py_EQ) : -1;
    Py_XDECREF(method);
    if (is_get <= 0) {
        return is_get;
    }
    int has = PyObject_IsTrue(kwargs);
    if (has == 0) {
        has = PyObject_IsTrue(args);
    }
    if (has == 0) {
        PyObject *query = query_of(request);
        has = query ? PyObject_IsTrue(query) : -1;
        Py_XDECREF(query);
    }
    return has;
}

/* _paths.look(), which goes on with one path in eight. */
static int look_at_path(Core *record, Row *row, PyObject *request)
{
    PyObject *path = PyObject_GetAttr(request, name_path_info);
    PyObject *query = path ? query_of(request) : NULL;
    PyObject *both = query ? PyTuple_Pack(2, path, query) : NULL;
    Py_hash_t hash = both ? PyObject_Hash(both) : -1;
    Py_XDECREF(path);
    Py_XDECREF(query);
    Py_XDECREF(both);
    if (hash == -1) {
        return -1;
    }
    PyObject *one_in = PyDict_GetItemWithError(paths_globals, name_ONE_IN);
    long every = one_in ? PyLong_AsLong(one_in) : 0;
    if (PyErr_Occurred()) {
        return -1;
    }
    if (every > 1 && hash % every) {
        return 0;
    }
    PyObject *looked = PyObject_CallFunction(
        look, "OOOL", record->store, (PyObject *)row, request, record->start);
    Py_XDECREF(looked);
    return looked == NULL ? -1 : 0;
}

static int locked(Hot *store)
{
    PyObject *held = PyObject_CallNoArgs(store->acquire);
    Py_XDECREF(held);
    return held == NULL ? -1 : 0;
}

/* Let go of the lock, whatever has happened under it. */
static int unlocked(Hot *store)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyObject *released = PyObject_CallNoArgs(store->release);
    if (type != NULL) {
        PyErr_Clear();
        PyErr_Restore(type, error, trace);
    }
    Py_XDECREF(released);
    return type != NULL || released == NULL ? -1 : 0;
}

/* resolved() of a request that is on no route so far */
static PyObject *resolved(Core *record, Hot *store, PyObject *const *args)
{
    PyObject *match = PyObject_GetAttr(args[0], name_resolver_match);
    PyObject *route = match ? PyObject_GetAttr(match, name_route) : NULL;
    Py_XDECREF(match);
    if (route == NULL) {
        return NULL;
    }
    Row *row = NULL;
    if (PyUnicode_CheckExact(route) && store->requests && PyDict_CheckExact(store->requests)) {
        row = as_row(PyDict_GetItemWithError(store->requests, route));
    }
    if (row == NULL || store->left) {
        Py_DECREF(route);
        PyErr_Clear();
        return PyObject_Vectorcall(python_resolved, args, 4, NULL);
    }
    Py_INCREF(row);
    Py_XSETREF(record->name, route);
    int failed;
    if (locked(store) < 0) {
        failed = 1;
    } else {
        row_started(row);
        failed = unlocked(store) < 0;
    }
    if (!failed) { /* without the lock: the site's own code may wait for another thread */
        int has = has_arguments(args[0], args[2], args[3]);
        failed = has < 0 || (has && look_at_path(record, row, args[0]) < 0);
    }
    if (failed) {
        Py_DECREF(row);
        return fail((PyObject *)store);
    }
    Py_XSETREF(record->row, (PyObject *)row);
    Py_RETURN_NONE;
}

/* process_view(request, view, args, kwargs) */
PyObject *request_resolved(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    int failed;
    Core *record = under_way(&failed);
    if (failed || unwired(python_end)) {
        return NULL;
    }
    if (count != 4 || PyList_GET_SIZE(resolving)
        || (record != NULL
            && (record->row != Py_None || record->kind != REQUEST || !as_store(record->store)))) {
        return PyObject_Vectorcall(python_resolved, args, count, NULL);
    }
    if (record == NULL) {
        Py_RETURN_NONE;
    }
    PyObject *store = Py_NewRef(record->store);
    Py_INCREF(record);
    PyObject *answer = resolved(record, (Hot *)store, args);
    Py_DECREF(record);
    Py_DECREF(store);
    return answer;
}

/* 1 with the status and the size of a response that ends with us; 0 of one that does not. */
static int answered(PyObject *request, PyObject *response, long long *status, Py_ssize_t *size)
{
    PyObject *method = PyObject_GetAttr(request, name_method);
    int is_get = method ? PyObject_RichCompareBool(method, GET, Py_EQ) : -1;
    Py_XDECREF(method);
    if (is_get <= 0) {
        return is_get;
    }
    PyObject *streaming = PyObject_GetAttr(response, name_streaming);
    int streams = streaming ? PyObject_IsTrue(streaming) : -1;
    Py_XDECREF(streaming);
    if (streams) {
        return streams < 0 ? -1 : 0;
    }
    if ((PyObject *)Py_TYPE(response) != response_type) {
        PyObject *rendered = PyObject_GetAttr(response, name_is_rendered);
        int is_rendered = rendered ? PyObject_IsTrue(rendered) : -1;
        Py_XDECREF(rendered);
        if (rendered == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear(); /* most have no such thing */
            is_rendered = 1;
        }
        if (is_rendered <= 0) {
            return is_rendered;
        }
    }
    PyObject *code = PyObject_GetAttr(response, name_status_code);
    *status = code ? PyLong_AsLongLong(code) : -1;
    Py_XDECREF(code);
    if (PyErr_Occurred()) {
        return -1;
    }
    PyObject *content = PyObject_GetAttr(response, name_content);
    *size = content && PyBytes_Check(content) ? PyBytes_GET_SIZE(content) : -1;
    Py_XDECREF(content);
    return *size >= 0 ? 1 : PyErr_Occurred() ? -1 : 0;
}

/* _units.finish(), of a record that it has no more to do for. */
static PyObject *finished_here(Core *record, Hot *store, Row *row)
{
    int sampled = (PyObject *)Py_TYPE(record) == sampled_type;
    if (core_close(record) < 0) {
        return NULL;
    }
    if (store->left) {
        Py_RETURN_NONE;
    }
    int failed = 1;
    if (locked(store) == 0) {
        failed = row_write(row, record) < 0;
        PyObject *clients = store->clients;
        if (!failed && clients != NULL && PyObject_TypeCheck(clients, &PlacesType)
            && ((Places *)clients)->lanes != NULL && record->client != NULL
            && PyObject_IsTrue(record->client) > 0) {
            Places *places = (Places *)clients;
            failed = places_add(places, record->client, record->wall, record->status) < 0;
        }
        failed = unlocked(store) < 0 || failed;
    }
    if (!failed && record->statements != NULL && PyDict_CheckExact(record->statements)
        && PyDict_GET_SIZE(record->statements)) {
        PyObject *asked = store->asked;
        failed = asked == NULL || !PyList_CheckExact(asked)
            || PyList_Append(asked, (PyObject *)record) < 0;
        if (!failed && (PyList_GET_SIZE(asked) >= patient || record->last > store->asked_until)) {
            PyObject *stopped = PyObject_CallOneArg(stop_waiting, (PyObject *)record);
            failed = stopped == NULL;
            Py_XDECREF(stopped);
        }
    }
    if (failed && PyErr_Occurred()) {
        PyObject *told = fail((PyObject *)store);
        if (told == NULL) {
            return NULL;
        }
        Py_DECREF(told);
    }
    if (sampled) {
        PyObject *args[] = {(PyObject *)record, (PyObject *)row};
        PyObject *weighed = PyObject_Vectorcall(weigh, args, 2, NULL);
        if (weighed == NULL) {
            return NULL;
        }
        Py_DECREF(weighed);
    }
    if (record->last > store->due && !store->left) {
        return PyObject_CallOneArg(stand, (PyObject *)record);
    }
    Py_RETURN_NONE;
}

/* There is nothing to do for it that is not done here. */
static int ends_here(Core *record)
{
    return as_store(record->store) != NULL && as_row(record->row) != NULL
        && record->pending == Py_None && PyList_GET_SIZE(finished) == 0;
}

/* end(record, request, response) */
PyObject *request_end(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    long long status;
    Py_ssize_t size;
    if (unwired(python_end)) {
        return NULL;
    }
    PyObject *type = count == 3 ? (PyObject *)Py_TYPE(args[0]) : NULL;
    if (type == NULL || (type != record_type && type != sampled_type)) {
        return PyObject_Vectorcall(python_end, args, count, NULL);
    }
    Core *record = (Core *)args[0];
    int here = ends_here(record) ? answered(args[1], args[2], &status, &size) : 0;
    if (here < 0 && !PyErr_ExceptionMatches(PyExc_Exception)) {
        return NULL; /* a signal's: the process is to end */
    }
    if (here <= 0 || !ends_here(record)) { /* what makes the content may have made more to do */
        PyErr_Clear();
        return PyObject_Vectorcall(python_end, args, count, NULL);
    }
    record->status = status;
    record->size = size;
    Hot *store = (Hot *)Py_NewRef(record->store);
    Row *row = (Row *)Py_NewRef(record->row);
    PyObject *answer = finished_here(record, store, row);
    Py_DECREF(store);
    Py_DECREF(row);
    return answer;
}
