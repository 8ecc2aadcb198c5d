/* SPDX-License-Identifier: Apache-2.0 */
/* Names, versions, clamping and times of registry entries. */
#include "config.h"

#include "tap.h"

#include "registry/registry.h"

int main(void)
{
	static const struct {
		const char *host;
		bool loopback;
		const char *operation, *want, *name;
	} names[] = {
		{ "mcp.example.com", false, "linear", "com.example.mcp/linear", "a host is reversed" },
		{ "example", false, "a", "example/a", "one label stays" },
		{ "127.0.0.1", true, "a", "localhost/a", "loopback is localhost" },
		{ "[::1]", true, "a", "localhost/a", "in any family" },
		{ "192.0.2.7", false, "a", "192.0.2.7/a", "an address is not turned" },
		{ "[2001:db8::1]", false, "a", "-2001-db8--1-/a", "what a name cannot hold becomes a dash" },
		{ "a.b", false, "x y/z", "b.a/x-y-z", "in the operation too" },
	};
	static const struct {
		const char *text, *want;
	} versions[] = { { NULL, "1.0.0" }, { "", "1.0.0" }, { "2.1.0", "2.1.0" }, { "^1.2", "0.0.0" },
		{ "~1", "0.0.0" }, { ">=1 <2", "0.0.0" }, { "1.x", "0.0.0" }, { "*", "0.0.0" },
		{ "1.0.0-beta.2+b7", "1.0.0-beta.2+b7" } };
	static const struct {
		const char *text;
		bool want;
	} times[] = { { "2026-01-02T03:04:05Z", true }, { "2026-01-02T03:04:05.678Z", true },
		{ "2026-01-02T03:04:05+01:00", true }, { "2026-01-02t03:04:05z", true },
		{ "2026-13-02T03:04:05Z", false }, { "2026-01-32T03:04:05Z", false },
		{ "2026-01-02T24:04:05Z", false }, { "2026-01-02T03:04:05", false },
		{ "2026-01-02 03:04:05Z", false }, { "2026-01-02T03:04:05.Z", false },
		{ "2026-01-02T03:04:05Zx", false }, { "yesterday", false }, { "", false } };
	struct arena *a = arena_new();
	char wide[400];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct origin o = { .host = names[i].host, .loopback = names[i].loopback };

		is_str(registry_name(a, &o, names[i].operation), names[i].want, names[i].name);
	}
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		is_str(registry_version(versions[i].text), versions[i].want,
		    arena_printf(a, "version %s", versions[i].text ? versions[i].text : "(none)"));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		ok(registry_is_time(times[i].text) == times[i].want,
		    arena_printf(a, "time '%s' is %s", times[i].text, times[i].want ? "one" : "none"));
	for (int i = 0; i < 150; i++)
		memcpy(wide + 2 * i, "\xc3\xbc", 2);
	wide[300] = '\0';
	is_int((int64_t)strlen(registry_clamp(a, wide)), 200, "100 characters stay, whole, of whatever length");
	is_str(registry_clamp(a, "short"), "short", "what is short stays");
	arena_free(a);
	return done();
}
