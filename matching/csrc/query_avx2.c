/* The query with AVX2 and POPCNT. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,popcnt")
#endif
#define VARIANT 1
#define VARIANT_NAME "avx2"
#define VARIANT_STRUCT avx2_variant
#include "query.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int no_variant_for_this_processor;
#endif
