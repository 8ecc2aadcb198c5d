/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: the first wins, every code has a status and a name. */
#include "config.h"

#include "base/err.h"

#include "tap.h"

int main(void)
{
	struct err e = { .code = ERR_NONE };
	bool named = true, status = true;

	ok(!err_set(&e, ERR_INVALID_GRANT, "invalid code", "client '%s'", "c1"), "setting is false");
	ok(!err_set(&e, ERR_INTERNAL, "other", "other"), "setting again is false too");
	is_int(e.code, ERR_INVALID_GRANT, "the first failure wins");
	is_str(e.text, "invalid code", "its text is for whoever asked");
	is_str(e.detail, "client 'c1'", "its detail is formatted, for the log");
	is_str(err_reason_of(&e), "invalid_grant", "the reason is the name of the code by default");
	err_clear(&e);
	err_reason(&e, ERR_INVALID_TOKEN, "expired_token", "the token has expired", "%s", "");
	is_str(err_reason_of(&e), "expired_token", "a reason of its own is kept");
	err_text(&e, "expired %d s ago", 5);
	is_str(e.text, "expired 5 s ago", "the text can be replaced");
	ok(!err_set(NULL, ERR_INTERNAL, "", "%s", ""), "nobody needs to listen");
	for (int i = 0; i < ERR_CODES; i++) {
		named = named && err_name((enum err_code)i);
		status = status && err_status((enum err_code)i) >= 200;
	}
	ok(named, "every code has a name");
	ok(status, "every code has a status");
	is_int(err_status((enum err_code)999), 500, "a code of nobody is our fault");
	return done();
}
