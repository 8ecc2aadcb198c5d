# src/keeper: the books: the audit chain, events on their way out, alerts
libgatehouse_a_SOURCES += \
	src/keeper/alert.c src/keeper/alert.h \
	src/keeper/chain.c src/keeper/chain.h \
	src/keeper/event_form.c src/keeper/event_form.h src/keeper/json_write.h \
	src/keeper/form_cef.c \
	src/keeper/form_ecs.c \
	src/keeper/form_ocsf.c \
	src/keeper/forward.c src/keeper/forward.h \
	src/keeper/lines.c src/keeper/lines.h \
	src/keeper/metrics.c src/keeper/metrics.h \
	src/keeper/otlp.c src/keeper/otlp.h \
	src/keeper/out.c src/keeper/out.h \
	src/keeper/out_http.c \
	src/keeper/out_syslog.c \
	src/keeper/page_cache.c src/keeper/page_cache.h \
	src/keeper/told.c src/keeper/told.h \
	src/keeper/keeper.c src/keeper/keeper.h src/keeper/keeper_internal.h \
	src/keeper/seal.c
check_PROGRAMS += t/unit/keeper_forms
t_unit_keeper_forms_SOURCES = t/unit/keeper_forms.c t/unit/tap.h
TESTS += t/unit/keeper_forms
check_PROGRAMS += t/unit/keeper_page_cache
t_unit_keeper_page_cache_SOURCES = t/unit/keeper_page_cache.c t/unit/tap.h
TESTS += t/unit/keeper_page_cache
TESTS += t/730-audit.t
TESTS += t/731-forward.t
TESTS += t/735-forward-nodes.t
TESTS += t/736-acts.t
TESTS += t/732-telemetry.t
TESTS += t/733-alerts.t t/734-syslog-tls.t
TESTS += t/739-metrics-sql.t
