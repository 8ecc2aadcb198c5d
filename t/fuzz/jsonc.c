/* SPDX-License-Identifier: Apache-2.0 */
/* JSON with comments: blanking only blanks, keeps lines, and has nothing to do a second time. */
#include "config.h"

#include "fuzz.h"

#include "json/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	struct arena *a = arena_new();
	const char *text = (const char *)bytes, *once, *twice;

	once = jsonc_blank(a, text, n, NULL);
	if (once) {
		for (size_t i = 0; i < n; i++)
			must(once[i] == text[i] ||
			    (once[i] == ' ' && text[i] != '\n' && text[i] != '\r'));
		twice = jsonc_blank(a, once, n, NULL);
		if (scan_check(once, n, &limits, NULL))
			must(twice && !memcmp(once, twice, n));
		/* what was JSON before stays it, byte for byte */
		if (scan_check(text, n, &limits, NULL))
			must(!memcmp(once, text, n));
	} else {
		must(!scan_check(text, n, &limits, NULL));
	}
	arena_free(a);
	return 0;
}
