/* SPDX-License-Identifier: Apache-2.0 */
/* Digests against the vectors of their standards: FIPS 180, RFC 4231, RFC 5869. */
#include "config.h"

#include "base/hash.h"

#include "tap.h"

#include <ctype.h>

enum { BYTES = 200 };

/* Reads "hex", or "hex*n" for a byte n times. */
static size_t bytes_of(unsigned char out[BYTES], const char *hex)
{
	const char *star = strchr(hex, '*');
	size_t n = 0;

	if (star) {
		for (const char *p = star + 1; *p; p++)
			n = n * 10 + (size_t)(*p - '0');
		hex_decode(out, hex, 2);
		memset(out, out[0], n);
		return n;
	}
	hex_decode(out, hex, strlen(hex));
	return strlen(hex) / 2;
}

static const struct {
	const char *key, *data, *mac, *name;
} hmac[] = {
	{ "0b*20", "4869205468657265",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	    "HMAC, RFC 4231 case 1" },
	{ "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	    "HMAC, RFC 4231 case 2: a short key" },
	{ "aa*20", "dd*50", "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
	    "HMAC, RFC 4231 case 3" },
	{ "0102030405060708090a0b0c0d0e0f10111213141516171819", "cd*50",
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
	    "HMAC, RFC 4231 case 4" },
	{ "aa*131",
	    "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
	    "48617368204b6579204669727374",
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	    "HMAC, RFC 4231 case 6: a key over the block size" },
	{ "aa*131",
	    "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b"
	    "2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a652064"
	    "6174612e20546865206b6579206e6565647320746f20626520686173686564206265666f72652062"
	    "65696e6720757365642062792074686520484d414320616c676f726974686d2e",
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
	    "HMAC, RFC 4231 case 7: long key and data" },
};

static const struct {
	const char *key, *salt, *info, *out, *name;
} hkdf[] = {
	{ "0b*22", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
	    "HKDF, RFC 5869 case 1" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	    "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	    "cc30c58179ec3e87c14c01d5c1f3434f1d87",
	    "HKDF, RFC 5869 case 2: long inputs and output" },
	{ "0b*22", "", "",
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
	    "HKDF, RFC 5869 case 3: no salt and no info" },
};

static void vectors(void)
{
	unsigned char key[BYTES], data[BYTES], info[BYTES], out[BYTES], want[BYTES];

	for (size_t i = 0; i < sizeof(hmac) / sizeof(*hmac); i++) {
		size_t k = bytes_of(key, hmac[i].key), n = bytes_of(data, hmac[i].data);

		bytes_of(want, hmac[i].mac);
		hash_hmac(out, key, k, data, n);
		is_mem(out, want, HASH_LEN, hmac[i].name);
	}
	for (size_t i = 0; i < sizeof(hkdf) / sizeof(*hkdf); i++) {
		size_t k = bytes_of(key, hkdf[i].key), s = bytes_of(data, hkdf[i].salt);
		size_t f = bytes_of(info, hkdf[i].info), n = bytes_of(want, hkdf[i].out);

		memset(out, 0, sizeof(out));
		hash_hkdf(out, n, key, k, data, s, info, f);
		is_mem(out, want, n, hkdf[i].name);
		ok(out[n] == 0, "and writes no byte more");
	}
}

int main(void)
{
	unsigned char out[HASH_LEN];
	char hex[2 * HASH_LEN + 1];
	int wrong = 0;

	vectors();
	hash_sha256(out, "abc", 3);
	hex_encode(hex, out, HASH_LEN);
	is_str(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc");
	hash_sha256(out, "", 0);
	hex_encode(hex, out, HASH_LEN);
	is_str(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SHA-256 of nothing");
	ok(hash_crc32("123456789", 9) == 0xcbf43926u, "CRC-32 has its check value");
	ok(hash_equal("abc", "abd", 2) && !hash_equal("abc", "abd", 3), "hash_equal compares all");
	ok(hash_equal_text("", "") && !hash_equal_text("a", "ab"), "texts of two lengths differ");
	ok(hex_decode(out, "00fFAa", 6) && !memcmp(out, "\0\xff\xaa", 3), "hex of either case decodes");
	ok(!hex_decode(out, "abc", 3), "an odd number of digits is refused");
	ok(!hex_decode(out, "0g", 2), "a letter past f is refused");
	ok(!hex_decode(out, "0`", 2) && !hex_decode(out, "\x10\x11", 2), "what | 0x20 would turn into a digit is refused");
	for (int c = 0; c < 256; c++) {
		const char first[] = { (char)c, '0' }, second[] = { '0', (char)c };

		wrong += hex_decode(out, first, 2) != !!isxdigit(c) || hex_decode(out, second, 2) != !!isxdigit(c);
	}
	is_int(wrong, 0, "each digit, and nothing else, is one");
	return done();
}
