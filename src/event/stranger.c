/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers may make us write. A refusal costs who gets it nothing, and an event costs a row: so
 * of refusals without a known person only so many count for each address and in all; the rest are
 * counted, and told as a number.
 */
#include "config.h"

#include "event/record.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/address.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
	PLACES = 1024, /* addresses that meet in one share what it has */
	ADDRESS_BURST = 600,
	ADDRESS_RATE = 10, /* a second */
	ALL_BURST = 6000,
	ALL_RATE = 100,
	SAY_MS = 10000
};

/* In thousandths of an event; a zero `seen_ms` is a full one. */
struct allowance {
	int64_t left, seen_ms;
};

static struct {
	pthread_mutex_t lock;
	struct allowance all, address[PLACES];
	uint64_t left_out;
	int64_t said_ms;
} s = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void fill(struct allowance *a, int burst, int rate, int64_t now_ms)
{
	if (a->seen_ms)
		a->left += (now_ms - a->seen_ms) * rate;
	if (!a->seen_ms || a->left > (int64_t)burst * 1000)
		a->left = (int64_t)burst * 1000;
	a->seen_ms = now_ms;
}

static bool take(struct allowance *address, int64_t now_ms)
{
	fill(address, ADDRESS_BURST, ADDRESS_RATE, now_ms);
	fill(&s.all, ALL_BURST, ALL_RATE, now_ms);
	if (address->left < 1000 || s.all.left < 1000)
		return false;
	address->left -= 1000;
	s.all.left -= 1000;
	return true;
}

static struct allowance *place_of(const char *ip)
{
	char customer[ADDRESS_TEXT];

	address_customer(customer, ip ? ip : "");
	return &s.address[hash_crc32(customer, strlen(customer)) % PLACES];
}

static bool is_stranger(const struct event *e)
{
	return !e->subject_id && e->outcome && e->failure_origin &&
	       !strcmp(e->failure_origin, "client") && strcmp(e->outcome, "success") != 0;
}

bool stranger_may(const struct event *e)
{
	int64_t now_ms = clock_ms() + 1;
	uint64_t tell = 0;
	char text[32];
	bool may;

	if (!is_stranger(e))
		return true;
	pthread_mutex_lock(&s.lock);
	may = take(place_of(e->client_ip), now_ms);
	s.left_out += !may;
	if (!may && (!s.said_ms || now_ms - s.said_ms >= SAY_MS)) {
		s.said_ms = now_ms;
		tell = s.left_out;
	}
	pthread_mutex_unlock(&s.lock);
	if (tell) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)tell);
		log_warn(NULL, "refusals of strangers are left out of the events", "leftOutSinceStart",
		    text, NULL);
	}
	return may;
}
