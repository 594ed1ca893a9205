/* The Python face of the inner loops in csrc/: buffers in, bytearrays out, the GIL released.
 *
 * Two types. Body holds the buffers of an index's immutable part and the pointers into them; a
 * Searcher is a Body (or none) and a few tails: what one query looks at. Both never change, so any
 * number of threads may ask them at once. matching/kernels.py is the same in numpy.
 */
#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "csrc/engine.h"

#define MAX_TAILS 64

typedef struct {
    PyObject_HEAD
    Body body;
    Py_buffer *views;
    Py_ssize_t view_count, view_capacity;
    void *tables; /* the pointer tables of all blocks, one allocation */
    uint32_t scan_ps;
} BodyObject;

typedef struct {
    PyObject_HEAD
    unsigned bits;
    BodyObject *body;
    unsigned tail_count;
    Py_ssize_t view_count;
    Py_buffer *views;
    Tail *tails;
} SearcherObject;

static PyTypeObject *body_type;
/* numpy.ndarray and the types of results. They are called as from Python, so that neither numpy's headers nor
 * its binary interface are needed; done here, it saves a microsecond of a query on cold caches. */
static PyObject *array_type, *int64_type, *uint16_type;

/* ---- buffers ---- */

/* A C-contiguous view whose items are `item` bytes wide; bytes objects have items of one byte. */
static int view_of(PyObject *object, Py_buffer *view, Py_ssize_t item, int writable, const char *what) {
    if (PyObject_GetBuffer(object, view, writable ? PyBUF_CONTIG : PyBUF_CONTIG_RO)) return -1;
    if (view->itemsize != item || ((uintptr_t)view->buf % (size_t)item && view->len)) {
        PyErr_Format(PyExc_ValueError, "%s: items of %zd bytes, aligned, are needed; these have %zd", what,
                     item, view->itemsize);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

static Py_buffer *keep(BodyObject *self, PyObject *object, Py_ssize_t item, Py_ssize_t least, const char *what) {
    if (self->view_count == self->view_capacity) {
        PyErr_SetString(PyExc_SystemError, "more buffers than were counted");
        return NULL;
    }
    Py_buffer *view = &self->views[self->view_count];
    if (view_of(object, view, item, 0, what)) return NULL;
    self->view_count++;
    if (view->len / item < least) {
        PyErr_Format(PyExc_ValueError, "%s: %zd items are too few, %zd are needed", what, view->len / item, least);
        return NULL;
    }
    return view;
}

static PyObject *bytes_from(const void *data, size_t length) {
    return PyByteArray_FromStringAndSize(data, (Py_ssize_t)length);
}

/* ---- Body ---- */

static int tuple_of(PyObject *object, Py_ssize_t least, Py_ssize_t most, const char *what) {
    if (PyTuple_Check(object) && PyTuple_Size(object) >= least && PyTuple_Size(object) <= most) return 0;
    PyErr_Format(PyExc_ValueError, "%s: a tuple of %zd to %zd items is needed", what, least, most);
    return -1;
}

static int column(BodyObject *self, PyObject *blocks, const void **table, uint32_t count, Py_ssize_t item,
                  Py_ssize_t per_row, const char *what) {
    Py_ssize_t needed = ((Py_ssize_t)count + BLOCK_ROWS - 1) >> BLOCK_SHIFT;
    if (tuple_of(blocks, needed, PY_SSIZE_T_MAX, what)) return -1;
    for (Py_ssize_t b = 0; b < needed; b++) {
        Py_ssize_t rows = (Py_ssize_t)count - (b << BLOCK_SHIFT);
        if (rows > (Py_ssize_t)BLOCK_ROWS) rows = BLOCK_ROWS;
        Py_buffer *view = keep(self, PyTuple_GetItem(blocks, b), item, rows * per_row, what);
        if (!view) return -1;
        table[b] = view->buf;
    }
    return 0;
}

static int read_base(BodyObject *self, Base *base, PyObject *source, const void **tables, uint32_t blocks) {
    Py_buffer *view;
    if (tuple_of(source, 8, 8, "base")) return -1;
    base->blocks = blocks;
    base->codes = (const uint8_t **)tables;
    base->values = (const int64_t **)(tables + blocks);
    base->states = (const uint8_t **)(tables + 2 * (size_t)blocks);
    if (column(self, PyTuple_GetItem(source, 1), tables, base->count, 8, self->body.words, "codes")) return -1;
    if (column(self, PyTuple_GetItem(source, 2), tables + blocks, base->count, 8, 1, "values")) return -1;
    if (column(self, PyTuple_GetItem(source, 3), tables + 2 * (size_t)blocks, base->count, 1, 1, "states"))
        return -1;
    if (!(view = keep(self, PyTuple_GetItem(source, 4), 8, 1, "group starts"))) return -1;
    base->group_starts = view->buf;
    base->groups = (uint64_t)(view->len / 8 - 1);
    if (!(view = keep(self, PyTuple_GetItem(source, 5), 8, 0, "group ids"))) return -1;
    base->group_ids = view->buf;
    base->group_items = (uint64_t)(view->len / 8);
    if (!(view = keep(self, PyTuple_GetItem(source, 6), 1, (Py_ssize_t)base->group_items, "dead of groups")))
        return -1;
    base->group_dead = view->buf;
    if (!(view = keep(self, PyTuple_GetItem(source, 7), 4, 0, "order"))) return -1;
    base->order = view->buf;
    base->ordered = (uint32_t)(view->len / 4);
    return 0;
}

static int read_chunk(BodyObject *self, Chunk *chunk, PyObject *source) {
    Py_buffer *view;
    if (tuple_of(source, 6, 6, "chunk")) return -1;
    if (!(view = keep(self, PyTuple_GetItem(source, 0), 4, BUCKETS + 1, "offsets"))) return -1;
    chunk->offsets = view->buf;
    if (!(view = keep(self, PyTuple_GetItem(source, 1), 2, BUCKETS, "estimates"))) return -1;
    chunk->estimates = view->buf;
    chunk->length = chunk->offsets[BUCKETS];
    if (!(view = keep(self, PyTuple_GetItem(source, 2), 2, chunk->length, "next values"))) return -1;
    chunk->next = view->buf;
    unsigned long width = PyLong_AsUnsignedLong(PyTuple_GetItem(source, 4));
    unsigned long base = PyLong_AsUnsignedLong(PyTuple_GetItem(source, 5));
    if (PyErr_Occurred()) return -1;
    if ((width != 3 && width != 4) || base >= self->body.bases) {
        PyErr_SetString(PyExc_ValueError, "chunk: the width is 3 or 4 and the base must exist");
        return -1;
    }
    view = keep(self, PyTuple_GetItem(source, 3), 1, (Py_ssize_t)chunk->length * (Py_ssize_t)width, "numbers");
    if (!view) return -1;
    chunk->numbers = view->buf;
    chunk->width = (uint8_t)width;
    chunk->base = (uint8_t)base;
    /* Every list lies inside its array, so that no query can read outside. It costs 20 µs a chunk. */
    uint32_t falling = chunk->offsets[0] != 0;
    for (uint32_t v = 0; v < BUCKETS; v++) falling |= chunk->offsets[v] > chunk->offsets[v + 1];
    if (falling) {
        PyErr_SetString(PyExc_ValueError, "offsets: they must begin at 0 and never fall");
        return -1;
    }
    return 0;
}

static PyObject *body_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    unsigned bits;
    PyObject *bases, *chunks;
    if (keywords && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Body takes positional arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "IO!O!", &bits, &PyTuple_Type, &bases, &PyTuple_Type, &chunks)) return NULL;
    if (bits != 64 && bits != 256) {
        PyErr_Format(PyExc_ValueError, "codes of %u bits: only 64 and 256 are built", bits);
        return NULL;
    }
    if (tuple_of(bases, 1, 2, "bases") || tuple_of(chunks, bits / 16, bits / 16, "chunks")) return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    BodyObject *self = (BodyObject *)alloc(type, 0);
    if (!self) return NULL;
    Body *body = &self->body;
    body->bits = bits;
    body->words = bits / 64;
    body->chunks = bits / 16;
    /* From the cache of a current processor; from memory it is twice as much. */
    self->scan_ps = bits == 256 ? 400 : 120;
    body->scan_ps = &self->scan_ps;
    body->bases = (unsigned)PyTuple_Size(bases);
    size_t blocks[2] = {0, 0};
    for (unsigned i = 0; i < body->bases; i++) {
        PyObject *base = PyTuple_GetItem(bases, i);
        if (tuple_of(base, 8, 8, "base")) goto failed;
        unsigned long long count = PyLong_AsUnsignedLongLong(PyTuple_GetItem(base, 0));
        if (PyErr_Occurred()) goto failed;
        if (count > UINT32_MAX - BLOCK_ROWS) {
            PyErr_SetString(PyExc_ValueError, "too many codes for 32-bit numbers");
            goto failed;
        }
        body->base[i].count = (uint32_t)count;
        blocks[i] = (size_t)((count + BLOCK_ROWS - 1) >> BLOCK_SHIFT);
    }
    self->view_capacity = (Py_ssize_t)(3 * (blocks[0] + blocks[1]) + 4 * body->bases + 4 * body->chunks);
    self->views = calloc((size_t)self->view_capacity, sizeof *self->views);
    self->tables = calloc(3 * (blocks[0] + blocks[1]) + 1, sizeof(void *));
    if (!self->views || !self->tables) {
        PyErr_NoMemory();
        goto failed;
    }
    for (unsigned i = 0; i < body->bases; i++)
        if (read_base(self, &body->base[i], PyTuple_GetItem(bases, i),
                      (const void **)self->tables + (i ? 3 * blocks[0] : 0), (uint32_t)blocks[i]))
            goto failed;
    for (unsigned c = 0; c < body->chunks; c++)
        if (read_chunk(self, &body->chunk[c], PyTuple_GetItem(chunks, c))) goto failed;
    return (PyObject *)self;
failed:
    Py_DecRef((PyObject *)self);
    return NULL;
}

static void body_dealloc(PyObject *object) {
    BodyObject *self = (BodyObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (Py_ssize_t i = 0; i < self->view_count; i++) PyBuffer_Release(&self->views[i]);
    free(self->views);
    free(self->tables);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DecRef((PyObject *)type);
}

/* find_codes(codes in chunk form) -> int64 number or −1 for each */
static PyObject *body_find_codes(PyObject *object, PyObject *codes) {
    BodyObject *self = (BodyObject *)object;
    Py_buffer view;
    if (view_of(codes, &view, 8, 0, "codes")) return NULL;
    size_t words = self->body.words, count = (size_t)view.len / 8 / words;
    PyObject *found = bytes_from(NULL, count * 8);
    if (found) {
        int64_t *out = (int64_t *)(void *)PyByteArray_AsString(found);
        const uint64_t *code = view.buf;
        Py_BEGIN_ALLOW_THREADS
        for (size_t i = 0; i < count; i++) out[i] = variant->find_code(&self->body, code + i * words);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&view);
    return found;
}

/* find_ids(base, ids) -> (int64 row of each finding, uint32 number): the live SINGLE codes of ids */
static PyObject *body_find_ids(PyObject *object, PyObject *args) {
    BodyObject *self = (BodyObject *)object;
    PyObject *ids, *result = NULL;
    unsigned which;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "IO", &which, &ids)) return NULL;
    if (which >= self->body.bases) {
        PyErr_SetString(PyExc_ValueError, "no such base");
        return NULL;
    }
    if (view_of(ids, &view, 8, 0, "ids")) return NULL;
    const Base *base = &self->body.base[which];
    const int64_t *id = view.buf;
    size_t count = (size_t)view.len / 8, found = 0, capacity = 0;
    int64_t *rows = NULL;
    uint32_t *numbers = NULL;
    int failed = 0;
    Py_BEGIN_ALLOW_THREADS
    for (size_t i = 0; i < count && !failed; i++)
        for (uint32_t at = order_position(base, id[i]); at < base->ordered; at++) {
            uint32_t number = base->order[at];
            if (number >= base->count || value_at(base, number) != id[i]) break;
            if (state_at(base, number) != SINGLE) continue;
            if (found == capacity) {
                capacity = capacity ? 2 * capacity : 64;
                int64_t *more_rows = realloc(rows, capacity * 8);
                if (more_rows) rows = more_rows;
                uint32_t *more_numbers = realloc(numbers, capacity * 4);
                if (more_numbers) numbers = more_numbers;
                if ((failed = !more_rows || !more_numbers)) break;
            }
            rows[found] = (int64_t)i;
            numbers[found++] = number;
        }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    if (failed) {
        PyErr_NoMemory();
    } else {
        PyObject *a = bytes_from(rows, found * 8), *b = bytes_from(numbers, found * 4);
        if (a && b) result = PyTuple_Pack(2, a, b);
        Py_XDECREF(a);
        Py_XDECREF(b);
    }
    free(rows);
    free(numbers);
    return result;
}

/* order_positions(ids) -> int64: how many ordered codes have a smaller id */
static PyObject *body_order_positions(PyObject *object, PyObject *ids) {
    BodyObject *self = (BodyObject *)object;
    Py_buffer view;
    if (view_of(ids, &view, 8, 0, "ids")) return NULL;
    size_t count = (size_t)view.len / 8;
    PyObject *found = bytes_from(NULL, count * 8);
    if (found) {
        int64_t *out = (int64_t *)(void *)PyByteArray_AsString(found);
        const int64_t *id = view.buf;
        Py_BEGIN_ALLOW_THREADS
        for (size_t i = 0; i < count; i++) out[i] = order_position(&self->body.base[0], id[i]);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&view);
    return found;
}

/* ---- Searcher ---- */

static PyObject *searcher_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    unsigned bits;
    PyObject *body, *tails;
    if (keywords && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Searcher takes positional arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "IOO!", &bits, &body, &PyTuple_Type, &tails)) return NULL;
    int has_body = body != Py_None;
    if (has_body && !PyObject_TypeCheck(body, body_type)) {
        PyErr_SetString(PyExc_TypeError, "a Body or None is needed");
        return NULL;
    }
    if ((bits != 64 && bits != 256) || (has_body && ((BodyObject *)body)->body.bits != bits)) {
        PyErr_Format(PyExc_ValueError, "codes of %u bits do not go with this body", bits);
        return NULL;
    }
    if (tuple_of(tails, 0, MAX_TAILS, "tails")) return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    SearcherObject *self = (SearcherObject *)alloc(type, 0);
    if (!self) return NULL;
    self->bits = bits;
    Py_ssize_t count = PyTuple_Size(tails);
    self->views = calloc(3 * (size_t)count + 1, sizeof *self->views);
    self->tails = calloc((size_t)count + 1, sizeof *self->tails);
    if (!self->views || !self->tails) {
        PyErr_NoMemory();
        goto failed;
    }
    if (has_body) {
        Py_IncRef(body);
        self->body = (BodyObject *)body;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *codes, *ids, *dead;
        unsigned rows;
        PyObject *tail = PyTuple_GetItem(tails, i);
        if (tuple_of(tail, 4, 4, "tail") || !PyArg_ParseTuple(tail, "OOOI", &codes, &ids, &dead, &rows)) goto failed;
        Py_buffer *view = &self->views[3 * i];
        if (view_of(codes, view, 8, 0, "tail codes")) goto failed;
        self->view_count++;
        if (view_of(ids, view + 1, 8, 0, "tail ids")) goto failed;
        self->view_count++;
        if (view_of(dead, view + 2, 1, 0, "tail dead")) goto failed;
        self->view_count++;
        if (view[0].len / (Py_ssize_t)(bits / 8) < (Py_ssize_t)rows || view[1].len / 8 < (Py_ssize_t)rows ||
            view[2].len < (Py_ssize_t)rows) {
            PyErr_SetString(PyExc_ValueError, "tail: fewer rows than counted");
            goto failed;
        }
        self->tails[i].codes = view[0].buf;
        self->tails[i].ids = view[1].buf;
        self->tails[i].dead = view[2].buf;
        self->tails[i].count = rows;
        self->tail_count++;
    }
    return (PyObject *)self;
failed:
    Py_DecRef((PyObject *)self);
    return NULL;
}

static void searcher_dealloc(PyObject *object) {
    SearcherObject *self = (SearcherObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (Py_ssize_t i = 0; i < self->view_count; i++) PyBuffer_Release(&self->views[i]);
    free(self->views);
    free(self->tails);
    Py_XDECREF((PyObject *)self->body);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DecRef((PyObject *)type);
}

static int read_radius(PyObject *object, unsigned bits, unsigned *radius) {
    long value = PyLong_AsLong(object);
    if (value == -1 && PyErr_Occurred()) return -1;
    if (value < 0 || value > (long)bits) {
        PyErr_Format(PyExc_ValueError, "a radius of %ld bits: 0 to %u make sense", value, bits);
        return -1;
    }
    *radius = (unsigned)value;
    return 0;
}

static PyObject *array_from(const void *data, size_t count, size_t item, PyObject *type) {
    PyObject *length = PyLong_FromSize_t(count), *buffer = bytes_from(data, count * item), *array = NULL;
    if (length && buffer) array = PyObject_CallFunctionObjArgs(array_type, length, type, buffer, NULL);
    Py_XDECREF(length);
    Py_XDECREF(buffer);
    return array;
}

static PyObject *hits_to_arrays(Hits *hits, int failed) {
    PyObject *result = NULL;
    if (failed) {
        PyErr_NoMemory();
    } else {
        PyObject *ids = array_from(hits->ids, hits->count, 8, int64_type);
        PyObject *distances = array_from(hits->distances, hits->count, 2, uint16_type);
        if (ids && distances) result = PyTuple_Pack(2, ids, distances);
        Py_XDECREF(ids);
        Py_XDECREF(distances);
    }
    free(hits->ids);
    free(hits->distances);
    return result;
}

/* search(code, radius, how=0) -> (int64[m] ids, uint16[m] distances); how: see engine.h */
static PyObject *searcher_search(PyObject *object, PyObject *const *args, Py_ssize_t count) {
    SearcherObject *self = (SearcherObject *)object;
    unsigned radius;
    Py_buffer view;
    if (count < 2 || count > 3) {
        PyErr_SetString(PyExc_TypeError, "search(code, radius, how=0)");
        return NULL;
    }
    long how = count == 3 ? PyLong_AsLong(args[2]) : CHEAPEST;
    if (how == -1 && PyErr_Occurred()) return NULL;
    if (read_radius(args[1], self->bits, &radius)) return NULL;
    if (view_of(args[0], &view, 1, 0, "code")) return NULL;
    if (view.len != (Py_ssize_t)(self->bits / 8) || view.ndim != 1) {
        PyErr_Format(PyExc_ValueError, "a code of %zd bytes: %u are needed", view.len, self->bits / 8);
        PyBuffer_Release(&view);
        return NULL;
    }
    uint64_t query[4];
    permute(view.buf, (uint8_t *)query, 1, self->bits);
    PyBuffer_Release(&view);
    Hits hits = {0};
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = variant->search(self->body ? &self->body->body : NULL, self->tails, self->tail_count, self->bits / 64, query,
                    radius, (int)how, &hits);
    Py_END_ALLOW_THREADS
    return hits_to_arrays(&hits, status);
}

/* search_many(codes, radius) -> (bytes of int64 places, int64[m] ids, uint16[m] distances); query i owns
 * ids[places[2 i]:places[2 i + 1]] */
static PyObject *searcher_search_many(PyObject *object, PyObject *const *args, Py_ssize_t count) {
    SearcherObject *self = (SearcherObject *)object;
    unsigned radius;
    Py_buffer view;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "search_many(codes, radius)");
        return NULL;
    }
    if (read_radius(args[1], self->bits, &radius)) return NULL;
    if (view_of(args[0], &view, 1, 0, "codes")) return NULL;
    size_t bytes = self->bits / 8, asked = (size_t)view.len / bytes;
    if (view.len % (Py_ssize_t)bytes) {
        PyErr_SetString(PyExc_ValueError, "codes: not a whole number of codes");
        PyBuffer_Release(&view);
        return NULL;
    }
    PyObject *places = bytes_from(NULL, asked * 16);
    uint64_t *queries = malloc(asked * bytes + 1);
    Hits hits = {0};
    int status = places && queries ? OK : NO_MEMORY;
    if (!status) {
        int64_t *place = (int64_t *)(void *)PyByteArray_AsString(places);
        Py_BEGIN_ALLOW_THREADS
        permute(view.buf, (uint8_t *)queries, asked, self->bits);
        status = variant->search_many(self->body ? &self->body->body : NULL, self->tails, self->tail_count,
                                      self->bits / 64, queries, asked, radius, &hits, place);
        Py_END_ALLOW_THREADS
    }
    free(queries);
    PyBuffer_Release(&view);
    PyObject *pair = hits_to_arrays(&hits, status), *result = NULL;
    if (pair) result = PyTuple_Pack(3, places, PyTuple_GetItem(pair, 0), PyTuple_GetItem(pair, 1));
    Py_XDECREF(pair);
    Py_XDECREF(places);
    return result;
}

/* ---- building ---- */

static PyObject *engine_permute(PyObject *module, PyObject *args) {
    PyObject *source, *target;
    unsigned bits;
    Py_buffer from, to;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOI", &source, &target, &bits)) return NULL;
    if (bits != 64 && bits != 256) {
        PyErr_SetString(PyExc_ValueError, "bits: 64 or 256");
        return NULL;
    }
    if (view_of(source, &from, 1, 0, "source")) return NULL;
    if (view_of(target, &to, 8, 1, "target")) {
        PyBuffer_Release(&from);
        return NULL;
    }
    int fits = from.len == to.len && from.len % (Py_ssize_t)(bits / 8) == 0;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        permute(from.buf, to.buf, (size_t)from.len / (bits / 8), bits);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "source and target must hold the same number of whole codes");
        return NULL;
    }
    Py_RETURN_NONE;
}

#define TARGETS 4

/* The views of the new lists and their estimates; releases what it took when one does not fit. */
static int targets_of(PyObject *tuple, Py_buffer *views, size_t length, unsigned width) {
    static const Py_ssize_t items[TARGETS] = {4, 2, 2, 1};
    static const char *names[TARGETS] = {"new offsets", "new estimates", "new next values", "new numbers"};
    Py_ssize_t lengths[TARGETS] = {BUCKETS + 1, BUCKETS, (Py_ssize_t)length, (Py_ssize_t)(length * width)};
    if (tuple_of(tuple, TARGETS, TARGETS, "targets")) return -1;
    for (int i = 0; i < TARGETS; i++) {
        int failed = view_of(PyTuple_GetItem(tuple, i), &views[i], items[i], 1, names[i]);
        if (!failed && views[i].len / items[i] < lengths[i]) {
            PyErr_Format(PyExc_ValueError, "%s: too short", names[i]);
            PyBuffer_Release(&views[i]);
            failed = 1;
        }
        if (failed) {
            while (i-- > 0) PyBuffer_Release(&views[i]);
            return -1;
        }
    }
    return 0;
}

static int old_chunk(PyObject *tuple, Py_buffer *views, Chunk *chunk) {
    static const Py_ssize_t items[3] = {4, 2, 1};
    static const char *names[3] = {"offsets", "next values", "numbers"};
    if (tuple_of(tuple, 4, 4, "chunk")) return -1;
    unsigned long width = PyLong_AsUnsignedLong(PyTuple_GetItem(tuple, 3));
    if (PyErr_Occurred()) return -1;
    if (width != 3 && width != 4) {
        PyErr_SetString(PyExc_ValueError, "width: 3 or 4");
        return -1;
    }
    for (int i = 0; i < 3; i++)
        if (view_of(PyTuple_GetItem(tuple, i), &views[i], items[i], 0, names[i])) {
            while (i-- > 0) PyBuffer_Release(&views[i]);
            return -1;
        }
    chunk->offsets = views[0].buf;
    chunk->next = views[1].buf;
    chunk->numbers = views[2].buf;
    chunk->width = (uint8_t)width;
    if (views[0].len / 4 == BUCKETS + 1) {
        uint32_t falling = chunk->offsets[0] != 0;
        for (uint32_t v = 0; v < BUCKETS; v++) falling |= chunk->offsets[v] > chunk->offsets[v + 1];
        chunk->length = chunk->offsets[BUCKETS];
        if (!falling && views[1].len / 2 >= (Py_ssize_t)chunk->length &&
            views[2].len / (Py_ssize_t)width >= (Py_ssize_t)chunk->length)
            return 0;
    }
    for (int i = 0; i < 3; i++) PyBuffer_Release(&views[i]);
    PyErr_SetString(PyExc_ValueError, "chunk: its lists and offsets do not agree");
    return -1;
}

/* merge_chunk((offsets, next, numbers, width), codes, chunk, first, bits, new width, targets) */
static PyObject *engine_merge_chunk(PyObject *module, PyObject *args) {
    PyObject *old_tuple, *codes, *target_tuple;
    unsigned which, first, bits, width;
    Py_buffer old_views[3], code_view, targets[TARGETS];
    Chunk old;
    int status = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOIIIIO", &old_tuple, &codes, &which, &first, &bits, &width, &target_tuple))
        return NULL;
    if ((bits != 64 && bits != 256) || which >= bits / 16 || (width != 3 && width != 4)) {
        PyErr_SetString(PyExc_ValueError, "bits, chunk or width out of range");
        return NULL;
    }
    if (old_chunk(old_tuple, old_views, &old)) return NULL;
    if (view_of(codes, &code_view, 8, 0, "codes")) {
        status = -1;
    } else {
        size_t added = (size_t)code_view.len / (bits / 8);
        if (added + old.length > UINT32_MAX - BLOCK_ROWS) {
            PyErr_SetString(PyExc_ValueError, "too many codes for 32-bit numbers");
            status = -1;
        } else if (targets_of(target_tuple, targets, added + old.length, width)) {
            status = -1;
        } else {
            Py_BEGIN_ALLOW_THREADS
            status = merge_chunk(&old, code_view.buf, (uint32_t)added, bits / 64, which, first, width, targets[0].buf,
                                 targets[2].buf, targets[3].buf);
            if (!status) estimate(targets[0].buf, targets[1].buf);
            Py_END_ALLOW_THREADS
            if (status) PyErr_NoMemory();
            for (int i = 0; i < TARGETS; i++) PyBuffer_Release(&targets[i]);
        }
        PyBuffer_Release(&code_view);
    }
    for (int i = 0; i < 3; i++) PyBuffer_Release(&old_views[i]);
    if (status) return NULL;
    Py_RETURN_NONE;
}

/* purge_chunk((offsets, next, numbers, width), renumbered, kept, new width, targets) */
static PyObject *engine_purge_chunk(PyObject *module, PyObject *args) {
    PyObject *old_tuple, *renumbered, *target_tuple;
    unsigned kept, width;
    Py_buffer old_views[3], number_view, targets[TARGETS];
    Chunk old;
    int status = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOIIO", &old_tuple, &renumbered, &kept, &width, &target_tuple)) return NULL;
    if (width != 3 && width != 4) {
        PyErr_SetString(PyExc_ValueError, "width: 3 or 4");
        return NULL;
    }
    if (old_chunk(old_tuple, old_views, &old)) return NULL;
    if (view_of(renumbered, &number_view, 4, 0, "new numbers")) {
        status = -1;
    } else {
        if (targets_of(target_tuple, targets, kept, width)) {
            status = -1;
        } else {
            Py_BEGIN_ALLOW_THREADS
            status = purge_chunk(&old, number_view.buf, (uint32_t)(number_view.len / 4), kept, width, targets[0].buf,
                                 targets[2].buf, targets[3].buf);
            if (!status) estimate(targets[0].buf, targets[1].buf);
            Py_END_ALLOW_THREADS
            if (status) PyErr_SetString(PyExc_ValueError, "the lists do not hold the codes that are kept");
            for (int i = 0; i < TARGETS; i++) PyBuffer_Release(&targets[i]);
        }
        PyBuffer_Release(&number_view);
    }
    for (int i = 0; i < 3; i++) PyBuffer_Release(&old_views[i]);
    if (status) return NULL;
    Py_RETURN_NONE;
}

/* splice(source, drops, places, values, target): see build.c */
static PyObject *engine_splice(PyObject *module, PyObject *args) {
    PyObject *objects[5];
    Py_buffer views[5];
    int taken = 0, status = -1;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOO", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4])) return NULL;
    while (taken < 5) {
        if (PyObject_GetBuffer(objects[taken], &views[taken], taken == 4 ? PyBUF_CONTIG : PyBUF_CONTIG_RO)) goto done;
        taken++;
    }
    Py_ssize_t item = views[0].itemsize, drops = views[1].len / 8, places = views[2].len / 8;
    if (views[1].itemsize != 8 || views[2].itemsize != 8 || views[3].itemsize != item || views[4].itemsize != item ||
        views[3].len / item != places || views[4].len != views[0].len + (places - drops) * item) {
        PyErr_SetString(PyExc_ValueError, "splice: the sizes do not agree");
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    status = splice_items(views[0].buf, (size_t)(views[0].len / item), (size_t)item, views[1].buf, (size_t)drops,
                    views[2].buf, views[3].buf, (size_t)places, views[4].buf);
    Py_END_ALLOW_THREADS
    if (status) PyErr_SetString(PyExc_ValueError, "splice: positions must ascend and lie in the source");
done:
    while (taken-- > 0) PyBuffer_Release(&views[taken]);
    if (status) return NULL;
    Py_RETURN_NONE;
}

static PyObject *engine_use(PyObject *module, PyObject *name) {
    const char *wanted = NULL;
    (void)module;
    if (name != Py_None && !(wanted = PyUnicode_AsUTF8AndSize(name, NULL))) return NULL;
    if (!engine_select(wanted)) {
        PyErr_Format(PyExc_ValueError, "this processor or build has no variant named %s", wanted);
        return NULL;
    }
    return PyUnicode_FromString(variant->name);
}

static PyMethodDef body_methods[] = {
    {"find_codes", body_find_codes, METH_O, "Numbers of live unique codes, or -1."},
    {"find_ids", body_find_ids, METH_VARARGS, "Rows and numbers of the live single codes of ids."},
    {"order_positions", body_order_positions, METH_O, "How many ordered codes have a smaller id."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef searcher_methods[] = {
    {"search", (PyCFunction)(void (*)(void))searcher_search, METH_FASTCALL, "Ids and distances within a radius."},
    {"search_many", (PyCFunction)(void (*)(void))searcher_search_many, METH_FASTCALL,
     "Places, ids and distances for many codes."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef engine_methods[] = {
    {"permute", engine_permute, METH_VARARGS, "Codes into chunk form."},
    {"merge_chunk", engine_merge_chunk, METH_VARARGS, "Lists of one chunk with new codes."},
    {"purge_chunk", engine_purge_chunk, METH_VARARGS, "Lists of one chunk without dead codes."},
    {"splice", engine_splice, METH_VARARGS, "An array with items dropped and put in."},
    {"use_variant", engine_use, METH_O, "Selects the variant by name (None: the best); returns the name."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot body_slots[] = {
    {Py_tp_new, body_new}, {Py_tp_dealloc, body_dealloc}, {Py_tp_methods, body_methods}, {0, NULL}};
static PyType_Slot searcher_slots[] = {
    {Py_tp_new, searcher_new}, {Py_tp_dealloc, searcher_dealloc}, {Py_tp_methods, searcher_methods}, {0, NULL}};
static PyType_Spec body_spec = {"samelook.matching._engine.Body", sizeof(BodyObject), 0, Py_TPFLAGS_DEFAULT, body_slots};
static PyType_Spec searcher_spec = {"samelook.matching._engine.Searcher", sizeof(SearcherObject), 0, Py_TPFLAGS_DEFAULT,
                                    searcher_slots};

static struct PyModuleDef engine_module = {
    PyModuleDef_HEAD_INIT, "_engine", "Inner loops of matching, in C.", -1, engine_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__engine(void) {
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe != 1) {
        PyErr_SetString(PyExc_ImportError, "samelook.matching._engine is written for little-endian machines");
        return NULL;
    }
    PyObject *module = PyModule_Create(&engine_module);
    if (!module) return NULL;
    engine_select(NULL);
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy) {
        array_type = PyObject_GetAttrString(numpy, "ndarray");
        int64_type = PyObject_CallMethod(numpy, "dtype", "s", "int64");
        uint16_type = PyObject_CallMethod(numpy, "dtype", "s", "uint16");
        Py_DecRef(numpy);
    }
    if (!array_type || !int64_type || !uint16_type) {
        Py_DecRef(module);
        return NULL;
    }
    PyObject *searcher = PyType_FromSpec(&searcher_spec);
    body_type = (PyTypeObject *)PyType_FromSpec(&body_spec);
    if (!searcher || !body_type || PyModule_AddObjectRef(module, "Body", (PyObject *)body_type) ||
        PyModule_AddObjectRef(module, "Searcher", searcher)) {
        Py_XDECREF(searcher);
        Py_DecRef(module);
        return NULL;
    }
    Py_DecRef(searcher);
    return module;
}
