/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what they show, how they escape, and what they refuse. */
#include "config.h"

#include "page/template.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

struct row {
	const char *item;
	bool last;
};

struct values {
	const char *name, *empty;
	struct page_url link;
	bool yes, no;
	struct row *rows;
	size_t rows_n;
};

#define FIELD(type, member, of)                                                                    \
	{                                                                                          \
		.name = #member, .kind = of, .offset = offsetof(struct type, member)               \
	}

static const struct page_field row_fields[] = {
	FIELD(row, item, PAGE_TEXT),
	FIELD(row, last, PAGE_FLAG),
	{ .name = NULL },
};

static const struct page_field fields[] = {
	FIELD(values, name, PAGE_TEXT),
	FIELD(values, empty, PAGE_TEXT),
	FIELD(values, link, PAGE_URL),
	FIELD(values, yes, PAGE_FLAG),
	FIELD(values, no, PAGE_FLAG),
	{ .name = "rows",
	    .kind = PAGE_LIST,
	    .offset = offsetof(struct values, rows),
	    .count = offsetof(struct values, rows_n),
	    .size = sizeof(struct row),
	    .fields = row_fields },
	{ .name = NULL },
};

/* Mentions every field without showing any, so that each row below need not. */
#define REST                                                                                       \
	"{{#no}}{{name}}{{empty}}{{link}}{{#yes}}{{/yes}}{{#rows}}{{item}}{{#last}}{{/last}}{{/"   \
	"rows}}{{/no}}"

static const char *find_part(void *own, const char *name, const char **file)
{
	static const char *const parts[][2] = {
		{ "bye", "<p>bye {{name}}</p>" },
		{ "loop", "{{>loop}}" },
		{ "open", "{{#yes}}" },
		{ "tag", "<a href=" },
		{ "page.css", "p{color:red}" },
		{ "html.css", "p{}</style><script>" },
		{ NULL, NULL },
	};

	(void)own;
	for (size_t i = 0; parts[i][0]; i++)
		if (!strcmp(parts[i][0], name)) {
			*file = parts[i][0];
			return parts[i][1];
		}
	return NULL;
}

static const struct template_parts parts = { find_part, NULL };

static struct arena *arena;

static struct values sample(void)
{
	static struct row rows[] = { { "one", false }, { "<two>", true } };
	struct values v = { .name = "A&B <i>\"x\" 'y'", .yes = true, .rows = rows, .rows_n = 2 };

	v.link = page_url(arena, "https://x.example/?a=1&b=\x27");
	return v;
}

static const char *rendered(const char *text)
{
	struct err e = { .code = ERR_NONE };
	struct values v = sample();
	struct template *t = template_parse(
	    arena, "t.html", arena_printf(arena, "%s" REST, text), fields, &parts, &e);
	struct buf out;
	const char *result;

	if (!t)
		return arena_strdup(arena, e.text);
	buf_init(&out, 100000);
	template_render(t, &v, &out);
	result = arena_strdup(arena, buf_text(&out));
	buf_release(&out);
	return result;
}

static void shows(void)
{
	static const struct {
		const char *text, *want, *name;
	} rows[] = {
		{ "plain", "plain", "text without tags is copied" },
		{ "<p>{{name}}", "<p>A&amp;B &lt;i&gt;&quot;x&quot; &#39;y&#39;",
		    "a value in text is escaped" },
		{ "<p title=\"{{name}}\">",
		    "<p title=\"A&amp;B &lt;i&gt;&quot;x&quot; &#39;y&#39;\">",
		    "a value in an attribute is escaped" },
		{ "<a href=\"{{link}}\">", "<a href=\"https://x.example/?a=1&amp;b=&#39;\">",
		    "a checked URL may be a URL attribute" },
		{ "{{#yes}}a{{/yes}}{{#no}}b{{/no}}", "a",
		    "a section is shown when its flag is set" },
		{ "<iframe sandbox=\"\" srcdoc=\"{{name}}\"></iframe>",
		    "<iframe sandbox=\"\" srcdoc=\"A&amp;B &lt;i&gt;&quot;x&quot; &#39;y&#39;\"></iframe>",
		    "a foreign document stands in a sandbox" },
		{ "{{^yes}}a{{/yes}}{{^no}}b{{/no}}", "b", "an inverted section when it is not" },
		{ "{{#name}}a{{/name}}{{#empty}}b{{/empty}}{{^empty}}c{{/empty}}", "ac",
		    "an absent text counts as not set" },
		{ "{{#link}}a{{/link}}", "a", "a URL counts as set" },
		{ "{{#rows}}[{{item}}{{#last}}.{{/last}}]{{/rows}}", "[one][&lt;two&gt;.]",
		    "a list is repeated for each of its rows" },
		{ "{{#rows}}{{#last}}{{name}}{{/last}}{{/rows}}",
		    "A&amp;B &lt;i&gt;&quot;x&quot; &#39;y&#39;",
		    "a row sees the values around it" },
		{ "{{^rows}}none{{/rows}}", "", "an inverted list is hidden while there are rows" },
		{ "a<!-- {{nothing}} <script> -->b", "ab",
		    "comments are left out, whatever they hold" },
		{ "{{>bye}}", "<p>bye A&amp;B &lt;i&gt;&quot;x&quot; &#39;y&#39;</p>",
		    "a part is put in its place" },
		{ "<style>{{>page.css}}</style>", "<style>p{color:red}</style>",
		    "a style is put into <style>" },
		{ "<b {{#yes}}hidden {{/yes}}>", "<b hidden >",
		    "an attribute may depend on a flag" },
		{ "<b class=\"a{{#no}} b{{/no}}\">", "<b class=\"a\">",
		    "and so may a part of its value" },
		{ "{{ name }}", "A&amp;B &lt;i&gt;&quot;x&quot; &#39;y&#39;",
		    "blanks inside a tag do not matter" },
		{ "a < b {{#yes}}c{{/yes}}", "a < b c", "a lone < does not begin a tag" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(rendered(rows[i].text), rows[i].want, rows[i].name);
}

static void refuses(void)
{
	static const struct {
		const char *text, *want, *name;
	} rows[] = {
		{ "\n{{nothing}}", "t.html:2: this page has no value 'nothing'",
		    "an unknown name, with its line" },
		{ "{{item}}", "t.html:1: this page has no value 'item'",
		    "a row's name outside of its list" },
		{ "{{^rows}}{{item}}{{/rows}}", "t.html:1: this page has no value 'item'",
		    "a row's name where there is no row" },
		{ "{{yes}}", "t.html:1: only texts and URLs can be shown, not 'yes'",
		    "a flag as a value" },
		{ "{{rows}}", "t.html:1: only texts and URLs can be shown, not 'rows'",
		    "a list as a value" },
		{ "<{{name}}>", "t.html:1: what follows a < is written out",
		    "a value as a tag's name" },
		{ "<b {{name}}>",
		    "t.html:1: a value stands in text or in a quoted attribute, not here: 'name'",
		    "a value as an attribute" },
		{ "<b x={{name}}>",
		    "t.html:1: a value stands in text or in a quoted attribute, not here: 'name'",
		    "a value without quotes" },
		{ "<b x='{{name}}'>", "t.html:1: an attribute's value stands in double quotes",
		    "a value in single quotes" },
		{ "<b x=y>", "t.html:1: an attribute's value stands in double quotes",
		    "any value without quotes" },
		{ "<a href=\"{{name}}\">",
		    "t.html:1: only a checked URL may stand in a URL attribute, not 'name'",
		    "a text as a URL attribute" },
		{ "<A HREF=\"{{name}}\">",
		    "t.html:1: only a checked URL may stand in a URL attribute, not 'name'",
		    "the same in capitals" },
		{ "<button formaction=\"{{name}}\">",
		    "t.html:1: only a checked URL may stand in a URL attribute, not 'name'",
		    "a text as a form's action" },
		{ "<a href=\"javascript:{{link}}\">",
		    "t.html:1: a URL must be all of its attribute 'link'",
		    "a scheme put before a URL" },
		{ "<a href=\"{{link}}x\">", "t.html:1: a URL must be all of its attribute 'link'",
		    "something put behind a URL" },
		{ "<b onclick=\"{{name}}\">",
		    "t.html:1: no value may stand in the attribute 'onclick'",
		    "a value in an event handler" },
		{ "<b style=\"{{name}}\">", "t.html:1: no value may stand in the attribute 'style'",
		    "a value in a style attribute" },
		{ "<meta content=\"0;url={{link}}\">",
		    "t.html:1: no value may stand in the attribute 'content'",
		    "a value in a refresh" },
		{ "<style>{{name}}</style>",
		    "t.html:1: a value stands in text or in a quoted attribute, not here: 'name'",
		    "a value in a style" },
		{ "<style>p{}</style>", "t.html:1: <style> holds one part and nothing else",
		    "a style that the hash would not cover" },
		{ "<style>{{>html.css}}</style>", "t.html:1: a style holds no HTML: 'html.css'",
		    "a style that ends itself" },
		{ "<style>{{>page.css}}</style><style>{{>page.css}}</style>",
		    "t.html:1: a page has one style: 'page.css'", "a second style" },
		{ "{{>page.css}}",
		    "t.html:1: a style stands in <style>, and nothing else does: 'page.css'",
		    "a style in the text" },
		{ "<iframe srcdoc=\"{{name}}\"></iframe>",
		    "t.html:1: no value may stand in the attribute 'srcdoc'",
		    "a foreign document without a sandbox" },
		{ "<iframe sandbox=\"allow-scripts\" srcdoc=\"{{name}}\"></iframe>",
		    "t.html:1: no value may stand in the attribute 'srcdoc'",
		    "one in a sandbox with holes" },
		{ "<iframe sandbox=\"\" srcdoc=\"<p>{{name}}\"></iframe>",
		    "t.html:1: no value may stand in the attribute 'srcdoc'",
		    "a part of a foreign document" },
		{ "<script>x</script>", "t.html:1: pages have no scripts", "a script" },
		{ "<SCRIPT/src=\"x\">", "t.html:1: pages have no scripts",
		    "a script in another spelling" },
		{ "{{#yes}}", "t.html:1: section without an end: 'yes'",
		    "a section that is not closed" },
		{ "{{#yes}}{{#name}}{{/yes}}{{/name}}", "t.html:1: no such section is open: 'yes'",
		    "sections that overlap" },
		{ "{{/yes}}", "t.html:1: no such section is open: 'yes'",
		    "a section that was not opened" },
		{ "{{#yes}}<b title=\"{{/yes}}\">",
		    "t.html:1: the section ends in another place of the HTML than it began: 'yes'",
		    "a section that ends inside an attribute" },
		{ "{{>none}}", "t.html:1: there is no part 'none'", "a part that does not exist" },
		{ "{{>loop}}", "loop:1: parts are nested too deep at 'loop'",
		    "a part within itself" },
		{ "{{>tag}}", "tag:1: the file ends inside a tag", "a part with half a tag" },
		{ "{{>open}}", "open:1: section without an end: 'yes'",
		    "a part with half a section" },
		{ "{{#yes}}{{>bye}}{{/yes}}",
		    "t.html:1: a part stands outside of tags and sections: 'bye'",
		    "a part in a section" },
		{ "<!-- ", "t.html:1: comment without an end", "a comment that is not closed" },
		{ "{{}}", "t.html:1: tag without a name", "a tag without a name" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(rendered(rows[i].text), rows[i].want, rows[i].name);
}

static void misses(void)
{
	struct err e = { .code = ERR_NONE };

	ok(!template_parse(arena, "t.html",
	       "{{#rows}}{{#last}}{{/last}}{{/rows}}{{name}}{{empty}}{{link}}"
	       "{{#yes}}{{/yes}}{{#no}}{{/no}}",
	       fields, &parts, &e),
	    "a page that leaves out a row's value is refused");
	is_str(e.text, "t.html:1: the page does not show 'item'", "and told which");
	err_clear(&e);
	ok(!template_parse(arena, "t.html", "{{name", fields, &parts, &e),
	    "a tag without an end is refused");
	is_str(e.text, "t.html:1: tag without an end", "and told so");
}

static void urls(void)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "https://x.example/", true },
		{ "http://127.0.0.1:8080/a?b=c", true },
		{ "/oauth/setup", true },
		{ "/", true },
		{ "//evil.example/", false },
		{ "/\\evil.example", false },
		{ "javascript:alert(1)", false },
		{ "JavaScript:alert(1)", false },
		{ "data:text/html,x", false },
		{ "java\nscript:x", false },
		{ "https:x", false },
		{ "https://u@x.example/", false },
		{ "setup", false },
		{ "", false },
		{ NULL, false },
		{ "/a\"b", false },
		{ "/a b", false },
		{ "?a=b", true },
		{ "?a=\"b", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct page_url u = page_url(arena, rows[i].text);

		ok((u.checked != NULL) == rows[i].good,
		    arena_printf(arena, "page_url() %s %s", rows[i].good ? "takes" : "refuses",
			rows[i].text ? rows[i].text[0] == 'j' && rows[i].text[4] == '\n'
					   ? "a line break"
					   : rows[i].text
				     : "NULL"));
	}
}

int main(void)
{
	arena = arena_new();
	shows();
	refuses();
	misses();
	urls();
	arena_free(arena);
	return done();
}
