/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Histograms as the config format has them: a map whose key ends with the bucket. */
#pragma once

#include "map.bpf.h"

#define NSEC_PER_USEC 1000ULL

/* The highest bit that is set, 0 for 0. Written without loops or tables, which older verifiers do not like. */
static __always_inline u32 floor_log2(u64 value)
{
	u32 bit, shift;

	bit = (value > 0xffffffffULL) << 5;
	value >>= bit;
	shift = (value > 0xffff) << 4;
	value >>= shift;
	bit |= shift;
	shift = (value > 0xff) << 3;
	value >>= shift;
	bit |= shift;
	shift = (value > 0xf) << 2;
	value >>= shift;
	bit |= shift;
	shift = (value > 0x3) << 1;
	value >>= shift;
	bit |= shift;
	return bit | (value >> 1);
}

/* The exp2 bucket of a value: the lowest i with value <= 2^i, and bucket_max for what is above all of them. */
static __always_inline u32 exp2_bucket(u64 value, u32 bucket_max)
{
	u32 bucket = value <= 1 ? 0 : floor_log2(value - 1) + 1;

	return bucket > bucket_max ? bucket_max : bucket;
}

/*
 * Adds a duration to a histogram whose unit is the microsecond. The bucket is chosen by the time rounded up, so that a
 * bucket never holds more than its bound; the sum, in row bucket_max + 1, takes the time rounded to nearest, so that
 * many short times do not add up to a bias.
 *
 * `key` points to a zeroed and filled key; `bucket` to the member of it that is the bucket.
 */
static __always_inline void histogram_add_usec(void *map, const void *key, u32 *bucket, u64 delta_ns, u32 bucket_max)
{
	*bucket = exp2_bucket((delta_ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC, bucket_max);
	map_add(map, key, 1);
	*bucket = bucket_max + 1;
	map_add(map, key, (delta_ns + NSEC_PER_USEC / 2) / NSEC_PER_USEC);
}

/*
 * Adds a number to a histogram of type exp2zero: bucket 0 takes 0, bucket i what is at most 2^(i-1). `key` and `bucket` as
 * above.
 */
static __always_inline void histogram_add_exp2zero(void *map, const void *key, u32 *bucket, u64 value, u32 bucket_max)
{
	*bucket = value ? exp2_bucket(value, bucket_max - 1) + 1 : 0;
	map_add(map, key, 1);
	*bucket = bucket_max + 1;
	map_add(map, key, value);
}
