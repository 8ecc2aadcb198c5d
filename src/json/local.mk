# src/json: the gate for foreign JSON, and json-c behind it
libgatehouse_a_SOURCES += \
	src/json/json.c src/json/json.h \
	src/json/jsonc.c \
	src/json/scan.c src/json/scan.h
