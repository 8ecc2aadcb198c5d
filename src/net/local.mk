# src/net: every connection that leaves
libgatehouse_a_SOURCES += \
	src/net/address.c src/net/address.h \
	src/net/fetch.c src/net/fetch.h \
	src/net/frame.c src/net/frame.h \
	src/net/guard.c src/net/guard.h \
	src/net/transfer.c src/net/transfer.h \
	src/net/trust.c src/net/trust.h \
	src/net/wire.c src/net/wire.h
check_PROGRAMS += t/unit/net_fetch
t_unit_net_fetch_SOURCES = t/unit/net_fetch.c t/unit/tap.h
TESTS += t/unit/net_fetch

check_PROGRAMS += t/unit/net_address
t_unit_net_address_SOURCES = t/unit/net_address.c t/unit/tap.h
TESTS += t/unit/net_address
check_PROGRAMS += t/unit/net_frame
t_unit_net_frame_SOURCES = t/unit/net_frame.c t/unit/tap.h
TESTS += t/unit/net_frame
check_PROGRAMS += t/unit/net_wire
t_unit_net_wire_SOURCES = t/unit/net_wire.c t/unit/tap.h
TESTS += t/unit/net_wire
