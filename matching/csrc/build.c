/* Building and merging the chunk lists: everything a background merge does outside the lock. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* The 8 × 8 bit transpose of Hacker's Delight, 7-3: bit 8 i + j goes to bit 8 j + i. */
static inline uint64_t transpose8(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aau;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000ccccu;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0u;
    return x ^ t ^ (t << 28);
}

static void permute256(const uint8_t *source, uint8_t *target) {
    uint8_t out[32];
    /* A code is 16 rows of 16 bits; each quarter of the square is transposed and changes sides. */
    for (unsigned top = 0; top < 2; top++)
        for (unsigned side = 0; side < 2; side++) {
            uint64_t x = 0;
            for (unsigned i = 0; i < 8; i++) x |= (uint64_t)source[2 * (8 * top + i) + side] << (8 * i);
            x = transpose8(x);
            for (unsigned i = 0; i < 8; i++) out[2 * (8 * side + i) + top] = (uint8_t)(x >> (8 * i));
        }
    memcpy(target, out, 32);
}

static void permute64(const uint8_t *source, uint8_t *target) {
    uint64_t code = 0, out = 0;
    for (unsigned i = 0; i < 8; i++) code |= (uint64_t)source[i] << (8 * i);
    for (unsigned chunk = 0; chunk < 4; chunk++) {
        /* Every fourth bit, squeezed together in four halvings. */
        uint64_t x = (code >> chunk) & 0x1111111111111111u;
        x = (x | (x >> 3)) & 0x0303030303030303u;
        x = (x | (x >> 6)) & 0x000f000f000f000fu;
        x = (x | (x >> 12)) & 0x000000ff000000ffu;
        x = (x | (x >> 24)) & 0xffffu;
        out |= x << (16 * chunk);
    }
    for (unsigned i = 0; i < 8; i++) target[i] = (uint8_t)(out >> (8 * i));
}

void permute(const uint8_t *source, uint8_t *target, size_t count, unsigned bits) {
    for (size_t i = 0; i < count; i++) {
        if (bits == 256)
            permute256(source + 32 * i, target + 32 * i);
        else
            permute64(source + 8 * i, target + 8 * i);
    }
}

/* An 8-bit logarithm, eight steps to the octave: 0 for 0, else 1 + 8 · floor(log2 x) + fraction. */
static inline uint32_t logarithm(uint32_t x) {
    float value = (float)x;
    uint32_t bits;
    if (!x) return 0;
    memcpy(&bits, &value, 4);
    bits = (bits >> 20) - (127u << 3) + 1;
    return bits < 255 ? bits : 255;
}

/* How many codes lie in the balls of radius 1 and 2 around each bucket, as logarithms.
 * S(k) counts the codes at distance exactly k; every value has 16 neighbours, and one step from there
 * leads back to it in 16 ways and to each value at distance 2 in two:
 * sum of S(1) over the neighbours = 16 S(0) + 2 S(2). */
void estimate(const uint32_t *offsets, uint16_t *estimates) {
    uint32_t *sphere[3];
    uint32_t *space = malloc(3 * (size_t)BUCKETS * sizeof *space);
    if (!space) { /* Estimates only steer the choice of buckets: all equal is slower, not wrong. */
        memset(estimates, 0, BUCKETS * sizeof *estimates);
        return;
    }
    for (unsigned k = 0; k < 3; k++) sphere[k] = space + (size_t)k * BUCKETS;
    for (uint32_t v = 0; v < BUCKETS; v++) sphere[0][v] = offsets[v + 1] - offsets[v];
    for (unsigned k = 1; k < 3; k++) {
        const uint32_t *inner = sphere[k - 1];
        uint32_t *outer = sphere[k];
        memset(outer, 0, BUCKETS * sizeof *outer);
        for (unsigned bit = 0; bit < 16; bit++) {
            uint32_t step = 1u << bit;
            for (uint32_t v = 0; v < BUCKETS; v += 2 * step)
                for (uint32_t i = 0; i < step; i++) {
                    outer[v + i] += inner[v + step + i];
                    outer[v + step + i] += inner[v + i];
                }
        }
    }
    for (uint32_t v = 0; v < BUCKETS; v++) {
        uint32_t one = sphere[0][v] + sphere[1][v];
        uint32_t two = one + (sphere[2][v] - 16 * sphere[0][v]) / 2;
        estimates[v] = (uint16_t)(logarithm(one) | logarithm(two) << 8);
    }
    free(space);
}

static inline void put_number(uint8_t *numbers, size_t position, unsigned width, uint32_t number) {
    uint8_t *p = numbers + position * width;
    p[0] = (uint8_t)number;
    p[1] = (uint8_t)(number >> 8);
    p[2] = (uint8_t)(number >> 16);
    if (width == 4) p[3] = (uint8_t)(number >> 24);
}

static void copy_run(const Chunk *old, uint32_t from, uint32_t length, unsigned width, size_t to,
                     uint16_t *next, uint8_t *numbers) {
    if (!length) return;
    memcpy(next + to, old->next + from, (size_t)length * 2);
    if (old->width == width)
        memcpy(numbers + to * width, old->numbers + (size_t)from * width, (size_t)length * width);
    else
        for (uint32_t i = 0; i < length; i++) put_number(numbers, to + i, width, number_at(old, from + i));
}

static inline uint16_t chunk_value(const uint8_t *codes, size_t row, unsigned words, unsigned chunk) {
    const uint8_t *p = codes + row * words * 8 + 2 * (size_t)chunk;
    return (uint16_t)(p[0] | p[1] << 8);
}

/* The lists of `old` with `added` new codes, numbered from `first`, behind the old ones of each
 * bucket. `old->length` entries and `added` more must fit in the targets. */
int merge_chunk(const Chunk *old, const uint8_t *codes, uint32_t added, unsigned words, unsigned chunk,
                uint32_t first, unsigned width, uint32_t *offsets, uint16_t *next, uint8_t *numbers) {
    unsigned following = (chunk + 1) % (words * 4);
    uint32_t *cursor = calloc(BUCKETS, sizeof *cursor);
    if (!cursor) return -1;
    for (uint32_t i = 0; i < added; i++) cursor[chunk_value(codes, i, words, chunk)]++;
    uint32_t total = 0, run = 0; /* run: where the old entries not copied yet begin */
    size_t target = 0;
    for (uint32_t v = 0; v < BUCKETS; v++) {
        uint32_t fresh = cursor[v], end = old->offsets[v + 1];
        offsets[v] = total;
        total += end - old->offsets[v];
        cursor[v] = total;
        if (fresh) { /* Buckets without new codes are copied together, in one run. */
            copy_run(old, run, end - run, width, target, next, numbers);
            target += end - run + fresh;
            run = end;
            total += fresh;
        }
    }
    copy_run(old, run, old->length - run, width, target, next, numbers);
    offsets[BUCKETS] = total;
    for (uint32_t i = 0; i < added; i++) {
        uint32_t position = cursor[chunk_value(codes, i, words, chunk)]++;
        next[position] = chunk_value(codes, i, words, following);
        put_number(numbers, position, width, first + i);
    }
    free(cursor);
    return 0;
}

/* The lists of `old` without the codes whose new number is UINT32_MAX, the others renumbered.
 * Returns −2 when the lists name another number of codes than `kept`. */
int purge_chunk(const Chunk *old, const uint32_t *renumbered, uint32_t count, uint32_t kept,
                unsigned width, uint32_t *offsets, uint16_t *next, uint8_t *numbers) {
    uint32_t total = 0;
    for (uint32_t v = 0; v < BUCKETS; v++) {
        offsets[v] = total;
        for (uint32_t i = old->offsets[v]; i < old->offsets[v + 1]; i++) {
            uint32_t number = number_at(old, i);
            if (number >= count || renumbered[number] == UINT32_MAX) continue;
            if (total >= kept) return -2;
            next[total] = old->next[i];
            put_number(numbers, total++, width, renumbered[number]);
        }
    }
    offsets[BUCKETS] = total;
    return total == kept ? 0 : -2;
}

/* `source` without the positions `drops` and with values[i] put before position places[i]; both
 * lists ascend and count in positions of the source. The target holds exactly the result. */
int splice_items(const char *source, size_t length, size_t item, const int64_t *drops, size_t drop_count,
           const int64_t *places, const char *values, size_t place_count, char *target) {
    size_t from = 0, drop = 0, place = 0;
    while (drop < drop_count || place < place_count) {
        int dropping = place >= place_count || (drop < drop_count && drops[drop] < places[place]);
        int64_t signed_at = dropping ? drops[drop] : places[place];
        if (signed_at < 0) return -2;
        size_t at = (size_t)signed_at;
        if (at < from || at > length || (dropping && at >= length)) return -2;
        memcpy(target, source + from * item, (at - from) * item);
        target += (at - from) * item;
        from = at;
        if (dropping) {
            from++;
            drop++;
        } else {
            memcpy(target, values + place * item, item);
            target += item;
            place++;
        }
    }
    memcpy(target, source + from * item, (length - from) * item);
    return 0;
}
