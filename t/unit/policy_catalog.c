/* SPDX-License-Identifier: Apache-2.0 */
/* What a catalog leaves of an upstream's lists, to the byte; and that no hidden name ever stays. */
#include "config.h"

#include "tap.h"

#include "policy/catalog.h"

#include <stdlib.h>

static struct catalog *catalog(struct arena *a, const char *options)
{
	const struct scan_limits limits = scan_limits_of(65536);

	return catalog_new(a, json_parse(a, options, strlen(options), &limits, NULL));
}

static const struct catalog_caller nobody;

/* The filtered text, or "refused". */
static const char *filtered(struct arena *a, const char *options, const char *text)
{
	struct err e = { .code = ERR_NONE };
	struct buf out;
	const char *result;

	buf_init(&out, 1 << 20);
	if (!catalog_filter(catalog(a, options), &nobody, a, text, strlen(text), &out, &e))
		result = e.code == ERR_UPSTREAM ? "refused" : "refused without a reason";
	else
		result = arena_strdup(a, buf_text(&out));
	buf_release(&out);
	return result;
}

#define TOOLS(list) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[" list "],\"nextCursor\":\"c\"}}"
#define READ "{\"tools\":[\"read\"]}"

static void test_lists(void)
{
	static const struct {
		const char *options, *text, *want, *name;
	} cases[] = {
		{ READ, TOOLS("{\"name\":\"read\"},{\"name\":\"write\"}"), TOOLS("{\"name\":\"read\"}"),
		    "a tool that is not listed is left out" },
		{ READ, TOOLS("{\"name\":\"Read\"},{\"name\":\"rea\"},{\"name\":\"reader\"}"), TOOLS(""),
		    "names are exact" },
		{ READ, TOOLS("{\"name\":\"re\\u0061d\"}"), TOOLS("{\"name\":\"re\\u0061d\"}"),
		    "names are compared after decoding, and kept as they came" },
		{ READ, TOOLS("{\"n\":1.0e2 , \"name\" : \"read\",\"big\":123456789012345678901234567890}"),
		    TOOLS("{\"n\":1.0e2 , \"name\" : \"read\",\"big\":123456789012345678901234567890}"),
		    "what stays stays byte for byte" },
		{ READ, TOOLS("{\"title\":\"read\"},7,null,\"read\",{\"name\":[\"read\"]}"), TOOLS(""),
		    "an item without a name of its own is left out" },
		{ "{\"tools\":[]}", TOOLS("{\"name\":\"read\"}"), TOOLS(""), "an empty list shows nothing" },
		{ "{}", TOOLS("{\"name\":\"read\"}"), TOOLS("{\"name\":\"read\"}"), "no list shows all" },
		{ "{\"prompts\":[]}", TOOLS("{\"name\":\"read\"}"), TOOLS("{\"name\":\"read\"}"),
		    "a list of another kind does not matter" },
		{ "{\"tools\":[\"b\",\"a\"]}", TOOLS("{\"name\":\"a\"},{\"name\":\"x\"},{\"name\":\"b\"}"),
		    TOOLS("{\"name\":\"a\"},{\"name\":\"b\"}"), "the order is the upstream's" },
		{ "{\"resources\":[\"file:///a\"],\"resourceTemplates\":[]}",
		    "{\"id\":1,\"result\":{\"resources\":[{\"uri\":\"file:///a\"},{\"uri\":\"file:///b\"}],"
		    "\"resourceTemplates\":[{\"uriTemplate\":\"x{y}\"}]}}",
		    "{\"id\":1,\"result\":{\"resources\":[{\"uri\":\"file:///a\"}],\"resourceTemplates\":[]}}",
		    "resources go by their URI, templates by themselves" },
		{ READ, "[" TOOLS("{\"name\":\"write\"}") ", {\"id\":2,\"result\":{}} ]",
		    "[" TOOLS("") ", {\"id\":2,\"result\":{}} ]", "a batch is filtered item by item" },
		{ READ, "{\"id\":1,\"result\":{\"structuredContent\":{\"tools\":[{\"name\":\"write\"}]}}}",
		    "{\"id\":1,\"result\":{\"structuredContent\":{\"tools\":[{\"name\":\"write\"}]}}}",
		    "what a tool returns is no list" },
		{ READ, "{\"id\":1,\"result\":{\"tools\":{\"name\":\"write\"}}}",
		    "{\"id\":1,\"result\":{\"tools\":{\"name\":\"write\"}}}", "what is no array is no list" },
		{ READ, "{\"id\":1,\"result\":{\"t\\u006fols\":[{\"name\":\"write\"}]}}",
		    "{\"id\":1,\"result\":{\"t\\u006fols\":[]}}", "nor does an escape hide a list" },
		{ READ, "{\"id\":1,\"result\":{\"tools\":[],\"tools\":[{\"name\":\"write\"}]}}", "refused",
		    "a member that comes twice is refused" },
		{ READ, "{\"id\":1,\"result\":", "refused", "so is half a message" },
		{ READ, "<html>", "refused", "and what is no JSON" },
		{ READ, "{\"method\":\"notifications/tools/list_changed\"}",
		    "{\"method\":\"notifications/tools/list_changed\"}", "a notification passes" },
		{ "{\"tools\":[{\"name\":\"read\",\"description\":\"Mine\"}]}",
		    TOOLS("{\"name\":\"read\",\"description\":\"Theirs\",\"inputSchema\":{\"a\":1.50}}"),
		    TOOLS("{\"name\":\"read\",\"description\":\"Mine\",\"inputSchema\":{\"a\":1.50}}"),
		    "a projection replaces the description; the schema is the upstream's" },
		{ "{\"tools\":[{\"name\":\"read\",\"description\":\"Mine\"}]}", TOOLS("{\"name\":\"read\"}"),
		    TOOLS("{\"name\":\"read\",\"description\":\"Mine\"}"), "or adds it" },
		{ "{\"tools\":[{\"name\":\"read\",\"annotations\":{\"a\":{\"x\":1},\"b\":2}}]}",
		    TOOLS("{\"name\":\"read\",\"annotations\":{\"a\":{\"y\":3},\"b\":0,\"c\":4}}"),
		    TOOLS("{\"name\":\"read\",\"annotations\":{\"a\":{\"y\":3,\"x\":1},\"b\":2,\"c\":4}}"),
		    "annotations are merged, objects into objects" },
		{ "{\"resources\":[{\"uri\":\"u:a\",\"name\":\"N\",\"mimeType\":\"text/x\",\"_meta\":{\"k\":1}}]}",
		    "{\"result\":{\"resources\":[{\"uri\":\"u:a\",\"name\":\"M\"}]}}",
		    "{\"result\":{\"resources\":[{\"uri\":\"u:a\",\"name\":\"N\",\"mimeType\":\"text/x\",\"_meta\":{\"k\":1}}]}}",
		    "a resource's name, type and _meta too" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(filtered(a, cases[i].options, cases[i].text), cases[i].want, cases[i].name);
	arena_free(a);
}

static void test_calls(void)
{
	static const struct {
		const char *options, *type, *name;
		bool want;
	} cases[] = {
		{ READ, "tool", "read", true },
		{ READ, "tool", "write", false },
		{ READ, "tool", NULL, false },
		{ READ, "prompt", "any", true },
		{ "{\"prompts\":[\"p\"]}", "prompt", "q", false },
		{ "{\"resources\":[\"u:a\"]}", "resource", "u:a", true },
		{ "{\"resources\":[\"u:a\"]}", "resource", "u:b", false },
		{ "{\"resources\":[],\"resourceTemplates\":[\"u:{x}\"]}", "resource", "u:b", true },
		{ "{\"resources\":[],\"resourceTemplates\":[\"u:{x}\"]}", "resource", "u:b/c", false },
		{ "{\"resources\":[],\"resourceTemplates\":[\"u:{x}\"]}", "resource", "u:{x}", true },
		{ "{\"resources\":[]}", "resource", "u:b", false },
		{ "{\"resourceTemplates\":[]}", "resource", "u:b", true },
		{ "{}", "tool", NULL, true },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(catalog_allows(catalog(a, cases[i].options), &nobody, cases[i].type, cases[i].name) == cases[i].want,
		    arena_printf(a, "with %s the %s %s is %s", cases[i].options, cases[i].type,
			cases[i].name ? cases[i].name : "(none)", cases[i].want ? "allowed" : "refused"));
	arena_free(a);
}

#define ACCESS(more) "{\"accessControl\":{\"mode\":\"rolesAndGroups\"" more "},\"tools\":[" \
	"{\"name\":\"all\",\"public\":true},{\"name\":\"dev\",\"roles\":[\"developer\",\"lead\"]}," \
	"{\"name\":\"ops\",\"groups\":[\"ops\"]},{\"name\":\"unmarked\"},\"plain\"]}"

static void test_roles(void)
{
	static const struct {
		const char *options, *claims, *want, *name;
	} cases[] = {
		{ ACCESS(""), NULL, "all", "nobody sees what is public" },
		{ ACCESS(""), "{}", "all", "nor does a user without roles see more" },
		{ ACCESS(""), "{\"roles\":[\"developer\"]}", "all dev", "a role shows its entries" },
		{ ACCESS(""), "{\"roles\":[\"x\",\"lead\"]}", "all dev", "any of several roles does" },
		{ ACCESS(""), "{\"roles\":\"lead\"}", "all dev", "a role may be one string" },
		{ ACCESS(""), "{\"roles\":\"developer lead\"}", "all", "but not two in one" },
		{ ACCESS(""), "{\"roles\":[\"Developer\"]}", "all", "roles are exact" },
		{ ACCESS(""), "{\"roles\":{\"developer\":true}}", "all", "an object holds no roles" },
		{ ACCESS(""), "{\"roles\":[[\"developer\"]]}", "all", "nor does an array in the array" },
		{ ACCESS(""), "{\"groups\":[\"ops\"]}", "all ops", "a group shows its entries" },
		{ ACCESS(""), "{\"groups\":[\"developer\"]}", "all", "a group is no role" },
		{ ACCESS(""), "{\"roles\":[\"developer\"],\"groups\":[\"ops\"]}", "all dev ops", "both together" },
		{ ACCESS(",\"roleClaim\":\"realm_access.roles\""), "{\"realm_access\":{\"roles\":[\"lead\"]}}", "all dev",
		    "a claim may be a path" },
		{ ACCESS(",\"roleClaim\":\"realm_access.roles\""),
		    "{\"realm_access.roles\":[\"lead\"],\"realm_access\":{\"roles\":[]}}", "all dev",
		    "the literal name comes first" },
		{ ACCESS(",\"groupClaim\":\"cognito:groups\""), "{\"cognito:groups\":[\"ops\"]}", "all ops",
		    "a name with a colon is one name" },
		{ ACCESS(",\"roleClaim\":\"a.b.c\""), "{\"a\":{\"b.c\":[\"lead\"]}}", "all dev",
		    "a path may end in a literal name" },
	};
	static const char *const tools[] = { "all", "dev", "ops", "unmarked", "plain" };
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog *c = catalog(a, cases[i].options);
		const struct catalog_caller who = catalog_caller(c, a, cases[i].claims);
		const char *seen = "";

		for (size_t k = 0; k < sizeof(tools) / sizeof(tools[0]); k++)
			if (catalog_allows(c, &who, "tool", tools[k]))
				seen = arena_printf(a, "%s%s%s", seen, *seen ? " " : "", tools[k]);
		is_str(seen, cases[i].want, cases[i].name);
	}
	is_str(filtered(a, ACCESS(""), "{\"result\":{\"tools\":[{\"name\":\"dev\"},{\"name\":\"all\"}],\"cacheScope\":\"public\"}}"),
	    "{\"result\":{\"tools\":[{\"name\":\"all\"}],\"cacheScope\":\"private\"}}",
	    "a list that differs by caller is private to its caller");
	arena_free(a);
}

/* Random catalogs and lists: what is not listed never shows, what is listed always does. */
static void test_property(void)
{
	unsigned seed = 20261121;
	int leaks = 0, losses = 0;

	for (int round = 0; round < 3000; round++) {
		struct arena *a = arena_new();
		unsigned shown = 0, there = 0;
		struct buf options, text;
		const char *out;

		buf_init(&options, 65536);
		buf_init(&text, 65536);
		buf_str(&options, "{\"tools\":[");
		buf_str(&text, "{\"id\":1,\"result\":{\"x\":[1],\"tools\":[");
		for (unsigned i = 0; i < 12; i++) {
			unsigned r = (unsigned)rand_r(&seed);

			if (r & 1) {
				buf_printf(&options, r & 2 ? "%s{\"name\":\"tool%u_\"}" : "%s\"tool%u_\"",
				    shown ? "," : "", i);
				shown |= 1u << i;
			}
			if (r & 4) {
				buf_printf(&text, r & 8 ? "%s{\"a\":[\"x\"],\"name\":\"tool%u_\"}" :
				                          "%s{\"name\":\"t\\u006fol%u_\" , \"b\":{}}",
				    there ? "," : "", i);
				there |= 1u << i;
			}
		}
		buf_str(&options, "]}");
		buf_str(&text, "]}}");
		out = filtered(a, buf_text(&options), buf_text(&text));
		for (unsigned i = 0; i < 12; i++) {
			bool is = strstr(out, arena_printf(a, "ol%u_\"", i)) != NULL;

			leaks += is && !(shown & there & 1u << i);
			losses += !is && (shown & there & 1u << i);
		}
		buf_release(&options);
		buf_release(&text);
		arena_free(a);
	}
	is_int(leaks, 0, "no hidden name ever shows");
	is_int(losses, 0, "no listed one is ever lost");
}

int main(void)
{
	test_lists();
	test_calls();
	test_roles();
	test_property();
	return done();
}
