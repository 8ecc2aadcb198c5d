/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks: what is read is written and read back the same; a network has its own base. */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "net/address.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char *text = xstrndup((const char *)bytes, n), out[ADDRESS_TEXT];
	struct address a, again;
	struct cidr c;

	if (address_parse(&a, text)) {
		address_text(out, &a);
		must(address_parse(&again, out) && again.v6 == a.v6 && !memcmp(again.bytes, a.bytes, sizeof(a.bytes)));
		must(address_text_in_cidr(text, text));
		must(address_special(&a) || !address_is_loopback(&a));
	}
	if (cidr_parse(&c, text)) {
		must(cidr_has(&c, &c.base));
		must(c.bits <= (c.base.v6 ? 128 : 32));
	}
	free(text);
	return 0;
}
