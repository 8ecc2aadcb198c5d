/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses: as text, in networks, and which of them no fetch may reach. */
#ifndef GATEHOUSE_NET_ADDRESS_H
#define GATEHOUSE_NET_ADDRESS_H

#include <stdbool.h>

/* Whether TEXT is an IPv4 or IPv6 address in its usual spelling (no port, no brackets, no zone). */
bool address_is_text(const char *text);

/* Whether the address TEXT lies in CIDR ("10.0.0.0/8", "fd00::/8", or a bare address). False if either is
 * malformed. An IPv4-mapped IPv6 address counts as its IPv4 one. */
bool address_text_in_cidr(const char *text, const char *cidr);

#endif
