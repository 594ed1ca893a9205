/* Exact Hamming range search: the structures that the inner loops share.
 *
 * Codes are kept in "chunk form": bit j of a code is bit j / M of chunk j % M, M = bits / 16 chunks
 * of 16 bits. Distances do not change under a permutation of bits, and structure in a picture's
 * hash (runs of equal bits) is spread over all chunks.
 *
 * Nothing here knows Python: _engine.c turns buffers into these structures and holds them alive.
 */
#ifndef SAMELOOK_ENGINE_H
#define SAMELOOK_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_SHIFT 18
#define BLOCK_ROWS (1u << BLOCK_SHIFT)
#define BLOCK_MASK (BLOCK_ROWS - 1u)
#define MAX_CHUNKS 16
#define MAX_THRESHOLD 3
#define BUCKETS 65536u
#define BALL_SIZE 697 /* 1 + 16 + 120 + 560: the 16-bit values with at most three bits set */

enum { DEAD = 0, SINGLE = 1, GROUP = 2 };

/* The unique codes, numbered 0 … count − 1, and what hangs off each: one id or a group of ids. */
typedef struct {
    uint32_t count;
    uint32_t blocks;
    const uint8_t **codes;
    const int64_t **values; /* SINGLE: the id; GROUP: the number of the group */
    const uint8_t **states;
    uint64_t groups;
    const uint64_t *group_starts; /* groups + 1 */
    uint64_t group_items;
    const int64_t *group_ids;
    const uint8_t *group_dead;
    uint32_t ordered;
    const uint32_t *order; /* unique numbers of the SINGLE ones, sorted by id */
} Base;

/* Unique numbers sorted by the value of one chunk, with the next chunk's value beside each. */
typedef struct {
    const uint32_t *offsets;   /* BUCKETS + 1 */
    const uint16_t *estimates; /* BUCKETS: two 8-bit logarithms of ball sizes, see build.c */
    const uint16_t *next;
    const uint8_t *numbers; /* `width` bytes each, little endian */
    uint32_t length;
    uint8_t width;
    uint8_t base; /* which base its numbers refer to */
} Chunk;

typedef struct {
    unsigned bits, words, chunks;
    uint32_t *scan_ps; /* what a scan costs a code, in picoseconds; a guess that scans improve */
    unsigned bases; /* 1, or 2 while a purge renumbers the codes chunk by chunk */
    Base base[2];
    Chunk chunk[MAX_CHUNKS];
} Body;

/* Codes that no chunk lists yet: scanned one after the other. */
typedef struct {
    const uint8_t *codes;
    const int64_t *ids;
    const uint8_t *dead;
    uint32_t count;
} Tail;

typedef struct {
    int64_t *ids;
    uint16_t *distances;
    size_t count, capacity;
} Hits;

/* How to search: the cheaper way, by scan, or by index as far as the radius allows. */
enum { CHEAPEST = 0, SCAN = 1, PROBE = 2 };

enum { OK = 0, NO_MEMORY = -1, BAILED = -2 };

/* The query, compiled for one set of instructions. */
typedef struct {
    const char *name;
    /* Appends what is within `radius`, sorted by distance and id. */
    int (*search)(const Body *body, const Tail *tails, unsigned tail_count, unsigned words, const uint64_t *query,
                  unsigned radius, int how, Hits *hits);
    /* The same for many; query i gets hits[places[2 i] … places[2 i + 1]], in any order of queries. */
    int (*search_many)(const Body *body, const Tail *tails, unsigned tail_count, unsigned words,
                       const uint64_t *queries, size_t count, unsigned radius, Hits *hits, int64_t *places);
    /* The number of the live unique code equal to `code`, or -1. */
    int64_t (*find_code)(const Body *body, const uint64_t *code);
} Variant;

extern const Variant portable_variant, avx2_variant, avx512_variant;
extern const Variant *variant;
extern uint16_t ball_mask[BALL_SIZE];
extern uint8_t ball_weight[BALL_SIZE];
extern const uint16_t ball_count[MAX_THRESHOLD + 1];

/* `wanted` names a variant, or is NULL for the best one; 0 when it cannot run here. */
int engine_select(const char *wanted);

static inline uint32_t number_at(const Chunk *chunk, uint32_t position) {
    const uint8_t *p = chunk->numbers + (size_t)position * chunk->width;
    uint32_t low = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return chunk->width == 3 ? low : low | (uint32_t)p[3] << 24;
}

static inline const uint8_t *code_at(const Base *base, uint32_t number, unsigned words) {
    return base->codes[number >> BLOCK_SHIFT] + (size_t)(number & BLOCK_MASK) * words * 8;
}

static inline uint8_t state_at(const Base *base, uint32_t number) {
    /* The writer clears states while readers look: a byte is old or new, never torn. */
    return __atomic_load_n(&base->states[number >> BLOCK_SHIFT][number & BLOCK_MASK], __ATOMIC_RELAXED);
}

static inline int64_t value_at(const Base *base, uint32_t number) {
    return base->values[number >> BLOCK_SHIFT][number & BLOCK_MASK];
}

/* hits.c */
int reserve_hits(Hits *hits, size_t more);
/* Sorts hits[from …] by distance, then id. */
int sort_hits(Hits *hits, size_t from);
/* How many of the ordered SINGLE codes have a smaller id. */
uint32_t order_position(const Base *base, int64_t id);

/* build.c */
void permute(const uint8_t *source, uint8_t *target, size_t count, unsigned bits);
void estimate(const uint32_t *offsets, uint16_t *estimates);
int merge_chunk(const Chunk *old, const uint8_t *codes, uint32_t added, unsigned words, unsigned chunk,
                uint32_t first, unsigned width, uint32_t *offsets, uint16_t *next, uint8_t *numbers);
int purge_chunk(const Chunk *old, const uint32_t *renumbered, uint32_t count, uint32_t kept,
                unsigned width, uint32_t *offsets, uint16_t *next, uint8_t *numbers);
int splice_items(const char *source, size_t length, size_t item, const int64_t *drops, size_t drop_count,
           const int64_t *places, const char *values, size_t place_count, char *target);

#endif
