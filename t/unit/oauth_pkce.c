/* SPDX-License-Identifier: Apache-2.0 */
/* PKCE against RFC 7636, appendix B. */
#include "config.h"

#include "oauth/pkce.h"

#include "tap.h"

#define A43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A128 A43 A43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	const char *text;
	bool good;
	const char *name;
} challenges[] = {
	{ "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", true, "the RFC's challenge is one" },
	{ A43, true, "43 characters are a challenge" },
	{ A43 "A", false, "44 characters are none" },
	{ "AAAA", false, "few characters are none" },
	{ "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", false, "the other base64 alphabet is refused" },
	{ "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=", false, "padding is refused" },
	{ "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN", false, "bits past the 256 are refused: no verifier could match" },
	{ "", false, "the empty text is none" },
	{ NULL, false, "no text is none" },
}, verifiers[] = {
	{ "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true, "the RFC's verifier is one" },
	{ A43, true, "43 characters are a verifier" },
	{ A128, true, "128 characters are a verifier" },
	{ A128 "A", false, "129 characters are none" },
	{ "AAAA", false, "few characters are none" },
	{ "dBjftJeZ4CVP-mB92K27uhbUJU1p1r.wW1gFWFOE~Xk", true, "all unreserved characters may stand in it" },
	{ "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEj k", false, "a blank may not" },
	{ "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEj%k", false, "a percent sign may not" },
	{ "", false, "the empty text is none" },
	{ NULL, false, "no text is none" },
};

int main(void)
{
	char challenge[PKCE_CHALLENGE_TEXT];

	for (size_t i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++)
		is_int(pkce_is_challenge(challenges[i].text), challenges[i].good, challenges[i].name);
	for (size_t i = 0; i < sizeof(verifiers) / sizeof(verifiers[0]); i++)
		is_int(pkce_is_verifier(verifiers[i].text), verifiers[i].good, verifiers[i].name);
	pkce_challenge(challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
	is_str(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "the RFC's verifier has the RFC's challenge");
	return done();
}
