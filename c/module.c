/* The module. Its functions and types are wired to those of unhurried.measure once, so it serves
   one interpreter: others (mod_wsgi's daemons, say) get an ImportError, and stay with Python. */
#include "unhurried_c.h"

/* named[name], a new reference; NULL with KeyError. */
PyObject *wired_item(PyObject *named, const char *name)
{
    if (named == NULL) {
        PyErr_SetString(PyExc_KeyError, name);
        return NULL;
    }
    return PyMapping_GetItemString(named, name);
}

int wired(PyObject *named, const char *name, PyObject **place)
{
    PyObject *value = wired_item(named, name);
    if (value == NULL) {
        return -1;
    }
    Py_XSETREF(*place, value);
    return 0;
}

int wired_number(PyObject *named, const char *name, long long *place)
{
    PyObject *value = wired_item(named, name);
    *place = value ? PyLong_AsLongLong(value) : -1;
    Py_XDECREF(value);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *record_wire(
    PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
    if (wired(named, "nothing", &nothing) < 0 || wired(named, "current", &current) < 0) {
        return NULL;
    }
    if (!PyDict_Check(nothing) || !PyContextVar_CheckExact(current)) {
        PyErr_SetString(PyExc_TypeError, "record_wire() was given something else");
        return NULL;
    }
    Py_RETURN_NONE;
}

#define WIRE(name, text) \
    {#name, (PyCFunction)(void (*)(void))name, METH_VARARGS | METH_KEYWORDS, text}

static PyMethodDef functions[] = {
    WIRE(record_wire, "What records need of unhurried.measure."),
    WIRE(row_wire, "What rows need of unhurried.measure."),
    WIRE(request_wire, "What requests need of unhurried.measure."),
    WIRE(tap_wire, "What the tap needs of unhurried.measure."),
    WIRE(fetch_wire, "What fetches need of unhurried.measure."),
    WIRE(middleware_wire, "What the middleware needs of its rooms."),
    WIRE(connections_wire, "What connects need of unhurried.measure."),
    {"connected", (PyCFunction)(void (*)(void))connected, METH_FASTCALL | METH_KEYWORDS,
     "connected($module, /, *, connection, **kwargs)\n--\n\nA receiver of connection_created."},
    {"begin", request_begin, METH_O, "begin(request): its record, or None."},
    {"resolved", (PyCFunction)(void (*)(void))request_resolved, METH_FASTCALL,
     "resolved(request, view, args, kwargs): the view is known."},
    {"end", (PyCFunction)(void (*)(void))request_end, METH_FASTCALL,
     "end(record, request, response): close the record."},
    {"tap", (PyCFunction)(void (*)(void))tap, METH_FASTCALL,
     "tap(execute, sql, params, many, context): the execute wrapper."},
    {"add", reading_add, METH_VARARGS,
     "add(total, part, start, size): add so many bytes of words of the part to the total."},
    {NULL},
};

static PyMethodDef fetchmany = {
    "fetchmany", (PyCFunction)(void (*)(void))fetch_many, METH_FASTCALL | METH_KEYWORDS,
    "fetchmany(cursor, size): a method of cursors, once it is in their class.",
};

static PyMethodDef call = {
    "call", (PyCFunction)(void (*)(void))middleware_call, METH_FASTCALL | METH_KEYWORDS,
    "call(middleware, request): a method likewise.",
};

/* What binds as a Python function does, once it is in a class. */
static int add_method(PyObject *module, PyMethodDef *definition)
{
    PyObject *function = PyCFunction_New(definition, NULL);
    PyObject *method = function ? PyInstanceMethod_New(function) : NULL;
    Py_XDECREF(function);
    int failed = method ? PyModule_AddObjectRef(module, definition->ml_name, method) : -1;
    Py_XDECREF(method);
    return failed;
}

static int fill(PyObject *module)
{
    PyTypeObject *types[] = {&CoreType, &SampledType, &SeenType, &HotType, &RowType, &PlacesType,
        &EndingType};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (PyModule_AddType(module, types[i]) < 0) {
            return -1;
        }
    }
    if (nothing == NULL) { /* until record_wire() */
        nothing = PyDict_New();
    }
    if (nothing == NULL || request_ready() < 0 || tap_ready() < 0 || middleware_ready() < 0
        || connections_ready() < 0) {
        return -1;
    }
    if (add_method(module, &fetchmany) < 0 || add_method(module, &call) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "__version__", UNHURRIED_VERSION);
}

static int begin(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "unhurried_c serves the main interpreter alone");
        return -1;
    }
    return fill(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, begin},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "unhurried_c",
    .m_doc = "What unhurried.measure does for every request and statement, compiled.",
    .m_size = 0,
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_unhurried_c(void)
{
    return PyModuleDef_Init(&definition);
}
