/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numeric addresses and networks: which of them are anybody's on the internet, and which are
 * special-use (RFC 6890 and the IANA registries it began): loopback, private, link-local, multicast, and
 * every form that carries an IPv4 address inside an IPv6 one. Spelling does not count: v4-mapped
 * addresses are IPv4 here, whichever socket call they come from.
 */
#ifndef GATEHOUSE_NET_ADDRESS_H
#define GATEHOUSE_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

struct address {
	bool v6;
	unsigned char bytes[16]; /* network order; IPv4 uses the first four */
};

struct cidr {
	struct address base; /* bits past the prefix are zero */
	unsigned bits;
};

enum { ADDRESS_TEXT = 46 };

/* "192.0.2.1" or "2001:db8::1", nothing else: no zone, brackets, octal, short or decimal forms. */
bool address_parse(struct address *, const char *text);

/* False for families other than IPv4 and IPv6. */
bool address_of_socket(struct address *, const struct sockaddr *);

/* The canonical spelling (RFC 5952), NUL-terminated. */
void address_text(char out[ADDRESS_TEXT], const struct address *);

/* "10.0.0.0/8", "fd00::/8", or an address alone. Host bits are allowed and ignored. */
bool cidr_parse(struct cidr *, const char *text);
bool cidr_has(const struct cidr *, const struct address *);

/*
 * Whom a limit by address counts together: the address itself, of IPv6 its /64, from which one customer of a provider
 * may choose. What is no address stays as it is, cut.
 */
void address_customer(char out[ADDRESS_TEXT], const char *text);

/* Whether TEXT is an IPv4 or IPv6 address in its usual spelling (no port, no brackets, no zone). */
bool address_is_text(const char *text);

/* Whether the address TEXT lies in CIDR. False if either is malformed. */
bool address_text_in_cidr(const char *text, const char *cidr);

/* What kind of special-use address it is ("private network"), NULL for one of the public internet. */
const char *address_special(const struct address *);
bool address_is_loopback(const struct address *);

#endif
