/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening session ids. */
#include "config.h"

#include "mcp/session.h"

#include "base/b64.h"
#include "keys/seal.h"

#include <stdio.h>
#include <string.h>

/* Inside the seal: "1 FLAGS VERSION UPSTREAM_ID". None of these has a blank in it. */
#define FORMAT "1 %s %s %s"

bool session_id_is_good(const char *id)
{
	size_t n = strlen(id);

	if (n == 0 || n > SESSION_UPSTREAM_MAX)
		return false;
	for (; *id; id++)
		if (*id < 0x21 || *id > 0x7e)
			return false;
	return true;
}

void session_declare(struct session *s, struct span capabilities)
{
	struct span elicitation = scan_member(capabilities, "elicitation");
	size_t pos = 0;

	s->roots = scan_kind(scan_member(capabilities, "roots")) == '{';
	s->sampling = scan_kind(scan_member(capabilities, "sampling")) == '{';
	s->elicitation_url = scan_kind(scan_member(elicitation, "url")) == '{';
	/* an empty object means forms: it is how revisions before URL elicitation declared it */
	s->elicitation_form = scan_kind(elicitation) == '{' &&
	    (scan_kind(scan_member(elicitation, "form")) == '{' ||
	        !scan_next(elicitation, &pos, NULL, &(struct span){ 0 }));
}

/* The list that the seal is bound to. */
struct place_list {
	const char *at[6];
};

static struct place_list place_of(const struct session_place *p)
{
	return (struct place_list){ { "mcp-session", p->subject, p->client_id, p->operation_id, p->path, NULL } };
}

const char *session_seal(const struct session *s, const struct session_place *place,
    const struct ring *ring, struct arena *a)
{
	const struct place_list list = place_of(place);
	char flags[8];
	const char *plain;
	struct blob sealed;
	char *id;

	snprintf(flags, sizeof(flags), "-%s%s%s%s%s", s->elicitation_form ? "e" : "", s->elicitation_url ? "u" : "",
	    s->sampling ? "s" : "", s->roots ? "r" : "", s->bridged ? "b" : "");
	plain = arena_printf(a, FORMAT, flags, *s->version ? s->version : "-",
	    s->bridged ? "-" : s->upstream_id);
	sealed = seal(ring, KEY_SESSION, a, plain, strlen(plain), list.at);
	id = arena_alloc(a, B64URL_LEN(sealed.n) + 1);
	b64url_encode(id, sealed.p, sealed.n);
	return id;
}

/* Cuts the next word off; NULL at the end. */
static const char *next_word(char **rest)
{
	char *word = *rest;
	size_t n = strcspn(word, " ");

	*rest += n;
	if (**rest)
		*(*rest)++ = '\0';
	return n ? word : NULL;
}

static bool parse(struct session *s, char *text)
{
	const char *form = next_word(&text), *flags = next_word(&text), *version = next_word(&text);

	if (!form || strcmp(form, "1") != 0 || !flags || !version || !session_id_is_good(text))
		return false;
	*s = (struct session){
		.upstream_id = strchr(flags, 'b') ? NULL : text,
		.version = strcmp(version, "-") != 0 ? version : "",
		.elicitation_form = strchr(flags, 'e') != NULL,
		.elicitation_url = strchr(flags, 'u') != NULL,
		.sampling = strchr(flags, 's') != NULL,
		.roots = strchr(flags, 'r') != NULL,
		.bridged = strchr(flags, 'b') != NULL,
	};
	return true;
}

bool session_open(struct session *s, const char *id, const struct session_place *place,
    const struct ring *ring, struct arena *a, struct err *e)
{
	const struct place_list list = place_of(place);
	size_t n = strlen(id);
	unsigned char *sealed;
	struct blob plain = { 0 };
	bool ok = n <= SESSION_ID_MAX;

	if (ok) {
		sealed = arena_alloc(a, n + 1);
		ok = b64url_decode(sealed, &n, id, n) &&
		    seal_open(ring, KEY_SESSION, a, (struct blob){ sealed, n }, list.at, &plain, NULL) &&
		    parse(s, arena_strndup(a, (const char *)plain.p, plain.n));
	}
	return ok || err_reason(e, ERR_NOT_FOUND, "unknown_session", "Session not found", "%s", "");
}
