/* The query with the AVX-512 population counts. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512bitalg,avx2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx512bitalg,avx2,popcnt")
#endif
#define VARIANT 2
#define VARIANT_NAME "avx512"
#define VARIANT_STRUCT avx512_variant
#include "query.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int no_variant_for_this_processor;
#endif
