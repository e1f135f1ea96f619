/* middleware.py: one request through what is not kept, of a site that keeps nothing. */
#include "unhurried_c.h"

static PyObject *python_call, *abandon, *compare, *after, *cached, *picture;
static PyObject *django_settings, *kept, *requests;
static PyObject *name_is_async, *name_measures, *name_loaded, *name_get_response, *name_META;
static PyObject *name_DEBUG, *UNHURRIED, *BUDGETS, *SURROGATE, *COOKIE, *QUERY_STRING;

int middleware_ready(void)
{
    name_is_async = PyUnicode_InternFromString("is_async");
    name_measures = PyUnicode_InternFromString("measures");
    name_loaded = PyUnicode_InternFromString("loaded");
    name_get_response = PyUnicode_InternFromString("get_response");
    name_META = PyUnicode_InternFromString("META");
    name_DEBUG = PyUnicode_InternFromString("DEBUG");
    UNHURRIED = PyUnicode_InternFromString("UNHURRIED");
    BUDGETS = PyUnicode_InternFromString("BUDGETS");
    SURROGATE = PyUnicode_InternFromString("HTTP_SURROGATE_CAPABILITY");
    COOKIE = PyUnicode_InternFromString("HTTP_COOKIE");
    QUERY_STRING = PyUnicode_InternFromString("QUERY_STRING");
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *middleware_wire(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
    Py_CLEAR(python_call);
    if (wired(named, "abandon", &abandon) < 0
        || wired(named, "compare", &compare) < 0 || wired(named, "after", &after) < 0
        || wired(named, "requests", &requests) < 0
        || wired(named, "cached", &cached) < 0 || wired(named, "picture", &picture) < 0
        || wired(named, "settings", &django_settings) < 0
        || wired(named, "kept", &kept) < 0) {
        return NULL;
    }
    if (!PyDict_Check(cached) || !PyDict_Check(kept) || !PyDict_Check(requests)
        || !PyUnicode_Check(picture)) {
        PyErr_SetString(PyExc_TypeError, "middleware_wire() was given something else");
        return NULL;
    }
    if (wired(named, "call", &python_call) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int is_true(PyObject *object, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(object, name);
    int is = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return is;
}

/* 1: nothing but measuring is to be done for the request. */
static int is_plain(PyObject *self, PyObject *meta)
{
    int is = PyDict_CheckExact(meta) && PyDict_GET_SIZE(cached) == 0 ? 1 : 0;
    if (is) {
        is = is_true(self, name_is_async) == 0 && is_true(self, name_measures) > 0
            && is_true(self, name_loaded) > 0 && PyDict_Contains(meta, SURROGATE) == 0;
    }
    if (is && !PyErr_Occurred()) {
        PyObject *query = PyDict_GetItemWithError(meta, QUERY_STRING);
        if (query != NULL && PyUnicode_Check(query) && PyUnicode_GET_LENGTH(query) > 0) {
            is = PyUnicode_Contains(query, picture) == 0;
        }
    }
    return PyErr_Occurred() ? -1 : is;
}

static PyObject *abandoned(PyObject *record, PyObject *token)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL) {
        PyException_SetTraceback(error, trace);
    }
    PyObject *args[] = {record, error};
    PyObject *told = PyObject_Vectorcall(abandon, args, 2, NULL);
    if (told == NULL) { /* then that goes on; nothing is reset with an error set */
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        PyErr_Fetch(&type, &error, &trace);
    }
    Py_XDECREF(told);
    if (PyContextVar_Reset(current, token) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
    } else {
        PyErr_Restore(type, error, trace);
    }
    return NULL;
}

/* The response, made while this thread is known to be busy with the record. */
static PyObject *answer(PyObject *get_response, PyObject *request, PyObject *record)
{
    PyObject *thread = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
    PyObject *outer = thread ? PyDict_GetItemWithError(requests, thread) : NULL;
    PyObject *response = NULL;
    Py_XINCREF(outer);
    if (!PyErr_Occurred() && PyDict_SetItem(requests, thread, record) == 0) {
        response = PyObject_CallOneArg(get_response, request);
        PyObject *type, *error, *trace;
        PyErr_Fetch(&type, &error, &trace);
        if (outer != NULL ? PyDict_SetItem(requests, thread, outer) < 0
                          : PyDict_DelItem(requests, thread) < 0) {
            PyErr_Clear(); /* after a fork it is not there */
        }
        PyErr_Restore(type, error, trace);
    }
    Py_XDECREF(outer);
    Py_XDECREF(thread);
    return response;
}

/* The response, from which the record has what is to be counted. */
static PyObject *measured(PyObject *get_response, PyObject *request, PyObject *record)
{
    PyObject *token = PyContextVar_Set(current, record);
    if (token == NULL) {
        return NULL;
    }
    PyObject *response = answer(get_response, request, record);
    if (response == NULL) {
        abandoned(record, token);
    } else if (PyContextVar_Reset(current, token) < 0) {
        Py_CLEAR(response);
    } else {
        PyObject *args[] = {record, request, response};
        PyObject *ended = request_end(NULL, args, 3);
        if (ended == NULL) {
            Py_CLEAR(response);
        }
        Py_XDECREF(ended);
    }
    Py_DECREF(token);
    return response;
}

/* 1: there may be budgets; conf.given() is not asked where its dict has none. */
static int has_budgets(void)
{
    PyObject *given = PyDict_GetItemWithError(kept, UNHURRIED);
    return given == NULL || !PyDict_Check(given) ? 1 : PyDict_Contains(given, BUDGETS);
}

/* What staff and those with a budget see of it. */
static PyObject *decorated(PyObject *request, PyObject *response, PyObject *record, PyObject *meta)
{
    if (((Core *)record)->queries && has_budgets()) {
        PyObject *args[] = {record, response};
        PyObject *compared = PyObject_Vectorcall(compare, args, 2, NULL);
        if (compared == NULL) {
            Py_CLEAR(response);
            return NULL;
        }
        Py_DECREF(compared);
    }
    int looks = PyDict_Contains(meta, COOKIE);
    if (looks == 0) {
        looks = is_true(django_settings, name_DEBUG);
    }
    if (looks != 0) {
        PyObject *args[] = {request, response, record};
        PyObject *more = looks > 0 ? PyObject_Vectorcall(after, args, 3, NULL) : NULL;
        Py_SETREF(response, more);
    }
    return response;
}

/* UnhurriedMiddleware.__call__(request) */
PyObject *middleware_call(
    PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    if (unwired(python_call)) {
        return NULL;
    }
    if (n != 2 || names != NULL) {
        return PyObject_Vectorcall(python_call, args, n, names);
    }
    PyObject *self = args[0], *request = args[1];
    PyObject *meta = PyObject_GetAttr(request, name_META);
    int plain = meta ? is_plain(self, meta) : -1;
    if (plain <= 0) {
        Py_XDECREF(meta);
        return plain < 0 ? NULL : PyObject_Vectorcall(python_call, args, n, names);
    }
    PyObject *get_response = PyObject_GetAttr(self, name_get_response);
    PyObject *record = get_response ? request_begin(NULL, request) : NULL;
    PyObject *response = NULL;
    if (record == Py_None) {
        response = PyObject_CallOneArg(get_response, request);
    } else if (record != NULL && PyObject_TypeCheck(record, &CoreType)) {
        response = measured(get_response, request, record);
        if (response != NULL) {
            response = decorated(request, response, record, meta);
        }
    }
    Py_XDECREF(record);
    Py_XDECREF(get_response);
    Py_DECREF(meta);
    return response;
}
