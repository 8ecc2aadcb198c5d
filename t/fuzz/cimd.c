/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's metadata document: its address in the first line, its text in the rest. What is
 * accepted obeys the rules, and what takes effect is accepted again and means the same.
 */
#include "config.h"

#include "fuzz.h"

#include "oauth/cimd.h"
#include "oauth/redirect.h"

#include <string.h>

static const struct project project;

static void check_address(struct arena *a, const char *url)
{
	struct uri u;

	must(strlen(url) <= CIMD_URL_MAX && !strncmp(url, "https://", 8));
	must(uri_parse(&u, a, url, NULL) && u.host && !u.userinfo && !u.fragment);
	must(u.path[0] == '/' && u.path[1] && !uri_has_dot_segment(a, u.path));
}

static void check_document(struct arena *a, const char *url, const struct client_metadata *m)
{
	const char *effective = json_text(a, m->effective), *again;
	struct client_metadata same;

	must(m->name[0] && m->redirect_uris_n >= 1);
	must(!strcmp(m->auth_method, "none") || !strcmp(m->auth_method, "private_key_jwt"));
	for (size_t i = 0; i < m->redirect_uris_n; i++)
		must(redirect_check(m->redirect_uris[i], REDIRECT_ANY, a, NULL));
	again = arena_printf(a, "{\"client_id\":\"%s\",%s", url, effective + 1);
	must(strlen(again) > CIMD_DOCUMENT_MAX ||
	     (cimd_read(&same, a, url, again, strlen(again), &project, NULL) &&
		 !strcmp(json_text(a, same.effective), effective)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *text = (const char *)bytes, *lf = n ? memchr(text, '\n', n) : NULL;
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	struct client_metadata m;
	const char *url;

	if (lf) {
		url = arena_strndup(a, text, (size_t)(lf - text));
		if (cimd_check_url(a, url, false, &e)) {
			check_address(a, url);
			if (cimd_read(&m, a, url, lf + 1, n - (size_t)(lf + 1 - text), &project, &e))
				check_document(a, url, &m);
		}
		must(!e.code || (e.code == ERR_INVALID_CLIENT && e.text[0]));
	}
	arena_free(a);
	return 0;
}
