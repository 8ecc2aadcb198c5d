/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check digits of the numbers that data loss prevention looks for. Most are a sum of digits times weights; what
 * is left of it, and what stands for 10 and 11, differs by country.
 */
#include "config.h"

#include "policy/dlp_check.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/b64.h"
#include "base/hash.h"
#include "oauth/token.h"

enum { DIGITS = 40, TEXT = 64 };

/* ---- what all of them need */

/* The digits among the bytes; 0 if there are more than DIGITS. */
static size_t digits_of(const char *s, size_t n, unsigned char d[DIGITS])
{
	size_t got = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			continue;
		if (got == DIGITS)
			return 0;
		d[got++] = (unsigned char)(s[i] - '0');
	}
	return got;
}

/* The letters, in upper case, and digits among the bytes, terminated; 0 if there are too many. */
static size_t letters_of(const char *s, size_t n, char out[TEXT])
{
	size_t got = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 32) : s[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
			continue;
		if (got == TEXT - 1)
			return 0;
		out[got++] = c;
	}
	out[got] = 0;
	return got;
}

/* 0 to 9, A is 10. */
static unsigned value_of(char c)
{
	return (unsigned)(c >= '0' && c <= '9' ? c - '0' : c - 'A' + 10);
}

/* The sum of digits times weights; a weight is a character: '1' to '9', ':' is 10. */
static unsigned weighted(const unsigned char *d, const char *weights)
{
	unsigned sum = 0;

	for (size_t i = 0; weights[i]; i++)
		sum += d[i] * (unsigned)(weights[i] - '0');
	return sum;
}

static bool all_same(const unsigned char *d, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (d[i] != d[0])
			return false;
	return true;
}

static uint64_t number(const unsigned char *d, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + d[i];
	return v;
}

static bool is_luhn(const unsigned char *d, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned v = d[n - 1 - i] * (i % 2 ? 2 : 1);

		sum += v > 9 ? v - 9 : v;
	}
	return n > 1 && sum % 10 == 0;
}

/* A day that a month may have. */
static bool is_day(uint64_t month, uint64_t day)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

bool check_luhn(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	size_t got = digits_of(s, n, d);

	return got && is_luhn(d, got) && !all_same(d, got);
}

/* ---- finance */

/* Whether cards of N digits begin so: HEAD is the first six digits. */
static bool is_issuer(unsigned head, size_t n)
{
	static const struct {
		unsigned from, to; /* of the first six digits */
		unsigned least, most, step;
	} issuers[] = {
		{ 400000, 499999, 13, 19, 3 },                                      /* Visa */
		{ 510000, 559999, 16, 16, 1 }, { 222100, 272099, 16, 16, 1 },       /* Mastercard */
		{ 340000, 349999, 15, 15, 1 }, { 370000, 379999, 15, 15, 1 },       /* American Express */
		{ 300000, 305999, 14, 14, 1 }, { 309500, 309599, 14, 14, 1 },       /* Diners */
		{ 360000, 369999, 14, 14, 1 }, { 380000, 399999, 14, 14, 1 },
		{ 601100, 601199, 16, 19, 1 }, { 644000, 659999, 16, 19, 1 },       /* Discover */
		{ 352800, 358999, 16, 19, 1 },                                      /* JCB */
		{ 620000, 629999, 16, 19, 1 }, { 810000, 817199, 16, 19, 1 },       /* UnionPay */
		{ 500000, 509999, 12, 19, 1 }, { 560000, 589999, 12, 19, 1 },       /* Maestro, RuPay */
		{ 630000, 639999, 12, 19, 1 }, { 670000, 679999, 12, 19, 1 },
		{ 220000, 220499, 16, 19, 1 },                                      /* Mir */
	};

	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
		if (head >= issuers[i].from && head <= issuers[i].to && n >= issuers[i].least && n <= issuers[i].most &&
		    (n - issuers[i].least) % issuers[i].step == 0)
			return true;
	return false;
}

bool check_card(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	size_t got = digits_of(s, n, d);

	return got >= 12 && is_issuer((unsigned)number(d, 6), got) && is_luhn(d, got);
}

/* Lengths by country, from the registry of SWIFT. */
static unsigned iban_length(const char *country)
{
	static const char lengths[] =
	    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27"
	    "GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22"
	    "MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28"
	    "TL23TN24TR26UA29VA22VG24XK20YE30";

	for (const char *p = lengths; *p; p += 4)
		if (p[0] == country[0] && p[1] == country[1])
			return (unsigned)((p[2] - '0') * 10 + p[3] - '0');
	return 0;
}

bool check_iban(const char *s, size_t n)
{
	char text[TEXT];
	size_t got = letters_of(s, n, text);
	unsigned rest = 0;

	if (got < 15 || iban_length(text) != got)
		return false;
	for (size_t i = 0; i < got; i++) {
		unsigned v = value_of(text[(i + 4) % got]);

		rest = (rest * (v > 9 ? 100 : 10) + v) % 97;
	}
	return rest == 1;
}

static bool is_country(const char *code)
{
	static const char codes[] =
	    " AD AE AF AG AI AL AM AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN "
	    "CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GG GH GI GL GM GN GP GQ GR GT GW "
	    "GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY "
	    "MA MC MD ME MG MH MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NZ OM PA PE PF PG PH PK PL PR "
	    "PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TL TM TN TO TR TT "
	    "TV TW TZ UA UG US UY UZ VA VC VE VG VN VU WS XK YE ZA ZM ZW ";
	const char word[] = { ' ', code[0], code[1], ' ', 0 };

	return strstr(codes, word) != NULL;
}

bool check_bic(const char *s, size_t n)
{
	return n >= 8 && is_country(s + 4);
}

bool check_isin(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	size_t got = 0;

	for (size_t i = 0; i < n && got + 2 <= DIGITS; i++) {
		unsigned v = value_of(s[i]);

		if (v > 9)
			d[got++] = (unsigned char)(v / 10);
		d[got++] = (unsigned char)(v % 10);
	}
	return n == 12 && (is_country(s) || !memcmp(s, "XS", 2)) && is_luhn(d, got);
}

bool check_aba(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned head;

	if (digits_of(s, n, d) != 9)
		return false;
	head = d[0] * 10u + d[1];
	return (head <= 12 || (head >= 21 && head <= 32) || (head >= 61 && head <= 72) || head == 80) &&
	    weighted(d, "371371371") % 10 == 0 && !all_same(d, 9);
}

bool check_base58(const char *s, size_t n)
{
	static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	unsigned char bytes[25] = { 0 }, hash[HASH_LEN];

	for (size_t i = 0; i < n; i++) {
		const char *at = memchr(alphabet, s[i], sizeof(alphabet) - 1);
		unsigned carry = at ? (unsigned)(at - alphabet) : 0;

		if (!at)
			return false;
		for (size_t k = sizeof(bytes); k-- > 0;) {
			carry += bytes[k] * 58u;
			bytes[k] = (unsigned char)carry;
			carry >>= 8;
		}
		if (carry)
			return false;
	}
	hash_sha256(hash, bytes, 21);
	hash_sha256(hash, hash, HASH_LEN);
	return !memcmp(hash, bytes + 21, 4);
}

static uint32_t bech32_step(uint32_t sum, unsigned v)
{
	static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
	unsigned top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ v;
	for (int i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

bool check_bech32(const char *s, size_t n)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	const char *one = memchr(s, '1', n);
	uint32_t sum = 1;

	if (!one)
		return false;
	for (const char *p = s; p < one; p++)
		sum = bech32_step(sum, (unsigned char)*p >> 5);
	sum = bech32_step(sum, 0);
	for (const char *p = s; p < one; p++)
		sum = bech32_step(sum, *p & 31);
	for (const char *p = one + 1; p < s + n; p++) {
		const char *at = memchr(alphabet, *p, sizeof(alphabet) - 1);

		if (!at)
			return false;
		sum = bech32_step(sum, (unsigned)(at - alphabet));
	}
	return sum == 1 || sum == 0x2bc830a3;
}

/* ---- persons: Europe */

bool check_at_svnr(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	/* the check digit is the fourth; months 13 to 15 are given out where a day is full */
	return digits_of(s, n, d) == 10 && d[0] && weighted(d, "3790584216") % 11 == d[3] &&
	    (is_day(number(d + 6, 2), number(d + 4, 2)) ||
		(number(d + 6, 2) >= 13 && number(d + 6, 2) <= 15 && number(d + 4, 2) <= 31));
}

bool check_be_national(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	uint64_t head, tail;

	if (digits_of(s, n, d) != 11 || !is_day(number(d + 2, 2) % 20, number(d + 4, 2)))
		return false;
	head = number(d, 9);
	tail = number(d + 9, 2);
	return 97 - head % 97 == tail || 97 - (head + 2000000000) % 97 == tail; /* born before, or since, 2000 */
}

bool check_bg_egn(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 10 && is_day(number(d + 2, 2) % 20, number(d + 4, 2)) &&
	    weighted(d, "2485:9736") % 11 % 10 == d[9];
}

bool check_ch_ahv(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 13 && weighted(d, "1313131313131") % 10 == 0;
}

bool check_cz_birth(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	uint64_t month;

	if (digits_of(s, n, d) != 10)
		return false;
	month = number(d + 2, 2) % 50; /* women: 50 more; 20 more where numbers ran out */
	return is_day(month > 20 ? month - 20 : month, number(d + 4, 2)) &&
	    (number(d, 10) % 11 == 0 || (number(d, 9) % 11 == 10 && d[9] == 0));
}

bool check_de_card(const char *s, size_t n)
{
	char text[TEXT];
	unsigned sum = 0;

	if (letters_of(s, n, text) != 10 || !memchr("0123456789", text[9], 10))
		return false;
	for (size_t i = 0; i < 9; i++)
		sum += value_of(text[i]) * (unsigned)("731"[i % 3] - '0');
	return sum % 10 == value_of(text[9]);
}

/* Area, day of birth, initial as two digits, serial, check digit. */
bool check_de_social(const char *s, size_t n)
{
	static const char weights[] = "212571212121";
	char text[TEXT];
	unsigned char d[12];
	unsigned sum = 0, letter;

	if (letters_of(s, n, text) != 12)
		return false;
	letter = value_of(text[8]) - 9;
	for (size_t i = 0; i < 8; i++)
		d[i] = (unsigned char)value_of(text[i]);
	d[8] = (unsigned char)(letter / 10);
	d[9] = (unsigned char)(letter % 10);
	d[10] = (unsigned char)value_of(text[9]);
	d[11] = (unsigned char)value_of(text[10]);
	for (size_t i = 0; i < 12; i++) {
		unsigned v = d[i] * (unsigned)(weights[i] - '0');

		sum += v / 10 + v % 10;
	}
	return is_day(number(d + 4, 2), number(d + 2, 2)) && sum % 10 == value_of(text[11]);
}

/* ISO 7064, mod 11,10. */
static bool is_mod11_10(const unsigned char *d, size_t n)
{
	unsigned product = 10;

	for (size_t i = 0; i + 1 < n; i++) {
		unsigned sum = (d[i] + product) % 10;

		product = (sum ? sum : 10) * 2 % 11;
	}
	return (11 - product) % 10 == d[n - 1];
}

/* Of the first ten digits one comes twice or three times, the others at most once. */
bool check_de_tax(const char *s, size_t n)
{
	unsigned char d[DIGITS], count[10] = { 0 };
	unsigned repeated = 0;

	if (digits_of(s, n, d) != 11 || !d[0] || !is_mod11_10(d, 11))
		return false;
	for (size_t i = 0; i < 10; i++)
		count[d[i]]++;
	for (size_t i = 0; i < 10; i++) {
		if (count[i] > 3)
			return false;
		repeated += count[i] > 1;
	}
	return repeated == 1;
}

bool check_dk_cpr(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	/* since 2007 numbers are given out that fail the old checksum: the day is all there is */
	return digits_of(s, n, d) == 10 && is_day(number(d + 2, 2), number(d, 2));
}

bool check_ee_code(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned check;

	if (digits_of(s, n, d) != 11 || !d[0] || d[0] > 6 || !is_day(number(d + 3, 2), number(d + 5, 2)))
		return false;
	check = weighted(d, "1234567891") % 11;
	if (check == 10)
		check = weighted(d, "3456789123") % 11 % 10;
	return check == d[10];
}

bool check_es_dni(const char *s, size_t n)
{
	char text[TEXT];
	uint64_t v = 0;

	if (letters_of(s, n, text) != 9)
		return false;
	for (size_t i = 0; i < 8; i++) /* X, Y and Z stand for 0, 1 and 2 */
		v = v * 10 + (text[i] >= 'X' ? (unsigned)(text[i] - 'X') : value_of(text[i]));
	return text[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[v % 23];
}

bool check_fi_hetu(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	if (n != 11 || digits_of(s, 10, d) != 9 || !is_day(number(d + 2, 2), number(d, 2)))
		return false;
	return s[10] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[number(d, 9) % 31];
}

bool check_fr_nir(const char *s, size_t n)
{
	char text[TEXT];
	unsigned char d[DIGITS];
	uint64_t less = 0;

	if (letters_of(s, n, text) != 15)
		return false;
	if (text[6] == 'A' || text[6] == 'B') { /* Corsica: 2A and 2B count as 19 and 18 */
		less = text[6] == 'A' ? 1000000 : 2000000;
		text[6] = '0';
	}
	return digits_of(text, 15, d) == 15 && 97 - (number(d, 13) - less) % 97 == number(d + 13, 2);
}

bool check_fr_tax(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 13 && number(d, 10) % 511 == number(d + 10, 3) && !all_same(d, 13);
}

bool check_gr_amka(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 11 && is_day(number(d + 2, 2), number(d, 2)) && is_luhn(d, 11);
}

bool check_hr_oib(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 11 && is_mod11_10(d, 11) && !all_same(d, 11);
}

bool check_hu_taj(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 9 && weighted(d, "37373737") % 10 == d[8] && !all_same(d, 9);
}

bool check_ie_pps(const char *s, size_t n)
{
	char text[TEXT];
	size_t got = letters_of(s, n, text);
	unsigned sum = 0;

	if (got != 8 && got != 9)
		return false;
	for (size_t i = 0; i < 7; i++)
		sum += value_of(text[i]) * (8 - (unsigned)i);
	if (got == 9 && text[8] != 'W')
		sum += (value_of(text[8]) - 9) * 9;
	return text[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23];
}

bool check_it_fiscal(const char *s, size_t n)
{
	static const unsigned char odd[] = { 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25,
		24, 23 };
	char text[TEXT];
	unsigned sum = 0;

	if (letters_of(s, n, text) != 16)
		return false;
	for (size_t i = 0; i < 15; i++) {
		unsigned v = value_of(text[i]);

		v = v > 9 ? v - 10 : v;
		sum += i % 2 ? v : odd[v];
	}
	return text[15] == (char)('A' + sum % 26);
}

bool check_lv_code(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 11 && is_day(number(d + 2, 2), number(d, 2)) &&
	    (1101 - weighted(d, "16379:5842")) % 11 % 10 == d[10];
}

bool check_nl_bsn(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	/* the last digit counts minus one, which is ten */
	return digits_of(s, n, d) == 9 && weighted(d, "98765432:") % 11 == 0 && !all_same(d, 9);
}

bool check_no_birth(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	uint64_t day, month;

	if (digits_of(s, n, d) != 11)
		return false;
	day = number(d, 2) % 40;       /* foreigners: 40 more */
	month = number(d + 2, 2) % 40; /* test numbers */
	return is_day(month, day) && (11 - weighted(d, "376189452") % 11) % 11 == d[9] &&
	    (11 - weighted(d, "5432765432") % 11) % 11 == d[10];
}

bool check_pl_nip(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 10 && weighted(d, "657234567") % 11 == d[9] && !all_same(d, 10);
}

bool check_pl_pesel(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 11 && is_day(number(d + 2, 2) % 20, number(d + 4, 2)) &&
	    weighted(d, "13791379131") % 10 == 0;
}

bool check_pt_nif(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned check;

	if (digits_of(s, n, d) != 9 || all_same(d, 9))
		return false;
	check = 11 - weighted(d, "98765432") % 11;
	return (check > 9 ? 0 : check) == d[8];
}

bool check_ro_cnp(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned check;

	if (digits_of(s, n, d) != 13 || !is_day(number(d + 3, 2), number(d + 5, 2)))
		return false;
	check = weighted(d, "279146358279") % 11;
	return (check == 10 ? 1 : check) == d[12];
}

bool check_ru_inn(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 12 && weighted(d, "724:359468") % 11 % 10 == d[10] &&
	    weighted(d, "3724:359468") % 11 % 10 == d[11] && !all_same(d, 12);
}

bool check_ru_snils(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 11 && weighted(d, "987654321") % 101 % 100 == number(d + 9, 2) && !all_same(d, 11);
}

bool check_se_number(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	size_t got = digits_of(s, n, d);
	const unsigned char *p = d + (got == 12 ? 2 : 0);

	return (got == 10 || got == 12) && is_day(number(p + 2, 2), number(p + 4, 2) % 60) && is_luhn(p, 10);
}

bool check_si_emso(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned check;

	if (digits_of(s, n, d) != 13 || !is_day(number(d + 2, 2), number(d, 2)))
		return false;
	check = 11 - weighted(d, "765432765432") % 11;
	return (check == 11 ? 0 : check) == d[12];
}

bool check_tr_id(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	if (digits_of(s, n, d) != 11 || !d[0])
		return false;
	return (weighted(d, "707070707") + 90 - weighted(d, "01010101")) % 10 == d[9] && weighted(d, "1111111111") % 10 == d[10];
}

bool check_ua_tax(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	/* the first weight is minus one, which is ten */
	return digits_of(s, n, d) == 10 && weighted(d, ":57946:57") % 11 % 10 == d[9] && !all_same(d, 10);
}

bool check_uk_nhs(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 10 && weighted(d, ":987654321") % 11 == 0 && !all_same(d, 10);
}

/* ---- persons: Americas */

bool check_ar_cuit(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned check;

	if (digits_of(s, n, d) != 11)
		return false;
	check = 11 - weighted(d, "5432765432") % 11;
	return (check == 11 ? 0 : check == 10 ? 9 : check) == d[10];
}

bool check_br_cpf(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 11 && !all_same(d, 11) && weighted(d, ":98765432") * 10 % 11 % 10 == d[9] &&
	    weighted(d, ";:98765432") * 10 % 11 % 10 == d[10];
}

bool check_br_cnpj(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 14 && !all_same(d, 14) && weighted(d, "543298765432") * 10 % 11 % 10 == d[12] &&
	    weighted(d, "6543298765432") * 10 % 11 % 10 == d[13];
}

bool check_cl_rut(const char *s, size_t n)
{
	char text[TEXT];
	size_t got = letters_of(s, n, text);
	unsigned sum = 0, check;

	if (got != 8 && got != 9)
		return false;
	for (size_t i = 0; i + 1 < got; i++)
		sum += value_of(text[got - 2 - i]) * (unsigned)(2 + i % 6);
	check = 11 - sum % 11;
	return text[got - 1] == (check == 11 ? '0' : check == 10 ? 'K' : (char)('0' + check));
}

bool check_ec_cedula(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	uint64_t province;

	if (digits_of(s, n, d) != 10)
		return false;
	province = number(d, 2);
	return ((province >= 1 && province <= 24) || province == 30) && d[2] < 6 && is_luhn(d, 10);
}

bool check_mx_curp(const char *s, size_t n)
{
	char text[TEXT];
	unsigned sum = 0;

	if (letters_of(s, n, text) != 18)
		return false;
	for (size_t i = 0; i < 17; i++) {
		unsigned v = value_of(text[i]);

		sum += (v > 23 ? v + 1 : v) * (18 - (unsigned)i); /* the alphabet has an eñe behind N */
	}
	return text[17] == (char)('0' + (10 - sum % 10) % 10);
}

bool check_us_dea(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	/* the second "letter" of a business is a 9 */
	return n == 9 && digits_of(s + 2, n - 2, d) == 7 && weighted(d, "121212") % 10 == d[6];
}

bool check_us_npi(const char *s, size_t n)
{
	unsigned char d[DIGITS] = { 8, 0, 8, 4, 0 }, id[DIGITS];

	if (digits_of(s, n, id) != 10 || (id[0] != 1 && id[0] != 2))
		return false;
	memcpy(d + 5, id, 10);
	return is_luhn(d, 15);
}

bool check_us_ssn(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	uint64_t area, v;

	if (digits_of(s, n, d) != 9)
		return false;
	area = number(d, 3);
	v = number(d, 9);
	return area && area != 666 && area < 900 && number(d + 3, 2) && number(d + 5, 4) && !all_same(d, 9) && v != 123456789 &&
	    v != 78051120 && v != 219099999; /* printed on cards of advertisements */
}

/* ---- persons: Asia, Africa, Oceania */

bool check_au_abn(const char *s, size_t n)
{
	static const unsigned char weights[] = { 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 };
	unsigned char d[DIGITS];
	unsigned sum = 0;

	if (digits_of(s, n, d) != 11 || !d[0])
		return false;
	d[0]--;
	for (size_t i = 0; i < 11; i++)
		sum += d[i] * weights[i];
	return sum % 89 == 0;
}

bool check_au_medicare(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	size_t got = digits_of(s, n, d);

	return (got == 10 || got == 11) && d[0] >= 2 && d[0] <= 6 && weighted(d, "13791379") % 10 == d[8];
}

bool check_au_tfn(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 9 && weighted(d, "14375869:") % 11 == 0 && !all_same(d, 9);
}

/* ISO 7064, mod 11-2, behind a day of birth. */
bool check_cn_resident(const char *s, size_t n)
{
	char text[TEXT];
	unsigned char d[DIGITS];

	if (letters_of(s, n, text) != 18 || digits_of(text, 17, d) != 17 || !is_day(number(d + 10, 2), number(d + 12, 2)))
		return false;
	return text[17] == "10X98765432"[weighted(d, "79:584216379:5842") % 11];
}

bool check_hk_id(const char *s, size_t n)
{
	char text[TEXT];
	size_t got = letters_of(s, n, text);
	unsigned sum = got == 8 ? 36 * 9 : 0; /* a blank in the place of the first letter */

	if (got != 8 && got != 9)
		return false;
	for (size_t i = 0; i < got; i++)
		sum += value_of(text[i]) * (unsigned)(got - i);
	return sum % 11 == 0;
}

bool check_in_aadhaar(const char *s, size_t n)
{
	/* the group of the pentagon: i times k, and what a digit becomes at each place */
	static const char times[10][11] = { "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321",
		"6598710432", "7659821043", "8765932104", "9876543210" };
	static const char place[8][11] = { "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901",
		"2793806415", "7046913258" };
	unsigned char d[DIGITS];
	unsigned c = 0;

	if (digits_of(s, n, d) != 12 || d[0] < 2)
		return false;
	for (size_t i = 0; i < 12; i++)
		c = (unsigned)(times[c][place[i % 8][d[11 - i]] - '0'] - '0');
	return c == 0;
}

bool check_jp_number(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned rest;

	if (digits_of(s, n, d) != 12 || all_same(d, 12))
		return false;
	rest = weighted(d, "65432765432") % 11;
	return (rest < 2 ? 0 : 11 - rest) == d[11];
}

bool check_kr_rrn(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 13 && is_day(number(d + 2, 2), number(d + 4, 2)) &&
	    (11 - weighted(d, "234567892345") % 11) % 10 == d[12];
}

bool check_my_nric(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	uint64_t place;

	if (digits_of(s, n, d) != 12)
		return false;
	place = number(d + 6, 2);
	return is_day(number(d + 2, 2), number(d + 4, 2)) && place && place != 17 && place != 18 && place != 19 && place != 20 &&
	    place != 69 && place != 70 && place != 73 && place != 80 && place != 81 && place < 100;
}

bool check_nz_ird(const char *s, size_t n)
{
	unsigned char d[DIGITS] = { 0 }, id[DIGITS];
	size_t got = digits_of(s, n, id);
	unsigned rest;

	if (got != 8 && got != 9)
		return false;
	memcpy(d + 9 - got, id, got);
	if (number(d, 9) < 10000000 || number(d, 9) > 150000000)
		return false;
	rest = weighted(d, "32765432") % 11;
	if (rest == 1)
		rest = weighted(d, "74325276") % 11;
	return rest != 1 && (11 - rest) % 11 == d[8];
}

bool check_sg_nric(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	unsigned sum;

	if (n != 9 || digits_of(s + 1, 7, d) != 7)
		return false;
	sum = weighted(d, "2765432") + (s[0] == 'T' || s[0] == 'G' ? 4 : 0);
	return s[8] == (s[0] == 'S' || s[0] == 'T' ? "JZIHGFEDCBA" : "XWUTRQPNMLK")[sum % 11];
}

bool check_th_id(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 13 && d[0] && (11 - weighted(d, "=<;:98765432") % 11) % 10 == d[12];
}

bool check_tw_id(const char *s, size_t n)
{
	static const unsigned char areas[] = { 10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29,
		32, 30, 31, 33 };
	unsigned char d[DIGITS];
	unsigned area;

	if (n != 10 || s[0] < 'A' || s[0] > 'Z' || digits_of(s + 1, 9, d) != 9)
		return false;
	area = areas[s[0] - 'A'];
	return (area / 10 + area % 10 * 9 + weighted(d, "876543211")) % 10 == 0;
}

bool check_za_id(const char *s, size_t n)
{
	unsigned char d[DIGITS];

	return digits_of(s, n, d) == 13 && is_day(number(d + 2, 2), number(d + 4, 2)) && d[10] < 2 && is_luhn(d, 13);
}

/* ---- things, documents, days */

bool check_vin(const char *s, size_t n)
{
	static const char values[] = "12345678_12345_7_923456789"; /* A to Z */
	static const unsigned char weights[] = { 8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2 };
	unsigned sum = 0;

	if (n != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		char c = s[i] >= 'A' && s[i] <= 'Z' ? values[s[i] - 'A'] : s[i];

		if (c < '0' || c > '9')
			return false;
		sum += (unsigned)(c - '0') * weights[i];
	}
	return s[8] == "0123456789X"[sum % 11];
}

/* N characters and their check digit (ICAO 9303: weights 7 3 1, a filler counts nothing). */
static bool mrz_field(const char *s, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (s[i] == '<' ? 0 : value_of(s[i])) * (unsigned)("731"[i % 3] - '0');
	return s[n] == (char)('0' + sum % 10);
}

bool check_mrz(const char *s, size_t n)
{
	return n == 44 && mrz_field(s, 9) && mrz_field(s + 13, 6) && mrz_field(s + 21, 6);
}

bool check_date(const char *s, size_t n)
{
	unsigned char d[DIGITS];
	size_t got = digits_of(s, n, d), head = 0;
	uint64_t v[3] = { 0 }, year;

	if (got < 6 || got > 8)
		return false;
	for (size_t i = 0; i < n && head < 3; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			v[head] = v[head] * 10 + (unsigned)(s[i] - '0');
		else
			head++;
	}
	year = v[0] > 31 ? v[0] : v[2];
	if (year < 1900 || year > 2099)
		return false;
	return v[0] > 31 ? is_day(v[1], v[2]) : is_day(v[1], v[0]) || is_day(v[0], v[1]);
}

/* ---- network */

bool check_ipv4(const char *s, size_t n)
{
	char text[TEXT];
	struct in_addr a;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	return inet_pton(AF_INET, text, &a) == 1;
}

bool check_ipv6(const char *s, size_t n)
{
	char text[TEXT];
	struct in6_addr a;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	return inet_pton(AF_INET6, text, &a) == 1;
}

/* ---- secrets */

/* How often two characters of the text are the same one, in thousandths: 16 for random base64, 62 for random hex, 65 for English. */
static size_t sameness(const char *s, size_t n)
{
	size_t counts[256] = { 0 }, pairs = 0;

	for (size_t i = 0; i < n; i++)
		pairs += counts[(unsigned char)s[i]]++;
	return pairs * 2000 / (n * (n - 1));
}

static size_t count_of(const char *s, size_t n, char from, char to)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += s[i] >= from && s[i] <= to;
	return count;
}

bool check_random(const char *s, size_t n)
{
	size_t digits = count_of(s, n, '0', '9'), upper = count_of(s, n, 'A', 'Z'), lower = count_of(s, n, 'a', 'z');
	bool is_hex = digits && digits + count_of(s, n, 'a', 'f') == n;

	/* names and paths have few digits; dates and numbers nothing else */
	if (n < 16 || digits < (n < 32 ? 2 : 1) || digits == n || (!upper && !lower))
		return false;
	return sameness(s, n) < (is_hex ? 120 : 55);
}

bool check_password(const char *s, size_t n)
{
	static const char *const placeholders[] = { "password", "passwd", "changeme", "redacted", "example", "secret", "string", "none",
		"null", "undefined", "true", "false", "required", "optional", NULL };

	if (n < 6 || memchr("$<{%[*", s[0], 6) || sameness(s, n) > 400)
		return false;
	for (size_t i = 0; placeholders[i]; i++)
		if (strlen(placeholders[i]) == n && !strncasecmp(placeholders[i], s, n))
			return false;
	return true;
}

bool check_jwt(const char *s, size_t n)
{
	const char *dot = memchr(s, '.', n);
	char text[512];
	size_t got, head = dot ? (size_t)(dot - s) : 0;

	if (!head || head > sizeof(text) || !b64url_decode(text, &got, s, head) || !got)
		return false;
	return text[0] == '{' && memmem(text, got, "\"alg\"", 5) != NULL;
}

bool check_basic(const char *s, size_t n)
{
	char text[512];
	size_t got;
	const char *colon;

	if (n > sizeof(text) || !b64_decode(text, &got, s, n))
		return false;
	colon = memchr(text, ':', got);
	return colon && colon + 1 < text + got;
}

bool check_gatehouse(const char *s, size_t n)
{
	char text[TOKEN_TEXT];

	if (n != TOKEN_LEN)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	for (enum token_kind kind = TOKEN_ACCESS; kind < TOKEN_KINDS; kind++)
		if (token_is(text, kind))
			return true;
	return false;
}
