/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of entities. A pattern is bounded in length at each place where it may begin, so that a search is linear in the
 * text. Confidence: 0.85 and more where prefix or checksum leave no doubt, 0.6 where the form is seldom
 * anything else, below 0.5 where only words near it tell. Not found by design: names of people, and what is
 * split over several values.
 */
#include "config.h"

#include "policy/dlp_entities.h"

#include <stddef.h>
#include <string.h>

#include "policy/dlp_check.h"

#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }

/*
 * Where a word may begin: behind what is no part of one, or behind an escape, since many texts are themselves JSON (`\n4111…`).
 */
#define EDGE(more) "(?:(?<![0-9A-Za-z_\\\\" more "])|(?<=\\\\)(?![nrtbfu])|(?<=\\\\[nrtbf])|(?<=\\\\u00[0-9A-Fa-f]{2}))"
#define B EDGE("")
#define E "(?![0-9A-Za-z_])"
/* Of a token that may hold hyphens. */
#define BT EDGE("\\-")
#define ET "(?![0-9A-Za-z_\\-])"
/* Of a number: none that is a part of a fraction, or of a longer one with hyphens. */
#define FROM B "(?<![0-9][.\\-])"
#define TO E "(?!\\.[0-9]{0,20}[1-9]|-[0-9])"
/* What people put between groups of digits: blanks and hyphens of several widths. */
#define SEP "[ \\-\\x{a0}\\x{2007}\\x{2009}-\\x{2015}\\x{202f}]"
#define ASK "(?C1)"
#define YYMMDD "[0-9]{2}[0-1][0-9][0-3][0-9]"
#define DDMMYY "[0-3][0-9][0-1][0-9][0-9]{2}"
#define KEYWORD                                                                                                              \
	"(?i:pass(?:word|wd|phrase)|pwd|(?:api|access|auth|private|signing|encryption|client)[_\\-. ]?(?:key|secret|token)|" \
	"secret(?:[_\\-. ]?key)?|token|credential)s?"

static const char *const tax_words[] = { "tax", "tax id", "tin", "tax number", NULL };
static const char *const phone_words[] = { "phone", "telephone", "tel", "mobile", "cell", "cell phone", "fax", "whatsapp",
	"sms", "msisdn", "contact number", "telefon", "handy", "portable", "m\xc3\xb3vil", "telefono", "tel\xc3\xa9phone", NULL };
static const char *const secret_words[] = { "secret", "token", "api key", "apikey", "access key", "auth key", "private key", "password",
	"credential", "client secret", "signing key", "encryption key", "secret key", "session key", NULL };

const struct dlp_entity dlp_entities[] = {
	/* ---- finance */
	{ "finance-global-credit-card", "Numbers of payment cards, by issuer, with their check digit.",
	    B "(?<![0-9]\\.)[2-68][0-9](?:" SEP "?[0-9]){10,17}" E "(?!\\.[0-9]{0,20}[1-9])" ASK, 0.75, check_card, NULL, 12,
	    WORDS("card", "credit", "debit", "visa", "mastercard", "amex", "american express", "discover", "pan", "cc", "karte", "carte",
	        "tarjeta") },
	{ "finance-global-card-security-code", "The three or four digits on a card.", FROM "[0-9]{3,4}" TO, 0.1, NULL,
	    NULL, 3, WORDS("cvv", "cvc", "cvv2", "cvc2", "cid", "card verification", "card security code", "security code") },
	{ "finance-global-iban", "International bank account numbers.", B "[A-Z]{2}[0-9]{2}(?:" SEP "?[A-Z0-9]){11,30}" E ASK, 0.9,
	    check_iban, NULL, 4, WORDS("iban", "account", "konto", "bank") },
	{ "finance-global-swift-bic", "Codes of banks (BIC).", B "[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?" E ASK, 0.15,
	    check_bic, NULL, 0, WORDS("swift", "bic", "swift code", "bank code", "bank identifier") },
	{ "finance-global-isin", "International securities numbers.", B "[A-Z]{2}[A-Z0-9]{9}[0-9]" E ASK, 0.6, check_isin, NULL, 1,
	    WORDS("isin", "security", "stock", "bond", "fund") },
	{ "finance-global-bitcoin", "Addresses of Bitcoin.", B "[13][1-9A-HJ-NP-Za-km-z]{25,34}" E ASK, 0.85, check_base58, NULL, 1,
	    WORDS("bitcoin", "btc", "wallet") },
	{ "finance-global-bitcoin", NULL, B "(?:bc|tb)1[02-9ac-hj-np-z]{11,71}" E ASK, 0.9, check_bech32, "1", 1,
	    WORDS("bitcoin", "btc", "wallet") },
	{ "finance-global-ethereum", "Addresses of Ethereum.", B "0x[0-9a-fA-F]{40}" E, 0.6, NULL, "0x", 1,
	    WORDS("ethereum", "eth", "wallet", "address", "erc20") },
	{ "finance-us-aba-routing", "Routing numbers of banks.", FROM "[0-9]{9}" TO ASK, 0.1, check_aba, NULL, 9,
	    WORDS("routing", "aba", "rtn", "routing number", "transit", "ach", "wire") },
	{ "finance-us-bank-account", "Account numbers.", FROM "[0-9]{6,17}" TO, 0.06, NULL, NULL, 6,
	    WORDS("account number", "bank account", "checking", "savings", "acct", "account no") },
	{ "finance-uk-sort-code", "Sort codes.", FROM "[0-9]{2}-[0-9]{2}-[0-9]{2}" TO, 0.2, NULL, "-", 6,
	    WORDS("sort code", "bank", "account") },
	{ "finance-au-bsb", "BSB numbers of banks.", FROM "[0-9]{3}-[0-9]{3}" TO, 0.15, NULL, "-", 6,
	    WORDS("bsb", "bank state branch") },
	{ "finance-in-ifsc", "Codes of bank branches.", B "[A-Z]{4}0[A-Z0-9]{6}" E, 0.3, NULL, "0", 1,
	    WORDS("ifsc", "bank", "branch", "neft", "rtgs") },

	/* ---- contact */
	{ "contact-global-email", "E-mail addresses.",
	    EDGE(".+\\-") "[\\w.!#$%&'*+/=?^`{|}~\\-]{1,64}+@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}\\-]{0,62})\\.){1,8}\\p{L}[\\p{L}\\p{N}\\-]{1,62}+",
	    0.9, NULL, "@", 0, WORDS("mail", "e mail", "email") },
	{ "contact-global-phone", "Telephone numbers: with a country's code, others near words that tell.",
	    "(?<![\\w+])\\+[1-9](?:[ .()/\\-\\x{a0}\\x{2010}-\\x{2013}]{0,2}[0-9]){6,14}" TO, 0.65, NULL, "+", 7, phone_words },
	{ "contact-global-phone", NULL, FROM "(?!(?:19|20)[0-9]{2}[/.\\-][0-9]{1,2}[/.\\-])\\(?[0-9](?:[ ./()\\-\\x{a0}]{0,2}[0-9]){6,14}" TO, 0.1, NULL, NULL, 7,
	    phone_words },
	{ "contact-us-phone", "Telephone numbers of North America with their separators.",
	    FROM "(?:1[ .\\-]?)?(?:\\([2-9][0-9]{2}\\) ?|[2-9][0-9]{2}[.\\-])[2-9][0-9]{2}[.\\-][0-9]{4}" TO, 0.55, NULL, NULL, 10, phone_words },
	{ "contact-us-phone", NULL, "(?<![\\w(])\\([2-9][0-9]{2}\\) ?[2-9][0-9]{2}[ .\\-][0-9]{4}" TO, 0.6, NULL, "(", 10, phone_words },
	{ "contact-us-address", "Streets with a number.",
	    FROM "[1-9][0-9]{0,5}(?: (?:N|S|E|W|North|South|East|West)\\.?)?(?: [A-Z][A-Za-z'.\\-]{1,30}){1,4}? "
	         "(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Terrace|Ter|Way|Parkway|Pkwy|Highway|Hwy)"
	         "\\b\\.?",
	    0.5, NULL, " ", 1, WORDS("address", "street", "live", "ship", "deliver", "mail", "home", "residence") },
	{ "contact-us-zip", "ZIP codes.", FROM "[0-9]{5}(?:-[0-9]{4})?" TO, 0.1, NULL, NULL, 5,
	    WORDS("zip", "zip code", "postal code", "zipcode") },
	{ "contact-uk-postcode", "Postcodes.", B "[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][ABD-HJLNP-UW-Z]{2}" E, 0.3, NULL, NULL, 2,
	    WORDS("postcode", "post code", "address", "postal code") },
	{ "contact-global-coordinates", "Latitude and longitude.",
	    "(?<![\\w.])[\\-+]?(?:[0-8]?[0-9]|90)\\.[0-9]{4,15}\\s{0,2}[,;/]\\s{0,2}[\\-+]?(?:1[0-7][0-9]|[0-9]?[0-9]|180)\\.[0-9]{4,15}(?![\\w])",
	    0.35, NULL, ".", 10, WORDS("location", "coordinates", "gps", "latitude", "longitude", "lat", "lon", "lng", "position", "geo") },

	/* ---- numbers of persons and their documents */
	{ "id-global-date-of-birth", "Days of birth.",
	    FROM "(?:(?:19|20)[0-9]{2}[/.\\-][0-9]{1,2}[/.\\-][0-9]{1,2}|[0-9]{1,2}[/.\\-][0-9]{1,2}[/.\\-](?:19|20)[0-9]{2})(?![0-9])" ASK, 0.1,
	    check_date, NULL, 6,
	    WORDS("born", "birth", "birthday", "dob", "date of birth", "birthdate", "geboren", "geburtsdatum", "naissance", "nacimiento",
	        "nascita") },
	{ "id-global-imei", "Numbers of mobile telephones (IMEI).", FROM "[0-9]{2}-?[0-9]{6}-?[0-9]{6}-?[0-9]" TO ASK, 0.3,
	    check_luhn, NULL, 15, WORDS("imei", "device", "handset", "serial", "phone", "mobile") },
	{ "id-global-passport-mrz", "The machine readable line of a passport.",
	    "(?<![A-Z0-9<])[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{7}[MFX<][0-9]{7}[A-Z0-9<]{14}[0-9<][0-9](?![A-Z0-9<])" ASK, 0.95, check_mrz, NULL, 17,
	    NULL },
	{ "id-global-vin", "Vehicle identification numbers.", B "[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{8}" E ASK, 0.45, check_vin, NULL, 3,
	    WORDS("vin", "vehicle", "chassis", "car") },

	{ "id-ar-cuit", "Argentina: CUIT and CUIL.", FROM "(?:2[034567]|3[034])-[0-9]{8}-[0-9]" TO ASK, 0.7, check_ar_cuit, "-", 11,
	    WORDS("cuit", "cuil") },
	{ "id-ar-cuit", NULL, FROM "(?:2[034567]|3[034])[0-9]{9}" TO ASK, 0.3, check_ar_cuit, NULL, 11, WORDS("cuit", "cuil") },
	{ "id-at-social-insurance", "Austria: social insurance number.", FROM "[1-9][0-9]{3} ?[0-3][0-9][01][0-9][0-9]{2}" TO ASK, 0.3,
	    check_at_svnr, NULL, 10, WORDS("svnr", "sozialversicherung", "versicherungsnummer", "sv nummer", "social insurance") },
	{ "id-au-abn", "Australia: business number.", FROM "[1-9][0-9](?: ?[0-9]{3}){3}" TO ASK, 0.3, check_au_abn, NULL, 11,
	    WORDS("abn", "business number") },
	{ "id-au-medicare", "Australia: Medicare card.", FROM "[2-6][0-9]{3} ?[0-9]{5} ?[0-9](?:[ /\\-]?[1-9])?" TO ASK, 0.2, check_au_medicare, NULL, 10,
	    WORDS("medicare") },
	{ "id-au-tax-file-number", "Australia: tax file number.", FROM "[0-9]{3} ?[0-9]{3} ?[0-9]{3}" TO ASK, 0.2, check_au_tfn, NULL, 9,
	    WORDS("tfn", "tax file", "tax file number") },
	{ "id-be-national-number", "Belgium: national register number.",
	    FROM "[0-9]{2}\\.[0-9]{2}\\.[0-9]{2}-[0-9]{3}\\.[0-9]{2}" TO ASK, 0.85, check_be_national, ".", 11,
	    WORDS("rijksregister", "registre national", "niss", "insz", "national number") },
	{ "id-be-national-number", NULL, FROM "[0-9]{11}" TO ASK, 0.3, check_be_national, NULL, 11,
	    WORDS("rijksregister", "rijksregisternummer", "registre national", "niss", "insz", "national number") },
	{ "id-bg-egn", "Bulgaria: EGN.", FROM "[0-9]{2}[0-5][0-9][0-3][0-9]{5}" TO ASK, 0.3, check_bg_egn, NULL, 10,
	    WORDS("egn", "\xd0\x95\xd0\x93\xd0\x9d", "personal number", "national id") },
	{ "id-br-cnpj", "Brazil: CNPJ.", FROM "[0-9]{2}\\.[0-9]{3}\\.[0-9]{3}/[0-9]{4}-[0-9]{2}" TO ASK, 0.9, check_br_cnpj, "/", 14,
	    WORDS("cnpj") },
	{ "id-br-cpf", "Brazil: CPF.", FROM "[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}" TO ASK, 0.9, check_br_cpf, ".", 11, WORDS("cpf") },
	{ "id-br-cpf", NULL, FROM "[0-9]{11}" TO ASK, 0.4, check_br_cpf, NULL, 11, WORDS("cpf", "contribuinte") },
	{ "id-ca-social-insurance", "Canada: social insurance number.", FROM "[1-79][0-9]{2}" SEP "?[0-9]{3}" SEP "?[0-9]{3}" TO ASK, 0.2,
	    check_luhn, NULL, 9, WORDS("sin", "social insurance", "nas", "assurance sociale") },
	{ "id-ch-ahv", "Switzerland: AHV number.", FROM "756\\.?[0-9]{4}\\.?[0-9]{4}\\.?[0-9]{2}" TO ASK, 0.8, check_ch_ahv, "756", 13,
	    WORDS("ahv", "avs", "sozialversicherung", "navs") },
	{ "id-cl-rut", "Chile: RUT.", FROM "[0-9]{1,2}\\.[0-9]{3}\\.[0-9]{3}-[0-9Kk]" TO ASK, 0.75, check_cl_rut, ".", 7, WORDS("rut", "run") },
	{ "id-cn-resident-id", "China: resident identity card.", FROM "[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx]" TO ASK, 0.85, check_cn_resident,
	    NULL, 17, NULL },
	{ "id-cz-birth-number", "Czechia and Slovakia: birth number.", FROM "[0-9]{6}/[0-9]{4}" TO ASK, 0.7, check_cz_birth, "/", 10,
	    WORDS("rodn\xc3\xa9 \xc4\x8d\xc3\xadslo", "birth number") },
	{ "id-cz-birth-number", NULL, FROM "[0-9]{10}" TO ASK, 0.2, check_cz_birth, NULL, 10,
	    WORDS("rodn\xc3\xa9 \xc4\x8d\xc3\xadslo", "rodne cislo", "birth number") },
	{ "id-de-id-card", "Germany: number of identity card or passport.",
	    B "[CFGHJKLMNPRTVWXYZ0-9][CFGHJKLMNPRTVWXYZ0-9]{8}[0-9]" E ASK, 0.2, check_de_card, NULL, 2,
	    WORDS("ausweis", "personalausweis", "reisepass", "pass", "passport", "id card", "ausweisnummer", "identity card") },
	{ "id-de-social-insurance", "Germany: pension insurance number.", B "[0-9]{2} ?[0-3][0-9][01][0-9][0-9]{2} ?[A-Z] ?[0-9]{3}" E ASK, 0.7,
	    check_de_social, NULL, 11, WORDS("rentenversicherung", "sozialversicherung", "svnr", "versicherungsnummer") },
	{ "id-de-tax-id", "Germany: tax identification number.", FROM "[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}" TO ASK, 0.4, check_de_tax, NULL, 11,
	    WORDS("steuer", "steuer id", "steueridentifikationsnummer", "idnr", "identifikationsnummer", "steuernummer", "tax id", "tax",
	        "tin") },
	{ "id-dk-cpr", "Denmark: CPR number.", FROM "[0-3][0-9][01][0-9][0-9]{2}-[0-9]{4}" TO ASK, 0.5, check_dk_cpr, "-", 10,
	    WORDS("cpr", "personnummer") },
	{ "id-dk-cpr", NULL, FROM "[0-3][0-9][01][0-9]{7}" TO ASK, 0.1, check_dk_cpr, NULL, 10, WORDS("cpr", "cpr nummer", "personnummer") },
	{ "id-ec-cedula", "Ecuador: cedula.", FROM "[0-3][0-9][0-5][0-9]{7}" TO ASK, 0.2, check_ec_cedula, NULL, 10,
	    WORDS("cedula", "c\xc3\xa9" "dula", "identidad") },
	{ "id-ee-personal-code", "Estonia: personal code.", FROM "[1-6][0-9]{2}[01][0-9][0-3][0-9]{5}" TO ASK, 0.4, check_ee_code, NULL, 11,
	    WORDS("isikukood", "personal code", "national id") },
	{ "id-es-dni", "Spain: DNI and NIE.", B "(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-HJ-NP-TV-Z]" E ASK, 0.75, check_es_dni, NULL, 7,
	    WORDS("dni", "nie", "nif", "documento", "identidad") },
	{ "id-fi-hetu", "Finland: personal identity code.", B "[0-3][0-9][01][0-9][0-9]{2}[\\-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]" E ASK, 0.85,
	    check_fi_hetu, NULL, 9, WORDS("hetu", "henkil\xc3\xb6tunnus") },
	{ "id-fr-nir", "France: social security number (NIR).",
	    B "[12378] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}" E ASK, 0.8, check_fr_nir, NULL, 14,
	    WORDS("nir", "insee", "s\xc3\xa9" "curit\xc3\xa9 sociale", "securite sociale", "num\xc3\xa9ro") },
	{ "id-fr-tax-id", "France: tax number (SPI).", FROM "[0-3][0-9] ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}" TO ASK, 0.3,
	    check_fr_tax, NULL, 13, WORDS("spi", "fiscal", "num\xc3\xa9ro fiscal", "imp\xc3\xb4t", "impots", "tax", "tin") },
	{ "id-gr-amka", "Greece: AMKA.", FROM DDMMYY "[0-9]{5}" TO ASK, 0.35, check_gr_amka, NULL, 11,
	    WORDS("amka", "\xce\x91\xce\x9c\xce\x9a\xce\x91", "social security") },
	{ "id-hk-id-card", "Hong Kong: identity card.", B "[A-Z]{1,2}[0-9]{6}\\([0-9A]\\)" ASK, 0.85, check_hk_id, "(", 6,
	    WORDS("hkid", "identity card") },
	{ "id-hk-id-card", NULL, B "[A-Z]{1,2}[0-9]{6}[0-9A]" E ASK, 0.2, check_hk_id, NULL, 6, WORDS("hkid", "identity card", "hong kong") },
	{ "id-hr-oib", "Croatia: OIB.", FROM "[0-9]{11}" TO ASK, 0.3, check_hr_oib, NULL, 11, WORDS("oib", "osobni identifikacijski broj") },
	{ "id-hu-taj", "Hungary: TAJ number.", FROM "[0-9]{3}[ \\-]?[0-9]{3}[ \\-]?[0-9]{3}" TO ASK, 0.2, check_hu_taj, NULL, 9,
	    WORDS("taj", "taj sz\xc3\xa1m", "t\xc3\xa1rsadalombiztos\xc3\xadt\xc3\xa1s") },
	{ "id-ie-pps", "Ireland: PPS number.", B "[0-9]{7}[A-W][ABHWTX]?" E ASK, 0.6, check_ie_pps, NULL, 7, WORDS("pps", "ppsn", "pps number") },
	{ "id-il-identity-number", "Israel: identity number.", FROM "[0-9]{9}" TO ASK, 0.2, check_luhn, NULL, 9,
	    WORDS("teudat zehut", "israel", "israeli id", "identity number", "\xd7\xaa.\xd7\x96", "\xd7\xaa\xd7\xa2\xd7\x95\xd7\x93\xd7\xaa \xd7\x96\xd7\x94\xd7\x95\xd7\xaa") },
	{ "id-in-aadhaar", "India: Aadhaar.", FROM "[2-9][0-9]{3}[ \\-][0-9]{4}[ \\-][0-9]{4}" TO ASK, 0.6, check_in_aadhaar, NULL, 12,
	    WORDS("aadhaar", "aadhar", "uidai", "uid") },
	{ "id-in-aadhaar", NULL, FROM "[2-9][0-9]{11}" TO ASK, 0.3, check_in_aadhaar, NULL, 12, WORDS("aadhaar", "aadhar", "uidai", "uid") },
	{ "id-in-pan", "India: permanent account number (PAN).", B "[A-Z]{3}[ABCFGHLJPT][A-Z][0-9]{4}[A-Z]" E, 0.6, NULL, NULL, 4,
	    WORDS("pan", "permanent account", "income tax") },
	{ "id-it-fiscal-code", "Italy: fiscal code.",
	    B "(?i)[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]" E ASK, 0.9, check_it_fiscal, NULL, 0,
	    WORDS("codice fiscale", "fiscal code") },
	{ "id-jp-my-number", "Japan: My Number.", FROM "[0-9]{4}[ \\-]?[0-9]{4}[ \\-]?[0-9]{4}" TO ASK, 0.3, check_jp_number, NULL, 12,
	    WORDS("my number", "individual number", "\xe3\x83\x9e\xe3\x82\xa4\xe3\x83\x8a\xe3\x83\xb3\xe3\x83\x90\xe3\x83\xbc", "\xe5\x80\x8b\xe4\xba\xba\xe7\x95\xaa\xe5\x8f\xb7") },
	{ "id-kr-resident-number", "South Korea: resident registration number.", FROM YYMMDD "-[1-8][0-9]{6}" TO ASK, 0.75, check_kr_rrn, "-", 13,
	    WORDS("rrn", "resident registration", "\xec\xa3\xbc\xeb\xaf\xbc\xeb\x93\xb1\xeb\xa1\x9d\xeb\xb2\x88\xed\x98\xb8") },
	{ "id-kr-resident-number", NULL, FROM YYMMDD "[1-8][0-9]{6}" TO ASK, 0.3, check_kr_rrn, NULL, 13,
	    WORDS("rrn", "resident registration", "\xec\xa3\xbc\xeb\xaf\xbc\xeb\x93\xb1\xeb\xa1\x9d\xeb\xb2\x88\xed\x98\xb8") },
	{ "id-lt-personal-code", "Lithuania: personal code.", FROM "[1-6][0-9]{2}[01][0-9][0-3][0-9]{5}" TO ASK, 0.4, check_ee_code, NULL, 11,
	    WORDS("asmens kodas", "personal code", "national id") },
	{ "id-lv-personal-code", "Latvia: personal code.", FROM DDMMYY "-[0-9]{5}" TO ASK, 0.6, check_lv_code, "-", 11,
	    WORDS("personas kods", "personal code") },
	{ "id-mx-curp", "Mexico: CURP.", B "[A-Z][AEIOUX][A-Z]{2}" YYMMDD "[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[A-Z0-9][0-9]" E ASK, 0.9, check_mx_curp,
	    NULL, 7, WORDS("curp") },
	{ "id-mx-rfc", "Mexico: RFC.", B "[A-Z\xc3\x91&]{3,4}" YYMMDD "[A-Z0-9]{2}[0-9A]" E, 0.5, NULL, NULL, 6, WORDS("rfc", "contribuyente") },
	{ "id-my-nric", "Malaysia: MyKad number.", FROM YYMMDD "-[0-9]{2}-[0-9]{4}" TO ASK, 0.6, check_my_nric, "-", 12,
	    WORDS("nric", "mykad", "ic number") },
	{ "id-nl-bsn", "Netherlands: BSN.", FROM "[0-9]{9}" TO ASK, 0.2, check_nl_bsn, NULL, 9,
	    WORDS("bsn", "burgerservicenummer", "sofinummer", "sofi") },
	{ "id-no-birth-number", "Norway: birth number.", FROM "[0-7][0-9][0-9]{4} ?[0-9]{5}" TO ASK, 0.6, check_no_birth, NULL, 11,
	    WORDS("f\xc3\xb8" "dselsnummer", "personnummer", "fodselsnummer", "birth number") },
	{ "id-nz-ird", "New Zealand: IRD number.", FROM "[0-9]{2,3}[ \\-]?[0-9]{3}[ \\-]?[0-9]{3}" TO ASK, 0.2, check_nz_ird, NULL, 8,
	    WORDS("ird", "inland revenue", "ird number") },
	{ "id-pl-nip", "Poland: NIP.", FROM "[0-9]{3}-?[0-9]{3}-?[0-9]{2}-?[0-9]{2}" TO ASK, 0.2, check_pl_nip, NULL, 10,
	    WORDS("nip", "podatnik", "vat") },
	{ "id-pl-pesel", "Poland: PESEL.", FROM "[0-9]{11}" TO ASK, 0.4, check_pl_pesel, NULL, 11, WORDS("pesel") },
	{ "id-pt-nif", "Portugal: NIF.", FROM "[1235689][0-9]{2} ?[0-9]{3} ?[0-9]{3}" TO ASK, 0.2, check_pt_nif, NULL, 9,
	    WORDS("nif", "contribuinte", "fiscal") },
	{ "id-ro-cnp", "Romania: CNP.", FROM "[1-9][0-9]{2}[01][0-9][0-3][0-9]{7}" TO ASK, 0.5, check_ro_cnp, NULL, 13,
	    WORDS("cnp", "cod numeric personal") },
	{ "id-ru-inn", "Russia: INN of a person.", FROM "[0-9]{12}" TO ASK, 0.3, check_ru_inn, NULL, 12,
	    WORDS("inn", "\xd0\x98\xd0\x9d\xd0\x9d") },
	{ "id-ru-snils", "Russia: SNILS.", FROM "[0-9]{3}-[0-9]{3}-[0-9]{3}[ \\-][0-9]{2}" TO ASK, 0.7, check_ru_snils, "-", 11,
	    WORDS("snils", "\xd0\xa1\xd0\x9d\xd0\x98\xd0\x9b\xd0\xa1") },
	{ "id-se-personal-number", "Sweden: personal number.", FROM "(?:19|20)?" YYMMDD "[\\-+][0-9]{4}" TO ASK, 0.65, check_se_number, NULL, 10,
	    WORDS("personnummer", "samordningsnummer") },
	{ "id-se-personal-number", NULL, FROM "(?:19|20)?[0-9]{2}[01][0-9][0-9]{2}[0-9]{4}" TO ASK, 0.25, check_se_number, NULL, 10,
	    WORDS("personnummer", "personal number", "samordningsnummer") },
	{ "id-sg-nric", "Singapore: NRIC and FIN.", B "[STFG][0-9]{7}[A-Z]" E ASK, 0.8, check_sg_nric, NULL, 7, WORDS("nric", "fin") },
	{ "id-si-emso", "Slovenia: EMSO.", FROM "[0-3][0-9][01][0-9][09][0-9]{8}" TO ASK, 0.5, check_si_emso, NULL, 13,
	    WORDS("emso", "em\xc5\xa1o", "jmbg") },
	{ "id-th-national-id", "Thailand: national identity number.", FROM "[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]" TO ASK, 0.85, check_th_id, "-", 13,
	    NULL },
	{ "id-th-national-id", NULL, FROM "[1-8][0-9]{12}" TO ASK, 0.2, check_th_id, NULL, 13,
	    WORDS("thai", "thai id", "national id", "\xe0\xb8\x9a\xe0\xb8\xb1\xe0\xb8\x95\xe0\xb8\xa3\xe0\xb8\x9b\xe0\xb8\xa3\xe0\xb8\xb0\xe0\xb8\x8a\xe0\xb8\xb2\xe0\xb8\x8a\xe0\xb8\x99") },
	{ "id-tr-identity-number", "Turkey: identity number.", FROM "[1-9][0-9]{9}[02468]" TO ASK, 0.45, check_tr_id, NULL, 11,
	    WORDS("kimlik", "tc kimlik", "tckn", "t c kimlik no") },
	{ "id-tw-national-id", "Taiwan: national identification card.", B "[A-Z][1289][0-9]{8}" E ASK, 0.6, check_tw_id, NULL, 9,
	    WORDS("national id", "identity card", "\xe8\xba\xab\xe5\x88\x86\xe8\xad\x89") },
	{ "id-ua-tax-number", "Ukraine: tax number.", FROM "[0-9]{10}" TO ASK, 0.2, check_ua_tax, NULL, 10,
	    WORDS("rnokpp", "\xd0\xa0\xd0\x9d\xd0\x9e\xd0\x9a\xd0\x9f\xd0\x9f", "\xd0\x86\xd0\x9f\xd0\x9d", "tax number") },
	{ "id-uk-driving-licence", "United Kingdom: driving licence.",
	    B "[A-Z9]{5}[0-9][0156][0-9][0-3][0-9][0-9][A-Z9]{2}[A-HJ-NP-Z2-9][A-Z]{2}" E, 0.7, NULL, NULL, 5,
	    WORDS("driving licence", "licence", "dvla", "driver") },
	{ "id-uk-nhs-number", "United Kingdom: NHS number.", FROM "[0-9]{3}[ \\-]?[0-9]{3}[ \\-]?[0-9]{4}" TO ASK, 0.3, check_uk_nhs, NULL,
	    10, WORDS("nhs", "patient", "nhs number") },
	{ "id-uk-national-insurance", "United Kingdom: national insurance number.",
	    B "(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]" E, 0.65, NULL, NULL, 6,
	    WORDS("national insurance", "ni number", "nino") },
	{ "id-uk-passport", "United Kingdom: number of passport.", FROM "[0-9]{9}" TO, 0.06, NULL, NULL, 9,
	    WORDS("passport", "passport number", "passport no") },
	{ "id-us-dea-number", "United States: number of a prescriber (DEA).", B "[ABCDEFGHJKLMPRSTUX][A-Z9][0-9]{7}" E ASK, 0.5, check_us_dea, NULL, 7,
	    WORDS("dea", "prescriber", "dea number") },
	{ "id-us-driver-license", "United States: driver's license.", B "[A-Z][0-9]{7,12}" E, 0.1, NULL, NULL, 7,
	    WORDS("driver", "license", "driver license", "drivers license", "driver's license", "dl") },
	{ "id-us-ein", "United States: employer identification number.", FROM "[0-9]{2}-[0-9]{7}" TO, 0.25, NULL, "-", 9,
	    WORDS("ein", "fein", "employer identification", "employer id", "federal tax id", "tax id") },
	{ "id-us-itin", "United States: individual taxpayer number.", FROM "9[0-9]{2}-(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])-[0-9]{4}" TO, 0.6, NULL, "-",
	    9, tax_words },
	{ "id-us-itin", NULL, FROM "9[0-9]{2}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[0-9]{4}" TO, 0.1, NULL, NULL, 9, WORDS("itin", "taxpayer") },
	{ "id-us-medicare-mbi", "United States: Medicare beneficiary.",
	    B "[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}" E, 0.6, NULL, NULL, 4,
	    WORDS("medicare", "mbi", "beneficiary") },
	{ "id-us-npi", "United States: number of a health care provider.", FROM "[12][0-9]{9}" TO ASK, 0.2, check_us_npi, NULL, 10,
	    WORDS("npi", "provider") },
	{ "id-us-passport", "United States: number of passport.", B "[A-Z]?[0-9]{8,9}" E, 0.07, NULL, NULL, 8,
	    WORDS("passport", "passport number", "passport no") },
	{ "id-us-ssn", "United States: social security number.", FROM "[0-8][0-9]{2}" SEP "[0-9]{2}" SEP "[0-9]{4}" TO ASK, 0.6, check_us_ssn, NULL, 9,
	    WORDS("ssn", "social security", "social") },
	{ "id-us-ssn", NULL, FROM "[0-8][0-9]{8}" TO ASK, 0.1, check_us_ssn, NULL, 9, WORDS("ssn", "social security") },
	{ "id-za-identity-number", "South Africa: identity number.", FROM "[0-9]{2}[01][0-9][0-3][0-9]{5}[01][0-9]{2}" TO ASK, 0.4, check_za_id, NULL, 13,
	    WORDS("identity number", "id number", "south african", "rsa id") },

	/* ---- network */
	{ "network-global-ipv4", "Addresses of IPv4.", "(?<![\\w.])[0-9]{1,3}(?:\\.[0-9]{1,3}){3}(?![\\w]|\\.[0-9])" ASK, 0.6, check_ipv4, ".", 4,
	    WORDS("ip", "address", "host", "server") },
	{ "network-global-ipv6", "Addresses of IPv6.",
	    "(?<![\\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:])(?=[:.]{0,4}[0-9A-Fa-f])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:[0-9]{0,2}(?:\\.[0-9]{1,3}){3})?(?![\\w:])" ASK, 0.7,
	    check_ipv6, ":", 1, WORDS("ip", "address", "host", "server") },
	{ "network-global-mac", "Hardware addresses.", "(?<![\\w:\\-])[0-9A-Fa-f]{2}([:\\-])[0-9A-Fa-f]{2}(?:\\1[0-9A-Fa-f]{2}){4}(?![\\w:\\-])", 0.7, NULL, NULL,
	    0, WORDS("mac", "hardware", "ethernet") },
	{ "network-global-internal-host", "Names of hosts that only a private network knows.",
	    "(?<![\\w.\\-@])(?:[a-zA-Z0-9][a-zA-Z0-9\\-]{0,62}\\.){1,6}(?:internal|intranet|corp|lan|local|localdomain|home\\.arpa)(?![\\w\\-]|\\.\\w)", 0.55, NULL,
	    ".", 0, NULL },

	/* ---- secrets of one maker */
#define SECRET(id, about, pattern, confidence, literal) { id, about, pattern, confidence, NULL, literal, 0, secret_words }
	SECRET("secret-1password-token", "1Password: service account.", BT "ops_eyJ[A-Za-z0-9+/=_\\-]{60,}+", 0.95, "ops_eyJ"),
	SECRET("secret-age-key", "age: private key.", BT "AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}" ET, 0.95, "AGE-SECRET-KEY-1"),
	SECRET("secret-airtable-token", "Airtable.", BT "pat[A-Za-z0-9]{14}\\.[0-9a-f]{64}" ET, 0.95, "pat"),
	SECRET("secret-alibaba-access-key", "Alibaba Cloud: access key.", BT "LTAI[A-Za-z0-9]{12,20}" ET, 0.85, "LTAI"),
	SECRET("secret-anthropic-key", "Anthropic.", BT "sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_\\-]{20,200}+", 0.95, "sk-ant-"),
	SECRET("secret-atlassian-token", "Atlassian and Bitbucket.", BT "AT(?:ATT3xFfGF0|CTT3xFf[GN]0|BB)[A-Za-z0-9_=\\-]{24,400}+", 0.95, "AT"),
	SECRET("secret-aws-access-key", "Amazon Web Services: id of an access key.", B "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}" E, 0.9, "A"),
	{ "secret-aws-secret-key", "Amazon Web Services: secret access key.", "(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])" ASK, 0.2,
	    check_random, NULL, 1, WORDS("aws", "amazon", "secret access key", "aws secret", "secret key", "secret") },
	SECRET("secret-aws-session-token", "Amazon Web Services: session token.", "(?<![\\w/+])(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=]{80,}+", 0.95, NULL),
	SECRET("secret-azure-client-secret", "Microsoft Entra: client secret.", "(?<![\\w~.\\-])[A-Za-z0-9_~.\\-]{3}[78]Q~[A-Za-z0-9_~.\\-]{31,34}(?![\\w~\\-])", 0.9, "Q~"),
	SECRET("secret-azure-storage-key", "Azure: account key of a connection string.", "(?i)(?:AccountKey|SharedAccessKey)=\\K[A-Za-z0-9+/]{42,90}={0,2}", 0.95, "="),
	SECRET("secret-azure-sas", "Azure: signature of a shared access link.", "[?&;]sig=\\K[A-Za-z0-9%+/]{40,80}(?:%3[Dd]|=){0,2}", 0.85, "sig="),
	SECRET("secret-cloudflare-token", "Cloudflare: origin key.", BT "v1\\.0-[0-9a-f]{24}-[0-9a-f]{146}" ET, 0.95, "v1.0-"),
	SECRET("secret-databricks-token", "Databricks.", BT "dapi[0-9a-f]{32}(?:-[0-9]{1,2})?" ET, 0.9, "dapi"),
	SECRET("secret-digitalocean-token", "DigitalOcean.", BT "do[opr]_v1_[0-9a-f]{64}" ET, 0.95, "_v1_"),
	SECRET("secret-discord-token", "Discord: bot.", BT "[MNO][A-Za-z0-9_\\-]{23,27}\\.[A-Za-z0-9_\\-]{6}\\.[A-Za-z0-9_\\-]{27,38}" ET, 0.8, "."),
	SECRET("secret-discord-webhook", "Discord: webhook.", "https://(?:\\w{1,10}\\.)?discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_\\-]{60,80}", 0.95, "/api/webhooks/"),
	SECRET("secret-docker-token", "Docker Hub.", BT "dckr_[po]at_[A-Za-z0-9_\\-]{27,40}" ET, 0.95, "dckr_"),
	SECRET("secret-doppler-token", "Doppler.", BT "dp\\.(?:pt|st|ct|sa|scim|audit)\\.(?:[a-z0-9_\\-]{2,35}\\.)?[A-Za-z0-9]{40,44}" ET, 0.95, "dp."),
	SECRET("secret-dynatrace-token", "Dynatrace.", BT "dt0[a-z][0-9]{2}\\.[A-Z0-9]{24}\\.[A-Z0-9]{64}" ET, 0.95, "dt0"),
	SECRET("secret-figma-token", "Figma.", BT "figd_[A-Za-z0-9_\\-]{38,60}" ET, 0.95, "figd_"),
	SECRET("secret-fly-token", "Fly.io.", "(?<![\\w])fm[12][ar]?_[A-Za-z0-9+/=_\\-]{60,}+", 0.85, "fm"),
	{ "secret-gatehouse-token", "Gatehouse's own: access and refresh tokens, codes, client secrets, cookies.", BT "(?:at|rt|ac|cs|bs|ba)_[A-Za-z0-9_\\-]{49}" ET ASK, 0.99,
	    check_gatehouse, "_", 0, secret_words },
	SECRET("secret-gcp-api-key", "Google: API key.", BT "AIza[A-Za-z0-9_\\-]{35}" ET, 0.9, "AIza"),
	SECRET("secret-gcp-oauth-secret", "Google: OAuth client secret and access token.", BT "(?:GOCSPX-[A-Za-z0-9_\\-]{28}|ya29\\.[A-Za-z0-9_\\-]{30,400}+)", 0.9, NULL),
	SECRET("secret-github-token", "GitHub.", BT "(?:gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})" ET, 0.95, "gh"),
	SECRET("secret-github-token", NULL, BT "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}" ET, 0.95, "github_pat_"),
	SECRET("secret-gitlab-token", "GitLab.", BT "gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|ffct|wt)-[A-Za-z0-9_\\-]{20,100}(?:\\.[a-z0-9]{2}\\.[a-z0-9]{9})?" ET, 0.95, "gl"),
	SECRET("secret-grafana-token", "Grafana.", BT "gl(?:sa_[A-Za-z0-9]{32}_[0-9a-f]{8}|c_[A-Za-z0-9+/=]{32,400}+)", 0.95, "gl"),
	SECRET("secret-groq-key", "Groq.", BT "gsk_[A-Za-z0-9]{48,56}" ET, 0.95, "gsk_"),
	SECRET("secret-hubspot-token", "HubSpot.", BT "pat-(?:na|eu)[0-9]-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}" ET, 0.95, "pat-"),
	SECRET("secret-huggingface-token", "Hugging Face.", BT "(?:hf|api_org)_[A-Za-z]{34}" ET, 0.95, "_"),
	SECRET("secret-langsmith-key", "LangSmith.", BT "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}" ET, 0.95, "lsv2_"),
	SECRET("secret-linear-key", "Linear.", BT "lin_(?:api|oauth)_[A-Za-z0-9]{32,64}" ET, 0.95, "lin_"),
	SECRET("secret-mailchimp-key", "Mailchimp.", BT "[0-9a-f]{32}-us[0-9]{1,2}" ET, 0.85, "-us"),
	SECRET("secret-mailgun-key", "Mailgun.", BT "(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})" ET, 0.8, "-"),
	SECRET("secret-mapbox-token", "Mapbox: secret token.", BT "sk\\.eyJ[A-Za-z0-9_\\-]{20,200}\\.[A-Za-z0-9_\\-]{20,40}", 0.95, "sk.eyJ"),
	SECRET("secret-newrelic-key", "New Relic.", BT "NR(?:AK|JS|II|SP)-[A-Za-z0-9_\\-]{20,42}" ET, 0.9, "NR"),
	SECRET("secret-notion-token", "Notion.", BT "(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})" ET, 0.9, "_"),
	SECRET("secret-npm-token", "npm.", BT "npm_[A-Za-z0-9]{36}" ET, 0.95, "npm_"),
	SECRET("secret-openai-key", "OpenAI.", BT "sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_\\-]{16,120}T3BlbkFJ[A-Za-z0-9_\\-]{16,120}+", 0.95, "T3BlbkFJ"),
	SECRET("secret-openrouter-key", "OpenRouter.", BT "sk-or-v1-[0-9a-f]{64}" ET, 0.95, "sk-or-"),
	SECRET("secret-paypal-token", "PayPal and Braintree.", "(?<!\\w)access_token\\$(?:production|sandbox)\\$[a-z0-9]{16}\\$[0-9a-f]{32}(?!\\w)", 0.95, "access_token$"),
	SECRET("secret-perplexity-key", "Perplexity.", BT "pplx-[A-Za-z0-9]{40,60}" ET, 0.95, "pplx-"),
	SECRET("secret-planetscale-token", "PlanetScale.", BT "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._\\-]{32,64}+", 0.95, "pscale_"),
	SECRET("secret-postman-key", "Postman.", BT "PMAK-[0-9a-f]{24}-[0-9a-f]{34}" ET, 0.95, "PMAK-"),
	SECRET("secret-pulumi-token", "Pulumi.", BT "pul-[0-9a-f]{40}" ET, 0.95, "pul-"),
	SECRET("secret-pypi-token", "PyPI.", BT "pypi-AgE[A-Za-z0-9_\\-]{50,400}+", 0.95, "pypi-AgE"),
	SECRET("secret-razorpay-key", "Razorpay.", BT "rzp_(?:live|test)_[A-Za-z0-9]{14,24}" ET, 0.9, "rzp_"),
	SECRET("secret-replicate-token", "Replicate.", BT "r8_[A-Za-z0-9]{37,40}" ET, 0.95, "r8_"),
	SECRET("secret-rubygems-key", "RubyGems.", BT "rubygems_[0-9a-f]{48}" ET, 0.95, "rubygems_"),
	SECRET("secret-sendgrid-key", "SendGrid.", BT "SG\\.[A-Za-z0-9_\\-]{20,24}\\.[A-Za-z0-9_\\-]{39,50}" ET, 0.95, "SG."),
	SECRET("secret-sentry-token", "Sentry.", BT "sntr(?:ys_eyJ[A-Za-z0-9+/=_\\-]{60,400}+|yu_[0-9a-f]{64})", 0.95, "sntry"),
	SECRET("secret-shopify-token", "Shopify.", BT "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" ET, 0.95, "shp"),
	SECRET("secret-slack-token", "Slack.", BT "xox[abeoprsd](?:\\.xox[bp])?-[A-Za-z0-9\\-]{10,250}+|" BT "xapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{8,16}-[0-9a-f]{60,70}", 0.95, "x"),
	SECRET("secret-slack-webhook", "Slack: webhook.", "https://hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{30,80}+", 0.95, "hooks.slack.com"),
	SECRET("secret-square-token", "Square.", BT "(?:sq0(?:atp|csp)-[A-Za-z0-9_\\-]{22,43}|EAAA[A-Za-z0-9_\\-]{60})" ET, 0.9, NULL),
	SECRET("secret-stripe-key", "Stripe.", BT "(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,240}+|whsec_[A-Za-z0-9+/=]{32,64}+)", 0.95, "_"),
	SECRET("secret-supabase-token", "Supabase.", BT "(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_\\-]{22,44})" ET, 0.95, "sb"),
	SECRET("secret-tailscale-key", "Tailscale.", BT "tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,50}" ET, 0.95, "tskey-"),
	SECRET("secret-teams-webhook", "Microsoft Teams: webhook.", "https://[a-z0-9\\-]{1,60}\\.webhook\\.office\\.com/webhookb2/[A-Za-z0-9@\\-]{70,80}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f\\-]{36}", 0.95, "webhook.office.com"),
	SECRET("secret-telegram-token", "Telegram: bot.", "(?<![\\w\\-])(?<!bot)[0-9]{8,10}:AA[A-Za-z0-9_\\-]{33}" ET "|/bot\\K[0-9]{8,10}:AA[A-Za-z0-9_\\-]{33}" ET, 0.95, ":AA"),
	SECRET("secret-terraform-token", "Terraform Cloud.", BT "[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_\\-]{60,70}" ET, 0.95, ".atlasv1."),
	SECRET("secret-twilio-key", "Twilio: API key.", BT "SK[0-9a-f]{32}" ET, 0.85, "SK"),
	SECRET("secret-vault-token", "HashiCorp Vault.", BT "hv[sbr]\\.[A-Za-z0-9_\\-]{24,300}+", 0.95, "hv"),
	SECRET("secret-xai-key", "xAI.", BT "xai-[A-Za-z0-9]{70,90}" ET, 0.95, "xai-"),

	/* ---- secrets of any maker */
	{ "secret-global-private-key", "Private keys in PEM (PKCS #8, RSA, EC, OpenSSH, PGP), also cut short.",
	    "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\\s\\\\:,.()]++|-(?!-))*+(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    0.99, NULL, "PRIVATE KEY", 0, NULL },
	{ "secret-global-private-key", NULL, "PuTTY-User-Key-File-[23]:[\\s\\S]{0,400}?Private-Lines: [0-9]{1,3}[A-Za-z0-9+/=\\s\\\\]{0,8000}+", 0.95, NULL, "PuTTY-User-Key-File-", 0, NULL },
	{ "secret-global-jwt", "Signed tokens (JWT).", "(?<![\\w.\\-])eyJ[A-Za-z0-9_\\-]{8,2000}\\.[A-Za-z0-9_\\-]{2,8000}\\.[A-Za-z0-9_\\-]{16,1400}+" ASK, 0.9, check_jwt, "eyJ", 0, NULL },
	{ "secret-global-bearer-token", "Bearer tokens, as a header carries them.", "(?i)\\bBearer[ \\t]{1,4}\\K(?=[A-Za-z0-9._~+/\\-]{0,200}[0-9])[A-Za-z0-9._~+/\\-]{16,4000}+=*", 0.7, NULL, "earer", 0, NULL },
	{ "secret-global-basic-auth", "User names with passwords, as a header carries them.", "(?i)\\bBasic[ \\t]{1,4}\\K[A-Za-z0-9+/]{8,340}={0,2}(?![A-Za-z0-9+/=])" ASK, 0.75, check_basic, "asic", 0, NULL },
	{ "secret-global-connection-string", "Passwords in URLs and connection strings.", "\\b[a-z][a-z0-9+.\\-]{1,30}://[^\\s:/?#@\"'<>]{0,128}:\\K[^\\s/?#@\"'<>]{1,256}(?=@[A-Za-z0-9\\[])", 0.85, NULL, "://", 0, NULL },
	{ "secret-global-connection-string", NULL, "(?i)(?<![\\w])(?:Password|Pwd)[ ]?=[ ]?\\K(?:\"[^\"\\s]{1,128}\"|[^;\\s\"'&]{1,128}+)(?=[^\\n]{0,300}?(?:;[ ]?(?:Server|Data Source|Host|Database|Initial Catalog|User Id|Uid)[ ]?=))", 0.85, NULL, "=", 0, NULL },
	{ "secret-global-connection-string", NULL, "(?i)(?:Server|Data Source|Host|User Id|Uid)[ ]?=[^\\n]{1,300}?;[ ]?(?:Password|Pwd)[ ]?=[ ]?\\K(?:\"[^\"\\s]{1,128}\"|[^;\\s\"'&]{1,128})", 0.85, NULL, "=", 0, NULL },
	{ "secret-global-password", "Passwords that are assigned to a name that says so.", "(?i)(?:pass(?:word|wd|phrase)|pwd)\\\\?[\"']?[ \\t]{0,4}(?:=>|:=|[:=])[ \\t]{0,4}(?:\\\\?[\"']\\K[^\"'\\\\\\n]{6,128}(?=\\\\?[\"'])|(?=[^\\s\"',;&\\\\]{0,127}[0-9!@#$^*])\\K[^\\s\"',;&\\\\]{6,128})" ASK, 0.65, check_password, NULL, 0, NULL },
	{ "secret-global-password", NULL, "^\\S{6,128}$" ASK, 0.1, check_password, NULL, 0, WORDS("password", "passwd", "pwd", "passphrase", "pass phrase", "passcode") },
	{ "secret-global-api-key", "Random texts that are assigned to a name like key, secret or token.", KEYWORD "\\\\?[\"']?[ \\t]{0,4}(?:=>|:=|[:=])[ \\t]{0,4}(?:\\\\?[\"'])?\\K[A-Za-z0-9+/_.~\\-]{16,512}={0,2}(?![A-Za-z0-9+/_~\\-])" ASK, 0.65, check_random, NULL, 2, NULL },
	{ "secret-global-api-key", NULL, "(?<![A-Za-z0-9+/_.~\\-])[A-Za-z0-9+/_.~\\-]{16,512}={0,2}(?![A-Za-z0-9+/_~\\-])" ASK, 0.2, check_random, NULL, 2, secret_words },
	{ "secret-global-password-hash", "Hashes of passwords (bcrypt, crypt, Argon2, PBKDF2).", "(?<![\\w$])\\$(?:2[abxy]\\$[0-9]{2}\\$[./A-Za-z0-9]{53}|[156y]\\$[^\\s:\"']{1,80}\\$[./A-Za-z0-9]{22,90}|argon2(?:id|i|d)\\$[^\\s:\"']{20,300}|pbkdf2[a-z0-9\\-]{0,12}\\$[^\\s:\"']{20,300})(?![\\w./])", 0.85, NULL, "$", 0, NULL },
	{ NULL, NULL, NULL, 0, NULL, NULL, 0, NULL },
};

const struct dlp_group dlp_groups[] = {
	{ "all", "everything", "", NULL },
	{ "pii", "what belongs to a person: contact, id and finance", "contact- id- finance-", NULL },
	{ "region-eu", "the European Union", NULL, "at be bg cz de dk ee es fi fr gr hr hu ie it lt lv nl pl pt ro se si" },
	{ "region-americas", "the Americas", NULL, "ar br ca cl ec mx us" },
	{ "region-latam", "Latin America", NULL, "ar br cl ec mx" },
	{ "region-apac", "Asia and the Pacific", NULL, "au cn hk in jp kr my nz sg th tw" },
	{ NULL, NULL, NULL, NULL },
};

/* Whether one of WORDS, separated by blanks, begins TEXT; WHOLE: up to a hyphen of it. */
static bool one_begins(const char *words, const char *text, bool whole)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (!strncmp(words, text, n) && (!whole || text[n] == '-'))
			return true;
	}
	return false;
}

bool dlp_selects(const char *selector, const struct dlp_entity *entity)
{
	const char *scope = strchr(entity->id, '-') + 1;
	size_t n = strlen(selector);

	if (!strcmp(selector, "all"))
		return true;
	if (!strncmp(entity->id, selector, n) && n && (!entity->id[n] || entity->id[n] == '-'))
		return true;
	if (!strncmp(selector, "region-", 7) && n == 9 && !strncmp(scope, selector + 7, 2) && scope[2] == '-')
		return true;
	for (const struct dlp_group *g = dlp_groups; g->name; g++)
		if (!strcmp(selector, g->name))
			return g->begin ? one_begins(g->begin, entity->id, false) : one_begins(g->scopes, scope, true);
	return false;
}
