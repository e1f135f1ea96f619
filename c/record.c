/* measure/_record.py: Record and Seen, of the same attributes. */
#include "unhurried_c.h"

PyObject *nothing, *current;

int core_begin(Core *record, PyObject *kind, PyObject *name, PyObject *store)
{
    PyObject *zero = PyLong_FromLong(0);
    if (zero == NULL) {
        return -1;
    }
    Py_XSETREF(record->client, zero);
    record->tops[0] = VIEW;
    record->depth = 1;
    Py_XSETREF(record->kind, Py_NewRef(kind));
    Py_XSETREF(record->name, Py_NewRef(name));
    Py_XSETREF(record->store, Py_NewRef(store));
    Py_XSETREF(record->statements, Py_NewRef(nothing));
    Py_XSETREF(record->row, Py_NewRef(Py_None));
    Py_XSETREF(record->rare, Py_NewRef(Py_None));
    Py_XSETREF(record->pending, Py_NewRef(Py_None));
    Py_XSETREF(record->threads, Py_NewRef(Py_None));
    Py_XSETREF(record->queued, Py_NewRef(Py_None));
    record->simple = 1;
    record->cpu_started = CPU_NS();
    record->start = record->last = WALL_NS();
    return 0;
}

static int core_init(Core *record, PyObject *args, PyObject *named)
{
    static char *names[] = {"kind", "name", "store", NULL};
    PyObject *kind, *name, *store;
    if (!PyArg_ParseTupleAndKeywords(args, named, "OOO", names, &kind, &name, &store)) {
        return -1;
    }
    return core_begin(record, kind, name, store);
}

/* A list's item as a number: what others may have put there is looked at. */
static int item(PyObject *list, Py_ssize_t at, long long *value)
{
    if (list == NULL || at < 0 || at >= PyList_GET_SIZE(list)) {
        PyErr_SetString(PyExc_IndexError, "a record's list is too short, or no list");
        return -1;
    }
    *value = PyLong_AsLongLong(PyList_GET_ITEM(list, at));
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

int core_part(Core *record, int part, long long *ns)
{
    if (record->parts != NULL) {
        return item(record->parts, part, ns);
    }
    *ns = record->part[part];
    return 0;
}

static int add(Core *record, long long part, long long ns)
{
    long long had;
    if (record->parts == NULL && 0 <= part && part < PARTS) {
        record->part[part] += ns;
        return 0;
    }
    if (record->parts == NULL || item(record->parts, part, &had) < 0) {
        PyErr_SetString(PyExc_IndexError, "a record has no such part");
        return -1;
    }
    PyObject *has = PyLong_FromLongLong(had + ns);
    return has == NULL ? -1 : PyList_SetItem(record->parts, part, has);
}

int core_charge(Core *record, int part, long long ns)
{
    record->last += ns;
    return add(record, part, ns);
}

static int top_of(Core *record, long long *top)
{
    if (record->stack == NULL && record->depth > 0) {
        *top = record->tops[record->depth - 1];
        return 0;
    }
    return item(record->stack, record->stack ? PyList_GET_SIZE(record->stack) - 1 : -1, top);
}

/* Up to now the time is that of what is on top, which is *top. */
static int charge_top(Core *record, long long *top, long long *elapsed)
{
    long long now = WALL_NS();
    if (top_of(record, top) < 0) {
        return -1;
    }
    *elapsed = now - record->last;
    record->last = now;
    return add(record, *top, *elapsed);
}

static PyObject *get_parts(Core *record, void *Py_UNUSED(closure))
{
    if (record->parts == NULL) {
        PyObject *parts = PyList_New(PARTS); /* which may collect garbage, which may run anything */
        if (record->parts != NULL) {
            Py_XDECREF(parts);
            return Py_NewRef(record->parts);
        }
        for (int i = 0; parts != NULL && i < PARTS; i++) {
            PyObject *ns = PyLong_FromLongLong(record->part[i]);
            if (ns == NULL) {
                Py_CLEAR(parts);
            } else {
                PyList_SET_ITEM(parts, i, ns);
            }
        }
        record->parts = parts;
    }
    return Py_XNewRef(record->parts);
}

static PyObject *get_stack(Core *record, void *Py_UNUSED(closure))
{
    if (record->stack == NULL) {
        PyObject *stack = PyList_New(0); /* likewise: nobody knows before how deep it is after */
        if (record->stack != NULL) {
            Py_XDECREF(stack);
            return Py_NewRef(record->stack);
        }
        for (int i = 0; stack != NULL && i < record->depth; i++) {
            PyObject *part = PyLong_FromLong(record->tops[i]);
            if (part == NULL || PyList_Append(stack, part) < 0) {
                Py_CLEAR(stack);
            }
            Py_XDECREF(part);
        }
        record->stack = stack;
    }
    return Py_XNewRef(record->stack);
}

static int set_list(PyObject *value, PyObject **place)
{
    if (value == NULL || !PyList_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "a record's stack and parts are lists");
        return -1;
    }
    Py_XSETREF(*place, Py_NewRef(value));
    return 0;
}

static int set_parts(Core *record, PyObject *value, void *Py_UNUSED(closure))
{
    return set_list(value, &record->parts);
}

static int set_stack(Core *record, PyObject *value, void *Py_UNUSED(closure))
{
    return set_list(value, &record->stack);
}

static int overlap(Core *record, long long ns)
{
    PyObject *rare = PyObject_CallMethod((PyObject *)record, "seldom", NULL);
    PyObject *had = rare ? PyObject_GetAttrString(rare, "overlap") : NULL;
    PyObject *more = had ? PyLong_FromLongLong(ns) : NULL;
    PyObject *sum = more ? PyNumber_Add(had, more) : NULL;
    int failed = sum ? PyObject_SetAttrString(rare, "overlap", sum) : -1;
    Py_XDECREF(rare);
    Py_XDECREF(had);
    Py_XDECREF(more);
    Py_XDECREF(sum);
    return failed;
}

/* SampledRecord._charge_cpu() */
static int charge_cpu(Core *record)
{
    long long top, cpu = CPU_NS();
    unsigned long thread = PyThread_get_thread_ident();
    Sampled *sampled = (Sampled *)record;
    if (sampled->thread == thread) { /* another one's clock says nothing of what was done since */
        if (top_of(record, &top) < 0) {
            return -1;
        }
        sampled->cpu_part[0 <= top && top < PARTS ? top : VIEW] += cpu - sampled->cpu_last;
    }
    sampled->thread = thread;
    sampled->cpu_last = cpu;
    sampled->probed++;
    return 0;
}

int core_enter(Core *record, int part)
{
    long long top, elapsed;
    if (PyObject_TypeCheck((PyObject *)record, &SampledType) && charge_cpu(record) < 0) {
        return -1;
    }
    if (charge_top(record, &top, &elapsed) < 0) {
        return -1;
    }
    if (record->concurrent > 0 && overlap(record, elapsed * record->concurrent) < 0) {
        return -1;
    }
    if (0 < top && top < TEMPLATE && part < TEMPLATE && (top != CACHE || part != DB)) {
        record->concurrent++;
    }
    if (record->stack == NULL && record->depth < DEEP && 0 <= part && part < PARTS) {
        record->tops[record->depth++] = (unsigned char)part;
        return 0;
    }
    PyObject *stack = get_stack(record, NULL), *which = PyLong_FromLong(part);
    int failed = stack == NULL || which == NULL || PyList_Append(stack, which) < 0;
    Py_XDECREF(stack);
    Py_XDECREF(which);
    return failed ? -1 : 0;
}

/* Take the part out of the list: the first, unless it was opened last. */
static int take_out(PyObject *stack, int part, int is_last)
{
    Py_ssize_t size = PyList_GET_SIZE(stack);
    for (Py_ssize_t at = is_last ? size - 1 : 0; at < size; at++) {
        long long there;
        if (item(stack, at, &there) < 0) {
            return -1;
        }
        if (there == part) {
            return PyList_SetSlice(stack, at, at + 1, NULL);
        }
    }
    return 0;
}

int core_leave(Core *record, int part)
{
    long long top, elapsed;
    if (PyObject_TypeCheck((PyObject *)record, &SampledType) && charge_cpu(record) < 0) {
        return -1;
    }
    if (charge_top(record, &top, &elapsed) < 0) {
        return -1;
    }
    if (record->concurrent > 0) {
        if (overlap(record, elapsed * record->concurrent) < 0) {
            return -1;
        }
        record->concurrent--;
        if (top_of(record, &top) < 0) { /* another thread may have run meanwhile */
            return -1;
        }
    }
    if (record->stack == NULL && top == part) {
        record->depth--;
        return 0;
    }
    PyObject *stack = get_stack(record, NULL);
    if (stack == NULL) {
        return -1;
    }
    int failed = take_out(stack, part, top == part);
    Py_DECREF(stack);
    return failed;
}

static PyObject *core_enter_method(Core *record, PyObject *which)
{
    long part = PyLong_AsLong(which);
    if ((part == -1 && PyErr_Occurred()) || core_enter(record, part) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *core_leave_method(Core *record, PyObject *which)
{
    long part = PyLong_AsLong(which);
    if ((part == -1 && PyErr_Occurred()) || core_leave(record, part) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

int core_close(Core *record)
{
    long long top, elapsed, cpu = record->cpu, least = 0;
    if (charge_top(record, &top, &elapsed) < 0) {
        return -1;
    }
    long long wall = record->wall = record->last - record->start;
    if (record->cpu_started != NEVER_STARTED) {
        cpu += CPU_NS() - record->cpu_started;
        record->cpu_started = NEVER_STARTED;
    }
    record->cpu = 0 <= cpu && cpu < wall ? cpu : cpu > 0 ? wall : 0;
    for (int part = 0; part < PARTS; part++) {
        long long ns;
        if (core_part(record, part, &ns) < 0) {
            return -1;
        }
        least = ns < least ? ns : least;
    }
    const long long year = 366LL * 86400 * 1000000000;
    if (least < 0 || wall <= 0 || wall >= year) {
        PyObject *settled = PyObject_CallMethod((PyObject *)record, "_settle", NULL);
        Py_XDECREF(settled);
        if (settled == NULL) {
            return -1;
        }
    }
    if (PyObject_TypeCheck((PyObject *)record, &SampledType)) {
        ((Sampled *)record)->closed = CPU_NS();
    }
    return 0;
}

static PyObject *core_close_method(Core *record, PyObject *Py_UNUSED(ignored))
{
    if (core_close(record) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int core_traverse(Core *record, visitproc visit, void *arg)
{
    Py_VISIT(record->kind);
    Py_VISIT(record->name);
    Py_VISIT(record->store);
    Py_VISIT(record->row);
    Py_VISIT(record->rare);
    Py_VISIT(record->pending);
    Py_VISIT(record->threads);
    Py_VISIT(record->queued);
    Py_VISIT(record->statements);
    Py_VISIT(record->reads);
    Py_VISIT(record->client);
    Py_VISIT(record->stack);
    Py_VISIT(record->parts);
    return 0;
}

static int core_clear(Core *record)
{
    Py_CLEAR(record->kind);
    Py_CLEAR(record->name);
    Py_CLEAR(record->store);
    Py_CLEAR(record->row);
    Py_CLEAR(record->rare);
    Py_CLEAR(record->pending);
    Py_CLEAR(record->threads);
    Py_CLEAR(record->queued);
    Py_CLEAR(record->statements);
    Py_CLEAR(record->reads);
    Py_CLEAR(record->client);
    Py_CLEAR(record->stack);
    Py_CLEAR(record->parts);
    return 0;
}

static void core_dealloc(Core *record)
{
    PyObject_GC_UnTrack(record);
    core_clear(record);
    Py_TYPE(record)->tp_free(record);
}

static PyObject *get_cpu_started(Core *record, void *Py_UNUSED(closure))
{
    if (record->cpu_started == NEVER_STARTED) {
        Py_RETURN_NONE;
    }
    return PyLong_FromLongLong(record->cpu_started);
}

static int set_cpu_started(Core *record, PyObject *value, void *Py_UNUSED(closure))
{
    long long started = NEVER_STARTED;
    if (value != NULL && value != Py_None) {
        started = PyLong_AsLongLong(value);
        if (started == -1 && PyErr_Occurred()) {
            return -1;
        }
    }
    record->cpu_started = started;
    return 0;
}

#define OBJECT(type, name) {#name, T_OBJECT_EX, offsetof(type, name), 0, NULL}
#define NUMBER(type, name) {#name, T_LONGLONG, offsetof(type, name), 0, NULL}
#define FLAG(type, name) {#name, T_BOOL, offsetof(type, name), 0, NULL}

static PyMemberDef core_members[] = {
    OBJECT(Core, kind), OBJECT(Core, name), OBJECT(Core, store), OBJECT(Core, row),
    OBJECT(Core, rare), OBJECT(Core, pending), OBJECT(Core, threads), OBJECT(Core, queued),
    OBJECT(Core, statements), OBJECT(Core, reads), OBJECT(Core, client),
    NUMBER(Core, status), NUMBER(Core, size), NUMBER(Core, queries),
    NUMBER(Core, concurrent), NUMBER(Core, connects), NUMBER(Core, connecting),
    NUMBER(Core, start), NUMBER(Core, last), NUMBER(Core, wall), NUMBER(Core, cpu),
    FLAG(Core, raised), FLAG(Core, simple), {NULL},
};

static PyGetSetDef core_getset[] = {
    {"cpu_started", (getter)get_cpu_started, (setter)set_cpu_started, NULL, NULL},
    {"stack", (getter)get_stack, (setter)set_stack, NULL, NULL},
    {"parts", (getter)get_parts, (setter)set_parts, NULL, NULL},
    {NULL},
};

static PyMethodDef core_methods[] = {
    {"enter", (PyCFunction)core_enter_method, METH_O, "From now on the time belongs to the part."},
    {"leave", (PyCFunction)core_leave_method, METH_O,
     "The part is over; what was under it goes on."},
    {"close", (PyCFunction)core_close_method, METH_NOARGS, "Stop the clocks."},
    {NULL},
};

PyTypeObject CoreType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Core",
    .tp_doc = "A unit of work's times and counts; see unhurried.measure._record.",
    .tp_basicsize = sizeof(Core),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)core_init,
    .tp_dealloc = (destructor)core_dealloc,
    .tp_traverse = (traverseproc)core_traverse,
    .tp_clear = (inquiry)core_clear,
    .tp_members = core_members,
    .tp_getset = core_getset,
    .tp_methods = core_methods,
};

/* SampledRecord */

static int sampled_init(Sampled *sampled, PyObject *args, PyObject *named)
{
    if (core_init(&sampled->core, args, named) < 0) {
        return -1;
    }
    PyObject *timeline = PyList_New(0);
    if (timeline == NULL) {
        return -1;
    }
    Py_XSETREF(sampled->timeline, timeline);
    sampled->core.simple = 0;
    sampled->thread = PyThread_get_thread_ident();
    sampled->cpu_last = sampled->core.cpu_started;
    return 0;
}

static PyObject *get_cpu_parts(Sampled *sampled, void *Py_UNUSED(closure))
{
    long long *ns = sampled->cpu_part;
    return Py_BuildValue("[LLLLL]", ns[0], ns[1], ns[2], ns[3], ns[4]);
}

static int sampled_traverse(Sampled *sampled, visitproc visit, void *arg)
{
    Py_VISIT(sampled->timeline);
    return core_traverse(&sampled->core, visit, arg);
}

static int sampled_clear(Sampled *sampled)
{
    Py_CLEAR(sampled->timeline);
    return core_clear(&sampled->core);
}

static void sampled_dealloc(Sampled *sampled)
{
    PyObject_GC_UnTrack(sampled);
    sampled_clear(sampled);
    Py_TYPE(sampled)->tp_free(sampled);
}

static PyMemberDef sampled_members[] = {
    OBJECT(Sampled, timeline), NUMBER(Sampled, probed), NUMBER(Sampled, closed),
    NUMBER(Sampled, aside), {NULL},
};

static PyGetSetDef sampled_getset[] = {
    {"cpu_parts", (getter)get_cpu_parts, NULL, NULL, NULL},
    {NULL},
};

PyTypeObject SampledType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Sampled",
    .tp_doc = "One record in sixteen; see unhurried.measure._record.",
    .tp_base = &CoreType,
    .tp_basicsize = sizeof(Sampled),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_init = (initproc)sampled_init,
    .tp_dealloc = (destructor)sampled_dealloc,
    .tp_traverse = (traverseproc)sampled_traverse,
    .tp_clear = (inquiry)sampled_clear,
    .tp_members = sampled_members,
    .tp_getset = sampled_getset,
};

Core *under_way(int *failed)
{
    PyObject *record;
    if (unwired(current)) {
        *failed = 1;
        return NULL;
    }
    *failed = PyContextVar_Get(current, NULL, &record) < 0;
    if (*failed || record == NULL) {
        return NULL;
    }
    Py_DECREF(record); /* its context has it as long as the caller's frame is in it */
    return PyObject_TypeCheck(record, &CoreType) ? (Core *)record : NULL;
}

/* Seen */

enum { REPEAT = 3 };
#define NEVER (1LL << 62)

static int seen_fill(Seen *seen, PyObject *alias, PyObject *sql, long long due)
{
    Py_XSETREF(seen->alias, Py_NewRef(alias));
    Py_XSETREF(seen->sql, Py_NewRef(sql));
    Py_XSETREF(seen->note, Py_NewRef(Py_None));
    Py_XSETREF(seen->line, Py_NewRef(Py_None));
    seen->least = NEVER;
    seen->due = due;
    return 0;
}

Seen *seen_new(PyObject *alias, PyObject *sql)
{
    Seen *seen = (Seen *)SeenType.tp_alloc(&SeenType, 0);
    if (seen != NULL) {
        seen_fill(seen, alias, sql, REPEAT);
    }
    return seen;
}

static int seen_init(Seen *seen, PyObject *args, PyObject *named)
{
    static char *names[] = {"alias", "sql", "due", NULL};
    PyObject *alias, *sql;
    long long due = REPEAT;
    if (!PyArg_ParseTupleAndKeywords(args, named, "OO|L", names, &alias, &sql, &due)) {
        return -1;
    }
    return seen_fill(seen, alias, sql, due);
}

static int seen_traverse(Seen *seen, visitproc visit, void *arg)
{
    Py_VISIT(seen->alias);
    Py_VISIT(seen->sql);
    Py_VISIT(seen->note);
    Py_VISIT(seen->line);
    return 0;
}

static int seen_clear(Seen *seen)
{
    Py_CLEAR(seen->alias);
    Py_CLEAR(seen->sql);
    Py_CLEAR(seen->note);
    Py_CLEAR(seen->line);
    return 0;
}

static void seen_dealloc(Seen *seen)
{
    PyObject_GC_UnTrack(seen);
    Py_TRASHCAN_BEGIN(seen, seen_dealloc) /* a note may be anything, a chain of them, too */
    seen_clear(seen);
    Py_TYPE(seen)->tp_free(seen);
    Py_TRASHCAN_END
}

static PyMemberDef seen_members[] = {
    OBJECT(Seen, alias), OBJECT(Seen, sql), OBJECT(Seen, note), OBJECT(Seen, line),
    NUMBER(Seen, count), NUMBER(Seen, rows), NUMBER(Seen, ns), NUMBER(Seen, fetch),
    NUMBER(Seen, failed), NUMBER(Seen, least), NUMBER(Seen, due), {NULL},
};

PyTypeObject SeenType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "unhurried_c.Seen",
    .tp_doc = "One distinct statement of a unit of work; see unhurried.measure._record.",
    .tp_basicsize = sizeof(Seen),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)seen_init,
    .tp_dealloc = (destructor)seen_dealloc,
    .tp_traverse = (traverseproc)seen_traverse,
    .tp_clear = (inquiry)seen_clear,
    .tp_members = seen_members,
};
