/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: a parser that walks the HTML one character at a time so as to know, at each {{tag}},
 * what kind of place it is in; a tree of nodes; a renderer.
 */
#include "config.h"

#include "page/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/uri.h"

enum { DEPTH_MAX = 8, PARTS_MAX = 4, NAME_LEN = 32 };

enum node_kind { NODE_COPY, NODE_VALUE, NODE_SECTION, NODE_INVERTED };

struct node {
	enum node_kind kind;
	const char *text; /* NODE_COPY */
	size_t len;
	const struct page_field *field;
	unsigned up; /* how many lists outside the innermost one the field is found */
	struct node *first, **tail, *next;
};

struct template {
	struct node root;
	const char *style;
};

/* Where in the HTML the parser is. */
enum place {
	IN_TEXT,
	IN_TAG_NAME,
	IN_TAG,       /* between attributes */
	IN_NAME,      /* of an attribute */
	BEFORE_VALUE, /* after '=' */
	IN_VALUE,     /* in double quotes */
	IN_STYLE,     /* the content of <style> */
};

struct section {
	struct node *node;
	const char *name; /* as long as name_len says */
	size_t name_len;
	enum place place;
	unsigned line;
	unsigned scopes; /* to fall back to at its end */
};

struct parser {
	struct arena *arena;
	struct template *template;
	const struct template_parts *parts;
	struct err *e;
	const char *file, *at;
	unsigned line, part_depth;
	enum place place;
	char tag[NAME_LEN], attribute[NAME_LEN]; /* lower case; cut names are none that matter */
	struct section open[DEPTH_MAX];
	unsigned open_n;
	const struct page_field *scopes[DEPTH_MAX + 1]; /* the page's, then each open list's */
	unsigned scopes_n;
	const struct page_field **used;
	size_t used_n, used_cap;
};

static bool starts(const char *s, const char *word)
{
	return !strncmp(s, word, strlen(word));
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool fault(struct parser *p, const char *what, const char *name, size_t n)
{
	if (p->e && !p->e->code) {
		err_set(p->e, ERR_SYNTAX, "template error", "");
		err_text(p->e, "%s:%u: %s%s%.*s%s", p->file, p->line, what, n ? " '" : "", (int)n,
		    name, n ? "'" : "");
	}
	return false;
}

/* The tree */

static struct node *node_add(struct parser *p, enum node_kind kind)
{
	struct node *parent = p->open_n ? p->open[p->open_n - 1].node : &p->template->root;
	struct node *node = arena_alloc(p->arena, sizeof(*node));

	node->kind = kind;
	node->tail = &node->first;
	*parent->tail = node;
	parent->tail = &node->next;
	return node;
}

static void copy_add(struct parser *p, const char *from, const char *to)
{
	if (from < to) {
		struct node *node = node_add(p, NODE_COPY);

		node->text = from;
		node->len = (size_t)(to - from);
	}
}

/* The HTML around the tags */

static void name_add(char name[NAME_LEN], char c)
{
	size_t n = strlen(name);

	if (n < NAME_LEN - 1) {
		name[n] = is_letter(c) ? (char)(c | 0x20) : c;
		name[n + 1] = '\0';
	}
}

static bool tag_ends(struct parser *p)
{
	if (!strcmp(p->tag, "script"))
		return fault(p, "pages have no scripts", "", 0);
	p->place = strcmp(p->tag, "style") ? IN_TEXT : IN_STYLE;
	return true;
}

static bool step_text(struct parser *p)
{
	if (p->at[0] == '<' && (is_letter(p->at[1]) || p->at[1] == '/' || p->at[1] == '!')) {
		p->place = IN_TAG_NAME;
		p->tag[0] = '\0';
	}
	if (p->at[0] == '<' && (p->at[1] == '{' || !p->at[1]))
		return fault(p, "what follows a < is written out", "", 0);
	return true;
}

static bool step_tag(struct parser *p)
{
	char c = *p->at;

	if (c == '>')
		return tag_ends(p);
	if (is_letter(c)) {
		p->place = IN_NAME;
		p->attribute[0] = '\0';
		name_add(p->attribute, c);
		return true;
	}
	return is_space(c) || c == '/' || fault(p, "an attribute is written name=\"value\"", "", 0);
}

static bool step_name(struct parser *p)
{
	char c = *p->at;

	if (c == '=') {
		p->place = BEFORE_VALUE;
	} else if (c == '>' || c == '/' || is_space(c)) {
		p->place = IN_TAG;
		return step_tag(p);
	} else {
		name_add(p->attribute, c);
	}
	return true;
}

/* Moves on by the one character at p->at. */
static bool step(struct parser *p)
{
	char c = *p->at;

	switch (p->place) {
	case IN_TEXT:
		return step_text(p);
	case IN_TAG_NAME:
		if (c == '>')
			return tag_ends(p);
		if (is_space(c) || (c == '/' && p->tag[0]))
			p->place = IN_TAG;
		else
			name_add(p->tag, c);
		return true;
	case IN_TAG:
		return step_tag(p);
	case IN_NAME:
		return step_name(p);
	case BEFORE_VALUE:
		p->place = IN_VALUE;
		return c == '"' || fault(p, "an attribute's value stands in double quotes", "", 0);
	case IN_VALUE:
		if (c == '"')
			p->place = IN_TAG;
		return true;
	case IN_STYLE:
		if (starts(p->at, "</")) {
			p->place = IN_TAG_NAME;
			p->tag[0] = '\0';
		}
		return true;
	}
	return false;
}

/* HTML up to the next tag or comment. */
static bool parse_copy(struct parser *p)
{
	const char *from = p->at;

	while (*p->at && !starts(p->at, "{{") && !(p->place == IN_TEXT && starts(p->at, "<!--"))) {
		if (p->place == IN_STYLE && !starts(p->at, "</"))
			return fault(p, "<style> holds one part and nothing else", "", 0);
		if (!step(p))
			return false;
		if (*p->at++ == '\n')
			p->line++;
	}
	copy_add(p, from, p->at);
	return true;
}

static bool parse_comment(struct parser *p)
{
	const char *end = strstr(p->at, "-->");

	if (!end)
		return fault(p, "comment without an end", "", 0);
	for (; p->at < end; p->at++)
		if (*p->at == '\n')
			p->line++;
	p->at += strlen("-->");
	return true;
}

/* The tags */

static const struct page_field *field_find(
    const struct parser *p, const char *name, size_t n, unsigned *up)
{
	for (unsigned i = p->scopes_n; i-- > 0;)
		for (const struct page_field *f = p->scopes[i]; f->name; f++)
			if (strlen(f->name) == n && !memcmp(f->name, name, n)) {
				*up = p->scopes_n - 1 - i;
				return f;
			}
	return NULL;
}

static void field_mark(struct parser *p, const struct page_field *f)
{
	if (p->used_n == p->used_cap) {
		p->used_cap = p->used_cap ? p->used_cap * 2 : 32;
		p->used = xrealloc(p->used, p->used_cap * sizeof(*p->used));
	}
	p->used[p->used_n++] = f;
}

static bool is_url_attribute(const char *name)
{
	static const char *const names[] = { "href", "src", "action", "formaction", "cite",
		"poster", "data", "ping", "manifest", "background", "xlink:href", NULL };

	for (size_t i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Attributes whose value is a little language: no escaping makes a foreign value safe there. */
static bool is_forbidden_attribute(const char *name)
{
	static const char *const names[] = { "style", "srcdoc", "srcset", "content", "http-equiv",
		NULL };

	for (size_t i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return true;
	return starts(name, "on");
}

/*
 * Whether the attribute at hand is all of <iframe ... sandbox="" srcdoc="{{value}}">: a document of its own,
 * without scripts, forms, an origin or, through the page's CSP, network.
 */
static bool is_sandboxed(const struct parser *p, const char *end)
{
	static const char before[] = "sandbox=\"\" srcdoc=\"";
	size_t n = sizeof(before) - 1;

	if (strcmp(p->tag, "iframe") || strcmp(p->attribute, "srcdoc") || *end != '"')
		return false;
	/* backwards: the '<' of the tag, at the latest, is no part of it */
	for (size_t i = 1; i <= n; i++)
		if (p->at[-(ptrdiff_t)i] != before[n - i])
			return false;
	return true;
}

/* A value in the attribute at hand; END is where its tag ends. */
static bool attribute_takes(struct parser *p, const struct page_field *f, const char *end)
{
	if (is_sandboxed(p, end))
		return true;
	if (is_forbidden_attribute(p->attribute))
		return fault(
		    p, "no value may stand in the attribute", p->attribute, strlen(p->attribute));
	if (!is_url_attribute(p->attribute))
		return true;
	if (f->kind != PAGE_URL)
		return fault(p, "only a checked URL may stand in a URL attribute, not", f->name,
		    strlen(f->name));
	return (p->at[-1] == '"' && *end == '"') ||
	       fault(p, "a URL must be all of its attribute", f->name, strlen(f->name));
}

static bool parse_value(struct parser *p, const char *name, size_t n, const char *end)
{
	struct node *node;
	unsigned up;
	const struct page_field *f = field_find(p, name, n, &up);

	if (!f)
		return fault(p, "this page has no value", name, n);
	if (f->kind != PAGE_TEXT && f->kind != PAGE_URL)
		return fault(p, "only texts and URLs can be shown, not", name, n);
	if (p->place != IN_TEXT && p->place != IN_VALUE)
		return fault(
		    p, "a value stands in text or in a quoted attribute, not here:", name, n);
	if (p->place == IN_VALUE && !attribute_takes(p, f, end))
		return false;
	field_mark(p, f);
	node = node_add(p, NODE_VALUE);
	node->field = f;
	node->up = up;
	return true;
}

static bool section_open(struct parser *p, enum node_kind kind, const char *name, size_t n)
{
	struct section *s;
	unsigned up;
	const struct page_field *f = field_find(p, name, n, &up);
	struct node *node;

	if (!f)
		return fault(p, "this page has no value", name, n);
	if (p->open_n == DEPTH_MAX)
		return fault(p, "sections are nested too deep at", name, n);
	if (p->place != IN_TEXT && p->place != IN_TAG && p->place != IN_VALUE)
		return fault(p, "no section may begin here:", name, n);
	field_mark(p, f);
	node = node_add(p, kind);
	node->field = f;
	node->up = up;
	s = &p->open[p->open_n++];
	*s = (struct section){ node, name, n, p->place, p->line, p->scopes_n };
	if (kind == NODE_SECTION && f->kind == PAGE_LIST)
		p->scopes[p->scopes_n++] = f->fields;
	return true;
}

static bool section_close(struct parser *p, const char *name, size_t n)
{
	const struct section *s = p->open_n ? &p->open[p->open_n - 1] : NULL;

	if (!s || s->name_len != n || memcmp(s->name, name, n) != 0)
		return fault(p, "no such section is open:", name, n);
	if (s->place != p->place)
		return fault(
		    p, "the section ends in another place of the HTML than it began:", name, n);
	p->scopes_n = s->scopes;
	p->open_n--;
	return true;
}

static bool parse_text(struct parser *p, const char *file, const char *text);

static bool parse_style(struct parser *p, const char *css, const char *name, size_t n)
{
	if (p->template->style)
		return fault(p, "a page has one style:", name, n);
	if (strstr(css, "</") || strstr(css, "<!--"))
		return fault(p, "a style holds no HTML:", name, n);
	p->template->style = css;
	copy_add(p, css, css + strlen(css));
	return true;
}

static bool parse_part(struct parser *p, const char *name, size_t n)
{
	const char *part = arena_strndup(p->arena, name, n), *file = part;
	const char *text = p->parts ? p->parts->find(p->parts->own, part, &file) : NULL;
	bool css = n > 4 && !strcmp(part + n - 4, ".css");

	if (!text)
		return fault(p, "there is no part", name, n);
	if (css != (p->place == IN_STYLE))
		return fault(p, "a style stands in <style>, and nothing else does:", name, n);
	if (css)
		return parse_style(p, text, name, n);
	if (p->place != IN_TEXT || p->open_n)
		return fault(p, "a part stands outside of tags and sections:", name, n);
	if (p->part_depth == PARTS_MAX)
		return fault(p, "parts are nested too deep at", name, n);
	return parse_text(p, file, text);
}

static bool parse_tag(struct parser *p)
{
	const char *name = p->at + 2, *close = strstr(name, "}}"), *end = close;
	char kind = *name;
	size_t n;
	bool ok;

	if (!end)
		return fault(p, "tag without an end", "", 0);
	if (kind && strchr("#^/>", kind))
		name++;
	while (name < close && is_space(*name))
		name++;
	while (close > name && is_space(close[-1]))
		close--;
	n = (size_t)(close - name);
	if (!n || n >= NAME_LEN || memchr(name, '\n', n))
		return fault(p, "tag without a name", "", 0);
	end += 2;
	ok = kind == '#'   ? section_open(p, NODE_SECTION, name, n)
	     : kind == '^' ? section_open(p, NODE_INVERTED, name, n)
	     : kind == '/' ? section_close(p, name, n)
	     : kind == '>' ? parse_part(p, name, n)
			   : parse_value(p, name, n, end);
	p->at = end;
	return ok;
}

/* One file: the page, or a part of it. What it opens it closes. */
static bool parse_text(struct parser *p, const char *file, const char *text)
{
	const char *old_file = p->file, *old_at = p->at;
	unsigned old_line = p->line;
	bool ok = true;

	p->file = file;
	p->at = text;
	p->line = 1;
	p->part_depth++;
	while (ok && *p->at)
		ok = starts(p->at, "{{")                            ? parse_tag(p)
		     : p->place == IN_TEXT && starts(p->at, "<!--") ? parse_comment(p)
								    : parse_copy(p);
	if (ok && p->open_n) {
		p->line = p->open[p->open_n - 1].line;
		ok = fault(p, "section without an end:", p->open[p->open_n - 1].name,
		    p->open[p->open_n - 1].name_len);
	}
	if (ok && p->place != IN_TEXT)
		ok = fault(p, "the file ends inside a tag", "", 0);
	p->part_depth--;
	p->file = old_file;
	p->at = old_at;
	p->line = old_line;
	return ok;
}

static bool is_used(const struct parser *p, const struct page_field *f)
{
	for (size_t i = 0; i < p->used_n; i++)
		if (p->used[i] == f)
			return true;
	return false;
}

static bool check_used(struct parser *p, const struct page_field *fields)
{
	for (const struct page_field *f = fields; f->name; f++) {
		if (!is_used(p, f))
			return fault(p, "the page does not show", f->name, strlen(f->name));
		if (f->kind == PAGE_LIST && !check_used(p, f->fields))
			return false;
	}
	return true;
}

struct template *template_parse(struct arena *a, const char *file, const char *text,
    const struct page_field *fields, const struct template_parts *parts, struct err *e)
{
	struct parser p = { .arena = a, .parts = parts, .e = e, .file = file, .line = 1 };
	bool ok;

	p.template = arena_alloc(a, sizeof(*p.template));
	p.template->root.tail = &p.template->root.first;
	p.scopes[p.scopes_n++] = fields;
	ok = parse_text(&p, file, text) && check_used(&p, fields);
	free(p.used);
	if (!ok)
		return NULL;
	if (!p.template->style)
		p.template->style = "";
	return p.template;
}

const char *template_style(const struct template *t)
{
	return t->style;
}

/* Rendering */

struct scope { /* the values at hand: a row's, then the page's around it */
	const char *values;
	const struct scope *outer;
};

static const char *member(const struct node *node, const struct scope *s)
{
	for (unsigned i = 0; i < node->up; i++)
		s = s->outer;
	return s->values + node->field->offset;
}

static const char *text_of(const struct page_field *f, const char *m)
{
	const char *text;

	if (f->kind == PAGE_URL)
		text = ((const struct page_url *)(const void *)m)->checked;
	else
		text = *(const char *const *)(const void *)m;
	return text ? text : "";
}

static size_t list_count(const struct page_field *f, const char *m)
{
	return *(const size_t *)(const void *)(m - f->offset + f->count);
}

static bool is_set(const struct page_field *f, const char *m)
{
	switch (f->kind) {
	case PAGE_FLAG:
		return *(const bool *)m;
	case PAGE_LIST:
		return list_count(f, m) > 0;
	case PAGE_TEXT:
	case PAGE_URL:
		break;
	}
	return *text_of(f, m) != '\0';
}

static void render(const struct node *node, const struct scope *s, struct buf *out);

static void render_rows(
    const struct node *node, const char *m, const struct scope *s, struct buf *out)
{
	const char *rows = *(const char *const *)(const void *)m;
	size_t n = list_count(node->field, m);

	for (size_t i = 0; i < n; i++) {
		struct scope row = { rows + i * node->field->size, s };

		render(node->first, &row, out);
	}
}

static void render(const struct node *node, const struct scope *s, struct buf *out)
{
	for (; node; node = node->next) {
		const char *m = node->kind == NODE_COPY ? NULL : member(node, s);

		if (node->kind == NODE_COPY)
			buf_add(out, node->text, node->len);
		else if (node->kind == NODE_VALUE)
			buf_html(out, text_of(node->field, m));
		else if (node->kind == NODE_SECTION && node->field->kind == PAGE_LIST)
			render_rows(node, m, s, out);
		else if (is_set(node->field, m) == (node->kind == NODE_SECTION))
			render(node->first, s, out);
	}
}

void template_render(const struct template *t, const void *values, struct buf *out)
{
	struct scope page = { values, NULL };

	render(t->root.first, &page, out);
}

struct page_url page_url(struct arena *a, const char *text)
{
	struct uri u;
	struct err e = { .code = ERR_NONE };
	/* a path is checked as the URL that a browser would make of it */
	const char *whole = text && text[0] == '/' ? arena_printf(a, "https://x%s", text)
		: text && text[0] == '?'          ? arena_printf(a, "https://x/%s", text)
						  : text;
	bool ok = text && !(text[0] == '/' && text[1] == '/') && uri_parse(&u, a, whole, &e) &&
		  u.host && !u.userinfo &&
		  (!strcmp(u.scheme, "https") || !strcmp(u.scheme, "http"));

	return (struct page_url){ ok ? arena_strdup(a, text) : NULL };
}
