/* SPDX-License-Identifier: Apache-2.0 */
/* What a catalog leaves of an upstream's lists, to the byte; and that no hidden name ever stays. */
#include "config.h"

#include "tap.h"

#include "policy/catalog.h"
#include "policy/policy.h"

#include <stdlib.h>

static struct catalog *catalog(struct arena *a, const char *options)
{
	const struct scan_limits limits = scan_limits_of(65536);

	return catalog_new(a, json_parse(a, options, strlen(options), &limits, NULL), problems_new(a), "f", "");
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
		{ "{\"resourceTemplates\":[{\"match\":\"doc:{*}\",\"description\":\"D\"},{\"regex\":\"log:\\\\{[a-z]+\\\\}\"}]}",
		    "{\"result\":{\"resourceTemplates\":[{\"uriTemplate\":\"doc:{id}\"},{\"uriTemplate\":\"log:{x}\"},{\"uriTemplate\":\"log:{x}/{y}\"},"
		    "{\"uriTemplate\":\"other:{id}\"}]}}",
		    "{\"result\":{\"resourceTemplates\":[{\"uriTemplate\":\"doc:{id}\",\"description\":\"D\"},{\"uriTemplate\":\"log:{x}\"}]}}",
		    "templates may be listed by patterns of whole templates" },
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
		{ "{\"resources\":[],\"resourceTemplates\":[{\"match\":\"u:*\"}]}", "resource", "u:b", true },
		{ "{\"resources\":[],\"resourceTemplates\":[{\"match\":\"u:*\"}]}", "resource", "u:{x}", true },
		{ "{\"resources\":[],\"resourceTemplates\":[{\"match\":\"u:*\"}]}", "resource", "u:a/../b", false },
		{ "{\"resources\":[],\"resourceTemplates\":[{\"match\":\"u:*\"}]}", "resource", "v:b", false },
		{ "{\"resources\":[],\"resourceTemplates\":[{\"regex\":\"u:\\\\{.*\\\\}\"}]}", "resource", "u:b", false },
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

/* ---- patterns, other names, arguments, functions */

/* What goes upstream for a client's message; "refused: " with the reason, "hidden". */
static const char *called(struct arena *a, const char *options, const struct catalog_caller *who, const char *text)
{
	struct err e = { .code = ERR_NONE };
	struct buf out;
	const char *result;

	buf_init(&out, 1 << 20);
	if (catalog_call(catalog(a, options), who, a, text, strlen(text), &out, &e))
		result = arena_strdup(a, buf_text(&out));
	else
		result = e.code == ERR_ACCESS_DENIED ? "hidden" : arena_printf(a, "refused: %s", e.text);
	buf_release(&out);
	return result;
}

static void test_patterns(void)
{
	static const struct {
		const char *entry, *type, *name;
		bool want;
	} cases[] = {
		{ "{\"tools\":[{\"match\":\"list_*\"}]}", "tool", "list_all", true },
		{ "{\"tools\":[{\"match\":\"list_*\"}]}", "tool", "list_", true },
		{ "{\"tools\":[{\"match\":\"list_*\"}]}", "tool", "List_all", false },
		{ "{\"tools\":[{\"match\":\"list_*\"}]}", "tool", "a_list_all", false },
		{ "{\"tools\":[{\"match\":\"*_a*b\"}]}", "tool", "x_a_axb", true },
		{ "{\"tools\":[{\"match\":\"*_a*b\"}]}", "tool", "x_a_axbc", false },
		{ "{\"tools\":[{\"match\":\"a?c\"}]}", "tool", "abc", true },
		{ "{\"tools\":[{\"match\":\"a?c\"}]}", "tool", "a\xc3\xa9" "c", true },
		{ "{\"tools\":[{\"match\":\"a?c\"}]}", "tool", "ac", false },
		{ "{\"tools\":[{\"match\":\"a.c\"}]}", "tool", "abc", false },
		{ "{\"tools\":[{\"match\":\"*\"}]}", "tool", "anything", true },
		{ "{\"tools\":[{\"regex\":\"get_[a-z]+\"}]}", "tool", "get_all", true },
		{ "{\"tools\":[{\"regex\":\"get_[a-z]+\"}]}", "tool", "forget_all", false },
		{ "{\"tools\":[{\"regex\":\"get_[a-z]+\"}]}", "tool", "get_all2", false },
		{ "{\"tools\":[{\"regex\":\"get_[a-z]+\"}]}", "tool", "get_all\n", false },
		{ "{\"tools\":[{\"regex\":\"a|b\"}]}", "tool", "b", true },
		{ "{\"tools\":[{\"regex\":\"a|b\"}]}", "tool", "ax", false },
		{ "{\"tools\":[{\"regex\":\"a(*ACCEPT)b\"}]}", "tool", "ax", false },
		{ "{\"tools\":[{\"regex\":\"(a+)+\"}]}", "tool", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", false },
		{ "{\"resources\":[{\"match\":\"file:///pub/*\"}]}", "resource", "file:///pub/a/b", true },
		{ "{\"resources\":[{\"match\":\"file:///pub/*\"}]}", "resource", "file:///pub/../etc", false },
		{ "{\"resources\":[{\"match\":\"file:///pub/*\"}]}", "resource", "file:///pub/%2E%2e%2fetc", false },
		{ "{\"resources\":[{\"regex\":\"file:///pub/.*\"}]}", "resource", "file:///pub/a/..", false },
		{ "{\"prompts\":[{\"match\":\"p*\"}]}", "prompt", "pq", true },
		{ "{\"tools\":[{\"match\":\"x*\",\"rename\":\"y\"}]}", "none", "x", false },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i + 1 < sizeof(cases) / sizeof(cases[0]); i++)
		ok(catalog_allows(catalog(a, cases[i].entry), &nobody, cases[i].type, cases[i].name) == cases[i].want,
		    arena_printf(a, "with %s the %s is %s", cases[i].entry, cases[i].type, cases[i].want ? "allowed" : "refused"));
	is_str(filtered(a, "{\"tools\":[{\"match\":\"r*\",\"description\":\"D\"},\"write\"]}",
		   TOOLS("{\"name\":\"read\"},{\"name\":\"x\"},{\"name\":\"write\"}")),
	    TOOLS("{\"name\":\"read\",\"description\":\"D\"},{\"name\":\"write\"}"), "an entry by pattern has its projection");
	arena_free(a);
}

#define CALL(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"
#define RENAMED "{\"tools\":[{\"name\":\"query\",\"rename\":\"ask \\\"db\\\"\"},{\"name\":\"a\",\"rename\":\"b\"}," \
	"{\"name\":\"b\",\"rename\":\"a\"},{\"match\":\"q*\"}],\"prompts\":[{\"name\":\"p\",\"rename\":\"ours\"}]}"

static void test_renames(void)
{
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ CALL("tools/call", "\"name\":\"ask \\\"db\\\"\",\"arguments\":{\"x\":1.0}"),
		    CALL("tools/call", "\"name\":\"query\",\"arguments\":{\"x\":1.0}"), "a call goes up under the upstream's name" },
		{ CALL("tools/call", "\"x\":{\"name\":\"a\"},\"name\":\"a\""), CALL("tools/call", "\"x\":{\"name\":\"a\"},\"name\":\"b\""),
		    "two entries may swap their names" },
		{ CALL("tools/call", "\"name\":\"query\""), "hidden", "by the upstream's name there is none" },
		{ CALL("tools/call", "\"name\":\"quit\""), CALL("tools/call", "\"name\":\"quit\""), "what a pattern shows keeps its name" },
		{ CALL("prompts/get", "\"name\":\"ours\""), CALL("prompts/get", "\"name\":\"p\""), "prompts have other names, too" },
		{ CALL("completion/complete", "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"ours\"}"),
		    CALL("completion/complete", "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"}"), "also where they are completed" },
		{ CALL("completion/complete", "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"ours\"}"),
		    CALL("completion/complete", "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"ours\"}"), "a resource is none" },
		{ "[" CALL("tools/call", "\"name\":\"a\"") " , " CALL("ping", "\"name\":\"a\"") "]",
		    "[" CALL("tools/call", "\"name\":\"b\"") " , " CALL("ping", "\"name\":\"a\"") "]", "a batch is changed call by call" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(called(a, RENAMED, &nobody, cases[i].text), cases[i].want, cases[i].name);
	is_str(filtered(a, RENAMED, TOOLS("{\"title\":\"t\",\"name\":\"qu\\u0065ry\",\"n\":1e2},{\"name\":\"b\"},{\"name\":\"ask \\\"db\\\"\"},{\"name\":\"qq\"}")),
	    TOOLS("{\"title\":\"t\",\"name\":\"ask \\\"db\\\"\",\"n\":1e2},{\"name\":\"a\"},{\"name\":\"qq\"}"),
	    "lists have the names for clients, and no item of the upstream's that bears one");
	is_str(filtered(a, RENAMED, TOOLS("{\"name\":\"query\",\"Name\":\"x\"}")), TOOLS("{\"name\":\"ask \\\"db\\\"\"}"),
	    "no name in another case stays beside it");
	arena_free(a);
}

#define CONSTRAINED "{\"tools\":[{\"name\":\"t\",\"arguments\":{\"pin\":{\"db\":\"test\",\"n\":{\"a\":[1]}},\"remove\":[\"force\"]," \
	"\"schema\":{\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},\"mode\":{\"enum\":[\"r\",\"rw\"]}}," \
	"\"required\":[\"limit\"]}}}]}"
#define ARGS(args) CALL("tools/call", "\"name\":\"t\",\"arguments\":{" args "}")
#define PINNED "\"db\":\"test\",\"n\":{\"a\":[1]}"

static void test_arguments(void)
{
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ ARGS("\"limit\" : 1e0"), ARGS("\"limit\":1e0," PINNED), "pinned arguments are set" },
		{ ARGS("\"db\":\"live\",\"limit\":2,\"n\":null"), ARGS("\"limit\":2," PINNED), "whatever the caller says" },
		{ ARGS("\"d\\u0062\":\"live\",\"limit\":2"), ARGS("\"limit\":2," PINNED), "however it is escaped" },
		{ ARGS("\"DB\":\"live\",\"limit\":2"), "refused: arguments: there is no argument 'db'", "another case is refused" },
		{ ARGS("\"force\":true,\"limit\":2"), "refused: arguments: there is no argument 'force'", "what is removed is refused" },
		{ ARGS("\"FORCE\":true,\"limit\":2"), "refused: arguments: there is no argument 'force'", "in any case" },
		{ ARGS("\"for\\u0063e\":true,\"limit\":2"), "refused: arguments: there is no argument 'force'", "in escapes" },
		{ ARGS("\"limit\":11"), "refused: arguments.limit: it is too large", "the schema is enforced" },
		{ ARGS("\"limit\":0"), "refused: arguments.limit: it is too small", "both ways" },
		{ ARGS("\"limit\":1.5"), "refused: arguments.limit: it is of another type", "and its types" },
		{ ARGS("\"Limit\":99,\"limit\":1"), "refused: arguments: a name is spelled in another case", "in any case" },
		{ ARGS("\"limit\":1,\"mode\":\"x\""), "refused: arguments.mode: it is none of the values that are allowed", "and values" },
		{ ARGS(""), "refused: arguments.limit: it is missing", "what is required must be there" },
		{ CALL("tools/call", "\"name\":\"t\""), "refused: arguments.limit: it is missing", "also where there are no arguments" },
		{ CALL("tools/call", "\"name\":\"t\",\"arguments\":[]"), "refused: arguments: they must be an object", "or no object" },
		{ CALL("tools/call", "\"arguments\":null,\"name\":\"t\""), "refused: arguments: they must be an object", "null is none" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(called(a, CONSTRAINED, &nobody, cases[i].text), cases[i].want, cases[i].name);
	is_str(called(a, "{\"tools\":[{\"name\":\"t\",\"rename\":\"T\",\"arguments\":{\"pin\":{\"x\":1}}}]}", &nobody,
		   CALL("tools/call", "\"_meta\":{},\"name\":\"T\"")),
	    CALL("tools/call", "\"arguments\":{\"x\":1},\"_meta\":{},\"name\":\"t\""), "arguments are made where there are none");
	is_str(filtered(a, CONSTRAINED,
		   TOOLS("{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"db\":{\"x-mcp-header\":\"Db\"},\"force\":{},"
			 "\"limit\":{\"type\":\"integer\",\"maximum\":5,\"title\":\"L\"},\"mode\":{\"enum\":[\"rw\",\"x\"]}},"
			 "\"required\":[\"db\",\"mode\"],\"anyOf\":[{\"required\":[\"force\"],\"properties\":{\"n\":{}}}],"
			 "\"dependentRequired\":{\"db\":[\"a\"],\"a\":[\"force\",\"b\"]}},\"InputSchema\":{}}")),
	    TOOLS("{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
		  "\"limit\":{\"type\":\"integer\",\"maximum\":5,\"title\":\"L\",\"minimum\":1},\"mode\":{\"enum\":[\"rw\"]}},"
		  "\"required\":[\"mode\",\"limit\"],\"anyOf\":[{\"required\":[],\"properties\":{}}],"
		  "\"dependentRequired\":{\"a\":[\"b\"]}}}"),
	    "what is published is narrower");
	is_str(filtered(a, CONSTRAINED, TOOLS("{\"name\":\"t\"}")),
	    TOOLS("{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
		  "\"mode\":{\"enum\":[\"r\",\"rw\"]}},\"required\":[\"limit\"],\"type\":\"object\"}}"),
	    "also where the upstream publishes nothing");
	/* twice: what was merged must not have become part of the configuration */
	is_str(filtered(a, CONSTRAINED, TOOLS("{\"name\":\"t\"},{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"limit\":{\"maximum\":3}}}}")),
	    TOOLS("{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
		  "\"mode\":{\"enum\":[\"r\",\"rw\"]}},\"required\":[\"limit\"],\"type\":\"object\"}},"
		  "{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"limit\":{\"maximum\":3,\"type\":\"integer\",\"minimum\":1},"
		  "\"mode\":{\"enum\":[\"r\",\"rw\"]}},\"required\":[\"limit\"],\"type\":\"object\"}}"),
	    "and again");
	arena_free(a);
}

#define FORMS "{\"tools\":[{\"name\":\"t\",\"arguments\":{\"schema\":{\"properties\":{" \
	"\"few\":{\"maxItems\":1,\"items\":{\"type\":\"string\"}}," \
	"\"slow\":{\"items\":{\"pattern\":\"(?:a?){12}b\"}}}}}}]}"

/* N texts, each of which the pattern finds in, after a while. */
static const char *slow_texts(struct arena *a, int n)
{
	char *text = arena_alloc(a, 2001);
	struct buf b;
	const char *all;

	memset(text, 'a', 2000);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s\"%sb\"", i ? "," : "", text);
	all = arena_printf(a, ARGS("\"slow\":[%s]"), buf_text(&b));
	buf_release(&b);
	return all;
}

static void test_effort(void)
{
	struct arena *a = arena_new();
	const char *one = slow_texts(a, 1);

	is_str(called(a, FORMS, &nobody, ARGS("\"few\":[1,2]")), "refused: arguments.few: it has too many items",
	    "items are counted before they are judged");
	is_str(called(a, FORMS, &nobody, one), one, "a slow pattern has its time");
	is_str(called(a, FORMS, &nobody, slow_texts(a, 400)), "refused: arguments.slow[]: it does not have the form that is asked for",
	    "once for a call, however many texts it has");
	arena_free(a);
}

#define BY_FUNCTION "{\"accessControl\":{\"mode\":\"function\"},\"tools\":[\"a\",{\"name\":\"b\",\"rename\":\"B\"},{\"match\":\"c*\"}]," \
	"\"resourceTemplates\":[\"u:{x}\",{\"match\":\"v:*\"}],\"resources\":[]}"

static void test_functions(void)
{
	static const struct {
		const char *allowed, *want, *name;
	} cases[] = {
		{ NULL, "", "a function that failed allows nothing" },
		{ "null", "", "nor does one without an answer" },
		{ "\"a\"", "", "nor one that answers a text" },
		{ "true", "", "or a truth" },
		{ "[]", "prompt:p", "an empty list allows none of what is listed" },
		{ "[\"a\",\"b\",\"zz\"]", "tool:a tool:B prompt:p", "an array names upstream's names, of what is listed" },
		{ "[\"c1\",\"u:{x}\"]", "tool:c1 resource:u:1 prompt:p", "of every kind, by pattern and template too" },
		{ "{\"resourceTemplates\":[\"v:{x}\"]}", "resource:v:1 prompt:p", "a template of a pattern, and what is read by it" },
		{ "{\"resourceTemplates\":[\"v:other\",\"{+x}\"]}", "prompt:p", "not by another, nor by one that the pattern does not match" },
		{ "{\"tools\":[\"a\"]}", "tool:a prompt:p", "an object names them by kind" },
		{ "{\"tools\":\"a\"}", "prompt:p", "a kind that is no array allows nothing" },
		{ "{\"prompts\":[\"q\"],\"tools\":[\"B\"]}", "", "a kind that the catalog does not list can be cut as well" },
		{ "{\"tools\":[\"d\",\"A\"],\"prompts\":[\"p\"]}", "prompt:p", "what is not listed is never allowed" },
	};
	static const char *const all[][2] = { { "tool", "a" }, { "tool", "b" }, { "tool", "B" }, { "tool", "c1" }, { "tool", "zz" },
		{ "tool", "d" }, { "resource", "u:1" }, { "resource", "v:1" }, { "prompt", "p" } };
	struct arena *a = arena_new();
	struct catalog *c = catalog(a, BY_FUNCTION);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog_caller who = { .allowed = { NULL, 0 } };
		const char *seen = "";

		if (cases[i].allowed)
			who.allowed = scan_value(cases[i].allowed, strlen(cases[i].allowed));
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			if (catalog_allows(c, &who, all[k][0], all[k][1]))
				seen = arena_printf(a, "%s%s%s:%s", seen, *seen ? " " : "", all[k][0], all[k][1]);
		is_str(seen, cases[i].want, cases[i].name);
	}
	is_str(catalog_text(c), "{\"tools\":[\"a\",\"b\",{\"match\":\"c*\"}],\"resources\":[],\"resourceTemplates\":[\"u:{x}\",{\"match\":\"v:*\"}]}",
	    "the function is told of the catalog");
	is_str(filtered(a, BY_FUNCTION, "{\"result\":{\"prompts\":[{\"name\":\"p\"}],\"cacheScope\":\"public\"}}"),
	    "{\"result\":{\"prompts\":[],\"cacheScope\":\"private\"}}", "where it failed, a kind that is not listed is empty, too");
	arena_free(a);
}

static void test_odd_spellings(void)
{
	static const char *const cases[] = {
		"{\"result\":{\"Tools\":[{\"name\":\"write\"}]}}",
		"{\"Result\":{\"tools\":[{\"name\":\"write\"}]}}",
		"{\"result\":{\"tool\\u017f\":[{\"name\":\"write\"}]}}",
		"{\"result\":{\"tools\":[],\"TOOLS\":[{\"name\":\"write\"}]}}",
		"{\"result\":{},\"re\xc5\xbfult\":{\"tools\":[{\"name\":\"write\"}]}}",
		"[{\"result\":{}},{\"result\":{\"toolS\":[{\"name\":\"write\"}]}}]",
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(filtered(a, READ, cases[i]), "refused", cases[i]);
	is_str(filtered(a, READ, "{\"result\":{\"Tools\":1,\"Prompts\":[{\"name\":\"write\"}]}}"),
	    "{\"result\":{\"Tools\":1,\"Prompts\":[{\"name\":\"write\"}]}}", "what is no filtered list may be spelled as it likes");
	arena_free(a);
}

static void test_faults(void)
{
	static const struct {
		const char *options, *pointer, *text;
	} cases[] = {
		{ "{\"tools\":{}}", "/tools", "this is no array" },
		{ "{\"tools\":[7]}", "/tools/0", "an entry must be a string or an object" },
		{ "{\"tools\":[\"a\",\"a\"]}", "/tools/1", "the entry is listed twice" },
		{ "{\"tools\":[{}]}", "/tools/0", "an entry is about one name, or about one pattern" },
		{ "{\"tools\":[{\"name\":\"a\",\"match\":\"b\"}]}", "/tools/0", "an entry is about one name, or about one pattern" },
		{ "{\"tools\":[{\"regex\":\"a\",\"match\":\"b\"}]}", "/tools/0", "an entry is about one name, or about one pattern" },
		{ "{\"resources\":[{\"name\":\"a\"}]}", "/resources/0", "an entry is about one name, or about one pattern" },
		{ "{\"resourceTemplates\":[{\"match\":\"a\",\"uriTemplate\":\"a\"}]}", "/resourceTemplates/0",
		    "an entry is about one name, or about one pattern" },
		{ "{\"resourceTemplates\":[{\"uriTemplate\":\"a\",\"rename\":\"b\"}]}", "/resourceTemplates/0/rename", "unknown option 'rename' (did you mean 'name'?)" },
		{ "{\"tools\":[{\"regex\":\"(\"}]}", "/tools/0/regex", "missing closing parenthesis, at offset 1" },
		{ "{\"tools\":[{\"regex\":\"a)|(b\"}]}", "/tools/0/regex", "unmatched closing parenthesis, at offset 1" },
		{ "{\"tools\":[{\"match\":\"a*\",\"rename\":\"b\"}]}", "/tools/0/rename", "what a pattern stands for cannot have one name" },
		{ "{\"tools\":[{\"name\":\"a\",\"rename\":\"b\"},\"b\"]}", "/tools/1", "clients would call two entries 'b'" },
		{ "{\"tools\":[{\"name\":\"a\",\"rename\":\"b\"},{\"name\":\"c\",\"rename\":\"b\"}]}", "/tools/1",
		    "clients would call two entries 'b'" },
		{ "{\"tools\":[{\"name\":\"a\",\"rename\":\"\"}]}", "/tools/0/rename", "it is empty" },
		{ "{\"prompts\":[{\"name\":\"a\",\"arguments\":{}}]}", "/prompts/0/arguments", "unknown option 'arguments'" },
		{ "{\"tools\":[{\"name\":\"a\",\"arguments\":{\"pins\":{}}}]}", "/tools/0/arguments/pins",
		    "unknown option 'pins' (did you mean 'pin'?)" },
		{ "{\"tools\":[{\"name\":\"a\",\"arguments\":{\"pin\":{\"x\":1},\"remove\":[\"x\"]}}]}", "/tools/0/arguments/pin/x",
		    "the argument is pinned and removed" },
		{ "{\"tools\":[{\"name\":\"a\",\"arguments\":{\"schema\":{\"properties\":{\"x\":{\"anyOf\":[]}}}}}]}",
		    "/tools/0/arguments/schema/properties/x/anyOf", "this keyword of JSON Schema is not enforced here" },
		{ "{\"tools\":[{\"name\":\"a\",\"roles\":[\"r\"]}]}", "/tools/0",
		    "roles, groups and public mean nothing unless accessControl.mode is rolesAndGroups" },
	};
	const struct scan_limits limits = scan_limits_of(65536);
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problems *problems = problems_new(a);
		struct problem p = { .text = NULL };
		const char *o = cases[i].options;

		ok(!catalog_new(a, json_parse(a, o, strlen(o), &limits, NULL), problems, "f", ""), o);
		ok(problems_at(problems, 0, &p) && p.is_error, "... is an error");
		is_str(p.pointer, cases[i].pointer, "... at its place");
		is_str(p.text, cases[i].text, "... with its reason");
	}
	arena_free(a);
}

/* ---- anything at all */

/* Names over two letters, so that patterns, other names and items meet often. */
static const char *random_name(struct arena *a, unsigned *seed)
{
	unsigned n = 1 + (unsigned)rand_r(seed) % 3;
	char *s = arena_alloc(a, n + 1);

	for (unsigned i = 0; i < n; i++)
		s[i] = "ab"[rand_r(seed) % 2];
	return s;
}

/* An entry as this test sees it, read by the plainest rules. */
struct rule {
	const char *name, *prefix, *shown, *role;
	bool pinned;
};

enum { RULES = 5, ITEMS = 6 };

static const struct rule *rule_of(const struct rule *rules, const char *name)
{
	for (int i = 0; i < RULES; i++)
		if (rules[i].name && !strcmp(rules[i].name, name))
			return &rules[i];
	for (int i = 0; i < RULES; i++)
		if (rules[i].name && !strcmp(rules[i].shown, name))
			return NULL; /* taken: clients mean another by it */
	for (int i = 0; i < RULES; i++)
		if (rules[i].prefix && !strncmp(rules[i].prefix, name, strlen(rules[i].prefix)))
			return &rules[i];
	return NULL;
}

static void random_rules(struct rule *rules, struct arena *a, unsigned *seed)
{
	memset(rules, 0, RULES * sizeof(*rules));
	for (int i = 0; i < RULES; i++) {
		struct rule r = { .role = rand_r(seed) % 3 ? "mine" : "theirs", .pinned = rand_r(seed) % 2 };
		bool taken = false;

		if (rand_r(seed) % 3 == 0) {
			r.prefix = random_name(a, seed);
		} else {
			r.name = random_name(a, seed);
			r.shown = rand_r(seed) % 2 ? r.name : random_name(a, seed);
		}
		for (int k = 0; k < i; k++) {
			const struct rule *o = &rules[k];

			taken |= r.name && o->name && (!strcmp(r.name, o->name) || !strcmp(r.shown, o->shown));
		}
		if (!taken) /* the others are faults of the configuration: see above */
			rules[i] = r;
	}
}

static void write_rules(struct buf *b, const struct rule *rules)
{
	const char *join = "";

	buf_str(b, "{\"accessControl\":{\"mode\":\"rolesAndGroups\"},\"tools\":[");
	for (int i = 0; i < RULES; i++) {
		const struct rule *r = &rules[i];

		if (!r->name && !r->prefix)
			continue;
		buf_printf(b, "%s{\"roles\":[\"%s\"],", join, r->role);
		if (r->pinned)
			buf_str(b, "\"arguments\":{\"pin\":{\"secret\":1},\"remove\":[\"gone\"]},");
		if (r->prefix)
			buf_printf(b, i % 2 ? "\"match\":\"%s*\"}" : "\"regex\":\"%s.*\"}", r->prefix);
		else if (r->shown == r->name)
			buf_printf(b, "\"name\":\"%s\"}", r->name);
		else
			buf_printf(b, "\"name\":\"%s\",\"rename\":\"%s\"}", r->name, r->shown);
		join = ",";
	}
	buf_str(b, "]}");
}

/* What a client sees, by the rules: the names, each behind a blank. */
static const char *expected(struct arena *a, const struct rule *rules, const char *const *items)
{
	const char *seen = "";

	for (int i = 0; i < ITEMS; i++) {
		const struct rule *r = rule_of(rules, items[i]);

		if (r && !strcmp(r->role, "mine"))
			seen = arena_printf(a, "%s %s", seen, r->prefix ? items[i] : r->shown);
	}
	return seen;
}

static const char *names_in(struct arena *a, const char *text)
{
	struct span item, list = scan_path(scan_value(text, strlen(text)), "result", "tools", NULL);
	const char *seen = "";
	size_t at = 0;

	while (scan_next(list, &at, NULL, &item))
		seen = arena_printf(a, "%s %s", seen, scan_string(scan_member(item, "name"), a));
	return seen;
}

/* One round: faults of the list, and of calls by every name that there may be. */
static void one_round(unsigned *seed, int *lists, int *calls, int *published)
{
	struct arena *a = arena_new();
	struct rule rules[RULES];
	const char *items[ITEMS], *text = "", *out;
	struct buf options, got;
	struct catalog *c;
	struct catalog_caller who;
	struct err e = { .code = ERR_NONE };

	random_rules(rules, a, seed);
	buf_init(&options, 65536);
	buf_init(&got, 65536);
	write_rules(&options, rules);
	c = catalog(a, buf_text(&options));
	who = catalog_caller(c, a, "{\"roles\":[\"mine\"]}");
	for (int i = 0; i < ITEMS; i++) {
		items[i] = random_name(a, seed);
		text = arena_printf(a, rand_r(seed) % 2 ? "%s%s{\"name\":\"%s\",\"inputSchema\":{\"properties\":{\"secret\":{},\"gone\":{}}}}" :
		                                          "%s%s{\"inputSchema\":{\"required\":[\"secret\"]} , \"n\\u0061me\":\"%s\"}",
		    text, i ? "," : "", items[i]);
	}
	text = arena_printf(a, "{\"result\":{\"x\":[{\"name\":\"q\"}],\"tools\":[%s]}}", text);
	catalog_filter(c, &who, a, text, strlen(text), &got, &e);
	out = arena_strdup(a, buf_text(&got));
	*lists += strcmp(names_in(a, out), expected(a, rules, items)) != 0;
	for (int i = 0; i < ITEMS; i++) { /* each item as a call, by its name upstream */
		const struct rule *r = rule_of(rules, items[i]);
		const char *call = arena_printf(a, "{\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":{\"secret\":2}}}", items[i]);
		bool mine = false, pinned = false;
		const char *upstream = items[i], *went;

		for (int k = 0; k < RULES; k++)
			if (rules[k].name && !strcmp(rules[k].shown, items[i])) {
				mine = !strcmp(rules[k].role, "mine");
				upstream = rules[k].name;
				pinned = rules[k].pinned;
				r = NULL;
			}
		if (r && r->prefix) {
			mine = !strcmp(r->role, "mine");
			pinned = r->pinned;
		}
		went = arena_printf(a, "{\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":{\"secret\":%d}}}", upstream,
		    pinned ? 1 : 2);
		buf_clear(&got);
		err_clear(&e);
		*calls += catalog_allows(c, &who, "tool", items[i]) != mine;
		*calls += catalog_call(c, &who, a, call, strlen(call), &got, &e) != mine || (mine && strcmp(buf_text(&got), went) != 0);
		if (mine && pinned && !strcmp(upstream, items[i])) { /* in the list that this name came from, nothing of it shows */
			const char *one = arena_printf(a, "{\"result\":{\"tools\":[{\"name\":\"%s\",\"inputSchema\":{\"allOf\":[{\"required\":"
				"[\"secret\"]}],\"properties\":{\"secret\":{},\"gone\":{}}}}]}}", items[i]);

			buf_clear(&got);
			catalog_filter(c, &who, a, one, strlen(one), &got, &e);
			*published += strstr(buf_text(&got), "secret") || strstr(buf_text(&got), "gone");
		}
	}
	buf_release(&options);
	buf_release(&got);
	arena_free(a);
}

/* Random entries by name, by pattern, renamed, for roles, with arguments: a list and a call tell the same story as the rules. */
static void test_rules(void)
{
	unsigned seed = 20261127;
	int lists = 0, calls = 0, published = 0;

	for (int round = 0; round < 4000; round++)
		one_round(&seed, &lists, &calls, &published);
	is_int(lists, 0, "lists show what the rules show, and no other name");
	is_int(calls, 0, "calls reach what they show, and nothing else");
	is_int(published, 0, "pinned and removed arguments are published nowhere");
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

/* policy_of() knows by the class alone that a sign-in has none. */
static void test_hooks(void)
{
	static const struct policy_type sign_in = { .class = POLICY_OAUTH };
	size_t lost = 0;

	for (size_t i = 0; policy_table[i]; i++)
		lost += policy_of(&(struct policy_use){ .type = &policy_table[i]->type }) != policy_table[i];
	is_int(lost, 0, "each policy of the table is found by its type");
	ok(!policy_of(&(struct policy_use){ .type = &sign_in })->on_request && !policy_of(&(struct policy_use){ .type = NULL })->on_request,
	    "a sign-in, and what is unknown, have no hooks");
}

int main(void)
{
	test_hooks();
	test_lists();
	test_calls();
	test_roles();
	test_patterns();
	test_renames();
	test_arguments();
	test_effort();
	test_functions();
	test_odd_spellings();
	test_faults();
	test_rules();
	test_property();
	return done();
}
