/* What the files of this extension share. One interpreter, one thread at a time (the GIL): see
   module.c. Each function does what its namesake in src/unhurried/measure does on the roads that
   nearly every request takes, and hands all others to it. */
#ifndef UNHURRIED_C_H
#define UNHURRIED_C_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <structmember.h>
#include <time.h>

enum { VIEW, DB, CACHE, HTTP, TEMPLATE, PARTS };

static inline long long clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}
#ifdef __APPLE__ /* Python's, with which these are compared: it does not run on while asleep */
#define WALL_NS() clock_ns(CLOCK_UPTIME_RAW)
#else
#define WALL_NS() clock_ns(CLOCK_MONOTONIC)
#endif
#define CPU_NS() clock_ns(CLOCK_THREAD_CPUTIME_ID)

enum { LONGEST = 300 }; /* entries of a timeline */
enum { DEEP = 22 }; /* parts inside each other, before a list is made */

/* measure/_record.py: Record's times and counts. */
typedef struct {
    PyObject_HEAD
    PyObject *kind, *name, *store, *row, *rare, *pending, *threads, *queued, *statements, *reads;
    PyObject *client;
    PyObject *stack, *parts; /* lists, from the moment that Python has asked for them: then they */
    long long part[PARTS];   /* are what counts, and until then these are */
    unsigned char tops[DEEP], depth;
    long long status, size, queries, concurrent, connects, connecting, start, last, wall, cpu;
    long long cpu_started; /* NEVER_STARTED: None */
    char raised, simple;
} Core;
#define NEVER_STARTED (-1)

/* measure/_record.py: SampledRecord's. */
typedef struct {
    Core core;
    unsigned long thread;
    long long cpu_last, cpu_part[PARTS], probed, closed, aside;
    PyObject *timeline;
} Sampled;

/* measure/_record.py: Seen. */
typedef struct {
    PyObject_HEAD
    PyObject *alias, *sql, *note, *line;
    long long count, rows, ns, fetch, failed, least, due;
} Seen;

/* measure/_store.py: what every unit of work looks at. */
typedef struct {
    PyObject_HEAD
    PyObject *lock, *acquire, *release, *requests, *clients, *asked, *met;
    long long countdown, due, asked_until;
    char left;
} Hot;

/* measure/_rows.py: the words of one route. */
typedef struct {
    PyObject_HEAD
    PyObject *lanes, *fine, *paths;
    Py_buffer lane_words, fine_words;
} Row;

/* measure/_clients.py: the words of those whose requests cost most. */
typedef struct {
    PyObject_HEAD
    PyObject *lanes, *places, *known;
    Py_buffer words;
} Places;

extern PyTypeObject CoreType, SampledType, SeenType, HotType, RowType, PlacesType, EndingType;
extern PyObject *nothing;  /* measure/_record.py's NOTHING */
extern PyObject *current;  /* its context variable */

/* Each answers 0 or -1 with an exception set. */
int core_begin(Core *record, PyObject *kind, PyObject *name, PyObject *store);
int core_enter(Core *record, int part);
int core_leave(Core *record, int part);
int core_close(Core *record);
int core_part(Core *record, int part, long long *ns);
int core_charge(Core *record, int part, long long ns);
int row_write(Row *row, Core *record);
void row_started(Row *row);
int places_add(Places *places, PyObject *client, long long wall, long long status);
Seen *seen_new(PyObject *alias, PyObject *sql);

/* The unit of work under way, borrowed from its context: NULL where there is none, or none of ours;
   *failed is set where an exception is. */
Core *under_way(int *failed);

static inline uint64_t *words(Py_buffer *buffer) { return buffer->buf; }
static inline Py_ssize_t length(Py_buffer *buffer) { return buffer->len / 8; }

PyObject *request_wire(PyObject *module, PyObject *args, PyObject *named);
PyObject *row_wire(PyObject *module, PyObject *args, PyObject *named);
PyObject *fetch_wire(PyObject *module, PyObject *args, PyObject *named);
PyObject *fetch_many(
    PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names);
PyObject *tap_wire(PyObject *module, PyObject *args, PyObject *named);
PyObject *request_begin(PyObject *module, PyObject *request);
PyObject *request_resolved(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *request_end(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *tap(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *middleware_wire(PyObject *module, PyObject *args, PyObject *named);
PyObject *middleware_call(
    PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names);
int middleware_ready(void);
PyObject *connections_wire(PyObject *module, PyObject *args, PyObject *named);
PyObject *connected(
    PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names);
int connections_ready(void);
PyObject *reading_add(PyObject *module, PyObject *args);
int request_ready(void);
int tap_ready(void);

/* 1 with RuntimeError where the file's *_wire() has not come to its end, which sets this last. */
static inline int unwired(const void *last)
{
    if (last == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "unhurried_c is nothing without unhurried");
    }
    return last == NULL;
}

/* named[name], a new reference; into *place, or -1; NULL or -1 with KeyError. */
PyObject *wired_item(PyObject *named, const char *name);
int wired(PyObject *named, const char *name, PyObject **place);
int wired_number(PyObject *named, const char *name, long long *place);

#endif
