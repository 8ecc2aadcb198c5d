# src/keys: the key ring, and sealing under its keys
libgatehouse_a_SOURCES += \
	src/keys/ring.c src/keys/ring.h \
	src/keys/ring_init.c src/keys/ring_edit.c src/keys/ring_publish.c src/keys/ring_share.c src/keys/ring_internal.h \
	src/keys/seal.c src/keys/seal.h

check_PROGRAMS += t/unit/keys_ring
t_unit_keys_ring_SOURCES = t/unit/keys_ring.c t/unit/tap.h
TESTS += t/unit/keys_ring
check_PROGRAMS += t/unit/keys_seal
t_unit_keys_seal_SOURCES = t/unit/keys_seal.c t/unit/tap.h
TESTS += t/unit/keys_seal
