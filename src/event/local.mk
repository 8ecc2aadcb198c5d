# src/event: what happened, to the log and to PostgreSQL
libgatehouse_a_SOURCES += \
	src/event/event.c src/event/event.h \
	src/event/listed.c \
	src/event/packed.c src/event/packed.h \
	src/event/record.c src/event/record.h \
	src/event/sink_log.c \
	src/event/stranger.c \
	src/event/sink_pg.c
TESTS += t/700-events.t t/720-tools-listed.t
check_PROGRAMS += t/unit/event_record
t_unit_event_record_SOURCES = t/unit/event_record.c t/unit/tap.h
TESTS += t/unit/event_record
check_PROGRAMS += t/unit/event_packed
t_unit_event_packed_SOURCES = t/unit/event_packed.c t/unit/tap.h
TESTS += t/unit/event_packed
