/* measure/_probes/sql.py's receiver of connection_created, and cache/_units/_ends.py: what is done
   for each connect, which a page with Django's own CONN_MAX_AGE does for each request. */
#include "unhurried_c.h"

static PyObject *tap_, *attach, *name_connection, *name_execute_wrappers;
static PyObject *name_dirty, *name_used, *name_settings_dict, *name_close_at, *CONN_MAX_AGE;

int connections_ready(void)
{
    name_connection = PyUnicode_InternFromString("connection");
    name_execute_wrappers = PyUnicode_InternFromString("execute_wrappers");
    name_dirty = PyUnicode_InternFromString("dirty");
    name_settings_dict = PyUnicode_InternFromString("settings_dict");
    name_close_at = PyUnicode_InternFromString("close_at");
    CONN_MAX_AGE = PyUnicode_InternFromString("CONN_MAX_AGE");
    name_used = PyUnicode_InternFromString("used");
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *connections_wire(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args), PyObject *named)
{
    if (wired(named, "tap", &tap_) < 0 || wired(named, "connected", &attach) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int number(PyObject *object, double *value)
{
    *value = PyFloat_AsDouble(object);
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

/* _took(): nanoseconds since it began to connect. */
static int took(PyObject *connection, long long *ns)
{
    PyObject *settings = PyObject_GetAttr(connection, name_settings_dict);
    PyObject *close_at = settings ? PyObject_GetAttr(connection, name_close_at) : NULL;
    PyObject *age = close_at ? PyObject_GetItem(settings, CONN_MAX_AGE) : NULL;
    double lives = 0, ends = 0;
    int failed = age == NULL;
    *ns = 0;
    if (!failed && age != Py_None && close_at != Py_None) {
        failed = number(age, &lives) < 0 || number(close_at, &ends) < 0;
        double seconds = WALL_NS() / 1e9 - ends + lives;
        const double year = 366. * 86400; /* no more of an age that is infinite, or none */
        *ns = !failed && 0 < seconds && seconds < year ? (long long)(seconds * 1e9) : 0;
    }
    Py_XDECREF(settings);
    Py_XDECREF(close_at);
    Py_XDECREF(age);
    return failed ? -1 : 0;
}

static int count_connect(Core *record, PyObject *connection)
{
    long long ns;
    if (took(connection, &ns) < 0) {
        return -1;
    }
    record->connects++;
    record->connecting += ns;
    return 0;
}

static PyObject *counted(Core *record, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *connection = NULL;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (PyTuple_GET_ITEM(names, i) == name_connection) {
            connection = args[n + i];
        }
    }
    PyObject *wrappers = connection ? PyObject_GetAttr(connection, name_execute_wrappers) : NULL;
    int tapped = wrappers ? PySequence_Contains(wrappers, tap_) : -1;
    Py_XDECREF(wrappers);
    if (tapped < 0 && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) {
        return NULL;
    }
    if (tapped <= 0) {
        PyErr_Clear();
        return PyObject_Vectorcall(attach, args, n, names);
    }
    if (record != NULL && count_connect(record, connection) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* _connected(*, connection, **kwargs) */
PyObject *connected(
    PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    int failed;
    Core *record = under_way(&failed);
    if (failed || unwired(attach)) {
        return NULL;
    }
    Py_XINCREF(record);
    PyObject *done = counted(record, args, n, names);
    Py_XDECREF(record);
    return done;
}

/* Ending(ties, original, end): end() where something has been written, and else the original. */
typedef struct {
    PyObject_HEAD
    PyObject *ties, *original, *end;
    vectorcallfunc call;
} Ending;

static PyObject *ending_call(
    PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    Ending *ending = (Ending *)self;
    if (ending->ties == NULL || ending->original == NULL || ending->end == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the collector has taken it apart");
        return NULL;
    }
    PyObject *dirty = PyObject_GetAttr(ending->ties, name_dirty);
    int written = dirty ? PyObject_IsTrue(dirty) : -1;
    Py_XDECREF(dirty);
    if (written < 0) {
        return NULL;
    }
    if (!written && PyObject_SetAttr(ending->ties, name_used, Py_False) < 0) {
        return NULL;
    }
    if (Py_EnterRecursiveCall(" in the end of a transaction")) { /* one may stand for another */
        return NULL;
    }
    PyObject *call = Py_NewRef(written ? ending->end : ending->original);
    PyObject *done = PyObject_Vectorcall(call, args, flags, names);
    Py_DECREF(call);
    Py_LeaveRecursiveCall();
    return done;
}

static int ending_init(Ending *ending, PyObject *args, PyObject *named)
{
    static char *names[] = {"ties", "original", "end", NULL};
    PyObject *ties, *original, *end;
    if (!PyArg_ParseTupleAndKeywords(args, named, "OOO", names, &ties, &original, &end)) {
        return -1;
    }
    Py_XSETREF(ending->ties, Py_NewRef(ties));
    Py_XSETREF(ending->original, Py_NewRef(original));
    Py_XSETREF(ending->end, Py_NewRef(end));
    return 0;
}

static PyObject *ending_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    Ending *ending = (Ending *)PyType_GenericNew(type, args, named);
    if (ending != NULL) {
        ending->call = ending_call;
        ending->ties = Py_NewRef(Py_None);
        ending->original = Py_NewRef(Py_None);
        ending->end = Py_NewRef(Py_None);
    }
    return (PyObject *)ending;
}

static int ending_traverse(Ending *ending, visitproc visit, void *arg)
{
    Py_VISIT(ending->ties);
    Py_VISIT(ending->original);
    Py_VISIT(ending->end);
    return 0;
}

static int ending_clear(Ending *ending)
{
    Py_CLEAR(ending->ties);
    Py_CLEAR(ending->original);
    Py_CLEAR(ending->end);
    return 0;
}

static void ending_dealloc(Ending *ending)
{
    PyObject_GC_UnTrack(ending);
    ending_clear(ending);
    Py_TYPE(ending)->tp_free(ending);
}

static PyMemberDef ending_members[] = {
    {"__wrapped__", T_OBJECT_EX, offsetof(Ending, original), READONLY, NULL},
    {NULL},
};

PyTypeObject EndingType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Ending",
    .tp_doc = "The end of a connection's transaction; see unhurried.cache._units._ends.",
    .tp_basicsize = sizeof(Ending),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Ending, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = ending_new,
    .tp_init = (initproc)ending_init,
    .tp_dealloc = (destructor)ending_dealloc,
    .tp_traverse = (traverseproc)ending_traverse,
    .tp_clear = (inquiry)ending_clear,
    .tp_members = ending_members,
};
