/* measure/_read.py: what processes have counted, added word by word. */
#include "unhurried_c.h"
#include <stdint.h>
#include <string.h>

/* add(total, part, start, size): so many bytes of part are words, and are added to those of total. */
PyObject *reading_add(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer total, part;
    Py_ssize_t start, size;
    if (!PyArg_ParseTuple(args, "w*y*nn", &total, &part, &start, &size)) {
        return NULL;
    }
    if (start < 0 || size < 0 || size % 8 || size > total.len || size > part.len
        || start > part.len - size) {
        PyErr_SetString(PyExc_ValueError, "add() was given a part that is not there");
    } else {
        const char *from = (const char *)part.buf + start;
        for (Py_ssize_t at = 0; at < size; at += 8) {
            uint64_t word, more;
            memcpy(&word, (char *)total.buf + at, 8);
            memcpy(&more, from + at, 8);
            word += more;
            memcpy((char *)total.buf + at, &word, 8);
        }
    }
    PyBuffer_Release(&total);
    PyBuffer_Release(&part);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}
