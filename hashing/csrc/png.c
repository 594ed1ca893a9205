/* Filters of a PNG's rows taken back, and its samples made RGBA of 8 bits (PNG 3rd edition, 9 and 11.2).
 *
 * What comes in is hostile: the caller checks lengths, and this reads and writes no byte beyond them.
 */
#include "png.h"

#include <stdlib.h>
#include <string.h>

static unsigned samples_of(unsigned colour) {
    switch (colour) {
    case PNG_GREY:
    case PNG_PALETTE: return 1;
    case PNG_GREY_ALPHA: return 2;
    case PNG_RGB: return 3;
    case PNG_RGBA: return 4;
    default: return 0;
    }
}

static int is_allowed(unsigned colour, unsigned depth) {
    if (depth == 8) return samples_of(colour) != 0;
    if (depth == 16) return samples_of(colour) != 0 && colour != PNG_PALETTE;
    return (depth == 1 || depth == 2 || depth == 4) && samples_of(colour) == 1;
}

size_t png_row_bytes(size_t width, unsigned colour, unsigned depth) {
    return is_allowed(colour, depth) ? (width * samples_of(colour) * depth + 7) / 8 : 0;
}

/* ---- filters ---- */

/* What is nearest to left + above - corner, in this order where they are equally near. */
static inline uint8_t paeth(int left, int above, int corner) {
    int to_left = abs(above - corner), to_above = abs(left - corner), to_corner = abs(left + above - 2 * corner);
    int nearest = to_above < to_left ? above : left, least = to_above < to_left ? to_above : to_left;
    return (uint8_t)(to_corner < least ? corner : nearest);
}

#if defined(__GNUC__)
/* The bytes of a pixel at once, as each waits for the pixel to its left: a third of the time. So many bytes are read
 * and written of pixels that have fewer: the last pixel, and with it what it would overrun, is left to the caller. */
#define PAETH_ROW(count)                                                                                              \
    typedef uint8_t Bytes##count __attribute__((vector_size(count)));                                                 \
    typedef int16_t Lanes##count __attribute__((vector_size(2 * count)));                                             \
    static inline Lanes##count lanes##count(const uint8_t *pixel) {                                                   \
        Bytes##count bytes;                                                                                           \
        memcpy(&bytes, pixel, sizeof bytes);                                                                          \
        return __builtin_convertvector(bytes, Lanes##count);                                                          \
    }                                                                                                                 \
    static inline Lanes##count size##count(Lanes##count value) {                                                      \
        Lanes##count sign = value >> 15;                                                                              \
        return (value ^ sign) - sign;                                                                                 \
    }                                                                                                                 \
    static inline size_t paeth_row##count(const uint8_t *in, const uint8_t *above, uint8_t *row, size_t length,       \
                                          size_t step) {                                                              \
        Lanes##count left = {0}, corner = {0};                                                                        \
        size_t i = 0;                                                                                                 \
        for (; i + count < length; i += step) {                                                                       \
            Lanes##count over = lanes##count(above + i), to_left = over - corner, to_above = left - corner;           \
            Lanes##count to_corner = to_left + to_above;                                                              \
            to_left = size##count(to_left), to_above = size##count(to_above), to_corner = size##count(to_corner);     \
            Lanes##count closer = (Lanes##count)(to_above < to_left);                                                 \
            Lanes##count nearest = (closer & over) | (~closer & left);                                                \
            Lanes##count least = (closer & to_above) | (~closer & to_left);                                           \
            closer = (Lanes##count)(to_corner < least);                                                               \
            left = (lanes##count(in + i) + ((closer & corner) | (~closer & nearest))) & 255;                          \
            corner = over;                                                                                            \
            Bytes##count bytes = __builtin_convertvector(left, Bytes##count);                                         \
            memcpy(row + i, &bytes, sizeof bytes);                                                                    \
        }                                                                                                             \
        return i;                                                                                                     \
    }
PAETH_ROW(4)
PAETH_ROW(8)

static inline size_t paeth_row(const uint8_t *in, const uint8_t *above, uint8_t *row, size_t length, size_t step) {
    if (step > 4) return paeth_row8(in, above, row, length, step);
    return step > 2 ? paeth_row4(in, above, row, length, step) : 0;
}
#else
static inline size_t paeth_row(const uint8_t *in, const uint8_t *above, uint8_t *row, size_t length, size_t step) {
    (void)in, (void)above, (void)row, (void)length, (void)step;
    return 0;
}
#endif

/* Takes a row's filter back. With `step`, the bytes of a pixel, known the compiler keeps them in registers. */
static inline int unfilter(unsigned filter, const uint8_t *in, const uint8_t *above, uint8_t *row, size_t length,
                           size_t step) {
    uint8_t left[8] = {0};
    switch (filter) {
    case 0:
        memcpy(row, in, length);
        return 0;
    case 1:
        for (size_t i = 0; i < length; i += step)
            for (size_t c = 0; c < step; c++) row[i + c] = left[c] = (uint8_t)(in[i + c] + left[c]);
        return 0;
    case 2:
        for (size_t i = 0; i < length; i++) row[i] = (uint8_t)(in[i] + above[i]);
        return 0;
    case 3:
        for (size_t i = 0; i < length; i += step)
            for (size_t c = 0; c < step; c++)
                row[i + c] = left[c] = (uint8_t)(in[i + c] + (left[c] + above[i + c]) / 2);
        return 0;
    case 4:
        for (size_t i = paeth_row(in, above, row, length, step); i < length; i++) {
            int before = i < step ? 0 : row[i - step], corner = i < step ? 0 : above[i - step];
            row[i] = (uint8_t)(in[i] + paeth(before, above[i], corner));
        }
        return 0;
    default:
        return PNG_BAD_FILTER;
    }
}

static int unfiltered(const uint8_t *in, const uint8_t *above, uint8_t *row, size_t length, size_t step) {
    switch (step) {
    case 1: return unfilter(in[0], in + 1, above, row, length, 1);
    case 2: return unfilter(in[0], in + 1, above, row, length, 2);
    case 3: return unfilter(in[0], in + 1, above, row, length, 3);
    case 4: return unfilter(in[0], in + 1, above, row, length, 4);
    case 6: return unfilter(in[0], in + 1, above, row, length, 6);
    default: return unfilter(in[0], in + 1, above, row, length, 8);
    }
}

/* ---- samples ---- */

static inline void put(uint8_t *out, uint8_t red, uint8_t green, uint8_t blue, uint8_t alpha) {
    out[0] = red, out[1] = green, out[2] = blue, out[3] = alpha;
}

/* Of 16 bits the upper eight are kept: `size` is the bytes of a sample. */
static inline void coloured(unsigned colour, const uint8_t *row, uint8_t *out, size_t width, size_t size) {
    switch (colour) {
    case PNG_GREY:
        for (size_t x = 0; x < width; x++, row += size, out += 4) put(out, row[0], row[0], row[0], 255);
        return;
    case PNG_GREY_ALPHA:
        for (size_t x = 0; x < width; x++, row += 2 * size, out += 4) put(out, row[0], row[0], row[0], row[size]);
        return;
    case PNG_RGB:
        for (size_t x = 0; x < width; x++, row += 3 * size, out += 4)
            put(out, row[0], row[size], row[2 * size], 255);
        return;
    default:
        for (size_t x = 0; x < width; x++, row += 4 * size, out += 4)
            put(out, row[0], row[size], row[2 * size], row[3 * size]);
    }
}

static inline unsigned packed_sample(const uint8_t *row, size_t x, unsigned depth) {
    size_t bit = x * depth;
    return row[bit / 8] >> (8 - depth - bit % 8) & ((1u << depth) - 1);
}

static int looked_up(const Png *png, const uint8_t *row, uint8_t *out) {
    unsigned depth = png->depth, most = 0;
    for (size_t x = 0; x < png->width; x++, out += 4) {
        unsigned index = depth == 8 ? row[x] : packed_sample(row, x, depth);
        if (index > most) most = index;
        memcpy(out, png->palette + 4 * (index < png->entries ? index : 0), 4);
    }
    return most < png->entries ? 0 : PNG_BAD_INDEX;
}

static int rgba_row(const Png *png, const uint8_t *row, uint8_t *out) {
    if (png->colour == PNG_PALETTE) return looked_up(png, row, out);
    if (png->depth == 16) {
        coloured(png->colour, row, out, png->width, 2);
    } else if (png->depth == 8) {
        coloured(png->colour, row, out, png->width, 1);
    } else {
        unsigned scale = 255 / ((1u << png->depth) - 1);
        for (size_t x = 0; x < png->width; x++, out += 4) {
            uint8_t grey = (uint8_t)(packed_sample(row, x, png->depth) * scale);
            put(out, grey, grey, grey, 255);
        }
    }
    return 0;
}

int png_rgba(const Png *png, const uint8_t *rows, uint8_t *out) {
    size_t length = png_row_bytes(png->width, png->colour, png->depth);
    size_t bits = samples_of(png->colour) * png->depth, step = bits < 8 ? 1 : bits / 8;
    uint8_t *held = calloc(2, length), *above = held, *row = held + length;
    if (!held) return PNG_NO_MEMORY;
    int failed = 0;
    for (size_t y = 0; y < png->height && !failed; y++) {
        uint8_t *last = above;
        failed = unfiltered(rows, above, row, length, step);
        if (!failed) failed = rgba_row(png, row, out);
        rows += 1 + length, out += 4 * png->width;
        above = row, row = last;
    }
    free(held);
    return failed;
}
