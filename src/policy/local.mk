# src/policy: one file per policy, one line here; the registry is generated from the list
POLICIES += src/policy/p_audit_log.c
POLICIES += src/policy/p_custom_lua.c
POLICIES += src/policy/p_data_loss_prevention.c
POLICIES += src/policy/p_mcp_capability_filter.c
POLICIES += src/policy/p_mcp_token_exchange.c
POLICIES += src/policy/p_mcp_tool_pinning.c
POLICIES += src/policy/p_prompt_injection.c
POLICIES += src/policy/p_quota.c
POLICIES += src/policy/p_rate_limit.c
POLICIES += src/policy/p_remove_headers.c
POLICIES += src/policy/p_request_size_limit.c
POLICIES += src/policy/p_set_headers.c
POLICIES += src/policy/p_set_query_params.c
POLICIES += src/policy/p_set_upstream_api_key.c

libgatehouse_a_SOURCES += src/policy/identifier_options.h src/policy/identifier.c src/policy/identifier.h \
	src/policy/policy.c src/policy/policy.h \
	src/policy/counters.c src/policy/counters.h src/policy/window.c src/policy/window.h \
	src/policy/pins.c src/policy/pins.h src/policy/count_detail.c src/policy/count_detail.h \
	src/policy/catalog.c src/policy/catalog.h src/policy/uri_template.c src/policy/uri_template.h \
	src/policy/upstream_request.c src/policy/upstream_request.h $(POLICIES)
libgatehouse_a_SOURCES += src/policy/arguments.c src/policy/arguments.h src/policy/catalog_edit.c src/policy/catalog_internal.h \
	src/policy/catalog_view.c src/policy/match.c src/policy/match.h src/policy/schema.c src/policy/schema.h
nodist_libgatehouse_a_SOURCES += src/policy/registry.c
EXTRA_DIST += src/policy/gen-registry.pl
CLEANFILES += src/policy/registry.c

src/policy/registry.c: $(POLICIES) src/policy/gen-registry.pl src/policy/local.mk
	$(AM_V_GEN)$(MKDIR_P) src/policy && cd $(srcdir) && \
	    $(PERL) src/policy/gen-registry.pl $(POLICIES) > $(abs_builddir)/$@.new
	$(AM_V_at)mv $@.new $@

# data loss prevention
libgatehouse_a_SOURCES += src/policy/dlp.c src/policy/dlp.h src/policy/dlp_check.c src/policy/dlp_check.h \
	src/policy/dlp_entities.c src/policy/dlp_entities.h \
	src/policy/classifier.c src/policy/classifier.h \
	src/policy/recorded.c src/policy/recorded.h
check_PROGRAMS += t/unit/policy_classifier
t_unit_policy_classifier_SOURCES = t/unit/policy_classifier.c t/unit/tap.h
TESTS += t/unit/policy_classifier
TESTS += t/440-prompt-injection.t
check_PROGRAMS += t/unit/policy_dlp
t_unit_policy_dlp_SOURCES = t/unit/policy_dlp.c t/unit/tap.h
EXTRA_DIST += t/unit/policy_dlp.samples
TESTS += t/unit/policy_dlp
TESTS += t/430-data-loss.t

check_PROGRAMS += t/unit/policy_upstream_request
t_unit_policy_upstream_request_SOURCES = t/unit/policy_upstream_request.c t/unit/tap.h
TESTS += t/unit/policy_upstream_request

check_PROGRAMS += t/unit/policy_identifier
t_unit_policy_identifier_SOURCES = t/unit/policy_identifier.c t/unit/tap.h
TESTS += t/unit/policy_identifier

check_PROGRAMS += t/unit/policy_catalog t/unit/policy_uri_template
t_unit_policy_catalog_SOURCES = t/unit/policy_catalog.c t/unit/tap.h
t_unit_policy_uri_template_SOURCES = t/unit/policy_uri_template.c t/unit/tap.h
TESTS += t/unit/policy_catalog
TESTS += t/unit/policy_uri_template
check_PROGRAMS += t/unit/policy_counters
t_unit_policy_counters_SOURCES = t/unit/policy_counters.c t/unit/tap.h
TESTS += t/unit/policy_counters
check_PROGRAMS += t/unit/policy_window
t_unit_policy_window_SOURCES = t/unit/policy_window.c t/unit/tap.h
TESTS += t/unit/policy_window
TESTS += t/400-filter.t
TESTS += t/401-filter-roles.t
TESTS += t/417-filter-extras.t
TESTS += t/418-custom-lua.t
TESTS += t/410-rate-limit.t
TESTS += t/411-rate-sql.t
TESTS += t/412-simple-policies.t
TESTS += t/413-tool-pinning.t
TESTS += t/414-quota.t
TESTS += t/415-audit-log.t
TESTS += t/416-count-functions.t
