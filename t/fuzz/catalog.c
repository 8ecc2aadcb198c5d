/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients' messages through a filter that renames, pins and constrains: what goes up is sound, calls nothing by a hidden
 * name, and says of pinned and removed arguments what the operator says, however the client spells it.
 */
#include "config.h"

#include "fuzz.h"

#include "policy/catalog.h"
#include "policy/uri_template.h"
#include "rpc/rpc.h"

#include <stdlib.h>
#include <string.h>

static const char options[] = "{\"tools\":[{\"name\":\"query\",\"rename\":\"ask\",\"arguments\":{\"pin\":{\"db\":\"test\"},\"remove\":[\"force\"],"
    "\"schema\":{\"properties\":{\"limit\":{\"type\":\"integer\",\"maximum\":10},\"s\":{\"pattern\":\"^[a-z]*$\",\"maxLength\":3}}}}},"
    "{\"match\":\"l*\"}],\"prompts\":[{\"name\":\"p\",\"rename\":\"P\"}],"
    "\"resources\":[],\"resourceTemplates\":[{\"match\":\"u:*\"}]}";

static void judge_query(struct span arguments, struct arena *a)
{
	struct span name, value;
	size_t at = 0;
	int pins = 0;

	while (scan_next(arguments, &at, &name, &value)) {
		must(!scan_string_folds_to(name, "force"));
		if (scan_string_folds_to(name, "db")) {
			must(scan_string_is(name, "db") && scan_string_is(value, "test"));
			pins++;
		}
		if (scan_string_folds_to(name, "limit"))
			must(scan_kind(value) == '0' && strtod(arena_strndup(a, value.p, value.n), NULL) <= 10);
	}
	must(pins == 1);
}

static void judge(const struct rpc_body *up, struct arena *a)
{
	for (size_t i = 0; i < up->n; i++) {
		const struct rpc_msg *m = &up->msgs[i];

		if (!m->capability_type || !m->capability_name)
			continue;
		if (!strcmp(m->capability_type, "tool"))
			must(!strcmp(m->capability_name, "query") || m->capability_name[0] == 'l');
		if (!strcmp(m->capability_type, "prompt"))
			must(!strcmp(m->capability_name, "p"));
		if (!strcmp(m->capability_type, "resource"))
			must(!strncmp(m->capability_name, "u:", 2) && !uri_template_has_dots(m->capability_name));
		if (!strcmp(m->capability_type, "tool") && !strcmp(m->capability_name, "query"))
			judge_query(scan_member(m->params, "arguments"), a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct catalog_caller nobody;
	static struct catalog *c;
	static struct arena *kept; /* lives as long as the process */
	const struct scan_limits limits = scan_limits_of(65536), wider = scan_limits_of(1 << 20);
	struct arena *a = arena_new();
	struct rpc_fault fault = { .status = 0 };
	struct rpc_body said, up;
	bool allowed = true;
	struct buf out;

	if (!c) {
		kept = arena_new();
		c = catalog_new(kept, json_parse(kept, options, strlen(options), &limits, NULL), problems_new(kept), "", "");
	}
	buf_init(&out, 1 << 20);
	if (rpc_read(&said, a, (const char *)bytes, n, &limits, &fault)) {
		for (size_t i = 0; i < said.n; i++)
			allowed &= !said.msgs[i].capability_type ||
			    catalog_allows(c, &nobody, said.msgs[i].capability_type, said.msgs[i].capability_name);
		if (allowed && catalog_call(c, &nobody, a, (const char *)bytes, n, &out, NULL)) {
			must(rpc_read(&up, a, out.data, out.len, &wider, &fault) && up.n == said.n);
			judge(&up, a);
		}
	}
	buf_release(&out);
	arena_free(a);
	return 0;
}
