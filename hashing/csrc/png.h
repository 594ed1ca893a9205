/* Unpacked rows of a PNG to RGBA, without Python. */
#ifndef SAMELOOK_PNG_H
#define SAMELOOK_PNG_H

#include <stddef.h>
#include <stdint.h>

enum { PNG_GREY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_GREY_ALPHA = 4, PNG_RGBA = 6 };

typedef struct {
    size_t width, height;
    unsigned colour, depth; /* as in its header */
    const uint8_t *palette; /* RGBA of each entry; of colour type 3 alone */
    size_t entries;
} Png;

enum { PNG_NO_MEMORY = -1, PNG_BAD_FILTER = -2, PNG_BAD_INDEX = -3 };

/* Bytes of a row without its filter's byte; 0 if there is no such colour type of that depth. */
size_t png_row_bytes(size_t width, unsigned colour, unsigned depth);

/* `rows` are height * (1 + png_row_bytes) bytes, `out` has room for height * width * 4. 0, or what is wrong. */
int png_rgba(const Png *png, const uint8_t *rows, uint8_t *out);

#endif
