/* measure/_probes/sql.py and _fetching.py: what is done for each statement. */
#include "unhurried_c.h"
#include <string.h>

static PyObject *python_tap, *failed_, *find, *tell_met, *hear, *nobody;
static PyObject *observers, *guards, *unheard;
static PyObject *python_fetchmany, *fetched;
static long long most;
static PyObject *name_cursor, *name_db, *name_alias, *name_seen, *name_fetchmany;
static PyObject *name_wrapped;

int tap_ready(void)
{
    name_cursor = PyUnicode_InternFromString("cursor");
    name_db = PyUnicode_InternFromString("db");
    name_alias = PyUnicode_InternFromString("alias");
    name_seen = PyUnicode_InternFromString("unhurried_seen");
    name_fetchmany = PyUnicode_InternFromString("fetchmany");
    name_wrapped = PyUnicode_InternFromString("raise_wrapped");
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *tap_wire(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
    Py_CLEAR(python_tap);
    if (wired(named, "failed", &failed_) < 0
        || wired(named, "find", &find) < 0 || wired(named, "tell_met", &tell_met) < 0
        || wired(named, "hear", &hear) < 0 || wired(named, "nobody", &nobody) < 0
        || wired(named, "observers", &observers) < 0 || wired(named, "guards", &guards) < 0
        || wired(named, "unheard", &unheard) < 0
        || wired_number(named, "most", &most) < 0) {
        return NULL;
    }
    if (!PyList_Check(observers) || !PyList_Check(guards) || !PySet_Check(unheard)) {
        PyErr_SetString(PyExc_TypeError, "tap_wire() was given something else");
        return NULL;
    }
    if (wired(named, "tap", &python_tap) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* _statements.first(): the entry of a SELECT that has none yet. */
static Seen *first(Core *record, PyObject *alias, PyObject *sql)
{
    if (record->statements == nothing) {
        PyObject *statements = PyDict_New();
        if (statements == NULL) {
            return NULL;
        }
        Py_SETREF(record->statements, statements);
    }
    Seen *seen = seen_new(alias, sql);
    if (seen == NULL || PyDict_SetItem(record->statements, sql, (PyObject *)seen) < 0) {
        Py_XDECREF(seen);
        return NULL;
    }
    PyObject *met = ((Hot *)record->store)->met;
    PyObject *texts = PyDict_GetItemWithError(met, record->name);
    int sampled = PyObject_TypeCheck((PyObject *)record, &SampledType);
    int known = !sampled && texts && PyDict_Check(texts) ? PyDict_Contains(texts, sql) : 0;
    if (known <= 0 && !PyErr_Occurred()) {
        PyObject *args[] = {(PyObject *)record, sql, (PyObject *)seen};
        Py_XDECREF(PyObject_Vectorcall(tell_met, args, 3, NULL));
    }
    if (PyErr_Occurred()) {
        Py_DECREF(seen);
        return NULL;
    }
    return seen;
}

static int is_select(PyObject *sql)
{
    return PyUnicode_IS_ASCII(sql) && PyUnicode_GET_LENGTH(sql) >= 6
        && memcmp(PyUnicode_1BYTE_DATA(sql), "SELECT", 6) == 0;
}

/* The entry of the statement, a new reference; NULL where there is none, or with an exception. */
static Seen *entry(Core *record, PyObject *cursor, PyObject *sql)
{
    PyObject *db = PyObject_GetAttr(cursor, name_db);
    PyObject *alias = db ? PyObject_GetAttr(db, name_alias) : NULL;
    Py_XDECREF(db);
    if (alias == NULL) {
        return NULL;
    }
    PyObject *seen = NULL;
    int plain = PyUnicode_CheckExact(sql) && record->statements != NULL
        && PyDict_CheckExact(record->statements); /* NULL: deleted, as any attribute can be */
    if (plain) {
        seen = PyDict_GetItemWithError(record->statements, sql);
        if (seen != NULL && PyObject_TypeCheck(seen, &SeenType)) {
            Py_INCREF(seen);
            PyObject *its = ((Seen *)seen)->alias;
            int same = its == alias ? 1 : PyObject_RichCompareBool(its, alias, Py_EQ);
            if (same > 0) {
                Py_DECREF(alias);
                return (Seen *)seen;
            }
            Py_DECREF(seen); /* from here on it is asked only whether there was one */
        }
    }
    Hot *store = (Hot *)record->store;
    if (PyErr_Occurred()) {
        seen = NULL;
    } else if (plain && seen == NULL && is_select(sql) && record->name != NULL && store != NULL
               && PyObject_TypeCheck(store, &HotType) && store->met != NULL
               && PyDict_CheckExact(store->met)
               && PyDict_GET_SIZE(record->statements) < most) {
        seen = (PyObject *)first(record, alias, sql);
    } else {
        PyObject *args[] = {(PyObject *)record, alias, sql};
        seen = PyObject_Vectorcall(find, args, 3, NULL);
        if (seen != NULL && !PyObject_TypeCheck(seen, &SeenType)) {
            Py_CLEAR(seen); /* None */
        }
    }
    Py_DECREF(alias);
    return (Seen *)seen;
}

/* A sampled one also keeps its order. */
static int keep_order(Core *record, Seen *seen, long long began, long long took)
{
    PyObject *timeline = ((Sampled *)record)->timeline;
    if (timeline == NULL || !PyList_CheckExact(timeline) || PyList_GET_SIZE(timeline) >= LONGEST) {
        return 0;
    }
    PyObject *entry = Py_BuildValue("(LLO)", began - record->start, took, (PyObject *)seen);
    int failed = entry ? PyList_Append(timeline, entry) : -1;
    Py_XDECREF(entry);
    return failed;
}

static int count(
    Core *record, PyObject *cursor, PyObject *sql, long long began, long long took, int sampled)
{
    Seen *seen = entry(record, cursor, sql);
    if (seen == NULL) {
        return PyErr_Occurred() ? -1 : PyObject_SetAttr(cursor, name_seen, nobody);
    }
    int failed = PyObject_SetAttr(cursor, name_seen, (PyObject *)seen);
    record->queries++;
    seen->count++;
    seen->ns += took;
    if (took < seen->least) {
        seen->least = took;
    }
    if (!failed && sampled) {
        failed = keep_order(record, seen, began, took);
    }
    if (!failed && seen->count >= seen->due) {
        PyObject *args[] = {(PyObject *)record, (PyObject *)seen};
        PyObject *heard = PyObject_Vectorcall(hear, args, 2, NULL);
        failed = heard == NULL ? -1 : 0;
        Py_XDECREF(heard);
    }
    Py_DECREF(seen);
    return failed;
}

/* _failed(), with the error under way. */
static void refused(
    Core *record, PyObject *sql, PyObject *context, long long began, long long took, int charged)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyObject *noted = PyObject_CallFunction(failed_, "OOOLLO", (PyObject *)record, sql, context,
                                            began, took, charged ? Py_True : Py_False);
    if (noted == NULL) {
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return;
    }
    Py_DECREF(noted);
    PyErr_Restore(type, error, trace);
}

/* The end of the database's part; an error that is under way goes on. */
static void leave(Core *record)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (core_leave(record, DB) < 0 && type != NULL) {
        PyErr_Clear();
    }
    if (type != NULL) {
        PyErr_Restore(type, error, trace);
    }
}

/* tap(execute, sql, params, many, context) */
PyObject *tap(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n)
{
    if (n != 5) {
        return PyErr_Format(PyExc_TypeError, "an execute wrapper takes 5 arguments, not %zd", n);
    }
    if (unwired(python_tap)) {
        return NULL;
    }
    PyObject *execute = args[0], *sql = args[1], *context = args[4];
    int heard = PyList_GET_SIZE(observers) > 0;
    if (!heard && PyList_GET_SIZE(guards) > 0) {
        heard = 1;
        if (PyList_GET_SIZE(guards) == 1 && PyUnicode_CheckExact(sql)) {
            int known = PySet_Contains(unheard, sql);
            if (known < 0) {
                return NULL;
            }
            heard = !known;
        }
    }
    int failed, many = heard ? 1 : PyObject_IsTrue(args[3]);
    Core *record = under_way(&failed);
    if (failed || many < 0) {
        return NULL;
    }
    int sampled = record && PyObject_TypeCheck((PyObject *)record, &SampledType);
    if (many || !PyDict_CheckExact(context)
        || (record && !record->wall && !record->simple && !sampled)) {
        return PyObject_Vectorcall(python_tap, args, n, NULL);
    }
    if (record == NULL || record->wall) {
        return PyObject_Vectorcall(execute, args + 1, 4, NULL);
    }
    Py_INCREF(record);
    if (sampled && core_enter(record, DB) < 0) {
        Py_DECREF(record);
        return NULL;
    }
    long long began = WALL_NS();
    PyObject *result = PyObject_Vectorcall(execute, args + 1, 4, NULL);
    long long took = WALL_NS() - began;
    if (sampled) {
        leave(record);
    }
    if (result == NULL) {
        refused(record, sql, context, began, took, sampled);
    } else if (PyErr_Occurred()) {
        Py_CLEAR(result);
    } else {
        PyObject *cursor = PyDict_GetItemWithError(context, name_cursor);
        if (cursor == NULL && !PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, name_cursor);
        }
        Py_XINCREF(cursor);
        if ((!sampled && core_charge(record, DB, took) < 0) || cursor == NULL
            || count(record, cursor, sql, began, took, sampled) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(cursor);
    }
    Py_DECREF(record);
    return result;
}

PyObject *fetch_wire(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
    Py_CLEAR(python_fetchmany);
    if (wired(named, "fetched", &fetched) < 0) {
        return NULL;
    }
    if (!PyList_Check(fetched)) {
        PyErr_SetString(PyExc_TypeError, "fetch_wire() was given something else");
        return NULL;
    }
    if (wired(named, "fetchmany", &python_fetchmany) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Timed.fetchmany(size) */
PyObject *fetch_many(
    PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    int failed;
    Core *record = under_way(&failed);
    if (failed || unwired(python_fetchmany)) {
        return NULL;
    }
    if (n != 2 || names != NULL || args[1] == Py_None || record == NULL || !record->simple
        || PyList_GET_SIZE(fetched)) {
        return PyObject_Vectorcall(python_fetchmany, args, n, names);
    }
    PyObject *self = args[0];
    Py_INCREF(record);
    PyObject *driver = PyObject_GetAttr(self, name_cursor);
    if (driver == NULL) {
        Py_DECREF(record);
        return NULL;
    }
    long long began = WALL_NS();
    PyObject *rows = PyObject_CallMethodOneArg(driver, name_fetchmany, args[1]);
    long long took = WALL_NS() - began;
    Py_DECREF(driver);
    if (rows == NULL) {
        PyObject *type, *error, *trace;
        PyErr_Fetch(&type, &error, &trace);
        PyErr_NormalizeException(&type, &error, &trace);
        if (trace != NULL) {
            PyException_SetTraceback(error, trace);
        }
        Py_XDECREF(PyObject_CallMethodOneArg(self, name_wrapped, error));
        if (PyErr_Occurred()) {
            Py_XDECREF(type);
            Py_XDECREF(error);
            Py_XDECREF(trace);
        } else {
            PyErr_Restore(type, error, trace);
        }
    } else {
        PyObject *seen = PyObject_GetAttr(self, name_seen);
        if (seen != NULL && PyObject_TypeCheck(seen, &SeenType)) {
            ((Seen *)seen)->fetch += took;
        }
        if (seen == NULL || core_charge(record, DB, took) < 0) {
            Py_CLEAR(rows);
        }
        Py_XDECREF(seen);
    }
    Py_DECREF(record);
    return rows;
}
