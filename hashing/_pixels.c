/* The loops over pixels of PNG's rows (csrc/png.c), PDQ, the four block mean value hashes and pHash.
 *
 * Bytes in, bytes out, the GIL released. hashing/pdq.py, hashing/blockhash.py and hashing/phash.py have the
 * same in numpy, bit for bit: sums of floats are therefore taken in one fixed order, and the compiler must
 * not contract a product and a sum (setup.py forbids it).
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

#include "csrc/png.h"

#define LONGEST_SIDE 16384 /* up to here a row's weighted sum of brightness is exact in a float */
#define WHITE 255

/* ---- a picture: rows of straight RGB or RGBA ---- */

typedef struct {
    Py_buffer view;
    const uint8_t *pixels;
    size_t width, height, channels;
} Picture;

static int picture_of(PyObject *args, Picture *picture) {
    PyObject *object;
    Py_ssize_t width, height, channels;
    if (!PyArg_ParseTuple(args, "Onnn", &object, &width, &height, &channels)) return -1;
    if (width < 1 || height < 1 || width > LONGEST_SIDE || height > LONGEST_SIDE ||
        (channels != 3 && channels != 4)) {
        PyErr_Format(PyExc_ValueError, "a picture has sides of 1 to %d and 3 or 4 channels, not %zdx%zdx%zd",
                     LONGEST_SIDE, width, height, channels);
        return -1;
    }
    if (PyObject_GetBuffer(object, &picture->view, PyBUF_CONTIG_RO)) return -1;
    if (picture->view.len != width * height * channels) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are no picture of %zdx%zdx%zd", picture->view.len, width,
                     height, channels);
        PyBuffer_Release(&picture->view);
        return -1;
    }
    picture->pixels = picture->view.buf;
    picture->width = (size_t)width;
    picture->height = (size_t)height;
    picture->channels = (size_t)channels;
    return 0;
}

/* `colour` behind `alpha` on white: samelook.hashing.picture.composite_on for one value. */
static inline unsigned on_white(unsigned colour, unsigned alpha) {
    unsigned mixed = colour * alpha + (255 - alpha) * WHITE + 128;
    return (mixed + (mixed >> 8)) >> 8;
}

/* What a person sees of one row on white, a plane for each colour. */
static void seen(const Picture *picture, size_t y, uint8_t *red, uint8_t *green, uint8_t *blue) {
    const uint8_t *pixel = picture->pixels + y * picture->width * picture->channels;
    size_t width = picture->width;
    if (picture->channels == 3) {
        for (size_t x = 0; x < width; x++, pixel += 3) red[x] = pixel[0], green[x] = pixel[1], blue[x] = pixel[2];
        return;
    }
    unsigned least = 255; /* most rows are opaque, and without a branch at each pixel they are quick */
    for (size_t x = 0; x < width; x++) least &= pixel[4 * x + 3];
    if (least == 255) {
        for (size_t x = 0; x < width; x++)
            red[x] = pixel[4 * x], green[x] = pixel[4 * x + 1], blue[x] = pixel[4 * x + 2];
        return;
    }
    for (size_t x = 0; x < width; x++, pixel += 4) {
        unsigned alpha = pixel[3];
        red[x] = (uint8_t)on_white(pixel[0], alpha);
        green[x] = (uint8_t)on_white(pixel[1], alpha);
        blue[x] = (uint8_t)on_white(pixel[2], alpha);
    }
}

/* ---- rows of a PNG ---- */

static PyObject *rgba_of(const Py_buffer *rows, const Png *png) {
    PyObject *pixels = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(png->height * png->width * 4));
    if (!pixels) return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(pixels);
    int failed;
    Py_BEGIN_ALLOW_THREADS;
    failed = png_rgba(png, rows->buf, out);
    Py_END_ALLOW_THREADS;
    if (failed == PNG_NO_MEMORY) PyErr_NoMemory();
    if (failed == PNG_BAD_FILTER) PyErr_SetString(PyExc_ValueError, "a row of the PNG has a filter that there is not");
    if (failed == PNG_BAD_INDEX) PyErr_SetString(PyExc_ValueError, "a pixel of the PNG is not in its palette");
    if (failed) Py_CLEAR(pixels);
    return pixels;
}

static PyObject *py_png_rows(PyObject *Py_UNUSED(module), PyObject *args) {
    Py_buffer rows, palette;
    Py_ssize_t width, height;
    int colour, depth;
    PyObject *object, *entries, *pixels = NULL;
    if (!PyArg_ParseTuple(args, "OnniiO", &object, &width, &height, &colour, &depth, &entries)) return NULL;
    if (PyObject_GetBuffer(object, &rows, PyBUF_CONTIG_RO)) return NULL;
    if (PyObject_GetBuffer(entries, &palette, PyBUF_CONTIG_RO)) {
        PyBuffer_Release(&rows);
        return NULL;
    }
    int is_sized = width >= 1 && height >= 1 && width <= LONGEST_SIDE && height <= LONGEST_SIDE;
    size_t length = is_sized ? png_row_bytes((size_t)width, (unsigned)colour, (unsigned)depth) : 0;
    if (!length || rows.len != height * (Py_ssize_t)(1 + length)) {
        PyErr_SetString(PyExc_ValueError, "these are no rows of a PNG of this size");
    } else if (colour == PNG_PALETTE && (palette.len < 4 || palette.len > 4 * 256 || palette.len % 4)) {
        PyErr_SetString(PyExc_ValueError, "a palette has 1 to 256 entries of four bytes");
    } else {
        Png png = {(size_t)width, (size_t)height, (unsigned)colour, (unsigned)depth, palette.buf, (size_t)palette.len / 4};
        pixels = rgba_of(&rows, &png);
    }
    PyBuffer_Release(&rows);
    PyBuffer_Release(&palette);
    return pixels;
}

/* ---- block mean value hashes ---- */

/* In which blocks a pixel of a side lies, and with which weight, in parts of `scale`. */
typedef struct {
    uint16_t first, last;
    float first_weight, last_weight;
} Share;

static void precise_shares(Share *shares, size_t length, size_t bits) {
    for (size_t pixel = 0; pixel < length; pixel++) {
        size_t past = (pixel + 1) * bits % length; /* in parts of `bits`: how far its end is into a block */
        size_t after_edge = length % bits ? past % bits : 0;
        Share *share = &shares[pixel];
        share->first = share->last = (uint16_t)(pixel * bits / length);
        if (past < bits && pixel + 1 != length) share->last = (uint16_t)((pixel * bits + length - 1) / length);
        share->first_weight = (float)(bits - after_edge);
        share->last_weight = (float)after_edge;
    }
}

static size_t quick_shares(Share *shares, size_t length, size_t bits) {
    size_t size = length / bits;
    for (size_t pixel = 0; pixel < size * bits; pixel++)
        shares[pixel] = (Share){(uint16_t)(pixel / size), (uint16_t)(pixel / size), 1.0f, 0.0f};
    return size * bits;
}

static int by_value(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* One bit a block: brighter than the median of its quarter of the rows; see hashing/blockhash.py. */
static void block_bits(const double *sums, size_t bits, double area, uint8_t *out) {
    size_t in_band = bits * bits / 4, middle = in_band / 2;
    double ordered[64];
    memset(out, 0, bits * bits / 8);
    for (size_t band = 0; band < 4; band++) {
        const double *values = sums + band * in_band;
        memcpy(ordered, values, in_band * sizeof *ordered);
        qsort(ordered, in_band, sizeof *ordered, by_value);
        double median = (ordered[middle - 1] + ordered[middle]) / 2;
        int bright = median > area * 256 * 3 / 2;
        for (size_t i = 0; i < in_band; i++) {
            double difference = values[i] - median;
            size_t bit = band * in_band + i;
            if (difference > 0 || (bright && fabs(difference) < 1)) out[bit / 8] |= (uint8_t)(128 >> bit % 8);
        }
    }
}

/* One of the four hashes. `scratch` has room for `bits` rows of floats, `shares` for the longer side. */
static void block_hash(const Picture *picture, const float *brightness, size_t bits, int quick, Share *shares,
                       float *scratch, uint8_t *out) {
    size_t width = picture->width, height = picture->height, rows = height, columns = width;
    double sums[256] = {0}, scale = quick ? 1.0 : (double)(bits * bits), area;
    if (quick)
        rows = quick_shares(shares, height, bits);
    else
        precise_shares(shares, height, bits);
    memset(scratch, 0, bits * width * sizeof *scratch);
    for (size_t y = 0; y < rows; y++) {
        const float *row = brightness + y * width;
        float *first = scratch + shares[y].first * width, weight = shares[y].first_weight;
        if (quick)
            for (size_t x = 0; x < width; x++) first[x] += row[x];
        else
            for (size_t x = 0; x < width; x++) first[x] += weight * row[x];
        if (shares[y].last_weight != 0.0f) {
            float *last = scratch + shares[y].last * width, rest = shares[y].last_weight;
            for (size_t x = 0; x < width; x++) last[x] += rest * row[x];
        }
    }
    if (quick)
        columns = quick_shares(shares, width, bits);
    else
        precise_shares(shares, width, bits);
    for (size_t block = 0; block < bits; block++) {
        const float *row = scratch + block * width;
        double *into = sums + block * bits;
        for (size_t x = 0; x < columns; x++) {
            into[shares[x].first] += (double)shares[x].first_weight * row[x];
            into[shares[x].last] += (double)shares[x].last_weight * row[x];
        }
    }
    for (size_t i = 0; i < bits * bits; i++) sums[i] /= scale;
    area = quick ? (double)((height / bits) * (width / bits)) : (double)(height * width) / (double)(bits * bits);
    block_bits(sums, bits, area, out);
}

static PyObject *py_blockhashes(PyObject *Py_UNUSED(module), PyObject *args) {
    Picture picture;
    if (picture_of(args, &picture)) return NULL;
    if (picture.channels != 4) {
        PyBuffer_Release(&picture.view);
        PyErr_SetString(PyExc_ValueError, "a block hash needs to know what is transparent: 4 channels");
        return NULL;
    }
    size_t width = picture.width, height = picture.height, count = width * height;
    float *brightness = malloc(count * sizeof *brightness), *scratch = malloc(16 * width * sizeof *scratch);
    Share *shares = malloc((width > height ? width : height) * sizeof *shares);
    uint8_t hashes[32 + 32 + 8 + 8];
    if (!brightness || !scratch || !shares) {
        free(brightness), free(scratch), free(shares);
        PyBuffer_Release(&picture.view);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS;
    const uint8_t *pixel = picture.pixels;
    for (size_t i = 0; i < count; i++, pixel += 4)
        brightness[i] = pixel[3] ? (float)(pixel[0] + pixel[1] + pixel[2]) : (float)(3 * WHITE);
    int even16 = width % 16 == 0 && height % 16 == 0, even8 = width % 8 == 0 && height % 8 == 0;
    block_hash(&picture, brightness, 16, even16, shares, scratch, hashes);
    if (even16)
        memcpy(hashes + 32, hashes, 32);
    else
        block_hash(&picture, brightness, 16, 1, shares, scratch, hashes + 32);
    block_hash(&picture, brightness, 8, even8, shares, scratch, hashes + 64);
    if (even8)
        memcpy(hashes + 72, hashes + 64, 8);
    else
        block_hash(&picture, brightness, 8, 1, shares, scratch, hashes + 72);
    Py_END_ALLOW_THREADS;
    free(brightness), free(scratch), free(shares);
    PyBuffer_Release(&picture.view);
    return PyBytes_FromStringAndSize((const char *)hashes, sizeof hashes);
}

/* ---- PDQ ---- */

#define SIDE 64
#define BITS_SIDE 16
#define PASSES 2

static float cosines[BITS_SIDE][SIDE], cosines_across[SIDE][BITS_SIDE];

static void prepare_cosines(void) {
    double scale = (double)(float)sqrt(2.0 / SIDE), step = 3.14159265358979323846 / 2 / SIDE;
    for (size_t row = 0; row < BITS_SIDE; row++)
        for (size_t column = 0; column < SIDE; column++)
            cosines[row][column] = cosines_across[column][row] =
                (float)(scale * cos(step * (double)(row + 1) * (double)(2 * column + 1)));
}

/* What one of 256 values of each colour adds to the brightness: products of doubles, as Meta's code takes them. */
static double red_share[256], green_share[256], blue_share[256];

static void prepare_shares(void) {
    for (int value = 0; value < 256; value++) {
        red_share[value] = value * 0.299;
        green_share[value] = value * 0.587;
        blue_share[value] = value * 0.114;
    }
}

static void luma_row(const Picture *picture, size_t y, float *luma) {
    size_t width = picture->width, channels = picture->channels;
    const uint8_t *pixel = picture->pixels + y * width * channels;
    unsigned least = 255;
    if (channels == 4)
        for (size_t x = 0; x < width; x++) least &= pixel[4 * x + 3];
    if (least == 255) { /* opaque, like most */
        for (size_t x = 0; x < width; x++, pixel += channels)
            luma[x] = (float)(red_share[pixel[0]] + green_share[pixel[1]] + blue_share[pixel[2]]);
        return;
    }
    for (size_t x = 0; x < width; x++, pixel += 4)
        luma[x] = (float)(red_share[on_white(pixel[0], pixel[3])] + green_share[on_white(pixel[1], pixel[3])] +
                          blue_share[on_white(pixel[2], pixel[3])]);
}

/* A mean over a sliding window of a line, cut off at both ends, is a running sum, to which the entering value is added
 * before the leaving one is taken away, by a count. */
typedef struct {
    size_t length, window, before;
} Line;

static Line line_of(size_t length) {
    size_t window = (length + 2 * SIDE - 1) / (2 * SIDE);
    return (Line){length, window, (window + 2) / 2 - 1};
}

/* How many values the sum at a place is of. */
static float count_at(Line line, size_t place) {
    size_t i = place + line.before, end = i < line.length - 1 ? i : line.length - 1;
    size_t begin = i >= line.window ? i - line.window + 1 : 0;
    return (float)(end + 1 - begin);
}

/* Rows whose running sums are taken at once, of one block of memory: each waits for its own last sum, so one alone
 * leaves most of a processor idle. */
#define ROWS 8

static void row_sums(Line line, const float *restrict in, float *restrict out, size_t stride) {
    float sums[ROWS] = {0};
    size_t i = 0;
    for (; i < line.before; i++)
        for (size_t row = 0; row < ROWS; row++) sums[row] += in[row * stride + i];
    for (; i < line.window; i++)
        for (size_t row = 0; row < ROWS; row++)
            out[row * stride + i - line.before] = sums[row] += in[row * stride + i];
    for (; i < line.length; i++)
        for (size_t row = 0; row < ROWS; row++) {
            sums[row] += in[row * stride + i];
            out[row * stride + i - line.before] = sums[row] -= in[row * stride + i - line.window];
        }
    for (; i < line.length + line.before; i++)
        for (size_t row = 0; row < ROWS; row++)
            out[row * stride + i - line.before] = sums[row] -= in[row * stride + i - line.window];
}

/* One step down all columns: row `i` enters, row `i - window` leaves; `mean` gets row `i - before`, if there is one. */
static void column_step(Line line, size_t i, const float *entering, const float *leaving, float *sums, float *mean,
                        size_t width) {
    if (i < line.length)
        for (size_t x = 0; x < width; x++) sums[x] += entering[x];
    if (i >= line.window)
        for (size_t x = 0; x < width; x++) sums[x] -= leaving[x];
    if (i < line.before) return;
    float count = count_at(line, i - line.before);
    for (size_t x = 0; x < width; x++) mean[x] = sums[x] / count;
}

/* 64 x 64 samples of the brightness after two passes of a box filter along rows and columns. A row goes through all
 * of it while it is in the cache; the second pass is divided only where a sample is taken. -1: no memory. */
static int shrink(const Picture *picture, float small[SIDE][SIDE]) {
    size_t width = picture->width, height = picture->height, places[SIDE];
    /* An odd number of cache lines a row: eight rows a power of two apart would all want the same places in a cache. */
    size_t stride = ((width + 15) / 16 | 1) * 16;
    Line across = line_of(width), down = line_of(height);
    /* Rows of the first pass until they leave the window: whole groups, the one that comes included. */
    size_t kept = (down.window + ROWS - 1) / ROWS * ROWS + ROWS;
    float *counts = malloc(width * sizeof *counts), *sums = calloc(width, sizeof *sums);
    float *ring = calloc(kept * stride, sizeof *ring), *group = calloc(2 * ROWS * stride, sizeof *group);
    float *columns = malloc(2 * height * SIDE * sizeof *columns); /* the sampled ones after the second pass across */
    int failed = !counts || !sums || !ring || !group || !columns;
    if (!failed) {
        float *filled = group + ROWS * stride, column_sums[SIDE] = {0};
        size_t pending = 0, done = 0;
        for (size_t x = 0; x < width; x++) counts[x] = count_at(across, x);
        for (size_t x = 0; x < SIDE; x++) places[x] = (size_t)(((double)x + 0.5) * (double)width / SIDE);
        for (size_t i = 0; i < height + down.before; i++) {
            if (i < height && i % ROWS == 0) {
                float *means = ring + i % kept * stride;
                for (size_t row = 0; row < ROWS && i + row < height; row++)
                    luma_row(picture, i + row, group + row * stride);
                row_sums(across, group, means, stride);
                for (size_t row = 0; row < ROWS; row++, means += stride)
                    for (size_t x = 0; x < width; x++) means[x] /= counts[x];
            }
            column_step(down, i, ring + i % kept * stride, ring + (i + kept - down.window) % kept * stride, sums,
                        filled + pending * stride, width);
            pending += i >= down.before;
            if (pending == ROWS || (pending && i + 1 == height + down.before)) {
                row_sums(across, filled, group, stride);
                for (size_t row = 0; row < pending; row++, done++)
                    for (size_t x = 0; x < SIDE; x++)
                        columns[done * SIDE + x] = group[row * stride + places[x]] / counts[places[x]];
                pending = 0;
            }
        }
        float *means = columns + height * SIDE;
        for (size_t i = 0; i < height + down.before; i++)
            column_step(down, i, columns + i * SIDE, i >= down.window ? columns + (i - down.window) * SIDE : columns,
                        column_sums, i >= down.before ? means + (i - down.before) * SIDE : means, SIDE);
        for (size_t y = 0; y < SIDE; y++)
            memcpy(small[y], means + (size_t)(((double)y + 0.5) * (double)height / SIDE) * SIDE, sizeof small[y]);
    }
    free(counts), free(sums), free(ring), free(group), free(columns);
    return failed ? -1 : 0;
}

static int by_wave(const void *one, const void *other) {
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

/* How much gradient there is. A step is under 101, so that whole numbers can hold it. */
static unsigned long quality_of(const float small[SIDE][SIDE]) {
    int total = 0;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x + 1 < SIDE; x++) total += abs((int)((small[y][x + 1] - small[y][x]) * 100.0f / 255.0f));
    for (size_t y = 0; y + 1 < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++) total += abs((int)((small[y + 1][x] - small[y][x]) * 100.0f / 255.0f));
    return total / 90 < 100 ? (unsigned long)(total / 90) : 100;
}

static unsigned long pdq_of(const float small[SIDE][SIDE], uint8_t hash[32]) {
    float by_rows[BITS_SIDE][SIDE] = {0}, waves[BITS_SIDE * BITS_SIDE], ordered[BITS_SIDE * BITS_SIDE];
    for (size_t wave = 0; wave < BITS_SIDE; wave++)
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++) by_rows[wave][x] += cosines[wave][y] * small[y][x];
    memset(waves, 0, sizeof waves);
    for (size_t wave = 0; wave < BITS_SIDE; wave++)
        for (size_t x = 0; x < SIDE; x++)
            for (size_t other = 0; other < BITS_SIDE; other++)
                waves[wave * BITS_SIDE + other] += by_rows[wave][x] * cosines_across[x][other];
    memcpy(ordered, waves, sizeof waves);
    qsort(ordered, BITS_SIDE * BITS_SIDE, sizeof *ordered, by_wave);
    float median = ordered[BITS_SIDE * BITS_SIDE / 2 - 1];
    memset(hash, 0, 32);
    for (size_t i = 0; i < BITS_SIDE * BITS_SIDE; i++) {
        size_t bit = BITS_SIDE * BITS_SIDE - 1 - i;
        if (waves[i] > median) hash[bit / 8] |= (uint8_t)(128 >> bit % 8);
    }
    return quality_of(small);
}

static PyObject *py_pdq(PyObject *Py_UNUSED(module), PyObject *args) {
    Picture picture;
    if (picture_of(args, &picture)) return NULL;
    float small[SIDE][SIDE];
    uint8_t hash[32];
    unsigned long quality = 0;
    int failed = 0;
    Py_BEGIN_ALLOW_THREADS;
    if (picture.width == SIDE && picture.height == SIDE)
        for (size_t y = 0; y < SIDE; y++) luma_row(&picture, y, small[y]);
    else
        failed = shrink(&picture, small);
    if (!failed) quality = pdq_of((const float(*)[SIDE])small, hash);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&picture.view);
    if (failed) return PyErr_NoMemory();
    return Py_BuildValue("y#k", (const char *)hash, (Py_ssize_t)sizeof hash, quality);
}

/* ---- pHash's cosine transform ---- */

#define WAVES 32

/* Cosines of (i + 1) pi / 64; cosine and sine of i pi / 16 for i of 1 to 7; the same of i pi / 8 for i of 1 to 3.
 * The last bits are those of the transform that SciPy uses (pocketfft by M. Reinecke). */
static const double quarter_turn[WAVES] = {
    0x1.ff621e3796d7ep-1, 0x1.fd88da3d12526p-1, 0x1.fa7557f08a517p-1, 0x1.f6297cff75cb0p-1,
    0x1.f0a7efb9230d7p-1, 0x1.e9f4156c62ddap-1, 0x1.e212104f686e5p-1, 0x1.d906bcf328d46p-1,
    0x1.ced7af43cc773p-1, 0x1.c38b2f180bdb1p-1, 0x1.b728345196e3ep-1, 0x1.a9b66290ea1a3p-1,
    0x1.9b3e047f38741p-1, 0x1.8bc806b151741p-1, 0x1.7b5df226aafafp-1, 0x1.6a09e667f3bccp-1,
    0x1.57d69348cec9fp-1, 0x1.44cf325091dd6p-1, 0x1.30ff7fce17034p-1, 0x1.1c73b39ae68c8p-1,
    0x1.073879922ffedp-1, 0x1.e2b5d3806f639p-2, 0x1.b5d1009e15cbfp-2, 0x1.87de2a6aea961p-2,
    0x1.58f9a75ab1fdbp-2, 0x1.294062ed59f04p-2, 0x1.f19f97b215f1cp-3, 0x1.8f8b83c69a60ap-3,
    0x1.2c8106e8e6136p-3, 0x1.917a6bc29b424p-4, 0x1.91f65f10dd810p-5, -0x0.0p+0,
};
static const double sixteenths[14] = {
    0x1.f6297cff75cb0p-1, 0x1.8f8b83c69a60ap-3, 0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2,
    0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1, 0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1,
    0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1, 0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1,
    0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cb0p-1,
};
static const double eighths[6] = {
    0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2, 0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1,
    0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1,
};
#define ROOT_2 0x1.6a09e667f3bcdp+0

static inline void turned(double *real, double *imaginary, const double *by, double x, double y) {
    *imaginary = by[0] * y + by[1] * x;
    *real = by[0] * x - by[1] * y;
}

/* A real inverse transform of 32 points: one step of two, then steps of four with the same order of sums. */
static void halves(const double *in, double *out) {
    const size_t half = WAVES / 2;
    out[0] = in[0] + in[WAVES - 1];
    out[half] = in[0] - in[WAVES - 1];
    out[half - 1] = 2 * in[half - 1];
    out[WAVES - 1] = -2 * in[half];
    for (size_t i = 2; i < half; i += 2) {
        const double *low = in + i, *high = in + WAVES - i;
        out[i - 1] = low[-1] + high[-1];
        out[i] = low[0] - high[0];
        turned(&out[half + i - 1], &out[half + i], sixteenths + i - 2, low[-1] - high[-1], low[0] + high[0]);
    }
}

static void quarters(const double *in, double *out, size_t length, size_t count) {
    for (size_t part = 0; part < count; part++) {
        const double *a = in + 4 * length * part, *b = a + length, *c = b + length, *d = c + length;
        double *first = out + length * part, *second = first + length * count, *third = second + length * count,
               *fourth = third + length * count;
        size_t last = length - 1;
        double sum = a[0] + d[last], difference = a[0] - d[last], middle = 2 * b[last], side = 2 * c[0];
        first[0] = sum + middle;
        third[0] = sum - middle;
        fourth[0] = difference + side;
        second[0] = difference - side;
        if (length == 1) continue;
        double plus = d[0] + b[0], minus = d[0] - b[0], even = a[last] + c[last], odd = a[last] - c[last];
        first[last] = even + even;
        second[last] = ROOT_2 * (odd - plus);
        third[last] = minus + minus;
        fourth[last] = -ROOT_2 * (odd + plus);
        for (size_t i = 2; i < length; i += 2) {
            size_t j = length - i;
            double r1 = a[i - 1] - d[j - 1], r2 = a[i - 1] + d[j - 1], r3 = c[i - 1] + b[j - 1],
                   r4 = c[i] + b[j], i1 = a[i] + d[j], i2 = a[i] - d[j], i3 = c[i] - b[j], i4 = c[i - 1] - b[j - 1];
            first[i - 1] = r2 + r3;
            first[i] = i2 + i3;
            turned(&second[i - 1], &second[i], eighths, r1 - r4, i1 + i4);
            turned(&third[i - 1], &third[i], eighths + 2, r2 - r3, i2 - i3);
            turned(&fourth[i - 1], &fourth[i], eighths + 4, r1 + r4, i1 - i4);
        }
    }
}

/* The type II cosine transform of 32 values, in place. */
static void cosine_transform(double *values) {
    double other[WAVES];
    values[0] *= 2;
    values[WAVES - 1] *= 2;
    for (size_t i = 1; i + 1 < WAVES; i += 2) {
        double one = values[i], next = values[i + 1];
        values[i + 1] = next - one;
        values[i] = next + one;
    }
    halves(values, other);
    quarters(other, values, 4, 2);
    quarters(values, other, 1, 8);
    values[0] = other[0];
    for (size_t i = 1, j = WAVES - 1; i < j; i++, j--) {
        double sum = quarter_turn[i - 1] * other[j] + quarter_turn[j - 1] * other[i];
        double difference = quarter_turn[i - 1] * other[i] - quarter_turn[j - 1] * other[j];
        values[i] = 0.5 * (sum + difference);
        values[j] = 0.5 * (sum - difference);
    }
    values[WAVES / 2] = other[WAVES / 2] * quarter_turn[WAVES / 2 - 1];
}

/* Which samples of a line one of the 32 is made of, and how much of each, in parts of 2^22: Pillow's Lanczos filter
 * for eight bits. A weight is `high` * 2^11 + `low`, as 16 bits times 16 bits is what processors are quick at. */
typedef struct {
    size_t first[WAVES], count[WAVES], stride;
    int16_t *high, *low;
} Lanczos;

#define PARTS 22
#define LOW_PARTS 11

static double sinc(double x) { return x == 0.0 ? 1.0 : sin(x * 3.14159265358979323846) / (x * 3.14159265358979323846); }

/* 0 when there is no memory. What it points to is to be freed in either case. */
static int lanczos(Lanczos *filter, size_t length) {
    double scale = (double)length / WAVES, widened = scale < 1.0 ? 1.0 : scale, support = 3.0 * widened;
    filter->stride = (size_t)ceil(support) * 2 + 1;
    double *weights = malloc(filter->stride * sizeof *weights);
    filter->high = calloc(WAVES * filter->stride, sizeof *filter->high);
    filter->low = calloc(WAVES * filter->stride, sizeof *filter->low);
    if (!weights || !filter->high || !filter->low) {
        free(weights);
        return 0;
    }
    for (size_t i = 0; i < WAVES; i++) {
        double centre = ((double)i + 0.5) * scale, sum = 0.0, begin = centre - support + 0.5;
        size_t first = begin < 0 ? 0 : (size_t)begin, end = (size_t)(centre + support + 0.5);
        if (end > length) end = length;
        for (size_t x = first; x < end; x++) {
            double away = ((double)x - centre + 0.5) * (1.0 / widened);
            weights[x - first] = -3.0 <= away && away < 3.0 ? sinc(away) * sinc(away / 3) : 0.0;
            sum += weights[x - first];
        }
        for (size_t x = 0; x < end - first; x++) {
            double weight = (sum != 0.0 ? weights[x] / sum : weights[x]) * (1 << PARTS);
            int32_t whole = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
            int32_t low = ((whole + (1 << (LOW_PARTS - 1))) & ((1 << LOW_PARTS) - 1)) - (1 << (LOW_PARTS - 1));
            filter->low[i * filter->stride + x] = (int16_t)low;
            filter->high[i * filter->stride + x] = (int16_t)((whole - low) / (1 << LOW_PARTS));
        }
        filter->first[i] = first;
        filter->count[i] = end - first;
    }
    free(weights);
    return 1;
}

static inline uint8_t whole_of(int32_t high, int32_t low) {
    int32_t sum = high * (1 << LOW_PARTS) + low + (1 << (PARTS - 1));
    return sum < 0 ? 0 : sum >> PARTS > 255 ? 255 : (uint8_t)(sum >> PARTS);
}

static void shrink_line(const Lanczos *filter, const int16_t *line, uint8_t out[WAVES]) {
    for (size_t i = 0; i < WAVES; i++) {
        const int16_t *samples = line + filter->first[i];
        const int16_t *high = filter->high + i * filter->stride, *low = filter->low + i * filter->stride;
        int32_t high_sum = 0, low_sum = 0;
        size_t count = filter->count[i];
        for (size_t x = 0; x < count; x++) high_sum += (int32_t)samples[x] * high[x];
        for (size_t x = 0; x < count; x++) low_sum += (int32_t)samples[x] * low[x];
        out[i] = whole_of(high_sum, low_sum);
    }
}

/* `sums` has room for two times `width` numbers. */
static void shrink_columns(const Lanczos *filter, const uint8_t *rows, size_t width, int32_t *sums, uint8_t *out) {
    int32_t *high_sums = sums, *low_sums = sums + width;
    for (size_t i = 0; i < WAVES; i++) {
        memset(sums, 0, 2 * width * sizeof *sums);
        for (size_t y = 0; y < filter->count[i]; y++) {
            const uint8_t *row = rows + (filter->first[i] + y) * width;
            int16_t high = filter->high[i * filter->stride + y], low = filter->low[i * filter->stride + y];
            for (size_t x = 0; x < width; x++) {
                high_sums[x] += (int32_t)(int16_t)row[x] * high;
                low_sums[x] += (int32_t)(int16_t)row[x] * low;
            }
        }
        for (size_t x = 0; x < width; x++) out[i * width + x] = whole_of(high_sums[x], low_sums[x]);
    }
}

static void grey_of(const Picture *picture, uint8_t *planes, uint8_t *grey) {
    size_t width = picture->width;
    const uint8_t *red = planes, *green = planes + width, *blue = planes + 2 * width;
    for (size_t y = 0; y < picture->height; y++, grey += width) {
        seen(picture, y, planes, planes + width, planes + 2 * width);
        for (size_t x = 0; x < width; x++)
            grey[x] = (uint8_t)((red[x] * 19595u + green[x] * 38470u + blue[x] * 7471u + 0x8000u) >> 16);
    }
}

static void shrink_lines(const Lanczos *filter, const uint8_t *rows, size_t width, size_t height, int16_t *line,
                         uint8_t *out) {
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) line[x] = rows[y * width + x];
        shrink_line(filter, line, out + y * WAVES);
    }
}

/* Grey (ITU-R BT.601 in 16-bit fixed point, as Pillow has it) in 32 x 32 samples. 0 when there is no memory. */
static int small_grey(const Picture *picture, uint8_t small[WAVES * WAVES]) {
    size_t width = picture->width, height = picture->height, longer = width > height ? width : height;
    /* One pass rounds before the other sees it, so their order counts: hashing/phash.py says which it is. */
    int down_first = height > WAVES && height + WAVES > 2 * width;
    Lanczos across = {0}, down = {0};
    uint8_t *planes = malloc(3 * width), *grey = malloc(width * height), *between = malloc(WAVES * longer);
    int16_t *line = malloc(width * sizeof *line);
    int32_t *sums = malloc(2 * (width > WAVES ? width : WAVES) * sizeof *sums);
    int square = width == height; /* most icons are, and weights are half of the work */
    int done = planes && grey && between && line && sums && lanczos(&across, width) &&
               (square || lanczos(&down, height));
    if (done) {
        const Lanczos *downwards = square ? &across : &down;
        grey_of(picture, planes, grey);
        const uint8_t *from = grey;
        size_t columns = width, rows = height;
        if (down_first) {
            shrink_columns(downwards, from, columns, sums, between);
            from = between, rows = WAVES;
        }
        if (width != WAVES) {
            uint8_t *into = rows == WAVES ? small : between;
            shrink_lines(&across, from, columns, rows, line, into);
            from = into, columns = WAVES;
        }
        if (rows != WAVES)
            shrink_columns(downwards, from, columns, sums, small);
        else if (from != small)
            memcpy(small, from, WAVES * WAVES);
    }
    free(planes), free(grey), free(between), free(line), free(sums);
    free(across.high), free(across.low), free(down.high), free(down.low);
    return done;
}

static void phash_of(const uint8_t grey[WAVES * WAVES], uint8_t hash[8]) {
    double rows[8][WAVES], line[WAVES], waves[64], ordered[64];
    for (size_t x = 0; x < WAVES; x++) {
        for (size_t y = 0; y < WAVES; y++) line[y] = grey[y * WAVES + x];
        cosine_transform(line);
        for (size_t y = 0; y < 8; y++) rows[y][x] = line[y];
    }
    for (size_t y = 0; y < 8; y++) {
        cosine_transform(rows[y]);
        memcpy(waves + 8 * y, rows[y], 8 * sizeof *waves);
    }
    memcpy(ordered, waves, sizeof waves);
    qsort(ordered, 64, sizeof *ordered, by_value);
    double median = (ordered[31] + ordered[32]) / 2;
    memset(hash, 0, 8);
    for (size_t i = 0; i < 64; i++)
        if (waves[i] > median) hash[i / 8] |= (uint8_t)(128 >> i % 8);
}

static PyObject *py_phash(PyObject *Py_UNUSED(module), PyObject *args) {
    Picture picture;
    if (picture_of(args, &picture)) return NULL;
    uint8_t small[WAVES * WAVES], hash[8];
    int done;
    Py_BEGIN_ALLOW_THREADS;
    done = small_grey(&picture, small);
    if (done) phash_of(small, hash);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&picture.view);
    return done ? PyBytes_FromStringAndSize((const char *)hash, sizeof hash) : PyErr_NoMemory();
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
    {"blockhashes", py_blockhashes, METH_VARARGS,
     "blockhashes(pixels, width, height, 4): precise 16, quick 16, precise 8 and quick 8, one after the other."},
    {"png_rows", py_png_rows, METH_VARARGS,
     "png_rows(rows, width, height, colour, depth, palette): RGBA of unpacked rows, each behind its filter."},
    {"pdq", py_pdq, METH_VARARGS, "pdq(pixels, width, height, channels): hash and quality of the picture on white."},
    {"phash", py_phash, METH_VARARGS, "phash(pixels, width, height, channels): pHash of the picture on white."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "samelook.hashing._pixels", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__pixels(void) {
    prepare_cosines();
    prepare_shares();
    return PyModuleDef_Init(&module);
}
