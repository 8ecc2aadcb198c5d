/* SPDX-License-Identifier: Apache-2.0 */
/* Mcp-Param-*: which marks of a schema count, and what the headers say. */
#include "config.h"

#include "rpc/param.h"

#include "base/buf.h"

#include "tap.h"

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* ---- marks: "Header=path.of.names", joined by blanks */

static const struct {
	const char *schema, *marks, *name;
} schemas[] = {
	{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}", "A=a", "a string" },
	{ "{\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"},\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"}}}",
	    "A=a B=b", "an integer and a boolean" },
	{ "{\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}", "A=a", "a number, whose header servers check" },
	{ "{\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{\"b\":{\"properties\":{\"c\":{\"type\":\"string\","
	  "\"x-mcp-header\":\"Deep\"}}}}}}}",
	    "Deep=a.b.c", "deep down a chain of properties" },
	{ "{\"properties\":{\"a\":{\"type\":\"array\",\"x-mcp-header\":\"A\"}}}", "", "no array" },
	{ "{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"],\"x-mcp-header\":\"A\"}}}", "", "no choice of types" },
	{ "{\"properties\":{\"a\":{\"x-mcp-header\":\"A\"}}}", "", "nothing without a type" },
	{ "{\"type\":\"string\",\"x-mcp-header\":\"A\"}", "", "not the arguments themselves" },
	{ "{\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}", "",
	    "nothing under items" },
	{ "{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\",\"x-mcp-header\":\"A\"}]}}}", "", "nothing under anyOf" },
	{ "{\"$defs\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}", "", "nothing under $defs" },
	{ "{\"additionalProperties\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}", "", "nothing under additionalProperties" },
	{ "{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A b\"},\"b\":{\"type\":\"string\",\"x-mcp-header\":\"\"},"
	  "\"c\":{\"type\":\"string\",\"x-mcp-header\":\"A\\r\\nB\"},\"d\":{\"type\":\"string\",\"x-mcp-header\":\"A:\"},"
	  "\"e\":{\"type\":\"string\",\"x-mcp-header\":7},\"f\":{\"type\":\"string\",\"x-mcp-header\":\"\xc3\xa9\"}}}",
	    "", "no name that a header cannot have" },
	{ "{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},\"b\":{\"type\":\"string\",\"x-mcp-header\":\"REGION\"}}}",
	    "Region=a", "one name once, in whatever case" },
	{ "{\"properties\":{\"x-mcp-header\":{\"type\":\"string\"}}}", "", "a property of that name is no mark" },
	{ "{\"properties\":{\"a\\u002eb\":{\"type\":\"string\",\"x-mcp-header\":\"user_id.x\"}}}", "user_id.x=a.b", "names are decoded" },
	{ "[]", "", "a schema that is none" },
	{ "true", "", "a schema that is true" },
};

static const char *marks_text(const struct param_mark *m, struct buf *b)
{
	for (; m; m = m->next) {
		buf_printf(b, "%s%s=", b->len ? " " : "", m->header);
		for (const char *const *name = m->path; *name; name++)
			buf_printf(b, "%s%s", name == m->path ? "" : ".", *name);
	}
	return buf_text(b);
}

static void check_marks(struct arena *a)
{
	struct buf b;

	buf_init(&b, 65536);
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		buf_clear(&b);
		is_str(marks_text(param_marks(span_of(schemas[i].schema), a), &b), schemas[i].marks, schemas[i].name);
	}
	buf_clear(&b);
	for (int i = 0; i < 20; i++)
		buf_str(&b, "{\"properties\":{\"a\":");
	buf_str(&b, "{\"type\":\"string\",\"x-mcp-header\":\"A\"}");
	for (int i = 0; i < 20; i++)
		buf_str(&b, "}}");
	ok(!param_marks(span_of(buf_text(&b)), a), "a chain without end is not followed");
	buf_clear(&b);
	buf_str(&b, "{\"properties\":{");
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%s\"p%d\":{\"type\":\"string\",\"x-mcp-header\":\"H%d\"}", i ? "," : "", i, i);
	buf_str(&b, "}}");
	int n = 0;
	for (const struct param_mark *m = param_marks(span_of(buf_text(&b)), a); m; m = m->next)
		n++;
	is_int(n, PARAM_MARKS_MAX, "a tool has so many marks at most");
	buf_release(&b);
}

/* ---- values */

static const struct {
	const char *arguments, *value, *name;
} values[] = {
	{ "{\"a\":\"us-west1\"}", "us-west1", "text is itself" },
	{ "{\"a\":\"two words, !\"}", "two words, !", "blanks inside are nothing special" },
	{ "{\"a\":\"\"}", "=?base64?\?=", "no text at all is encoded" },
	{ "{\"a\":\" x\"}", "=?base64?IHg=?=", "a blank before it is encoded" },
	{ "{\"a\":\"x\\t\"}", "=?base64?eAk=?=", "a tab behind it is encoded" },
	{ "{\"a\":\"h\\u00e9\"}", "=?base64?aMOp?=", "what is no ASCII is encoded, as UTF-8" },
	{ "{\"a\":\"a\\r\\nX-Evil: 1\"}", "=?base64?YQ0KWC1FdmlsOiAx?=", "a line end is encoded" },
	{ "{\"a\":\"=?base64?eA==?=\"}", "=?base64?PT9iYXNlNjQ/ZUE9PT89?=", "what looks encoded is encoded" },
	{ "{\"a\":\"=?BASE64?x?=\"}", "=?BASE64?x?=", "nor is another case" },
	{ "{\"a\":true}", "true", "true" },
	{ "{\"a\":false}", "false", "false" },
	{ "{\"a\":42}", "42", "an integer" },
	{ "{\"a\":-0}", "0", "nothing is minus nothing" },
	{ "{\"a\":42.0}", "42", "an integer with a fraction of nothing" },
	{ "{\"a\":4.2e1}", "42", "an integer with an exponent" },
	{ "{\"a\":9007199254740991}", "9007199254740991", "the largest integer that all keep" },
	{ "{\"a\":9007199254740993}", NULL, "a larger one is left out" },
	{ "{\"a\":1e400}", NULL, "and so is one past all bounds" },
	{ "{\"a\":0.5}", "0.5", "a fraction" },
	{ "{\"a\":null}", NULL, "null is left out" },
	{ "{\"b\":1}", NULL, "what is absent is left out" },
	{ "{\"a\":{}}", NULL, "an object is left out" },
	{ "{\"a\":[\"x\"]}", NULL, "an array is left out" },
	{ "[]", NULL, "arguments that are no object" },
	{ "{\"a\":\"\\u0000\"}", NULL, "a NUL" },
};

static const struct {
	const char *arguments, *said;
	bool agrees;
	const char *name;
} headers[] = {
	{ "{\"a\":\"x\"}", "x", true, "the same text" },
	{ "{\"a\":\"x\"}", " x\t", true, "with blanks around it" },
	{ "{\"a\":\"x\"}", "=?base64?eA==?=", true, "encoded without need" },
	{ "{\"a\":\"x\"}", "X", false, "another case" },
	{ "{\"a\":\"x\"}", "=?base64?!!?=", false, "broken encoding" },
	{ "{\"a\":\"x\"}", "x, x", false, "twice" },
	{ "{\"a\":42}", "42.0", true, "numbers compare as numbers" },
	{ "{\"a\":42}", "43", false, "another number" },
	{ "{\"a\":42}", "4.2e1", false, "no decimal" },
	{ "{\"a\":\"42\"}", "42.0", false, "texts do not" },
	{ "{\"a\":true}", "true", true, "a boolean" },
	{ "{\"a\":true}", "True", false, "in its own case" },
	{ "{\"a\":null}", "x", true, "null: the header does not matter" },
	{ "{}", "x", true, "absent: likewise" },
};

int main(void)
{
	static const char *const path[] = { "a", NULL };
	const struct param_mark mark = { .header = "A", .path = path }, odd = { .header = "user_id", .path = path };
	struct arena *a = arena_new();
	char *long_text = arena_alloc(a, 20000);

	check_marks(a);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		is_str(param_value(&mark, span_of(values[i].arguments), a), values[i].value, values[i].name);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		ok(param_agrees(&mark, span_of(headers[i].arguments), headers[i].said, a) == headers[i].agrees, headers[i].name);
	memset(long_text, 'x', PARAM_VALUE_MAX);
	ok(param_value(&mark, span_of(arena_printf(a, "{\"a\":\"%s\"}", long_text)), a), "the longest value");
	long_text[PARAM_VALUE_MAX] = 'x';
	ok(!param_value(&mark, span_of(arena_printf(a, "{\"a\":\"%s\"}", long_text)), a), "a longer one is left out");
	ok(param_survives(&mark) && !param_survives(&odd), "an underscore does not survive every web server");
	arena_free(a);
	return done();
}
