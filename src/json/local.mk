# src/json: the gate for foreign JSON, and json-c behind it
libgatehouse_a_SOURCES += \
	src/json/canon.c src/json/canon.h \
	src/json/jose.c src/json/jose.h \
	src/json/json.c src/json/json.h \
	src/json/jsonc.c \
	src/json/scan.c src/json/scan.h

# the C tests of src/json
check_PROGRAMS += t/unit/json_canon
t_unit_json_canon_SOURCES = t/unit/json_canon.c t/unit/tap.h
TESTS += t/unit/json_canon
check_PROGRAMS += t/unit/json_jose
t_unit_json_jose_SOURCES = t/unit/json_jose.c t/unit/tap.h
TESTS += t/unit/json_jose
check_PROGRAMS += t/unit/json_json
t_unit_json_json_SOURCES = t/unit/json_json.c t/unit/tap.h
TESTS += t/unit/json_json
check_PROGRAMS += t/unit/json_scan
t_unit_json_scan_SOURCES = t/unit/json_scan.c t/unit/same_json.h t/unit/tap.h
TESTS += t/unit/json_scan
