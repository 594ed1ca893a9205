/* The measures of two small pictures, as hashing/look_measures.py defines them and has them in numpy.
 *
 * Sums are taken over whole numbers, where numpy takes them over floats: the two agree to a few units in the last
 * place of a float. Bytes in, floats out, the GIL released.
 */
#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A picture: brightness on 32 x 32, then two planes of colour on 12 x 12. */
#define SIDE 32
#define TINT_SIDE 12
#define BRIGHT_CELLS (SIDE * SIDE)
#define TINT_CELLS (2 * TINT_SIDE * TINT_SIDE)
#define PICTURE_BYTES (BRIGHT_CELLS + TINT_CELLS)

#define TINT_MARGIN 2 /* cells around the middle of a plane of colour */
#define GREY 128
#define COLOURLESS 9.0f
#define BLOCK 4
#define BLOCKS (SIDE / BLOCK)
#define PLAIN 8

#define REACH 2 /* cells that the left picture may be moved by, each way */
#define CORE (SIDE - 2 * REACH)
#define CORE_BLOCKS (CORE / BLOCK)
#define MIDDLE_MARGIN (CORE / 4)
#define MIDDLE (CORE - 2 * MIDDLE_MARGIN)
#define EVEN 1e4
#define WORST (CORE_BLOCKS * CORE_BLOCKS * 9 / 10)

#define MEASURES 4

/* ---- quick measures ---- */

static int32_t squared(int32_t value) { return value * value; }

static float tint(const uint8_t *left, const uint8_t *right) {
    int32_t sum = 0;
    for (int plane = 0; plane < 2; plane++)
        for (int y = TINT_MARGIN; y < TINT_SIDE - TINT_MARGIN; y++) {
            const size_t row = BRIGHT_CELLS + (size_t)(plane * TINT_SIDE + y) * TINT_SIDE;
            for (int x = TINT_MARGIN; x < TINT_SIDE - TINT_MARGIN; x++) sum += squared(left[row + x] - right[row + x]);
        }
    const int side = TINT_SIDE - 2 * TINT_MARGIN;
    return sqrtf((float)sum / (float)(side * side));
}

static float hue(const uint8_t *left, const uint8_t *right) {
    int32_t apart = 0, ours = 0, theirs = 0;
    for (int i = BRIGHT_CELLS; i < PICTURE_BYTES; i++) {
        apart += squared(left[i] - right[i]);
        ours += squared(left[i] - GREY);
        theirs += squared(right[i] - GREY);
    }
    const float cells = (float)(TINT_SIDE * TINT_SIDE);
    float colourful = ((float)ours + (float)theirs) / (2.0f * cells);
    return sqrtf((float)apart / cells / (colourful + COLOURLESS));
}

static float strokes(const uint8_t *bright) {
    int32_t down = 0, across = 0;
    for (int i = 0; i < BRIGHT_CELLS - SIDE; i++) down += abs(bright[i + SIDE] - bright[i]);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE - 1; x++) across += abs(bright[y * SIDE + x + 1] - bright[y * SIDE + x]);
    const float steps = (float)(SIDE * (SIDE - 1));
    return (float)across / steps + (float)down / steps;
}

static float detail(const uint8_t *bright) {
    const int32_t cells = BLOCK * BLOCK;
    int shown = 0;
    for (int top = 0; top < SIDE; top += BLOCK)
        for (int left = 0; left < SIDE; left += BLOCK) {
            int32_t sum = 0, squares = 0;
            for (int y = top; y < top + BLOCK; y++)
                for (int x = left; x < left + BLOCK; x++) {
                    sum += bright[y * SIDE + x];
                    squares += squared(bright[y * SIDE + x]);
                }
            /* The variance, times the number of cells twice. */
            shown += cells * squares - sum * sum > PLAIN * PLAIN * cells * cells;
        }
    return (float)shown / (float)(BLOCKS * BLOCKS);
}

static void quick_of(const uint8_t *left, const uint8_t *right, float *out, size_t rows) {
    float ours = strokes(left), theirs = strokes(right);
    out[0] = tint(left, right);
    out[rows] = hue(left, right);
    out[2 * rows] = ours < theirs ? ours : theirs;
    ours = detail(left), theirs = detail(right);
    out[3 * rows] = ours < theirs ? ours : theirs;
}

/* ---- aligned measures ---- */

/* Correlation from sums over `count` pairs of whole numbers. */
static double correlation(int64_t x, int64_t y, int64_t xx, int64_t yy, int64_t xy, int64_t count) {
    double norms = ((double)(xx * count - x * x) / (double)count) * ((double)(yy * count - y * y) / (double)count);
    return (double)(xy * count - x * y) / (double)count / sqrt(norms + EVEN);
}

static int ascending(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* Where the window of the left picture begins that is most like the other's core. */
static void best_window(int16_t picture[SIDE][SIDE + 2 * REACH], int16_t core[CORE][SIDE], int *top, int *left) {
    static const int steps[2 * REACH + 1] = {2, 1, 3, 0, 4}; /* the middle comes first and wins a tie */
    int64_t aim = 0, aim_squares = 0;
    int32_t row_sums[SIDE][2 * REACH + 1], row_squares[SIDE][2 * REACH + 1]; /* of a row's windows */
    float best = -INFINITY;
    for (int y = 0; y < SIDE; y++)
        for (int left_edge = 0; left_edge <= 2 * REACH; left_edge++) {
            int32_t sum = 0, squares = 0;
            for (int x = left_edge; x < left_edge + CORE; x++) {
                sum += picture[y][x];
                squares += picture[y][x] * picture[y][x];
            }
            row_sums[y][left_edge] = sum, row_squares[y][left_edge] = squares;
        }
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) {
            aim += core[y][x];
            aim_squares += core[y][x] * core[y][x];
        }
    for (int i = 0; i <= 2 * REACH; i++)
        for (int k = 0; k <= 2 * REACH; k++) {
            int32_t sum = 0, squares = 0, product = 0;
            for (int y = 0; y < CORE; y++) {
                const int16_t *row = &picture[steps[i] + y][steps[k]];
                sum += row_sums[steps[i] + y][steps[k]];
                squares += row_squares[steps[i] + y][steps[k]];
                /* The core's rows end in zeros: whole registers need no rest. */
                for (int x = 0; x < SIDE; x++) product += row[x] * core[y][x];
            }
            float likeness = (float)correlation(sum, aim, squares, aim_squares, product, CORE * CORE);
            if (likeness > best) {
                best = likeness;
                *top = steps[i], *left = steps[k];
            }
        }
}

static void aligned_of(const uint8_t *left_bytes, const uint8_t *right_bytes, float *out, size_t rows) {
    int16_t picture[SIDE][SIDE + 2 * REACH] = {{0}}, core[CORE][SIDE] = {{0}}, moved[CORE][CORE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) picture[y][x] = left_bytes[y * SIDE + x];
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) core[y][x] = right_bytes[(y + REACH) * SIDE + x + REACH];
    int top = REACH, left = REACH;
    best_window(picture, core, &top, &left);
    for (int y = 0; y < CORE; y++) memcpy(moved[y], &picture[top + y][left], sizeof moved[y]);

    int64_t x1 = 0, y1 = 0, xx = 0, yy = 0, xy = 0;
    for (int y = MIDDLE_MARGIN; y < MIDDLE_MARGIN + MIDDLE; y++)
        for (int x = MIDDLE_MARGIN; x < MIDDLE_MARGIN + MIDDLE; x++) {
            int32_t a = moved[y][x], b = core[y][x];
            x1 += a, y1 += b, xx += a * a, yy += b * b, xy += a * b;
        }
    out[0] = (float)correlation(x1, y1, xx, yy, xy, MIDDLE * MIDDLE);

    int64_t edges = 0, ours = 0, theirs = 0;
    for (int y = 1; y < CORE - 1; y++)
        for (int x = 1; x < CORE - 1; x++) {
            int32_t a = moved[y][x + 1] - moved[y][x - 1], b = core[y][x + 1] - core[y][x - 1];
            int32_t c = moved[y + 1][x] - moved[y - 1][x], d = core[y + 1][x] - core[y - 1][x];
            edges += a * b + c * d, ours += a * a + c * c, theirs += b * b + d * d;
        }
    out[rows] = (float)((double)edges / sqrt((double)ours * (double)theirs + EVEN));

    int32_t blocks[CORE_BLOCKS * CORE_BLOCKS] = {0}, total = 0;
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++)
            blocks[y / BLOCK * CORE_BLOCKS + x / BLOCK] += squared(moved[y][x] - core[y][x]);
    for (int i = 0; i < CORE_BLOCKS * CORE_BLOCKS; i++) total += blocks[i];
    qsort(blocks, CORE_BLOCKS * CORE_BLOCKS, sizeof *blocks, ascending);
    const double percent = 100.0 / 255.0;
    out[2 * rows] = (float)(percent * sqrt((double)total / (CORE * CORE)));
    out[3 * rows] = (float)(percent * sqrt((double)blocks[WORST] / (BLOCK * BLOCK)));
}

/* ---- Python ---- */

typedef void (*Measure)(const uint8_t *, const uint8_t *, float *, size_t);

static void tint_of(const uint8_t *left, const uint8_t *right, float *out, size_t rows) {
    (void)rows;
    *out = tint(left, right);
}

/* measure(left, right, rows, out): pictures of PICTURE_BYTES each; out is `columns` rows of floats. */
static PyObject *measured(PyObject *args, Measure measure, Py_ssize_t columns) {
    PyObject *left_object, *right_object, *out_object;
    Py_ssize_t rows;
    Py_buffer left, right, out;
    if (!PyArg_ParseTuple(args, "OOnO", &left_object, &right_object, &rows, &out_object)) return NULL;
    if (rows < 0 || rows > PY_SSIZE_T_MAX / PICTURE_BYTES) {
        PyErr_Format(PyExc_ValueError, "%zd is no number of rows", rows);
        return NULL;
    }
    if (PyObject_GetBuffer(left_object, &left, PyBUF_CONTIG_RO)) return NULL;
    if (PyObject_GetBuffer(right_object, &right, PyBUF_CONTIG_RO)) {
        PyBuffer_Release(&left);
        return NULL;
    }
    if (PyObject_GetBuffer(out_object, &out, PyBUF_CONTIG)) {
        PyBuffer_Release(&left), PyBuffer_Release(&right);
        return NULL;
    }
    int fits = left.len == rows * PICTURE_BYTES && right.len == left.len && out.itemsize == (Py_ssize_t)sizeof(float) &&
               out.len == rows * columns * (Py_ssize_t)sizeof(float);
    if (fits) {
        Py_BEGIN_ALLOW_THREADS;
        for (Py_ssize_t row = 0; row < rows; row++)
            measure((const uint8_t *)left.buf + row * PICTURE_BYTES, (const uint8_t *)right.buf + row * PICTURE_BYTES,
                    (float *)out.buf + row, (size_t)rows);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&left), PyBuffer_Release(&right), PyBuffer_Release(&out);
    if (!fits) {
        PyErr_Format(PyExc_ValueError, "%zd rows of pictures have %d bytes each, and %zd floats come of them", rows,
                     PICTURE_BYTES, columns);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *py_tints(PyObject *Py_UNUSED(module), PyObject *args) { return measured(args, tint_of, 1); }

static PyObject *py_quick(PyObject *Py_UNUSED(module), PyObject *args) { return measured(args, quick_of, MEASURES); }

static PyObject *py_aligned(PyObject *Py_UNUSED(module), PyObject *args) {
    return measured(args, aligned_of, MEASURES);
}

static PyMethodDef methods[] = {
    {"tints", py_tints, METH_VARARGS, "How far the hues of pictures are apart."},
    {"quick", py_quick, METH_VARARGS, "What is seen without laying one picture on the other."},
    {"aligned", py_aligned, METH_VARARGS, "How pictures differ where they lie on each other best."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_looks", "Measures of small pictures, in C.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__looks(void) { return PyModule_Create(&module); }
