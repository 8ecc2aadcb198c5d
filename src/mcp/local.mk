# src/mcp: MCP routes; proxy.c is the page to read first
libgatehouse_a_SOURCES += \
	src/mcp/affinity.c src/mcp/affinity.h \
	src/mcp/answer.c src/mcp/answer.h \
	src/mcp/aside.c src/mcp/aside.h \
	src/mcp/call.h \
	src/mcp/chain.c src/mcp/chain.h \
	src/mcp/contents.c src/mcp/contents.h \
	src/mcp/cors.c src/mcp/cors.h \
	src/mcp/credential.c src/mcp/credential.h \
	src/mcp/crew.c src/mcp/crew.h \
	src/mcp/crossing.c src/mcp/crossing.h \
	src/mcp/door.c src/mcp/door.h \
	src/mcp/edit.c src/mcp/edit.h \
	src/mcp/errand.c src/mcp/errand.h \
	src/mcp/flights.c src/mcp/flights.h \
	src/mcp/greeting.c src/mcp/greeting.h \
	src/mcp/head.c src/mcp/head.h \
	src/mcp/headers.c src/mcp/headers.h \
	src/mcp/kept_lists.c src/mcp/kept_lists.h \
	src/mcp/known.c src/mcp/known.h \
	src/mcp/known_keys.c src/mcp/known_keys.h \
	src/mcp/links.c src/mcp/links.h \
	src/mcp/marks.c src/mcp/marks.h \
	src/mcp/mask.c src/mcp/mask.h \
	src/mcp/own_answer.c src/mcp/own_answer.h \
	src/mcp/proxy.c src/mcp/proxy.h \
	src/mcp/record.c src/mcp/record.h \
	src/mcp/relay.c src/mcp/relay.h \
	src/mcp/renewal.c src/mcp/renewal.h \
	src/mcp/repeats.c src/mcp/repeats.h \
	src/mcp/session.c src/mcp/session.h \
	src/mcp/tracing.c src/mcp/tracing.h \
	src/mcp/workers.c src/mcp/workers.h \
	src/mcp/service.c src/mcp/service.h

TESTS += t/300-mcp-route.t
TESTS += t/301-mcp-failures.t
TESTS += t/302-mcp-streams.t
TESTS += t/303-mcp-sessions.t
TESTS += t/304-mcp-outages.t
TESTS += t/305-mcp-stream-ends.t
TESTS += t/306-mcp-client-certificate.t
TESTS += t/307-mcp-slow-names.t
TESTS += t/308-mcp-loop.t
TESTS += t/309-mcp-kept-connections.t
TESTS += t/310-eras.t
TESTS += t/311-mirrored-parameters.t
TESTS += t/312-bridge.t
TESTS += t/313-list-cache.t
TESTS += t/314-bridge-ends.t
TESTS += t/315-plain-upstreams.t
TESTS += t/316-processors.t
check_PROGRAMS += t/unit/mcp_head
t_unit_mcp_head_SOURCES = t/unit/mcp_head.c t/unit/tap.h
TESTS += t/unit/mcp_head
check_PROGRAMS += t/unit/mcp_links
t_unit_mcp_links_SOURCES = t/unit/mcp_links.c t/unit/tap.h
TESTS += t/unit/mcp_links
check_PROGRAMS += t/unit/mcp_mask
t_unit_mcp_mask_SOURCES = t/unit/mcp_mask.c t/unit/tap.h
TESTS += t/unit/mcp_mask
check_PROGRAMS += t/unit/mcp_session
t_unit_mcp_session_SOURCES = t/unit/mcp_session.c t/unit/tap.h
TESTS += t/unit/mcp_session
check_PROGRAMS += t/unit/mcp_known
t_unit_mcp_known_SOURCES = t/unit/mcp_known.c t/unit/tap.h
TESTS += t/unit/mcp_known
check_PROGRAMS += t/unit/mcp_repeats
t_unit_mcp_repeats_SOURCES = t/unit/mcp_repeats.c t/unit/tap.h
TESTS += t/unit/mcp_repeats
check_PROGRAMS += t/unit/mcp_crew
t_unit_mcp_crew_SOURCES = t/unit/mcp_crew.c t/unit/tap.h
TESTS += t/unit/mcp_crew
check_PROGRAMS += t/unit/mcp_affinity
t_unit_mcp_affinity_SOURCES = t/unit/mcp_affinity.c t/unit/tap.h
TESTS += t/unit/mcp_affinity
check_PROGRAMS += t/unit/mcp_door
t_unit_mcp_door_SOURCES = t/unit/mcp_door.c t/unit/tap.h
TESTS += t/unit/mcp_door
check_PROGRAMS += t/unit/mcp_workers
t_unit_mcp_workers_SOURCES = t/unit/mcp_workers.c t/unit/tap.h
TESTS += t/unit/mcp_workers
