/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a number must hold beyond its form: check digits, dates, lengths by country. Each takes what a pattern of
 * dlp_entities.c matched, separators included (N bytes, not terminated), and says whether it may be real.
 */
#ifndef GATEHOUSE_POLICY_DLP_CHECK_H
#define GATEHOUSE_POLICY_DLP_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* finance */
bool check_card(const char *, size_t);    /* length by issuer, Luhn */
bool check_iban(const char *, size_t);    /* length by country, ISO 7064 mod 97-10 */
bool check_bic(const char *, size_t);     /* a country */
bool check_isin(const char *, size_t);    /* Luhn over letters as numbers */
bool check_aba(const char *, size_t);     /* ranges, weights 3 7 1 */
bool check_base58(const char *, size_t);  /* a Bitcoin address: double SHA-256 */
bool check_bech32(const char *, size_t);  /* BIP 173 and BIP 350 */

/* numbers of persons, by country */
bool check_ar_cuit(const char *, size_t);
bool check_at_svnr(const char *, size_t);
bool check_au_abn(const char *, size_t);
bool check_au_medicare(const char *, size_t);
bool check_au_tfn(const char *, size_t);
bool check_be_national(const char *, size_t);
bool check_bg_egn(const char *, size_t);
bool check_br_cnpj(const char *, size_t);
bool check_br_cpf(const char *, size_t);
bool check_ch_ahv(const char *, size_t);
bool check_cl_rut(const char *, size_t);
bool check_cn_resident(const char *, size_t);
bool check_cz_birth(const char *, size_t);
bool check_de_card(const char *, size_t); /* identity card and passport */
bool check_de_social(const char *, size_t);
bool check_de_tax(const char *, size_t);
bool check_dk_cpr(const char *, size_t);
bool check_ec_cedula(const char *, size_t);
bool check_ee_code(const char *, size_t); /* Lithuania's too */
bool check_es_dni(const char *, size_t);  /* and NIE */
bool check_fi_hetu(const char *, size_t);
bool check_fr_nir(const char *, size_t);
bool check_fr_tax(const char *, size_t);
bool check_gr_amka(const char *, size_t);
bool check_hk_id(const char *, size_t);
bool check_hr_oib(const char *, size_t);
bool check_hu_taj(const char *, size_t);
bool check_ie_pps(const char *, size_t);
bool check_in_aadhaar(const char *, size_t); /* Verhoeff */
bool check_it_fiscal(const char *, size_t);
bool check_jp_number(const char *, size_t);
bool check_kr_rrn(const char *, size_t);
bool check_lv_code(const char *, size_t);
bool check_mx_curp(const char *, size_t);
bool check_my_nric(const char *, size_t);
bool check_nl_bsn(const char *, size_t);
bool check_no_birth(const char *, size_t);
bool check_nz_ird(const char *, size_t);
bool check_pl_nip(const char *, size_t);
bool check_pl_pesel(const char *, size_t);
bool check_pt_nif(const char *, size_t);
bool check_ro_cnp(const char *, size_t);
bool check_ru_inn(const char *, size_t); /* of persons: 12 digits */
bool check_ru_snils(const char *, size_t);
bool check_se_number(const char *, size_t);
bool check_sg_nric(const char *, size_t);
bool check_si_emso(const char *, size_t);
bool check_th_id(const char *, size_t);
bool check_tr_id(const char *, size_t);
bool check_tw_id(const char *, size_t);
bool check_ua_tax(const char *, size_t);
bool check_uk_nhs(const char *, size_t);
bool check_us_dea(const char *, size_t);
bool check_us_npi(const char *, size_t);
bool check_us_ssn(const char *, size_t); /* ranges that were never given out */
bool check_za_id(const char *, size_t);

/* of several countries, or of things */
bool check_luhn(const char *, size_t); /* all its digits: Canada's SIN, Israel's number, IMEI */
bool check_vin(const char *, size_t);
bool check_mrz(const char *, size_t);  /* the second line of a passport */
bool check_date(const char *, size_t); /* a day between 1900 and 2099, in one of three orders */

/* network */
bool check_ipv4(const char *, size_t);
bool check_ipv6(const char *, size_t);

/* secrets */
bool check_random(const char *, size_t);    /* letters and digits in no order: what a person would not write */
bool check_password(const char *, size_t);  /* no placeholder, no reference to a variable */
bool check_jwt(const char *, size_t);       /* its first part is a JSON object with `alg` */
bool check_basic(const char *, size_t);     /* base64 of NAME:PASSWORD */
bool check_gatehouse(const char *, size_t); /* one of our own tokens */

#endif
