/* The growing list of results, and which variant of the query this processor gets. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

uint16_t ball_mask[BALL_SIZE];
uint8_t ball_weight[BALL_SIZE];
const uint16_t ball_count[MAX_THRESHOLD + 1] = {1, 17, 137, 697};

static void fill_ball(void) {
    unsigned n = 0;
    for (unsigned weight = 0; weight <= MAX_THRESHOLD; weight++)
        for (uint32_t value = 0; value < BUCKETS; value++)
            if ((unsigned)__builtin_popcount(value) == weight) {
                ball_mask[n] = (uint16_t)value;
                ball_weight[n++] = (uint8_t)weight;
            }
}

const Variant *variant = &portable_variant;

int engine_select(const char *wanted) {
    if (!ball_mask[1]) fill_ball();
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if ((!wanted || !strcmp(wanted, "avx512")) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vpopcntdq") &&
        __builtin_cpu_supports("avx512bitalg")) {
        variant = &avx512_variant;
        return 1;
    }
    if ((!wanted || !strcmp(wanted, "avx2")) && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("popcnt")) {
        variant = &avx2_variant;
        return 1;
    }
#endif
    if (!wanted || !strcmp(wanted, "portable")) {
        variant = &portable_variant;
        return 1;
    }
    return 0;
}

int reserve_hits(Hits *hits, size_t more) {
    if (hits->capacity - hits->count >= more) return OK;
    size_t capacity = hits->capacity ? hits->capacity : 64;
    while (capacity - hits->count < more) {
        if (capacity > SIZE_MAX / 32) return NO_MEMORY;
        capacity *= 2;
    }
    int64_t *ids = realloc(hits->ids, capacity * sizeof *ids);
    if (!ids) return NO_MEMORY;
    hits->ids = ids;
    uint16_t *distances = realloc(hits->distances, capacity * sizeof *distances);
    if (!distances) return NO_MEMORY;
    hits->distances = distances;
    hits->capacity = capacity;
    return OK;
}

static inline int comes_before(const Hits *hits, size_t a, size_t b) {
    if (hits->distances[a] != hits->distances[b]) return hits->distances[a] < hits->distances[b];
    return hits->ids[a] < hits->ids[b];
}

/* One stable counting pass over 8 bits of the key; returns without moving anything when all agree. */
static void counting_pass(int64_t *ids, uint16_t *distances, int64_t *ids_to, uint16_t *distances_to,
                          size_t count, unsigned shift, int by_distance, int *moved) {
    size_t bucket[256] = {0};
#define KEY(i)                                                                                             \
    ((by_distance ? (unsigned)(distances[i] >> shift) : (unsigned)(((uint64_t)ids[i] ^ 1ull << 63) >> shift)) & 255u)
    for (size_t i = 0; i < count; i++) bucket[KEY(i)]++;
    *moved = bucket[KEY(0)] != count;
    if (!*moved) return;
    for (size_t k = 0, sum = 0; k < 256; k++) {
        size_t here = bucket[k];
        bucket[k] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) {
        size_t to = bucket[KEY(i)]++;
        ids_to[to] = ids[i];
        distances_to[to] = distances[i];
    }
#undef KEY
}

int sort_hits(Hits *hits, size_t from) {
    size_t count = hits->count - from, sorted = 1;
    if (count < 2) return OK;
    while (sorted < count && !comes_before(hits, from + sorted, from + sorted - 1)) sorted++;
    if (sorted == count) return OK;
    int64_t *ids = hits->ids + from;
    uint16_t *distances = hits->distances + from;
    if (count <= 64) {
        for (size_t i = sorted; i < count; i++) {
            int64_t id = ids[i];
            uint16_t distance = distances[i];
            size_t k = i;
            for (; k && (distances[k - 1] > distance || (distances[k - 1] == distance && ids[k - 1] > id)); k--) {
                ids[k] = ids[k - 1];
                distances[k] = distances[k - 1];
            }
            ids[k] = id;
            distances[k] = distance;
        }
        return OK;
    }
    /* Least significant byte first; bytes in which all ids agree cost one reading pass. */
    int64_t *other_ids = malloc(count * sizeof *other_ids);
    uint16_t *other_distances = malloc(count * sizeof *other_distances);
    if (!other_ids || !other_distances) {
        free(other_ids);
        free(other_distances);
        return NO_MEMORY;
    }
    int64_t *a = ids, *b = other_ids;
    uint16_t *da = distances, *db = other_distances;
    for (unsigned pass = 0; pass < 10; pass++) {
        int moved;
        counting_pass(a, da, b, db, count, 8 * (pass < 8 ? pass : pass - 8), pass >= 8, &moved);
        if (moved) {
            int64_t *swap = a;
            uint16_t *swap_d = da;
            a = b, b = swap;
            da = db, db = swap_d;
        }
    }
    if (a != ids) {
        memcpy(ids, a, count * sizeof *ids);
        memcpy(distances, da, count * sizeof *distances);
    }
    free(other_ids);
    free(other_distances);
    return OK;
}

/* How many of the ordered SINGLE codes have a smaller id. */
uint32_t order_position(const Base *base, int64_t id) {
    uint32_t low = 0, high = base->ordered;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, number = base->order[middle];
        if (number < base->count && value_at(base, number) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
