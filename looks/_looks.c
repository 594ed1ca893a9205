/* The measures of two small pictures, as looks/measures.py defines them and has them in numpy.
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
#define TINT_CORNER 5 /* cells of a side that a badge may cover */
#define GREY 128
#define COLOURLESS 9.0
#define BLOCK 4
#define BLOCKS (SIDE / BLOCK)
#define PLAIN 8
#define FAINT 4.0
#define PERCENT (100.0 / 255)

#define REACH 2 /* cells that the left picture may be moved by, each way */
#define CORE (SIDE - 2 * REACH)
#define CORE_BLOCKS (CORE / BLOCK)
#define CORNER_BLOCKS 3
#define MIDDLE_MARGIN (CORE / 4)
#define MIDDLE (CORE - 2 * MIDDLE_MARGIN)
#define EVEN 1e4
#define QUARTER_EVEN (36.0 * MIDDLE * MIDDLE)
#define FLAT 30.0
#define NOISE 240.0
#define TERMS 6
/* How far each term usually goes: two shifts in cells, two scales, blur, gain. */
static const double usual[TERMS] = {0.7, 0.7, 0.05, 0.05, 0.35, 0.4};

#define MEASURES 16

static int32_t squared(int32_t value) { return value * value; }

/* ---- colours ---- */

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

static int corner_of(int y, int x, int side, int corner) {
    int top = y < corner, bottom = y >= side - corner, left = x < corner, right = x >= side - corner;
    return (top || bottom) && (left || right) ? 2 * bottom + right : -1;
}

/* Hue outside the corner that differs most, and the direction of colours. */
static void hues(const uint8_t *left, const uint8_t *right, double *hue, double *direction) {
    int64_t apart = 0, colour = 0, ours = 0, theirs = 0, product = 0;
    int64_t corner_apart[4] = {0}, corner_colour[4] = {0};
    for (int cell = 0; cell < TINT_CELLS; cell++) {
        const int i = BRIGHT_CELLS + cell, at = cell % (TINT_SIDE * TINT_SIDE);
        const int32_t a = left[i] - GREY, b = right[i] - GREY;
        const int corner = corner_of(at / TINT_SIDE, at % TINT_SIDE, TINT_SIDE, TINT_CORNER);
        ours += a * a, theirs += b * b, product += a * b;
        apart += squared(a - b);
        if (corner >= 0) corner_apart[corner] += squared(a - b), corner_colour[corner] += a * a + b * b;
    }
    colour = ours + theirs;
    int worst = 0;
    for (int corner = 1; corner < 4; corner++)
        if (corner_apart[corner] > corner_apart[worst]) worst = corner;
    const double cells = TINT_SIDE * TINT_SIDE, rest = cells - TINT_CORNER * TINT_CORNER;
    const double even = COLOURLESS * cells;
    *hue = sqrt((double)(apart - corner_apart[worst]) /
                ((double)(colour - corner_colour[worst]) / 2 + COLOURLESS * rest));
    *direction = ((double)product + even) / sqrt(((double)ours + even) * ((double)theirs + even));
}

/* Brightness on 12 x 12: a cell is eight thirds of a pixel wide, so that sums of whole numbers are exact. */
static void squeezed(const int16_t bright[SIDE][SIDE], double out[TINT_SIDE * TINT_SIDE]) {
    int32_t rows[TINT_SIDE][SIDE];
    for (int cell = 0; cell < TINT_SIDE; cell++)
        for (int x = 0; x < SIDE; x++) {
            int32_t sum = 0;
            for (int third = cell * 8; third < cell * 8 + 8; third++) sum += bright[third / 3][x];
            rows[cell][x] = sum;
        }
    for (int y = 0; y < TINT_SIDE; y++)
        for (int cell = 0; cell < TINT_SIDE; cell++) {
            int32_t sum = 0;
            for (int third = cell * 8; third < cell * 8 + 8; third++) sum += rows[y][third / 3];
            out[y * TINT_SIDE + cell] = (double)sum * PERCENT / 64;
        }
}

/* ---- how much there is to see ---- */

static double strokes_to_contrast(const uint8_t *bright) {
    int32_t down = 0, across = 0, sum = 0;
    int64_t squares = 0;
    for (int i = 0; i < BRIGHT_CELLS; i++) sum += bright[i], squares += squared(bright[i]);
    for (int i = 0; i < BRIGHT_CELLS - SIDE; i++) down += abs(bright[i + SIDE] - bright[i]);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE - 1; x++) across += abs(bright[y * SIDE + x + 1] - bright[y * SIDE + x]);
    const double variance = (double)(squares * BRIGHT_CELLS - (int64_t)sum * sum) / BRIGHT_CELLS / BRIGHT_CELLS;
    return (double)(across + down) / (SIDE * (SIDE - 1)) / (sqrt(variance) + FAINT);
}

static double detail(const uint8_t *bright) {
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
    return (double)shown / (BLOCKS * BLOCKS);
}

static double palette(const uint8_t *picture, const double light[TINT_SIDE * TINT_SIDE]) {
    const int cells = TINT_SIDE * TINT_SIDE;
    const uint8_t *a = picture + BRIGHT_CELLS, *b = a + cells;
    double sums[3] = {0}, products[3][3] = {{0}}, trace = 0, squares = 0;
    for (int i = 0; i < cells; i++) {
        const double colour[3] = {light[i], (double)a[i] - GREY, (double)b[i] - GREY};
        for (int j = 0; j < 3; j++) {
            sums[j] += colour[j];
            for (int k = j; k < 3; k++) products[j][k] += colour[j] * colour[k];
        }
    }
    for (int j = 0; j < 3; j++)
        for (int k = j; k < 3; k++) {
            const double covariance = products[j][k] / cells - sums[j] / cells * (sums[k] / cells);
            if (j == k) trace += covariance;
            squares += (j == k ? 1 : 2) * covariance * covariance;
        }
    const double minors = trace * trace - squares;
    return sqrt((minors > 0 ? minors : 0) / (2 * trace + 1));
}

static double smaller(double a, double b) { return a < b ? a : b; }

/* ---- one picture laid on the other ---- */

/* Correlation from sums over `count` pairs of whole numbers. */
static double correlation(int64_t x, int64_t y, int64_t xx, int64_t yy, int64_t xy, int64_t count) {
    double norms = ((double)(xx * count - x * x) / (double)count) * ((double)(yy * count - y * y) / (double)count);
    return (double)(xy * count - x * y) / (double)count / sqrt(norms + EVEN);
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

/* Correlation of a square part of two cores; `even` stands in for what even parts lack. */
static double part_correlation(double a[CORE][CORE], double b[CORE][CORE], int top, int left, int side, double even) {
    double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    const double cells = side * side;
    for (int i = top; i < top + side; i++)
        for (int k = left; k < left + side; k++) {
            x += a[i][k], y += b[i][k];
            xx += a[i][k] * a[i][k], yy += b[i][k] * b[i][k], xy += a[i][k] * b[i][k];
        }
    return (xy - x * y / cells + even) / sqrt((xx - x * x / cells + even) * (yy - y * y / cells + even));
}

/* Two pictures, and where the left one lies on the other's core best. */
typedef struct {
    int16_t picture[SIDE][SIDE + 2 * REACH], core[CORE][SIDE];
    int top, first;
} Laid;

static void lay(const uint8_t *left, const uint8_t *right, Laid *laid) {
    memset(laid, 0, sizeof *laid);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) laid->picture[y][x] = left[y * SIDE + x];
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) laid->core[y][x] = right[(y + REACH) * SIDE + x + REACH];
    laid->top = laid->first = REACH;
    best_window(laid->picture, laid->core, &laid->top, &laid->first);
}

static double inner_correlation(const Laid *laid) {
    int64_t x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (int i = MIDDLE_MARGIN; i < MIDDLE_MARGIN + MIDDLE; i++)
        for (int k = MIDDLE_MARGIN; k < MIDDLE_MARGIN + MIDDLE; k++) {
            const int32_t our = laid->picture[laid->top + i][laid->first + k], their = laid->core[i][k];
            x += our, y += their, xx += our * our, yy += their * their, xy += our * their;
        }
    return correlation(x, y, xx, yy, xy, MIDDLE * MIDDLE);
}

/* Column by column, so that the compiler may add several columns at once without another order of sums. */
static double product(const float *left, const float *right) {
    float columns[CORE] = {0};
    double sum = 0;
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) columns[x] += left[y * CORE + x] * right[y * CORE + x];
    for (int x = 0; x < CORE; x++) sum += columns[x];
    return sum;
}

static double clipped(double value, double most) { return value > most ? most : value < -most ? -most : value; }

/* Solves a symmetric positive definite system by Cholesky's factors; the matrix is lost. */
static void solve(double matrix[TERMS][TERMS], double vector[TERMS]) {
    for (int i = 0; i < TERMS; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = matrix[i][j];
            for (int k = 0; k < j; k++) sum -= matrix[i][k] * matrix[j][k];
            matrix[i][j] = i == j ? sqrt(sum) : sum / matrix[j][j];
        }
        for (int k = 0; k < i; k++) vector[i] -= matrix[i][k] * vector[k];
        vector[i] /= matrix[i][i];
    }
    for (int i = TERMS - 1; i >= 0; i--) {
        for (int k = i + 1; k < TERMS; k++) vector[i] -= matrix[k][i] * vector[k];
        vector[i] /= matrix[i][i];
    }
}

/* What of the difference a shift, a scale, a blur and a gain explain to first order; the rest stays. */
static void explain(double ours[CORE][CORE], double theirs[CORE][CORE], float rest[CORE * CORE], double by[TERMS]) {
    float term[TERMS][CORE * CORE], mean[CORE + 2][CORE + 2];
    double matrix[TERMS][TERMS];
    for (int y = 0; y < CORE + 2; y++)
        for (int x = 0; x < CORE + 2; x++) {
            const int i = y < 1 ? 0 : y > CORE ? CORE - 1 : y - 1, k = x < 1 ? 0 : x > CORE ? CORE - 1 : x - 1;
            mean[y][x] = (float)((ours[i][k] + theirs[i][k]) / 2);
        }
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) {
            const float *row = &mean[y + 1][x + 1];
            const float across = (row[1] - row[-1]) / 2, down = (row[CORE + 2] - row[-CORE - 2]) / 2;
            const int i = y * CORE + x;
            term[0][i] = across;
            term[1][i] = down;
            term[2][i] = across * ((float)x - (CORE - 1) / 2.0f);
            term[3][i] = down * ((float)y - (CORE - 1) / 2.0f);
            term[4][i] = row[1] + row[-1] + row[CORE + 2] + row[-CORE - 2] - 4 * row[0];
            term[5][i] = row[0];
            rest[i] = (float)(ours[y][x] - theirs[y][x]);
        }
    for (int j = 0; j < TERMS; j++) {
        double sum = 0;
        for (int i = 0; i < CORE * CORE; i++) sum += term[j][i];
        const float middle = (float)(sum / (CORE * CORE));
        for (int i = 0; i < CORE * CORE; i++) term[j][i] -= middle;
    }
    double sum = 0;
    for (int i = 0; i < CORE * CORE; i++) sum += rest[i];
    const float middle = (float)(sum / (CORE * CORE));
    for (int i = 0; i < CORE * CORE; i++) rest[i] -= middle;
    for (int j = 0; j < TERMS; j++) {
        for (int k = 0; k <= j; k++) matrix[j][k] = product(term[j], term[k]);
        matrix[j][j] += NOISE / (usual[j] * usual[j]);
        by[j] = product(term[j], rest);
    }
    solve(matrix, by);
    for (int j = 0; j < TERMS; j++) {
        by[j] = clipped(by[j], 2 * usual[j]);
        for (int i = 0; i < CORE * CORE; i++) rest[i] -= (float)by[j] * term[j][i];
    }
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The value that would be at a place if they were sorted; no smaller one stays behind it (Hoare, "Find", 1961). */
static double in_order(double *values, int count, int place) {
    int low = 0, high = count - 1;
    while (low < high) {
        const double pivot = values[place];
        int i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i <= j) {
                const double value = values[i];
                values[i++] = values[j], values[j--] = value;
            }
        }
        if (j < place) low = i;
        if (i > place) high = j;
    }
    return values[place];
}

/* The rest that nothing explains, as a share of what there is: outside the worst corner, and in the middle. */
static void unexplained(const float rest[CORE * CORE], double ours[CORE][CORE], double theirs[CORE][CORE], float *out,
                        size_t rows) {
    double left[CORE_BLOCKS][CORE_BLOCKS] = {{0}}, seen[CORE_BLOCKS][CORE_BLOCKS] = {{0}};
    double our_mean = 0, their_mean = 0, corners[4] = {0}, corner_seen[4] = {0};
    double all = 0, all_seen = 0, middle = 0, middle_seen = 0;
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) our_mean += ours[y][x], their_mean += theirs[y][x];
    our_mean /= CORE * CORE, their_mean /= CORE * CORE;
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) {
            const double a = ours[y][x] - our_mean, b = theirs[y][x] - their_mean, r = rest[y * CORE + x];
            left[y / BLOCK][x / BLOCK] += r * r;
            seen[y / BLOCK][x / BLOCK] += (a * a + b * b) / 2;
        }
    for (int y = 0; y < CORE_BLOCKS; y++)
        for (int x = 0; x < CORE_BLOCKS; x++) {
            const int corner = corner_of(y, x, CORE_BLOCKS, CORNER_BLOCKS);
            all += left[y][x], all_seen += seen[y][x];
            if (corner >= 0) corners[corner] += left[y][x], corner_seen[corner] += seen[y][x];
            if (y > 0 && y < CORE_BLOCKS - 1 && x > 0 && x < CORE_BLOCKS - 1)
                middle += left[y][x], middle_seen += seen[y][x];
        }
    int worst = 0;
    for (int corner = 1; corner < 4; corner++)
        if (corners[corner] > corners[worst]) worst = corner;
    const double cells = BLOCK * BLOCK, outside = CORE_BLOCKS * CORE_BLOCKS - CORNER_BLOCKS * CORNER_BLOCKS;
    const double inside = (CORE_BLOCKS - 2) * (CORE_BLOCKS - 2);
    out[0] = (float)((all - corners[worst]) / (all_seen - corner_seen[worst] + FLAT * cells * outside));
    out[rows] = (float)(middle / (middle_seen + FLAT * cells * inside));
}

static void measures_of(const uint8_t *left, const uint8_t *right, float *out, size_t rows) {
    Laid laid;
    int16_t whole[SIDE][SIDE], moved[SIDE][SIDE], other[SIDE][SIDE];
    double ours[CORE][CORE], theirs[CORE][CORE], light[TINT_SIDE * TINT_SIDE], other_light[TINT_SIDE * TINT_SIDE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            whole[y][x] = left[y * SIDE + x];
            other[y][x] = right[y * SIDE + x];
        }
    lay(left, right, &laid);
    const int top = laid.top, first = laid.first;
    double square = 0;
    for (int y = 0; y < CORE; y++)
        for (int x = 0; x < CORE; x++) {
            ours[y][x] = laid.picture[top + y][first + x];
            theirs[y][x] = laid.core[y][x];
            square += squared(laid.picture[top + y][first + x] - laid.core[y][x]);
        }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const int i = y < REACH ? 0 : y >= SIDE - REACH ? CORE - 1 : y - REACH;
            const int k = x < REACH ? 0 : x >= SIDE - REACH ? CORE - 1 : x - REACH;
            moved[y][x] = laid.picture[top + i][first + k];
        }

    double hue, direction;
    hues(left, right, &hue, &direction);
    squeezed(whole, light);
    squeezed(other, other_light);
    out[0] = tint(left, right);
    out[rows] = (float)hue;
    out[2 * rows] = (float)direction;
    out[3 * rows] = (float)smaller(detail(left), detail(right));
    out[4 * rows] = (float)smaller(palette(left, light), palette(right, other_light));
    out[5 * rows] = (float)smaller(strokes_to_contrast(left), strokes_to_contrast(right));

    out[6 * rows] = (float)(PERCENT * sqrt(square / (CORE * CORE)));
    out[7 * rows] = (float)inner_correlation(&laid);
    double quarters[4];
    for (int i = 0; i < 4; i++)
        quarters[i] = part_correlation(ours, theirs, i / 2 * MIDDLE, i % 2 * MIDDLE, MIDDLE, QUARTER_EVEN);
    qsort(quarters, 4, sizeof *quarters, ascending);
    out[8 * rows] = (float)quarters[1];

    double shades[TINT_SIDE * TINT_SIDE];
    squeezed(moved, light);
    for (int i = 0; i < TINT_SIDE * TINT_SIDE; i++) {
        const int a = BRIGHT_CELLS + i, b = a + TINT_SIDE * TINT_SIDE;
        const double l = light[i] - other_light[i];
        shades[i] = l * l + squared(left[a] - right[a]) + squared(left[b] - right[b]);
    }
    const int half = TINT_SIDE * TINT_SIDE / 2, most = TINT_SIDE * TINT_SIDE * 3 / 4;
    out[10 * rows] = (float)sqrt(in_order(shades, TINT_SIDE * TINT_SIDE, most));
    out[9 * rows] = (float)sqrt(in_order(shades, most, half));

    float rest[CORE * CORE];
    double by[TERMS];
    explain(ours, theirs, rest, by);
    unexplained(rest, ours, theirs, out + 11 * rows, rows);
    out[13 * rows] = (float)hypot(first - REACH + by[0], top - REACH + by[1]);
    out[14 * rows] = (float)((fabs(by[2]) + fabs(by[3])) / 2);
    out[15 * rows] = (float)fabs(by[5]);
}

/* ---- Python ---- */

typedef void (*Measure)(const uint8_t *, const uint8_t *, float *, size_t);

static void tint_of(const uint8_t *left, const uint8_t *right, float *out, size_t rows) {
    (void)rows;
    *out = tint(left, right);
}

static void inner_of(const uint8_t *left, const uint8_t *right, float *out, size_t rows) {
    (void)rows;
    Laid laid;
    lay(left, right, &laid);
    *out = (float)inner_correlation(&laid);
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

static PyObject *py_inners(PyObject *Py_UNUSED(module), PyObject *args) { return measured(args, inner_of, 1); }

static PyObject *py_measures(PyObject *Py_UNUSED(module), PyObject *args) {
    return measured(args, measures_of, MEASURES);
}

static PyMethodDef methods[] = {
    {"tints", py_tints, METH_VARARGS, "How far the hues of pictures are apart."},
    {"inners", py_inners, METH_VARARGS, "How alike pictures are in the middle where they lie on each other best."},
    {"measures", py_measures, METH_VARARGS, "How pictures differ, and how much there is to see in them."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_looks", "Measures of small pictures, in C.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__looks(void) { return PyModule_Create(&module); }
