/* The query for any processor. */
#define VARIANT 0
#define VARIANT_NAME "portable"
#define VARIANT_STRUCT portable_variant
#include "query.h"
