/* SPDX-License-Identifier: Apache-2.0 */
/* .env: how values are written, where they come from, and how they are referred to. */
#include "config.h"

#include "tap.h"

#include "conf/env.h"
#include "conf/problem.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * NAME is looked up after TEXT was read; a row without VALUE expects FAULT in the one
 * problem, and no value.
 */
static const struct {
	const char *text, *name, *value, *fault, *says;
} lines[] = {
	{ "A=b", "A", "b", NULL, "a line without its newline counts" },
	{ "A=b\r\nB=c\r\n", "A", "b", NULL, "CRLF ends a line" },
	{ "\xef\xbb\xbf"
	  "A=b",
	    "A", "b", NULL, "a byte order mark is passed over" },
	{ "# A=x\n\n  # more\nA=b\n", "A", "b", NULL, "comments and empty lines are passed over" },
	{ "  export\tA = b  \n", "A", "b", NULL,
	    "export and blanks around name and value do not count" },
	{ "export=x", "export", "x", NULL, "a variable may be called export" },
	{ "exports=x", "exports", "x", NULL, "or begin so" },
	{ "A=", "A", "", NULL, "a value may be empty" },
	{ "A=\"\"", "A", "", NULL, "in quotes too" },
	{ "A= # none", "A", "", NULL, "a comment is no value" },
	{ "A=a b\tc  # d", "A", "a b\tc", NULL,
	    "an unquoted value keeps its inner blanks and ends at a comment" },
	{ "A=a#b", "A", "a#b", NULL, "# inside a word is no comment" },
	{ "A=a=b==", "A", "a=b==", NULL, "= may stand in a value" },
	{ "A=it's", "A", "it's", NULL, "a quote inside an unquoted value is itself" },
	{ "A='a \\n \"b\" # c' # d", "A", "a \\n \"b\" # c", NULL,
	    "single quotes keep everything" },
	{ "A=\"-----BEGIN\\nMII\\n\"", "A", "-----BEGIN\nMII\n", NULL,
	    "\\n in double quotes is a newline" },
	{ "A=\"\\r\\t\\\"\\\\\\$\"", "A", "\r\t\"\\$", NULL, "so are the other escapes" },
	{ "A=\"'#'\"", "A", "'#'", NULL, "# in double quotes is itself" },
	{ "A=\xc3\xa4", "A", "\xc3\xa4", NULL, "UTF-8 passes" },
	{ "_a1=b", "_a1", "b", NULL, "names hold letters, digits and _" },
	{ "1A=b", "1A", NULL, "no NAME=value", "a name cannot begin with a digit" },
	{ "A-B=c", "A", NULL, "no NAME=value", "a name holds nothing else" },
	{ "=b", "", NULL, "no NAME=value", "a name cannot be empty" },
	{ "A", "A", NULL, "no NAME=value", "a line needs its =" },
	{ "A='b", "A", NULL, "single quote is not closed",
	    "a single quote must close on its line" },
	{ "A=\"b\nB=\"", "A", NULL, "double quote is not closed",
	    "a double quote must close on its line" },
	{ "A=\"b\\", "A", NULL, "backslash", "a backslash needs a letter" },
	{ "A=\"\\x41\"", "A", NULL, "backslash", "of those that it knows" },
	{ "A='b'c", "A", NULL, "follows the closing quote", "nothing may follow a closing quote" },
	{ "A='b'#c", "A", "b", NULL, "but a comment" },
	{ "A=b\nA=c", "A", "b", "set in line 1", "a name may be given once" },
	{ "A=\xff", "A", NULL, "not UTF-8", "bytes that are not UTF-8 are refused" },
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct arena *a = arena_new();
		struct problems *ps = problems_new(a);
		struct env *env = env_new(a, "/", NULL);
		struct problem p = { .text = NULL };

		env_parse(env, lines[i].text, strlen(lines[i].text), ps);
		is_str(env_get(env, lines[i].name, NULL), lines[i].value, lines[i].says);
		problems_at(ps, 0, &p);
		if (lines[i].fault)
			ok(p.text && strstr(p.text, lines[i].fault), "  and the fault is told");
		else
			is_int(problems_count(ps, true), 0, "  and there is no fault");
		arena_free(a);
	}
}

static void test_whole_file(void)
{
	struct arena *a = arena_new();
	struct problems *ps = problems_new(a);
	struct env *env = env_new(a, "/", NULL);
	struct problem p;

	env_parse(env, "A=1\nbroken\nB=2\n\nalso broken\nC=3",
	    sizeof("A=1\nbroken\nB=2\n\nalso broken\nC=3") - 1, ps);
	is_str(env_get(env, "C", NULL), "3", "lines after a broken one count");
	is_int(problems_count(ps, true), 2, "each broken line is told");
	ok(problems_at(ps, 1, &p) && strstr(p.text, "line 5:"), "by its number");
	env_parse(env, "D=1\0E=2", 7, ps);
	ok(!env_get(env, "D", NULL), "a file with a NUL is refused");
	arena_free(a);
}

static void test_process(void)
{
	char *process[] = { (char[]){ "A=process" }, (char[]){ "HTTP_PROXY=evil" },
		(char[]){ "AB=x" }, NULL };
	struct arena *a = arena_new();
	struct problems *ps = problems_new(a);
	struct env *env = env_new(a, "/", process);
	struct err e = { 0 };

	env_parse(env, "A=file\nB=file\n", sizeof("A=file\nB=file\n") - 1, ps);
	is_str(env_get(env, "A", NULL), "process", "the process's environment wins over .env");
	is_str(env_get(env, "B", NULL), "file", "what it lacks comes from .env");
	ok(!env_get(env, "HTTP_PROXY", &e) && e.code == ERR_NOT_FOUND,
	    "a request's header is not a variable");
	env_parse(env, "HTTP_PROXY=own", sizeof("HTTP_PROXY=own") - 1, ps);
	is_str(env_get(env, "HTTP_PROXY", NULL), "own", "unless .env says so");
	arena_free(a);
}

static void test_request_variables(void)
{
	static const char *const request[] = { "HTTP_HOST", "HTTPS", "QUERY_STRING", "REMOTE_ADDR",
		"REQUEST_URI", "SCRIPT_NAME", "SERVER_NAME", "PATH_INFO", "CONTENT_TYPE",
		"AUTH_TYPE", "REDIRECT_STATUS", "SSL_CLIENT_S_DN", "DOCUMENT_ROOT",
		"GATEWAY_INTERFACE" };
	static const char *const others[] = { "HTTPX", "PATH", "SERVER", "AUTH_TYPES",
		"MY_HTTP_HOST", "CONTENT_TYPE_X", "OKTA_CLIENT_SECRET" };

	for (size_t i = 0; i < sizeof(request) / sizeof(request[0]); i++)
		ok(env_is_request_variable(request[i]), request[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ok(!env_is_request_variable(others[i]), others[i]);
}

static void put(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	fwrite(text, 1, n, f);
	fclose(f);
}

static void test_files(void)
{
	char dir[] = "/tmp/gatehouse-env.XXXXXX";
	struct arena *a = arena_new();
	struct problems *ps = problems_new(a);
	struct err e = { 0 };
	struct env *env;
	const char *path, *bad;

	if (!mkdtemp(dir))
		return;
	path = arena_printf(a, "%s/key", dir);
	bad = arena_printf(a, "%s/nul", dir);
	put(path, "line 1\nline 2\n\n", 15);
	put(bad, "a\0b", 3);
	env = env_new(a, dir, NULL);
	env_parse(env,
	    "KEY_FILE=key\nNUL_FILE=nul\nDIR_FILE=.\nBOTH=x\nBOTH_FILE=key\nNO_FILE=none",
	    sizeof("KEY_FILE=key\nNUL_FILE=nul\nDIR_FILE=.\nBOTH=x\nBOTH_FILE=key\nNO_FILE=none") -
		1,
	    ps);
	is_str(env_get(env, "KEY", NULL), "line 1\nline 2\n",
	    "NAME_FILE gives the file's content, less one newline");
	is_str(env_get(env, "BOTH", NULL), "x", "NAME wins over NAME_FILE");
	ok(!env_get(env, "NUL", &e) && e.code == ERR_IO, "a file with a NUL is refused");
	err_clear(&e);
	ok(!env_get(env, "DIR", &e) && e.code == ERR_IO, "so is a directory");
	err_clear(&e);
	ok(!env_get(env, "NO", &e) && e.code == ERR_IO, "so is a file that is not there");
	ok(strstr(e.text, "NO_FILE") && !strstr(e.text, "none"),
	    "the message names the variable, not its value");
	unlink(path);
	unlink(bad);
	rmdir(dir);
	arena_free(a);
}

static const struct {
	enum env_form form;
	const char *text, *result, *missing, *says;
} references[] = {
	{ ENV_CALL, "plain", "plain", "", "a text without references is itself" },
	{ ENV_CALL, "$env(A)", "1", "", "a reference alone is replaced" },
	{ ENV_CALL, "Bearer $env(A)-$env(B).", "Bearer 1-$env(A).", "",
	    "several in a text are, and values are not looked at again" },
	{ ENV_CALL, "$env(E)", "", "", "an empty value is a value" },
	{ ENV_CALL, "${env.A} $ENV(A) $env [A]", "${env.A} $ENV(A) $env [A]", "",
	    "other forms are left alone" },
	{ ENV_CALL, "$env(X) $env(Y)", NULL, "X Y ", "every missing variable is told" },
	{ ENV_CALL, "$env(A", NULL, "? ", "a reference must end" },
	{ ENV_CALL, "$env()", NULL, "? ", "and have a name" },
	{ ENV_CALL, "$env( A )", NULL, "? ", "without blanks" },
	{ ENV_BRACES, "${env.A}/mcp", "1/mcp", "", "the form of rewritePattern is replaced" },
	{ ENV_BRACES, "$env(A)", "$env(A)", "", "which is another form" },
	{ ENV_BRACES, "${env.X}", NULL, "X ", "and told when missing" },
};

static void note(void *context, const char *name, const struct err *e)
{
	struct buf *missing = context;

	buf_printf(missing, "%s ", e->code == ERR_SYNTAX ? "?" : name);
}

static void test_references(void)
{
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		struct arena *a = arena_new();
		struct env *env = env_new(a, "/", NULL);
		struct buf missing;

		buf_init(&missing, 1000);
		env_parse(env, "A=1\nB='$env(A)'\nE=", sizeof("A=1\nB='$env(A)'\nE=") - 1,
		    problems_new(a));
		is_str(env_expand(env, references[i].form, references[i].text, note, &missing),
		    references[i].result, references[i].says);
		is_str(buf_text(&missing), references[i].missing, "  and what is missing is told");
		buf_release(&missing);
		arena_free(a);
	}
}

int main(void)
{
	test_lines();
	test_whole_file();
	test_process();
	test_request_variables();
	test_files();
	test_references();
	return done();
}
