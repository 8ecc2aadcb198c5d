# src/idp: identity providers
POLICIES = src/idp/p_mcp_oauth.c
POLICIES += src/idp/p_providers.c

libgatehouse_a_SOURCES += src/idp/oauth_options.h
libgatehouse_a_SOURCES += \
	src/idp/claims.c src/idp/claims.h \
	src/idp/dev_login.c src/idp/dev_login.h \
	src/idp/document.c src/idp/document.h \
	src/idp/id_token.c src/idp/id_token.h \
	src/idp/id_jag_options.c \
	src/idp/identity.h \
	src/idp/oidc.c src/idp/oidc.h \
	src/idp/user_assertion.c src/idp/user_assertion.h \
	src/idp/provider.c src/idp/provider.h

check_PROGRAMS += t/unit/idp_dev_login
t_unit_idp_dev_login_SOURCES = t/unit/idp_dev_login.c t/unit/fake_io.h t/unit/tap.h
TESTS += t/unit/idp_dev_login
check_PROGRAMS += t/unit/idp_provider
t_unit_idp_provider_SOURCES = t/unit/idp_provider.c t/unit/tap.h
TESTS += t/unit/idp_provider
check_PROGRAMS += t/unit/idp_claims
t_unit_idp_claims_SOURCES = t/unit/idp_claims.c t/unit/tap.h
TESTS += t/unit/idp_claims
