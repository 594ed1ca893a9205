/* The loops that depend on the processor, for the one variant that is being compiled.
 *
 * query_portable.c, query_avx2.c and query_avx512.c include this file and query.h after they have told
 * the compiler which instructions it may use; engine_select() asks the processor before it hands a
 * variant out, so the binary runs everywhere.
 */
#ifndef SAMELOOK_LOOPS_H
#define SAMELOOK_LOOPS_H

#include <string.h>

#include "engine.h"

#if VARIANT > 0
#include <immintrin.h>
#endif

static inline uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

static inline unsigned distance_to(const uint8_t *code, const uint64_t *query, unsigned words) {
    if (words == 4)
        return (unsigned)(__builtin_popcountll(word_at(code) ^ query[0]) +
                          __builtin_popcountll(word_at(code + 8) ^ query[1]) +
                          __builtin_popcountll(word_at(code + 16) ^ query[2]) +
                          __builtin_popcountll(word_at(code + 24) ^ query[3]));
    return (unsigned)__builtin_popcountll(word_at(code) ^ query[0]);
}

static inline void chunk_distances(const uint8_t *code, const uint64_t *query, unsigned chunks, uint8_t *out) {
    for (unsigned w = 0; w < chunks / 4; w++) {
        /* Population counts of four 16-bit lanes at once (Hacker's Delight, 5-1). */
        uint64_t x = word_at(code + 8 * w) ^ query[w];
        x = x - ((x >> 1) & 0x5555555555555555u);
        x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
        x = (x + (x >> 8)) & 0x00ff00ff00ff00ffu;
        for (unsigned lane = 0; lane < 4; lane++) out[4 * w + lane] = (uint8_t)(x >> (16 * lane));
    }
}

static inline uint32_t scan_from(const uint8_t *codes, uint32_t rows, unsigned words, const uint64_t *query,
                                 unsigned radius, uint32_t *row, uint16_t *distance, uint32_t from, uint32_t found) {
    for (uint32_t i = from; i < rows; i++) {
        unsigned d = distance_to(codes + (size_t)i * words * 8, query, words);
        row[found] = i;
        distance[found] = (uint16_t)d;
        found += d <= radius;
    }
    return found;
}

static inline uint32_t filter_from(const uint16_t *list, uint32_t length, uint16_t value, unsigned most,
                                   uint32_t *position, uint32_t from, uint32_t found) {
    for (uint32_t i = from; i < length; i++) {
        position[found] = i;
        found += (unsigned)__builtin_popcount((unsigned)(list[i] ^ value)) <= most;
    }
    return found;
}

/* filter_list: positions i < length with popcount(list[i] ^ value) <= most.
 * scan_rows: rows of `codes` within `radius` of `query`, with their distances. Both return how many;
 * the targets have room for one more than all. */
#if VARIANT == 2

static inline uint32_t filter_list(const uint16_t *list, uint32_t length, uint16_t value, unsigned most,
                                   uint32_t *position) {
    const __m512i wanted = _mm512_set1_epi16((short)value), limit = _mm512_set1_epi16((short)most);
    uint32_t found = 0;
    /* Line by line: a load across two lines would wait for one that may hold nothing of the list. */
    uint32_t before = (uint32_t)((uintptr_t)list & 63) / 2;
    uintptr_t line = (uintptr_t)list & ~(uintptr_t)63;
    for (uint32_t from = 0; from < length; line += 64) {
        uint32_t count = 32 - before < length - from ? 32 - before : length - from;
        __mmask32 lanes = 0xffffffffu >> (32 - count) << before;
        __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi16(lanes, (const void *)line), wanted);
        uint32_t mask = _mm512_mask_cmple_epu16_mask(lanes, _mm512_popcnt_epi16(x), limit);
        for (; mask; mask &= mask - 1) position[found++] = from - before + (uint32_t)__builtin_ctz(mask);
        from += count;
        before = 0;
    }
    return found;
}

/* A list within two cache lines, without a branch: the entries from the first line's begin that pass, as
 * bits. A load never reaches into a line that holds nothing of the list: nobody has fetched it. */
#define HAS_FILTER_LINES
static inline uint64_t filter_lines(const uint16_t *list, unsigned before, uint32_t length, uint16_t value,
                                    unsigned most) {
    const __m512i wanted = _mm512_set1_epi16((short)value), limit = _mm512_set1_epi16((short)most);
    uint64_t lanes = length ? ~(uint64_t)0 >> (64 - length) << before : 0;
    uintptr_t first = (uintptr_t)list & ~(uintptr_t)63, second = first + (lanes >> 32 ? 64 : 0);
    __m512i a = _mm512_maskz_loadu_epi16((__mmask32)lanes, (const void *)first);
    __m512i b = _mm512_maskz_loadu_epi16((__mmask32)(lanes >> 32), (const void *)second);
    a = _mm512_popcnt_epi16(_mm512_xor_si512(a, wanted));
    b = _mm512_popcnt_epi16(_mm512_xor_si512(b, wanted));
    uint64_t high = _mm512_mask_cmple_epu16_mask((__mmask32)(lanes >> 32), b, limit);
    return high << 32 | _mm512_mask_cmple_epu16_mask((__mmask32)lanes, a, limit);
}

/* Which of eight codes each lane is of, once their words are brought together. */
static const uint8_t turned_place[8] = {0, 2, 1, 3, 4, 6, 5, 7};

static uint32_t scan_rows(const uint8_t *codes, uint32_t rows, unsigned words, const uint64_t *query, unsigned radius,
                          uint32_t *row, uint16_t *distance) {
    const __m512i limit = _mm512_set1_epi64((long long)radius);
    uint32_t found = 0, i = 0;
    uint64_t lane[8];
    if (words == 1) {
        const __m512i wanted = _mm512_set1_epi64((long long)query[0]);
        for (; i + 8 <= rows; i += 8) {
            __m512i d = _mm512_popcnt_epi64(
                _mm512_xor_si512(_mm512_loadu_si512(codes + (size_t)i * 8), wanted));
            unsigned mask = _mm512_cmple_epu64_mask(d, limit);
            if (!mask) continue;
            _mm512_storeu_si512(lane, d);
            for (; mask; mask &= mask - 1) {
                unsigned k = (unsigned)__builtin_ctz(mask);
                row[found] = i + k;
                distance[found++] = (uint16_t)lane[k];
            }
        }
        return scan_from(codes, rows, 1, query, radius, row, distance, i, found);
    }
    /* Eight codes, four registers: quarter counts are added pairwise, then across 128-bit lanes,
     * which leaves the codes in the order of turned_place. */
    const __m512i wanted = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)query));
    for (; i + 8 <= rows; i += 8) {
        const uint8_t *p = codes + (size_t)i * 32;
        __m512i a = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(p), wanted));
        __m512i b = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(p + 64), wanted));
        __m512i c = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(p + 128), wanted));
        __m512i d = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(p + 192), wanted));
        __m512i ab = _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        __m512i cd = _mm512_add_epi64(_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
        __m512i all = _mm512_add_epi64(_mm512_shuffle_i64x2(ab, cd, 0x88), _mm512_shuffle_i64x2(ab, cd, 0xdd));
        unsigned mask = _mm512_cmple_epu64_mask(all, limit);
        if (!mask) continue;
        _mm512_storeu_si512(lane, all);
        for (; mask; mask &= mask - 1) {
            unsigned k = (unsigned)__builtin_ctz(mask);
            row[found] = i + turned_place[k];
            distance[found++] = (uint16_t)lane[k];
        }
    }
    return scan_from(codes, rows, 4, query, radius, row, distance, i, found);
}

/* For several queries, the words of eight codes stand together, so that no query has to bring the counts of a
 * code together: turned once, each costs half of what it does above. */
#define TURNED 256 /* codes that are turned at a time: they stay in the nearest cache */

static void turn_rows(const uint8_t *codes, uint32_t rows, uint64_t *turned) {
    for (uint32_t i = 0; i + 8 <= rows; i += 8) {
        const uint8_t *p = codes + (size_t)i * 32;
        __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
        __m512i c = _mm512_loadu_si512(p + 128), d = _mm512_loadu_si512(p + 192);
        __m512i even_ab = _mm512_unpacklo_epi64(a, b), even_cd = _mm512_unpacklo_epi64(c, d);
        __m512i odd_ab = _mm512_unpackhi_epi64(a, b), odd_cd = _mm512_unpackhi_epi64(c, d);
        _mm512_store_si512(turned, _mm512_shuffle_i64x2(even_ab, even_cd, 0x88));
        _mm512_store_si512(turned + 8, _mm512_shuffle_i64x2(odd_ab, odd_cd, 0x88));
        _mm512_store_si512(turned + 16, _mm512_shuffle_i64x2(even_ab, even_cd, 0xdd));
        _mm512_store_si512(turned + 24, _mm512_shuffle_i64x2(odd_ab, odd_cd, 0xdd));
        turned += 32;
    }
}

static uint32_t scan_turned(const uint64_t *turned, uint32_t rows, const uint64_t *query, unsigned radius,
                            uint32_t *row, uint16_t *distance) {
    const __m512i limit = _mm512_set1_epi64((long long)radius);
    __m512i wanted[4];
    uint64_t lane[8];
    uint32_t found = 0;
    for (unsigned w = 0; w < 4; w++) wanted[w] = _mm512_set1_epi64((long long)query[w]);
    for (uint32_t i = 0; i + 8 <= rows; i += 8, turned += 32) {
        __m512i sum = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_load_si512(turned), wanted[0]));
        sum = _mm512_add_epi64(
            sum, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_load_si512(turned + 8), wanted[1])));
        sum = _mm512_add_epi64(
            sum, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_load_si512(turned + 16), wanted[2])));
        /* Three words are nearly always too many bits already. */
        if (!_mm512_cmple_epu64_mask(sum, limit)) continue;
        sum = _mm512_add_epi64(
            sum, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_load_si512(turned + 24), wanted[3])));
        unsigned mask = _mm512_cmple_epu64_mask(sum, limit);
        if (!mask) continue;
        _mm512_storeu_si512(lane, sum);
        for (; mask; mask &= mask - 1) {
            unsigned k = (unsigned)__builtin_ctz(mask);
            row[found] = i + turned_place[k];
            distance[found++] = (uint16_t)lane[k];
        }
    }
    return found;
}

#else

#if VARIANT == 1

static inline uint32_t filter_list(const uint16_t *list, uint32_t length, uint16_t value, unsigned most,
                                 uint32_t *position) {
    const __m256i wanted = _mm256_set1_epi16((short)value), nibble = _mm256_set1_epi8(15);
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2,
                                            3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i ones = _mm256_set1_epi8(1), limit = _mm256_set1_epi16((short)most);
    uint32_t found = 0, i = 0;
    for (; i + 16 <= length; i += 16) {
        __m256i x = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(list + i)), wanted);
        __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, nibble));
        __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
        __m256i sum = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), ones);
        uint32_t mask = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi16(sum, limit)) & 0x55555555u;
        for (; mask; mask &= mask - 1) position[found++] = i + (uint32_t)__builtin_ctz(mask) / 2;
    }
    return filter_from(list, length, value, most, position, i, found);
}

#else

static inline uint32_t filter_list(const uint16_t *list, uint32_t length, uint16_t value, unsigned most,
                                   uint32_t *position) {
    return filter_from(list, length, value, most, position, 0, 0);
}

#endif

static uint32_t scan_rows(const uint8_t *codes, uint32_t rows, unsigned words, const uint64_t *query, unsigned radius,
                          uint32_t *row, uint16_t *distance) {
    if (words == 4) return scan_from(codes, rows, 4, query, radius, row, distance, 0, 0);
    return scan_from(codes, rows, 1, query, radius, row, distance, 0, 0);
}

#endif

#endif
