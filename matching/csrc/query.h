/* One query: choose thresholds, probe the buckets, verify; or scan when that is cheaper.
 *
 * Multi-index hashing (Norouzi, Punjani, Fleet 2012) with one threshold a chunk, chosen per query:
 * if the thresholds t of M chunks satisfy sum(t + 1) = r + 1, a code within r bits is within t of
 * the query in some chunk. By the cycle lemma there is even a chunk c from which every partial sum
 * around the circle stays within the thresholds, hence d(c) <= t(c) and
 * d(c) + d(c + 1) <= t(c) + t(c + 1) + 1 ("pigeonring", Qin and Xiao 2018): each list keeps the next
 * chunk's value beside the number, and nearly all candidates end there, in sequential memory.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loops.h"

#define PROBE_BATCH 512
#define STEP 256
#define CANDIDATE_BATCH 512
#define SLICE 1024
#define TOGETHER 32 /* queries that one pass over the codes serves */

/* Costs in nanoseconds, measured. They choose the thresholds and say when it is time to look at the
 * clock; the clock says when to give up. A probe is two cache misses that overlap with others, a
 * survivor of the filter two that overlap less. What a scan costs is measured with every scan. */
#define PROBE_NS 6.0f
#define LISTED_NS 0.1f
#define SURVIVOR_NS 8.0f
#define EXPECTED_LISTED_NS 0.25f /* with the share of survivors to be expected */
/* The probing may spend this share of a scan before it gives up and scans. */
#define PATIENCE 0.12f

typedef struct {
    uint32_t from, to;
    uint16_t next;
    uint8_t most, chunk;
} Probe;

typedef struct {
    uint32_t position;
    uint8_t chunk;
} Candidate;

typedef struct {
    const Body *body;
    const uint64_t *query;
    uint16_t value[MAX_CHUNKS];
    int8_t threshold[MAX_CHUNKS];
    unsigned radius;
    Hits *hits;
    float spent, worry, budget;
    int64_t started;
    unsigned probe_count, candidate_count, resolved_count;
    Probe probe[PROBE_BATCH];
    Candidate candidate[CANDIDATE_BATCH];
    uint32_t number[CANDIDATE_BATCH];
    uint8_t number_chunk[CANDIDATE_BATCH];
} Run;

static inline int emit(Hits *hits, int64_t id, unsigned distance) {
    if (hits->count == hits->capacity && reserve_hits(hits, 1)) return NO_MEMORY;
    hits->ids[hits->count] = id;
    hits->distances[hits->count++] = (uint16_t)distance;
    return OK;
}

/* All live items of a unique code. Numbers and bounds are checked, as they may come from a file. */
static int emit_items(const Base *base, uint32_t number, unsigned distance, Hits *hits) {
    uint8_t state = state_at(base, number);
    int64_t value = value_at(base, number);
    if (state == SINGLE) return emit(hits, value, distance);
    if (state != GROUP || value < 0 || (uint64_t)value >= base->groups) return OK;
    uint64_t from = base->group_starts[value], to = base->group_starts[value + 1];
    if (from > to || to > base->group_items) return OK;
    if (reserve_hits(hits, (size_t)(to - from))) return NO_MEMORY;
    for (uint64_t i = from; i < to; i++) {
        if (__atomic_load_n(&base->group_dead[i], __ATOMIC_RELAXED)) continue;
        hits->ids[hits->count] = base->group_ids[i];
        hits->distances[hits->count++] = (uint16_t)distance;
    }
    return OK;
}

static int64_t clock_ns(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Whether the probing has had its share of time. */
static int late(Run *run) {
    return run->spent >= run->worry && (float)(clock_ns() - run->started) > run->budget;
}

static int scan_base(const Base *base, unsigned words, const uint64_t *query, unsigned radius, Hits *hits) {
    uint32_t row[SLICE];
    uint16_t distance[SLICE];
    for (uint32_t first = 0; first < base->count;) {
        uint32_t rows = base->count - first < SLICE ? base->count - first : SLICE;
        uint32_t found = scan_rows(code_at(base, first, words), rows, words, query, radius, row, distance);
        for (uint32_t i = 0; i < found; i++)
            if (emit_items(base, first + row[i], distance[i], hits)) return NO_MEMORY;
        first += rows;
    }
    return OK;
}

static int scan_tail(const Tail *tail, unsigned words, const uint64_t *query, unsigned radius, Hits *hits) {
    uint32_t row[SLICE];
    uint16_t distance[SLICE];
    for (uint32_t first = 0; first < tail->count;) {
        uint32_t rows = tail->count - first < SLICE ? tail->count - first : SLICE;
        uint32_t found = scan_rows(tail->codes + (size_t)first * words * 8, rows, words, query, radius, row,
                                     distance);
        for (uint32_t i = 0; i < found; i++) {
            uint32_t at = first + row[i];
            if (__atomic_load_n(&tail->dead[at], __ATOMIC_RELAXED)) continue;
            if (emit(hits, tail->ids[at], distance[i])) return NO_MEMORY;
        }
        first += rows;
    }
    return OK;
}

static inline float expected(uint32_t logarithm) {
    return logarithm ? (float)((uint64_t)(8 + ((logarithm - 1) & 7)) << ((logarithm - 1) >> 3)) * 0.125f : 0.0f;
}

/* Sets the thresholds with the least expected cost and returns that cost. */
static float plan(Run *run) {
    enum { MOST = MAX_THRESHOLD + 1, WIDTH = MOST + MAX_CHUNKS * MOST + 1 };
    const Body *body = run->body;
    unsigned goal = run->radius + 1;
    float cost[MAX_CHUNKS][MOST], best[MAX_CHUNKS + 1][WIDTH]; /* best[c][MOST + s]: chunks < c, sum(t + 1) = s */
    const float never = 1e30f;
    for (unsigned c = 0; c < body->chunks; c++) {
        __builtin_prefetch(&body->chunk[c].estimates[run->value[c]]);
        __builtin_prefetch(&body->chunk[c].offsets[run->value[c]]);
        /* Where every chunk will have a threshold of one or more, the offsets of its neighbours can be
         * fetched while the thresholds are computed; sixteen share a cache line. */
        if (goal > body->chunks)
            for (unsigned bit = 4; bit < 16; bit++)
                __builtin_prefetch(&body->chunk[c].offsets[run->value[c] ^ (1u << bit)]);
    }
    for (unsigned c = 0; c <= body->chunks; c++)
        for (unsigned i = 0; i < MOST; i++) best[c][i] = never;
    best[0][MOST] = 0;
    for (unsigned s = 1; s <= goal; s++) best[0][MOST + s] = never;
    for (unsigned c = 0; c < body->chunks; c++) {
        uint32_t value = run->value[c], packed = body->chunk[c].estimates[value];
        float listed[MOST];
        listed[0] = (float)(body->chunk[c].offsets[value + 1] - body->chunk[c].offsets[value]);
        listed[1] = expected(packed & 255);
        listed[2] = expected(packed >> 8);
        listed[3] = listed[2] * (697.0f / 137.0f);
        for (unsigned t = 0; t < MOST; t++)
            cost[c][t] = (float)ball_count[t] * PROBE_NS + listed[t] * EXPECTED_LISTED_NS;
        const float *before = best[c] + MOST;
        float *after = best[c + 1] + MOST;
        for (int s = 0; s <= (int)goal; s++) {
            float least = before[s];
            for (int k = 1; k <= MOST; k++) {
                float sum = before[s - k] + cost[c][k - 1];
                least = sum < least ? sum : least;
            }
            after[s] = least;
        }
    }
    for (unsigned c = body->chunks, s = goal; c-- > 0;) {
        const float *before = best[c] + MOST;
        float least = before[s];
        unsigned chosen = 0;
        for (unsigned k = 1; k <= MOST && k <= s; k++)
            if (before[s - k] + cost[c][k - 1] < least) {
                least = before[s - k] + cost[c][k - 1];
                chosen = k;
            }
        run->threshold[c] = (int8_t)((int)chosen - 1);
        s -= chosen;
    }
    return best[body->chunks][MOST + goal];
}

static inline int admits(const Run *run, unsigned chunk, unsigned d, unsigned d_next) {
    int t = run->threshold[chunk];
    unsigned following = chunk + 1 == run->body->chunks ? 0 : chunk + 1;
    return (int)d <= t && (int)(d + d_next) <= t + run->threshold[following] + 1;
}

/* Reads the numbers of the candidates found so far and asks for their codes. */
static void resolve(Run *run) {
    const Body *body = run->body;
    unsigned kept = run->resolved_count;
    for (unsigned found = 0; found < run->candidate_count; found++) {
        const Candidate candidate = run->candidate[found];
        const Chunk *chunk = &body->chunk[candidate.chunk];
        uint32_t number = number_at(chunk, candidate.position);
        /* Codes beyond the count belong to a merge that has not finished (or to a broken file). */
        if (number >= body->base[chunk->base].count) continue;
        __builtin_prefetch(code_at(&body->base[chunk->base], number, body->words));
        run->number[kept] = number;
        run->number_chunk[kept++] = candidate.chunk;
    }
    run->resolved_count = kept;
    run->candidate_count = 0;
}

static int verify(Run *run) {
    const Body *body = run->body;
    unsigned count = run->resolved_count;
    run->resolved_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i % 64 == 63 && late(run)) return BAILED;
        unsigned c = run->number_chunk[i];
        const Base *base = &body->base[body->chunk[c].base];
        const uint8_t *code = code_at(base, run->number[i], body->words);
        unsigned distance = distance_to(code, run->query, body->words);
        if (distance > run->radius) continue;
        /* A code may be found in several chunks: only the first of them reports it. */
        uint8_t d[MAX_CHUNKS];
        unsigned earlier = 0;
        chunk_distances(code, run->query, body->chunks, d);
        while (earlier < c && !admits(run, earlier, d[earlier], d[earlier + 1])) earlier++;
        if (earlier < c) continue;
        if (emit_items(base, run->number[i], distance, run->hits)) return NO_MEMORY;
    }
    return OK;
}

static void find_lists(Run *run, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        Probe *probe = &run->probe[i];
        const Chunk *chunk = &run->body->chunk[probe->chunk];
        uint32_t value = probe->from;
        probe->from = chunk->offsets[value];
        probe->to = chunk->offsets[value + 1];
        /* The first two cache lines; the processor sees the rest of a long list coming. */
        uintptr_t list = (uintptr_t)(chunk->next + probe->from), last = (uintptr_t)(chunk->next + probe->to) - 1;
        __builtin_prefetch((const void *)list);
        __builtin_prefetch((const void *)(list + 64 < last ? list + 64 : last));
    }
}

static int scan_lists(Run *run, unsigned from, unsigned to) {
    uint32_t position[CANDIDATE_BATCH];
    for (unsigned i = from; i < to; i++) {
        const Probe *probe = &run->probe[i];
        const Chunk *chunk = &run->body->chunk[probe->chunk];
        run->spent += PROBE_NS + LISTED_NS * (float)(probe->to - probe->from);
#ifdef HAS_FILTER_LINES
        const uint16_t *list = chunk->next + probe->from;
        unsigned before = (unsigned)((uintptr_t)list & 63) / 2;
        if (before + (probe->to - probe->from) <= 64) {
            uint64_t mask = filter_lines(list, before, probe->to - probe->from, probe->next, probe->most);
            if (!mask) continue;
            if (run->resolved_count + run->candidate_count + 64 > CANDIDATE_BATCH) {
                resolve(run);
                int status = verify(run);
                if (status) return status;
            }
            for (; mask; mask &= mask - 1) {
                Candidate *candidate = &run->candidate[run->candidate_count++];
                candidate->position = probe->from - before + (uint32_t)__builtin_ctzll(mask);
                candidate->chunk = probe->chunk;
                __builtin_prefetch(chunk->numbers + (size_t)candidate->position * chunk->width);
                run->spent += SURVIVOR_NS;
            }
            if (late(run)) return BAILED;
            continue;
        }
#endif
        for (uint32_t start = probe->from; start < probe->to; start += CANDIDATE_BATCH) {
            uint32_t length = probe->to - start < CANDIDATE_BATCH ? probe->to - start : CANDIDATE_BATCH;
            uint32_t found = filter_list(chunk->next + start, length, probe->next, probe->most, position);
            if (!found) continue;
            if (run->resolved_count + run->candidate_count + found > CANDIDATE_BATCH) {
                resolve(run);
                int status = verify(run);
                if (status) return status;
            }
            for (uint32_t k = 0; k < found; k++) {
                Candidate *candidate = &run->candidate[run->candidate_count++];
                candidate->position = start + position[k];
                candidate->chunk = probe->chunk;
                __builtin_prefetch(chunk->numbers + (size_t)candidate->position * chunk->width);
            }
            run->spent += SURVIVOR_NS * (float)found;
            if (late(run)) return BAILED;
        }
    }
    return late(run) ? BAILED : OK;
}

/* The probes in a pipeline of small steps, so that memory is always busy: while the lists of one
 * step are scanned, those of the next are on their way, and the offsets of the one after. */
static int flush(Run *run) {
    unsigned count = run->probe_count;
    for (unsigned i = 0; i < count && i < STEP; i++)
        __builtin_prefetch(&run->body->chunk[run->probe[i].chunk].offsets[run->probe[i].from]);
    for (unsigned from = 0; from < count + STEP; from += STEP) {
        unsigned to = from + STEP < count ? from + STEP : count;
        for (unsigned i = to; i < to + STEP && i < count; i++)
            __builtin_prefetch(&run->body->chunk[run->probe[i].chunk].offsets[run->probe[i].from]);
        if (from < count) find_lists(run, from, to);
        if (from) {
            resolve(run);
            int status = scan_lists(run, from - STEP, from < count ? from : count);
            if (status) return status;
        }
    }
    run->probe_count = 0;
    return OK;
}

static int probe(Run *run) {
    const Body *body = run->body;
    int status;
    for (unsigned c = 0; c < body->chunks; c++) {
        int t = run->threshold[c];
        if (t < 0) continue;
        unsigned following = c + 1 == body->chunks ? 0 : c + 1;
        for (unsigned i = 0; i < ball_count[t]; i++) {
            uint32_t value = run->value[c] ^ (uint32_t)ball_mask[i];
            Probe *next = &run->probe[run->probe_count++];
            next->from = value;
            next->chunk = (uint8_t)c;
            next->next = run->value[following];
            next->most = (uint8_t)(t + run->threshold[following] + 1 - ball_weight[i]);
            if (run->probe_count == PROBE_BATCH && (status = flush(run))) return status;
        }
    }
    if ((status = flush(run))) return status;
    resolve(run);
    return verify(run);
}

/* The unique codes within the radius by index: BAILED, with the hits as they were, when a scan is cheaper. */
static int attempt(const Body *body, const uint64_t *query, unsigned radius, int how, Hits *hits) {
    size_t start = hits->count;
    int status = BAILED;
    if (how != SCAN && radius + 1 <= body->chunks * (MAX_THRESHOLD + 1)) {
        Run run; /* 32 KiB of stack, written only as far as it is used */
        float scan_ns =
            (float)body->base[0].count * 0.001f * (float)__atomic_load_n(body->scan_ps, __ATOMIC_RELAXED);
        run.body = body;
        run.query = query;
        run.radius = radius;
        run.hits = hits;
        run.spent = 0;
        run.budget = how == PROBE ? INFINITY : PATIENCE * scan_ns;
        run.worry = run.budget / 8;
        run.probe_count = run.candidate_count = run.resolved_count = 0;
        for (unsigned c = 0; c < body->chunks; c++) run.value[c] = (uint16_t)(query[c / 4] >> (16 * (c % 4)));
        if (plan(&run) < run.budget || how == PROBE) {
            run.started = clock_ns();
            status = probe(&run);
        }
    }
    if (status == BAILED) hits->count = start;
    return status;
}

/* What hangs in the tails, and all hits from `start` in order. */
static int finish(const Tail *tails, unsigned tail_count, unsigned words, const uint64_t *query, unsigned radius,
                  Hits *hits, size_t start) {
    for (unsigned i = 0; i < tail_count; i++)
        if (scan_tail(&tails[i], words, query, radius, hits)) return NO_MEMORY;
    return sort_hits(hits, start);
}

static int search_variant(const Body *body, const Tail *tails, unsigned tail_count, unsigned words,
                          const uint64_t *query, unsigned radius, int how, Hits *hits) {
    size_t start = hits->count;
    if (body && body->base[0].count) {
        int status = attempt(body, query, radius, how, hits);
        if (status == BAILED) {
            int64_t started = clock_ns();
            status = scan_base(&body->base[0], words, query, radius, hits);
            /* Scans that found much spent their time on that. */
            if (hits->count - start < 64 && body->base[0].count >= 4096) {
                float ps = 1000.0f * (float)(clock_ns() - started) / (float)body->base[0].count;
                float known = (float)__atomic_load_n(body->scan_ps, __ATOMIC_RELAXED);
                /* A scan that was interrupted says little: it counts for a tenth at most. */
                ps = ps < 1.4f * known ? ps : 1.4f * known;
                if (ps > 0)
                    __atomic_store_n(body->scan_ps, (uint32_t)(0.75f * known + 0.25f * ps) + 1, __ATOMIC_RELAXED);
            }
        }
        if (status) return status;
    }
    return finish(tails, tail_count, words, query, radius, hits, start);
}

#ifdef TURNED
static int scan_together_turned(const Base *base, const uint64_t *const *queries, unsigned count, unsigned radius,
                                Hits *own) {
    _Alignas(64) uint64_t turned[TURNED * 4];
    uint32_t row[TURNED];
    uint16_t distance[TURNED];
    for (uint32_t first = 0; first < base->count;) {
        uint32_t rows = base->count - first < TURNED ? base->count - first : TURNED;
        const uint8_t *codes = code_at(base, first, 4);
        turn_rows(codes, rows, turned);
        for (unsigned q = 0; q < count; q++) {
            uint32_t found = scan_turned(turned, rows, queries[q], radius, row, distance);
            found = scan_from(codes, rows, 4, queries[q], radius, row, distance, rows & ~7u, found);
            for (uint32_t i = 0; i < found; i++)
                if (emit_items(base, first + row[i], distance[i], &own[q])) return NO_MEMORY;
        }
        first += rows;
    }
    return OK;
}
#endif

/* One pass over the codes for several queries: each slice is read from memory once. */
static int scan_together(const Base *base, unsigned words, const uint64_t *const *queries, unsigned count,
                         unsigned radius, Hits *own) {
#ifdef TURNED
    if (words == 4 && count > 1) return scan_together_turned(base, queries, count, radius, own);
#endif
    uint32_t row[SLICE];
    uint16_t distance[SLICE];
    for (uint32_t first = 0; first < base->count;) {
        uint32_t rows = base->count - first < SLICE ? base->count - first : SLICE;
        const uint8_t *codes = code_at(base, first, words);
        for (unsigned q = 0; q < count; q++) {
            uint32_t found = scan_rows(codes, rows, words, queries[q], radius, row, distance);
            for (uint32_t i = 0; i < found; i++)
                if (emit_items(base, first + row[i], distance[i], &own[q])) return NO_MEMORY;
        }
        first += rows;
    }
    return OK;
}

static int move_hits(Hits *to, const Hits *from) {
    if (reserve_hits(to, from->count)) return NO_MEMORY;
    if (from->count) {
        memcpy(to->ids + to->count, from->ids, from->count * sizeof *from->ids);
        memcpy(to->distances + to->count, from->distances, from->count * sizeof *from->distances);
        to->count += from->count;
    }
    return OK;
}

/* By index where that is cheaper; the queries left over are scanned for together. */
static int search_many_variant(const Body *body, const Tail *tails, unsigned tail_count, unsigned words,
                               const uint64_t *queries, size_t count, unsigned radius, Hits *hits, int64_t *places) {
    int indexed = body && body->base[0].count, status = OK;
    size_t waiting[TOGETHER], left = 0;
    const uint64_t *asked[TOGETHER];
    Hits own[TOGETHER] = {{0}};
    for (size_t i = 0; i < count && !status; i++) {
        const uint64_t *query = queries + i * words;
        size_t start = hits->count;
        status = indexed ? attempt(body, query, radius, CHEAPEST, hits) : OK;
        if (status == BAILED) {
            asked[left] = query;
            waiting[left++] = i;
            status = OK;
        } else if (!status) {
            status = finish(tails, tail_count, words, query, radius, hits, start);
            places[2 * i] = (int64_t)start;
            places[2 * i + 1] = (int64_t)hits->count;
        }
        if (status || !left || (left < TOGETHER && i + 1 < count)) continue;
        status = scan_together(&body->base[0], words, asked, (unsigned)left, radius, own);
        for (size_t k = 0; k < left && !status; k++) {
            start = hits->count;
            status = move_hits(hits, &own[k]);
            own[k].count = 0;
            if (!status) status = finish(tails, tail_count, words, asked[k], radius, hits, start);
            places[2 * waiting[k]] = (int64_t)start;
            places[2 * waiting[k] + 1] = (int64_t)hits->count;
        }
        left = 0;
    }
    for (unsigned k = 0; k < TOGETHER; k++) {
        free(own[k].ids);
        free(own[k].distances);
    }
    return status;
}

/* The number of the live unique code equal to `code`, or −1: the chunk with the smallest bucket. */
static int64_t find_code_variant(const Body *body, const uint64_t *code) {
    uint32_t position[SLICE], from = 0, to = UINT32_MAX;
    unsigned smallest = 0;
    for (unsigned c = 0; c < body->chunks; c++) {
        uint16_t value = (uint16_t)(code[c / 4] >> (16 * (c % 4)));
        uint32_t start = body->chunk[c].offsets[value], end = body->chunk[c].offsets[value + 1];
        if (end - start < to - from) smallest = c, from = start, to = end;
    }
    const Chunk *chunk = &body->chunk[smallest];
    const Base *base = &body->base[chunk->base];
    unsigned following = (smallest + 1) % body->chunks;
    uint16_t next = (uint16_t)(code[following / 4] >> (16 * (following % 4)));
    for (; from < to; from += SLICE) {
        uint32_t length = to - from < SLICE ? to - from : SLICE;
        uint32_t found = filter_list(chunk->next + from, length, next, 0, position);
        for (uint32_t k = 0; k < found; k++) {
            uint32_t number = number_at(chunk, from + position[k]);
            if (number >= base->count || state_at(base, number) == DEAD) continue;
            if (!distance_to(code_at(base, number, body->words), code, body->words)) return number;
        }
    }
    return -1;
}

const Variant VARIANT_STRUCT = {VARIANT_NAME, search_variant, search_many_variant, find_code_variant};
