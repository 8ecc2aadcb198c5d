# src/oauth: the authorization server: rules, and one file per endpoint
libgatehouse_a_SOURCES += \
	src/oauth/assertion.c src/oauth/assertion.h \
	src/oauth/bearer.c src/oauth/bearer.h \
	src/oauth/cimd.c src/oauth/cimd.h \
	src/oauth/client.c src/oauth/client.h \
	src/oauth/client_metadata.c src/oauth/client_metadata.h \
	src/oauth/endpoint.c src/oauth/endpoint.h \
	src/oauth/ep_authorize.c \
	src/oauth/ep_backchannel_logout.c \
	src/oauth/ep_callback.c \
	src/oauth/ep_dev_login.c \
	src/oauth/ep_discovery.c \
	src/oauth/ep_logout.c \
	src/oauth/ep_register.c \
	src/oauth/ep_introspect.c \
	src/oauth/ep_revoke.c \
	src/oauth/ep_sign_in.c \
	src/oauth/resource_server.c src/oauth/resource_server.h \
	src/oauth/ep_token.c \
	src/oauth/grant.c src/oauth/grant.h \
	src/oauth/id_jag.c src/oauth/id_jag.h \
	src/oauth/login.c src/oauth/login.h \
	src/oauth/logout.h \
	src/oauth/metadata.c src/oauth/metadata.h \
	src/oauth/pkce.c src/oauth/pkce.h \
	src/oauth/rate.c src/oauth/rate.h \
	src/oauth/redirect.c src/oauth/redirect.h \
	src/oauth/remote.c src/oauth/remote.h \
	src/oauth/renewal.c src/oauth/renewal.h \
	src/oauth/scope.c src/oauth/scope.h \
	src/oauth/session.c src/oauth/session.h \
	src/oauth/statement.c src/oauth/statement.h \
	src/oauth/token.c src/oauth/token.h

TESTS += t/200-oauth-sql.t

# the C tests of src/oauth
check_PROGRAMS += t/unit/oauth_cimd
t_unit_oauth_cimd_SOURCES = t/unit/oauth_cimd.c t/unit/tap.h
TESTS += t/unit/oauth_cimd
check_PROGRAMS += t/unit/oauth_metadata
t_unit_oauth_metadata_SOURCES = t/unit/oauth_metadata.c t/unit/tap.h
TESTS += t/unit/oauth_metadata
check_PROGRAMS += t/unit/oauth_pkce
t_unit_oauth_pkce_SOURCES = t/unit/oauth_pkce.c t/unit/tap.h
TESTS += t/unit/oauth_pkce
check_PROGRAMS += t/unit/oauth_redirect
t_unit_oauth_redirect_SOURCES = t/unit/oauth_redirect.c t/unit/tap.h
TESTS += t/unit/oauth_redirect
check_PROGRAMS += t/unit/oauth_scope
t_unit_oauth_scope_SOURCES = t/unit/oauth_scope.c t/unit/tap.h
TESTS += t/unit/oauth_scope
check_PROGRAMS += t/unit/oauth_token
t_unit_oauth_token_SOURCES = t/unit/oauth_token.c t/unit/tap.h
TESTS += t/unit/oauth_token
TESTS += t/210-oauth-discovery.t
TESTS += t/220-oauth-authorize.t
TESTS += t/230-oauth-token.t
TESTS += t/240-oauth-parallel.t
TESTS += t/241-oauth-kill.t
TESTS += t/250-oauth-register.t
TESTS += t/260-oauth-rate.t
check_PROGRAMS += t/unit/oauth_bearer
t_unit_oauth_bearer_SOURCES = t/unit/oauth_bearer.c t/unit/tap.h
TESTS += t/unit/oauth_bearer
TESTS += t/270-oauth-database.t
TESTS += t/280-oauth-dev-login.t
TESTS += t/284-login-options.t
TESTS += t/285-login-tokens.t
TESTS += t/286-login.t
TESTS += t/287-providers.t
TESTS += t/288-login-browser.t
TESTS += t/289-login-key.t
TESTS += t/290-client-document.t
TESTS += t/295-client-assertion.t
TESTS += t/296-introspect.t
TESTS += t/297-id-jag.t
TESTS += t/298-clock.t
