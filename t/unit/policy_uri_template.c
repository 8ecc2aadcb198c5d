/* SPDX-License-Identifier: Apache-2.0 */
/* Which URIs a template may have made. */
#include "config.h"

#include "tap.h"

#include "base/arena.h"
#include "policy/uri_template.h"

int main(void)
{
	static const struct {
		const char *text, *uri;
		bool want;
	} cases[] = {
		{ "file:///logs/{name}", "file:///logs/today", true },
		{ "file:///logs/{name}", "file:///logs/a/b", false },
		{ "file:///logs/{name}", "file:///logs/", false },
		{ "file:///logs/{name}", "file:///logs/..", false },
		{ "file:///logs/{name}", "file:///logs/%2e%2E", false },
		{ "file:///logs/{name}", "file:///logs/.%2e", false },
		{ "file:///logs/{name}", "file:///logs/.", false },
		{ "file:///logs/{name}", "file:///logs/...", true },
		{ "file:///logs/{name}", "file:///logs/a%2fb", false },
		{ "file:///logs/{name}", "file:///logs/a%2Fb", false },
		{ "file:///logs/{name}", "file:///logs/%2fetc", false },
		{ "file:///logs/{name}", "file:///logs/%2Fetc", false },
		{ "file:///logs/{name}", "file:///logs/%5cetc", false },
		{ "file:///logs/{name}", "file:///logs/a\\b", false },
		{ "file:///logs/{name}", "file:///logs/a?b", false },
		{ "file:///logs/{name}", "file:///logs/a#b", false },
		{ "file:///logs/{name}", "file:///other/a", false },
		{ "file:///logs/{name}", "file:///logs/a ", true },
		{ "file:///{a}/{b}.txt", "file:///x/y.txt", true },
		{ "file:///{a}/{b}.txt", "file:///x/y.txt.exe", false },
		{ "file:///{a}/{b}.txt", "file:///x/.txt", false },
		{ "file:///{+path}", "file:///a/b/c", true },
		{ "file:///{+path}", "file:///a/../c", false },
		{ "file:///{+path}", "file:///a/%2e%2e/c", false },
		{ "file:///{+path}", "file:///a%2f..%2fc", false },
		{ "file:///{+path}", "file:///..%2fc", false },
		{ "file:///{+path}", "file:///a%2f%2e%2E", false },
		{ "file:///{+path}", "file:///a\\..\\c", false },
		{ "file:///{+path}", "file:///a%5C..", false },
		{ "file:///{+path}", "file:///a%2fb", true },
		{ "file:///{+path}", "file:///a/...", true },
		{ "file:///{+path}", "file:///", false },
		{ "x://h{/seg*}", "x://h/a/b", true },
		{ "x://h{/seg*}", "x://h", true },
		{ "x://h{/seg*}", "x://hh", false },
		{ "x://h/s{?q,n}", "x://h/s?q=1&n=2", true },
		{ "x://h/s{?q,n}", "x://h/s", true },
		{ "x://h/s{?q,n}", "x://h/s/t", false },
		{ "x://h/s{?q}", "x://h/s?q=1#f", false },
		{ "x://h/s{#f}", "x://h/s#top", true },
		{ "x://h/s{.f}", "x://h/s.json", true },
		{ "plain://uri", "plain://uri", true },
		{ "plain://uri", "plain://urI", false },
		{ "{x}", "anything", true },
		{ "{x}", "any:thing", true },
	};
	static const char *const broken[] = { "a{", "a}", "{}", "{+}", "{a b}", "{{a}}", "{=a}", "{a", "{$a}" };
	struct arena *a = arena_new();
	char many[400] = "", hard[3000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(uri_template_matches(cases[i].text, cases[i].uri) == cases[i].want,
		    arena_printf(a, "%s %s %s", cases[i].text, cases[i].want ? "makes" : "does not make", cases[i].uri));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		ok(!uri_template_check(broken[i], NULL), arena_printf(a, "'%s' is no template", broken[i]));
		ok(!uri_template_matches(broken[i], broken[i]), "... and matches nothing, not even itself");
	}
	for (int i = 0; i < 16; i++)
		memcpy(many + 4 * i, "{+a}", 5);
	memset(hard, 'a', sizeof(hard) - 1);
	hard[sizeof(hard) - 1] = '\0';
	hard[sizeof(hard) - 2] = '!';
	memcpy(many + 64, "?", 2);
	ok(!uri_template_matches(many, hard), "a match that would take for ever is none, at once");
	memcpy(many + 64, "{+a}", 5);
	ok(!uri_template_check(many, NULL), "more than 16 expressions are refused");
	arena_free(a);
	return done();
}
