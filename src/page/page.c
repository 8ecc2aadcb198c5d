/* SPDX-License-Identifier: Apache-2.0 */
/* The set of pages, their overrides, their headers. */
#include "config.h"

#include "page/page.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/hash.h"
#include "base/utf8.h"

enum { PAGE_MAX = 512 * 1024, OVERRIDE_MAX = 256 * 1024 };

struct loaded {
	struct template *template;
	char style[sizeof("'sha256-'") +
		   4 * ((HASH_LEN + 2) / 3)]; /* its source for CSP, or 'none' */
};

static struct arena *arena; /* lives as long as the process */
static struct loaded pages[PAGES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The files at hand while pages are parsed: the compiled-in one, unless DIR has one of the name. */
struct source {
	const char *dir; /* NULL: compiled-in files only */
	bool found;      /* whether DIR gave any */
};

static const char *compiled_in(const char *name)
{
	for (const struct page_file *f = page_files; f->name; f++)
		if (!strcmp(f->name, name))
			return f->text;
	return NULL;
}

static char *read_all(int fd, size_t size)
{
	char *text = arena_alloc(arena, size + 1);
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, text + n, size - n);

		if (got <= 0)
			return NULL;
		n += (size_t)got;
	}
	return strlen(text) == size && utf8_is_valid(text, size) ? text : NULL;
}

/* An override's text; NULL if there is none, or none that can be used (which is logged). */
static const char * override(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *text = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= OVERRIDE_MAX)
		text = read_all(fd, (size_t)st.st_size);
	close(fd);
	if (!text)
		log_warn(NULL, "page override ignored: not a text file in UTF-8 of at most 256 KiB",
		    "file", path, NULL);
	return text;
}

static const char *file_text(struct source *s, const char *name, const char **file)
{
	const char *path, *text;

	*file = name;
	if (!s->dir)
		return compiled_in(name);
	path = arena_printf(arena, "%s/pages/%s", s->dir, name);
	text = override(path);
	if (!text)
		return compiled_in(name);
	s->found = true;
	*file = path;
	return text;
}

static const char *find_part(void *own, const char *name, const char **file)
{
	size_t n = strlen(name);
	bool css = n > 4 && !strcmp(name + n - 4, ".css");

	/* names come from templates; no path may be made of them */
	if (strchr(name, '/') || *name == '.')
		return NULL;
	return file_text(own, css ? name : arena_printf(arena, "_%s.html", name), file);
}

static void hash_style(struct loaded *page)
{
	const char *style = template_style(page->template);
	unsigned char hash[HASH_LEN];
	char text[B64_LEN(HASH_LEN) + 1];

	hash_sha256(hash, style, strlen(style));
	b64_encode(text, hash, sizeof(hash));
	snprintf(page->style, sizeof(page->style), "'sha256-%s'", text);
}

static bool load(enum page_id id, struct source *s, struct err *e)
{
	const struct template_parts parts = { find_part, s };
	const char *name = arena_printf(arena, "%s.html", page_table[id].name), *file;
	const char *text = file_text(s, name, &file);
	struct loaded page;

	page.template = template_parse(arena, file, text, page_table[id].fields, &parts, e);
	if (!page.template)
		return false;
	hash_style(&page);
	pages[id] = page;
	return true;
}

static void load_compiled_in(void)
{
	struct source s = { NULL, false };

	arena = arena_new();
	for (int id = 0; id < PAGES; id++) {
		struct err e = { .code = ERR_NONE };

		if (!load((enum page_id)id, &s, &e)) {
			log_error(NULL, "compiled-in page is broken", "why", e.text, NULL);
			abort();
		}
	}
}

void pages_start(const char *dir)
{
	pthread_once(&once, load_compiled_in);
	for (int id = 0; id < PAGES; id++) {
		struct source s = { dir, false };
		struct err e = { .code = ERR_NONE };

		if (load((enum page_id)id, &s, &e)) {
			if (s.found)
				log_info(
				    NULL, "page overridden", "page", page_table[id].name, NULL);
			continue;
		}
		log_warn(NULL, "page override ignored", "page", page_table[id].name, "why", e.text,
		    NULL);
		load((enum page_id)id, &(struct source){ NULL, false }, NULL);
	}
}

bool pages_start_app(struct app *app, struct err *e)
{
	(void)e;
	pages_start(app->dir);
	return true;
}

/*
 * Without a referrer policy other than no-referrer a browser says "Origin: null" when a form is
 * posted (Fetch, "append a request Origin header"), and our own check would refuse it; same-origin
 * still tells other sites nothing.
 */
static void set_headers(struct resp *s, const struct loaded *page, const char *form_to)
{
	const char *forms =
	    !form_to ? "'none'"
		     : arena_printf(s->arena, "'self'%s%s", *form_to ? " " : "", form_to);

	resp_set(s, "Content-Security-Policy",
	    arena_printf(s->arena,
		"default-src 'none'; style-src %s; base-uri 'none'; form-action %s; "
		"frame-ancestors 'none'",
		page->style, forms));
	resp_set(s, "X-Frame-Options", "DENY");
	resp_set(s, "X-Content-Type-Options", "nosniff");
	resp_set(s, "Referrer-Policy", form_to ? "same-origin" : "no-referrer");
	resp_set(s, "Cache-Control", "no-store");
	resp_set(s, "Content-Type", "text/html; charset=utf-8");
}

bool page_send_as(struct req *r, struct resp *s, int status, enum page_id id, const void *values,
    const char *form_to, struct err *e)
{
	struct buf out;

	(void)r;
	pthread_once(&once, load_compiled_in);
	buf_init(&out, PAGE_MAX);
	template_render(pages[id].template, values, &out);
	if (out.over) {
		buf_release(&out);
		return err_set(
		    e, ERR_INTERNAL, "this page is too large", "page %s", page_table[id].name);
	}
	buf_clear(&s->body);
	buf_add(&s->body, out.data, out.len);
	buf_release(&out);
	s->status = status;
	set_headers(s, &pages[id], form_to);
	return true;
}

/* host-char of CSP 3, section 2.3.1: an underscore or an IPv6 address cannot be written. */
static bool is_csp_host(const char *host)
{
	return host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0';
}

const char *page_form_source(struct arena *a, const struct uri *u)
{
	/* these run or show what they carry; none of them is a place to send a person to */
	static const char *const refused[] = { "javascript", "data", "blob", "file", "vbscript",
		"about", NULL };

	for (size_t i = 0; refused[i]; i++)
		if (!strcmp(u->scheme, refused[i]))
			return NULL;
	if (u->host && u->port && is_csp_host(u->host))
		return uri_origin(u, a);
	return arena_printf(a, "%s:", u->scheme);
}

const char *page_host(const struct req *r)
{
	const char *mark = r->origin ? strstr(r->origin->text, "://") : NULL;

	return mark ? mark + 3 : "gatehouse";
}
