/* SPDX-License-Identifier: Apache-2.0 */
/* The special-use lists, and matching against networks. */
#include "config.h"

#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/*
 * IANA's special-purpose registries (RFC 6890), with multicast and the ranges that were once
 * assigned. Some entries are "globally reachable" there; none of them is where a server lives.
 */
static const struct {
	const char *cidr, *about;
} special[] = {
	{ "0.0.0.0/8", "this network" },
	{ "10.0.0.0/8", "private network" },
	{ "100.64.0.0/10", "shared address space" },
	{ "127.0.0.0/8", "loopback" },
	{ "169.254.0.0/16", "link-local" },
	{ "172.16.0.0/12", "private network" },
	{ "192.0.0.0/24", "protocol assignments" },
	{ "192.0.2.0/24", "documentation" },
	{ "192.31.196.0/24", "AS112" },
	{ "192.52.193.0/24", "multicast tunnelling" },
	{ "192.88.99.0/24", "6to4 relay" },
	{ "192.168.0.0/16", "private network" },
	{ "192.175.48.0/24", "AS112" },
	{ "198.18.0.0/15", "benchmarking" },
	{ "198.51.100.0/24", "documentation" },
	{ "203.0.113.0/24", "documentation" },
	{ "224.0.0.0/4", "multicast" },
	{ "240.0.0.0/4", "reserved" },
	{ "::/128", "unspecified" },
	{ "::1/128", "loopback" },
	{ "::/96", "IPv4-compatible" },
	{ "64:ff9b::/96", "NAT64" },
	{ "64:ff9b:1::/48", "local NAT64" },
	{ "100::/64", "discard" },
	{ "100:0:0:1::/64", "dummy prefix" },
	{ "2001::/32", "Teredo" },
	{ "2001::/23", "protocol assignments" },
	{ "2001:db8::/32", "documentation" },
	{ "2002::/16", "6to4" },
	{ "2620:4f:8000::/48", "AS112" },
	{ "3ffe::/16", "returned 6bone" },
	{ "3fff::/20", "documentation" },
	{ "5f00::/16", "segment routing" },
	{ "fc00::/7", "unique local" },
	{ "fe80::/10", "link-local" },
	{ "fec0::/10", "site-local" },
	{ "ff00::/8", "multicast" },
};

/* Makes a v4-mapped address (::ffff:a.b.c.d) the IPv4 address that it reaches. */
static void address_unmap(struct address *a)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!a->v6 || memcmp(a->bytes, mapped, sizeof(mapped)) != 0)
		return;
	a->v6 = false;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
}

bool address_parse(struct address *a, const char *text)
{
	*a = (struct address){ .v6 = strchr(text, ':') != NULL };
	if (inet_pton(a->v6 ? AF_INET6 : AF_INET, text, a->bytes) != 1)
		return false;
	address_unmap(a);
	return true;
}

bool address_of_socket(struct address *a, const struct sockaddr *sa)
{
	*a = (struct address){ .v6 = sa->sa_family == AF_INET6 };
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		memcpy(a->bytes, &in.sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(a->bytes, &in6.sin6_addr, 16);
	} else {
		return false;
	}
	address_unmap(a);
	return true;
}

void address_text(char out[ADDRESS_TEXT], const struct address *a)
{
	if (!inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->bytes, out, ADDRESS_TEXT))
		out[0] = '\0';
}

/* One to three digits up to MAX, nothing else. */
static bool bits_parse(unsigned *bits, const char *s, unsigned max)
{
	unsigned n = 0;
	size_t len = strlen(s);

	if (!len || len > 3 || (len > 1 && *s == '0'))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (unsigned)(*s - '0');
	}
	*bits = n;
	return n <= max;
}

static void mask(struct cidr *c)
{
	unsigned bytes = c->base.v6 ? 16 : 4;

	for (unsigned i = 0; i < bytes; i++) {
		unsigned kept = c->bits > i * 8 ? c->bits - i * 8 : 0;

		if (kept < 8)
			c->base.bytes[i] &= (unsigned char)(0xff00 >> kept);
	}
}

bool cidr_parse(struct cidr *c, const char *text)
{
	char address[ADDRESS_TEXT];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	bool v6 = memchr(text, ':', n) != NULL;
	unsigned max = v6 ? 128 : 32;

	*c = (struct cidr){ .bits = max };
	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (!address_parse(&c->base, address) || (slash && !bits_parse(&c->bits, slash + 1, max)))
		return false;
	if (v6 && !c->base.v6) { /* a v4-mapped network: its prefix counts from the 96th bit */
		if (c->bits < 96)
			return false;
		c->bits -= 96;
	}
	mask(c);
	return true;
}

bool cidr_has(const struct cidr *c, const struct address *a)
{
	unsigned bytes = c->bits / 8, rest = c->bits % 8;

	if (c->base.v6 != a->v6 || memcmp(c->base.bytes, a->bytes, bytes) != 0)
		return false;
	return !rest || ((c->base.bytes[bytes] ^ a->bytes[bytes]) >> (8 - rest)) == 0;
}

void address_customer(char out[ADDRESS_TEXT], const char *text)
{
	struct address a;

	if (!address_parse(&a, text)) {
		snprintf(out, ADDRESS_TEXT, "%s", text);
		return;
	}
	if (a.v6)
		memset(a.bytes + 8, 0, 8);
	address_text(out, &a);
}

bool address_is_text(const char *text)
{
	struct address a;

	return address_parse(&a, text);
}

bool address_text_in_cidr(const char *text, const char *cidr)
{
	struct address a;
	struct cidr c;

	return address_parse(&a, text) && cidr_parse(&c, cidr) && cidr_has(&c, &a);
}

const char *address_special(const struct address *a)
{
	struct cidr c;

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (cidr_parse(&c, special[i].cidr) && cidr_has(&c, a))
			return special[i].about;
	/* IANA has given out 2000::/3 alone: what a later registry adds elsewhere is refused already */
	if (a->v6 && (a->bytes[0] & 0xe0) != 0x20)
		return "unassigned";
	return NULL;
}

bool address_is_loopback(const struct address *a)
{
	static const unsigned char one[16] = { [15] = 1 };

	return a->v6 ? memcmp(a->bytes, one, sizeof(one)) == 0 : a->bytes[0] == 127;
}
