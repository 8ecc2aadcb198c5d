/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: how they are read, which are special-use, and what the outbound guard says of them. */
#include "config.h"

#include "net/address.h"
#include "net/guard.h"

#include "tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static const struct {
	const char *text;
	bool special;
} addresses[] = {
	{ "8.8.8.8", false }, { "1.1.1.1", false }, { "172.15.255.255", false }, { "172.32.0.0", false },
	{ "100.63.255.255", false }, { "100.128.0.0", false }, { "198.17.255.255", false }, { "223.255.255.255", false },
	{ "192.0.1.0", false }, { "11.0.0.0", false }, { "126.255.255.255", false }, { "128.0.0.0", false },
	{ "2606:4700::1111", false }, { "2a00:1450:4001::1", false }, { "2001:4860:4860::8888", false },
	{ "2001:200::", false }, { "2003::", false }, { "::ffff:8.8.8.8", false },

	{ "0.0.0.0", true }, { "0.255.255.255", true }, { "10.0.0.0", true }, { "10.255.255.255", true },
	{ "100.64.0.0", true }, { "100.127.255.255", true }, { "127.0.0.1", true }, { "127.255.255.255", true },
	{ "169.254.169.254", true }, { "172.16.0.0", true }, { "172.31.255.255", true }, { "192.0.0.8", true },
	{ "192.0.2.1", true }, { "192.31.196.1", true }, { "192.52.193.1", true }, { "192.88.99.1", true },
	{ "192.168.0.1", true }, { "192.175.48.1", true }, { "198.18.0.0", true }, { "198.19.255.255", true },
	{ "198.51.100.1", true }, { "203.0.113.1", true }, { "224.0.0.1", true }, { "239.255.255.255", true },
	{ "240.0.0.1", true }, { "255.255.255.255", true },
	{ "::", true }, { "::1", true }, { "::2", true }, { "::10.0.0.1", true }, { "::8.8.8.8", true },
	{ "::ffff:10.0.0.1", true }, { "::ffff:127.0.0.1", true }, { "::ffff:0:8.8.8.8", true },
	{ "64:ff9b::8.8.8.8", true }, { "64:ff9b::10.0.0.1", true }, { "64:ff9b:1::1", true }, { "64:ff9b:1:ffff::1", true },
	{ "100::1", true }, { "100:0:0:1::1", true }, { "2001::1", true }, { "2001:0:4136:e378::1", true },
	{ "2001:2::1", true }, { "2001:10::1", true }, { "2001:20::1", true }, { "2001:1ff:ffff::1", true },
	{ "2001:db8::1", true }, { "2002:0a00:0001::1", true }, { "2002:808:808::1", true }, { "2620:4f:8000::1", true },
	{ "3ffe::1", true }, { "3fff::1", true }, { "3fff:fff:ffff::1", true }, { "4000::1", true }, { "5f00::1", true },
	{ "fc00::1", true }, { "fd00::1", true }, { "fe80::1", true }, { "febf::1", true }, { "fec0::1", true },
	{ "feff::1", true }, { "ff02::1", true }, { "1::1", true }, { "e000::1", true },
};

static const char *const no_addresses[] = { "", "1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "1.2.3.4.5", "1.2.3",
	"1.2.3.256", " 1.2.3.4", "1.2.3.4 ", "[::1]", "::1%lo", ":::", "1::2::3", "localhost", "1.2.3.4:80", "12345::" };

static const struct {
	const char *cidr, *address;
	bool has;
	const char *name;
} networks[] = {
	{ "10.0.0.0/8", "10.1.2.3", true, "an address in the network" },
	{ "10.0.0.0/8", "11.0.0.0", false, "one behind it" },
	{ "10.0.0.0/8", "9.255.255.255", false, "one before it" },
	{ "10.1.2.3", "10.1.2.3", true, "an address alone is itself" },
	{ "10.1.2.3", "10.1.2.4", false, "and no other" },
	{ "10.1.2.3/24", "10.1.2.200", true, "host bits do not count" },
	{ "192.168.4.0/22", "192.168.7.255", true, "a prefix within a byte, its last address" },
	{ "192.168.4.0/22", "192.168.8.0", false, "and the one behind" },
	{ "0.0.0.0/0", "203.0.113.9", true, "all of IPv4" },
	{ "0.0.0.0/0", "::1", false, "is none of IPv6" },
	{ "::/0", "10.0.0.1", false, "and the other way round" },
	{ "fd00::/8", "fdff::1", true, "IPv6" },
	{ "fd00::/9", "fd80::1", false, "IPv6, a prefix within a byte" },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true, "a v4-mapped address is its IPv4 one" },
	{ "::ffff:10.0.0.0/104", "10.9.9.9", true, "a v4-mapped network too" },
	{ "10.0.0.0/33", "10.0.0.0", false, "33 bits are malformed" },
	{ "fd00::/129", "fd00::", false, "129 bits too" },
	{ "10.0.0.0/", "10.0.0.0", false, "a slash without bits" },
	{ "10.0.0.0/08", "10.0.0.0", false, "a leading zero" },
	{ "10.0.0.0/-1", "10.0.0.0", false, "a sign" },
	{ "10.0.0.0/8/8", "10.0.0.0", false, "two slashes" },
	{ "/8", "10.0.0.0", false, "no address" },
	{ "::ffff:10.0.0.0/8", "10.0.0.0", false, "a mapped network of less than 96 bits" },
};

static void test_lists(void)
{
	struct address a;
	char name[96];

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		snprintf(name, sizeof(name), "%s is %s", addresses[i].text, addresses[i].special ? "special-use" : "public");
		ok(address_parse(&a, addresses[i].text) && !address_special(&a) == !addresses[i].special, name);
	}
	for (size_t i = 0; i < sizeof(no_addresses) / sizeof(no_addresses[0]); i++) {
		snprintf(name, sizeof(name), "'%s' is no address", no_addresses[i]);
		ok(!address_is_text(no_addresses[i]), name);
	}
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		ok(address_text_in_cidr(networks[i].address, networks[i].cidr) == networks[i].has, networks[i].name);
}

static void test_socket(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr local = { .sa_family = AF_UNIX };
	struct address a;
	char text[ADDRESS_TEXT];

	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	ok(address_of_socket(&a, (struct sockaddr *)&in), "an IPv4 socket address is read");
	address_text(text, &a);
	is_str(text, "192.0.2.7", "and written");
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr);
	ok(address_of_socket(&a, (struct sockaddr *)&in6) && address_is_loopback(&a), "a mapped one is its IPv4 one");
	inet_pton(AF_INET6, "2001:db8:0:0::1", &in6.sin6_addr);
	ok(address_of_socket(&a, (struct sockaddr *)&in6), "an IPv6 socket address is read");
	address_text(text, &a);
	is_str(text, "2001:db8::1", "and written");
	ok(!address_of_socket(&a, &local), "a Unix socket has no address");
}

static const struct {
	bool development;
	const char *upstream, *address;
	bool allowed;
	const char *name;
} questions[] = {
	{ false, "a", "8.8.8.8", true, "a public address is allowed" },
	{ false, "a", "10.1.0.1", true, "a private one that the upstream may reach" },
	{ false, "b", "10.1.0.1", false, "but not for another upstream" },
	{ false, "b", "192.168.7.1", true, "one that all may reach" },
	{ false, "a", "192.168.8.1", false, "one outside the network" },
	{ false, "a", "127.0.0.1", false, "loopback is refused" },
	{ true, "a", "127.0.0.1", true, "but for development" },
	{ true, "a", "::1", true, "in IPv6 too" },
	{ true, "a", "10.2.0.1", false, "development opens nothing else" },
	{ false, "a", "64:ff9b::a01:1", false, "an allowed address behind NAT64 is another" },
	{ false, "a", "::ffff:10.1.0.1", true, "mapped it is the same" },
};

static void test_guard(struct arena *a)
{
	static const char text[] = "{\"allow\":{\"a\":[\"10.1.0.0/16\"],\"*\":[\"192.168.7.0/24\"]},\"insecureHttp\":[\"plain\"],"
				   "\"caFile\":\"/ca.pem\"}";
	static const char *const bad[] = { "{\"allow\":[]}", "{\"allow\":{\"a\":\"10.0.0.0/8\"}}", "{\"allow\":{\"a\":[\"10.0.0/8\"]}}",
		"{\"allow\":{\"a\":[1]}}", "{\"insecureHttp\":\"a\"}" };
	const struct scan_limits limits = scan_limits_of(4096);
	struct json_object *doc = json_parse(a, text, strlen(text), &limits, NULL);
	struct address address;
	const struct guard *g;
	const char *why;

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		g = guard_load(a, doc, questions[i].development, NULL);
		ok(address_parse(&address, questions[i].address) &&
		        guard_allows(g, questions[i].upstream, &address, &why) == questions[i].allowed, questions[i].name);
	}
	g = guard_load(a, doc, false, NULL);
	is_str(guard_ca_file(g), "/ca.pem", "caFile is kept");
	ok(guard_allows_http(g, "plain", "example.com"), "insecureHttp names who may go without TLS");
	ok(!guard_allows_http(g, "a", "example.com"), "nobody else may");
	ok(!guard_allows_http(g, "a", "127.0.0.1"), "not even to loopback");
	g = guard_load(a, NULL, true, NULL);
	ok(guard_allows_http(g, "a", "127.0.0.1"), "but in development");
	ok(!guard_allows_http(g, "a", "127.0.0.1.evil.example"), "a name that begins like loopback is none");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = { .code = ERR_NONE };

		doc = json_parse(a, bad[i], strlen(bad[i]), &limits, NULL);
		ok(!guard_load(a, doc, false, &e) && e.code == ERR_CONFIG, bad[i]);
	}
}

int main(void)
{
	struct arena *a = arena_new();

	test_lists();
	test_socket();
	test_guard(a);
	arena_free(a);
	return done();
}
