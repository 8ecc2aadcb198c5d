/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that an upstream wants opened (protocol F104): which are blotted out, however they are hidden and cut. */
#include "config.h"

#include "mcp/links.h"

#include "tap.h"

#define ELICITATION(url) "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32042,\"message\":\"m\",\"data\":" \
	"{\"elicitations\":[{\"mode\":\"url\",\"elicitationId\":\"e\",\"url\":\"" url "\",\"message\":\"m\"}]}}}"
#define CREATE(url) "{\"method\":\"elicitation/create\",\"params\":{\"url\":\"" url "\",\"mode\":\"url\"}}"
#define INPUT(url) "{\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"any\":{\"method\":\"elicitation/create\"," \
	"\"params\":{\"mode\":\"url\",\"url\":\"" url "\"}}}}}"

static const struct {
	const char *text, *out, *name;
	bool sse;
} rows[] = {
	{ ELICITATION("https://a.example/x?y"), ELICITATION("https://a.example/x?y"), "an https address passes", false },
	{ ELICITATION("HTTP://a.example"), ELICITATION("HTTP://a.example"), "and http, in any case", false },
	{ ELICITATION("https:\\/\\/a.example\\/x"), ELICITATION("https:\\/\\/a.example\\/x"), "and one with escaped slashes", false },
	{ ELICITATION("javascript:alert(1)"), ELICITATION("-------------------"), "a script does not", false },
	{ ELICITATION("java\\u0073cript:a"), ELICITATION("-----------------"), "nor one in escapes", false },
	{ ELICITATION("\\\"javascript:"), ELICITATION("-------------"), "nor behind an escaped quote", false },
	{ ELICITATION("data:text/html,x"), ELICITATION("----------------"), "nor data", false },
	{ ELICITATION("//evil.example"), ELICITATION("--------------"), "nor an address without a scheme", false },
	{ ELICITATION("httpsx://evil"), ELICITATION("https--------"), "nor a scheme that begins like one", false },
	{ ELICITATION("http:javascript"), ELICITATION("http:----------"), "nor one without slashes", false },
	{ ELICITATION(" https://a"), ELICITATION("----------"), "nor one behind a blank, which browsers cut off", false },
	{ ELICITATION(""), ELICITATION(""), "nothing is nothing", false },
	{ CREATE("javascript:x"), CREATE("------------"), "the server's own request is read", false },
	{ CREATE("https://x"), CREATE("https://x"), "and passes", false },
	{ INPUT("vbscript:x"), INPUT("----------"), "so is what the modern era asks for", false },
	{ INPUT("https://x"), INPUT("https://x"), "and passes", false },
	{ "[" CREATE("file:///x") "," CREATE("https://x") "]", "[" CREATE("---------") "," CREATE("https://x") "]", "each of a batch", false },
	{ "{\"par\\u0061ms\":{\"u\\u0072l\":\"ftp://x\"}}", "{\"par\\u0061ms\":{\"u\\u0072l\":\"-------\"}}", "names in escapes", false },
	{ "{\"params\" : {\"a\":[1,{\"b\":\"}\"}], \"url\" :\n\"x:y\"}}", "{\"params\" : {\"a\":[1,{\"b\":\"}\"}], \"url\" :\n\"---\"}}",
	    "whatever stands before", false },
	{ "{\"result\":{\"structuredContent\":{\"url\":\"ftp://x\"},\"content\":[{\"url\":\"data:x\"}]}}",
	    "{\"result\":{\"structuredContent\":{\"url\":\"ftp://x\"},\"content\":[{\"url\":\"data:x\"}]}}", "a tool's result is its own", false },
	{ "{\"result\":{\"x\":\"\\\"params\\\":{\\\"url\\\":\\\"javascript:\"}}", "{\"result\":{\"x\":\"\\\"params\\\":{\\\"url\\\":\\\"javascript:\"}}",
	    "text that looks like a message is text", false },
	{ "event: message\ndata: " CREATE("javascript:x") "\n\ndata: " CREATE("https://x") "\n\n",
	    "event: message\ndata: " CREATE("------------") "\n\ndata: " CREATE("https://x") "\n\n", "events of a stream", true },
	{ "data: {\"params\":\r\ndata: {\"url\":\r\ndata: \"x:y\"}}\r\n\r\n", "data: {\"params\":\r\ndata: {\"url\":\r\ndata: \"---\"}}\r\n\r\n",
	    "an event in several lines", true },
	{ "data: {\"params\":{\n\ndata: \"url\":\"x:y\"}}\n\n", "data: {\"params\":{\n\ndata: \"url\":\"x:y\"}}\n\n",
	    "two events are two messages", true },
};

static uint64_t feed(char *out, size_t i, size_t step)
{
	size_t len = strlen(rows[i].text);
	struct links l;
	uint64_t blotted;

	links_init(&l, rows[i].sse);
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;

		memcpy(out + at, links_feed(&l, rows[i].text + at, n), n);
	}
	out[len] = '\0';
	blotted = l.blotted;
	links_release(&l);
	return blotted;
}

int main(void)
{
	struct links l;
	char text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool same = true;

		for (size_t step = 1; step <= 60; step++) {
			bool changed = feed(text, i, step) > 0;

			same = same && !strcmp(text, rows[i].out) && changed == (strcmp(rows[i].text, rows[i].out) != 0);
		}
		ok(same, rows[i].name);
	}
	links_init(&l, false);
	ok(links_feed(&l, rows[0].text, 40) == rows[0].text, "what is not changed is not copied");
	links_release(&l);
	return done();
}
