#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# gatehousectl check: each row breaks one thing of a sound project (t/projects/native), and says which problem
# must be told, and where. No other error may be told: one fault is one message.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $ctl = $ENV{GATEHOUSE_BIN} ? "$ENV{GATEHOUSE_BIN}/gatehousectl" : "$ENV{top_builddir}/bin/gatehousectl";
my $projects = "$ENV{top_srcdir}/t/projects";
my @files = qw(gateway.jsonc config/routes.oas.json config/policies.json);
my ($G, $R, $P, $E) = (@files, '.env');
my $O = '/paths/~1mcp~1everything/get,post';     # the operation that most rows break
my $X = "$O/x-gatehouse-route";
my $H = "$X/handler/options";
my $CANARY = 'canary-7f3a';

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!"; local $/; return <$in> }
sub spew { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!"; print $out $text; close $out or die }

# A copy of the sound project, with its .env.
sub project {
	my $dir = tempdir(CLEANUP => 1);
	make_path("$dir/config");
	copy("$projects/native/$_", "$dir/$_") or die "$_: $!" for @files;
	copy("$projects/native/env.sample", "$dir/.env") or die;
	chmod 0600, "$dir/.env";
	mkdir "$dir/ring", 0700;
	return $dir;
}

# Status, the report as data, and all that was printed.
sub check {
	my ($dir) = @_;
	delete local @ENV{qw(EVERYTHING_URL TENANT EVERYTHING_KEY)};
	my $out = `'$ctl' check --json '$dir' 2>&1`;
	my $status = $? >> 8;
	my $report = eval { decode_json($out) };
	return ($status, $report, $out);
}

my @rows = (
	# gateway.jsonc
	['an unknown key', $G, '"preparedStatements"', '"preparedStatement"', $G, '/preparedStatement',
		qr/unknown key 'preparedStatement' \(did you mean 'preparedStatements'\?\)/],
	['an unknown key inside an object', $G, '"connectMs"', '"conectMs"', $G, '/limits/conectMs', qr/did you mean 'connectMs'/],
	['a key twice', $G, '"autoReload": true', '"development": true', $G, '/development', qr/duplicate member "development"/],
	['a syntax error', $G, '"version": 1,', '"version" 1,', $G, '/version', qr/line 3/],
	['an unended comment', $G, '// Every', '/* Every', $G, '', qr/comment/],
	['no compatibilityDate', $G, '"compatibilityDate": "2026-03-01",', '', $G, '', qr/'compatibilityDate' is missing/],
	['an old compatibilityDate', $G, '2026-03-01', '2026-02-28', $G, '/compatibilityDate', qr/older than 2026-03-01/],
	['a compatibilityDate that is no date', $G, '2026-03-01', '2026-13-01', $G, '/compatibilityDate', qr/not a date/],
	['a later version of the format', $G, '"version": 1', '"version": 2', $G, '/version', qr/version 1/],
	['a wrong type', $G, '"development": true', '"development": "yes"', $G, '/development', qr/must be true or false/],
	['a limit that is too small', $G, '"body": 65536', '"body": 5', $G, '/limits/body', qr/from 1024 to/],
	['a limit past every integer', $G, '"body": 65536', '"body": 99999999999999999999', $G, '', qr/out of range/],
	['a basePath that is no path', $G, '"/gateway"', '"gateway"', $G, '/basePath', qr/not a path/],
	['a basePath with a slash at its end', $G, '"/gateway"', '"/gateway/"', $G, '/basePath', qr/not a path/],
	['a basePath under /.well-known', $G, '"/gateway"', '"/.well-known/gateway"', $G, '/basePath', qr/shadows \/\.well-known/],
	['a registry under /.well-known', $G, '"/servers"', '"/.well-known/servers"', $G, '/registry/path', qr/shadows \/\.well-known/],
	['an origin with a path', $G, '"http://localhost:8080"', '"http://localhost:8080/"', $G, '/publicOrigins/1', qr/no origin/],
	['an origin that is no URL', $G, '"http://localhost:8080"', '"localhost:8080"', $G, '/publicOrigins/1', qr/no origin/],
	['an http origin on the network', $G, '"http://localhost:8080"', '"http://mcp.example.com"', $G, '/publicOrigins/1', qr/must be https/],
	['one origin twice', $G, '"http://localhost:8080"', '"http://LOCALHOST:8080", "http://localhost:8080"', $G, '/publicOrigins/2', qr/publicOrigins\/1/],
	['no origin in the list', $G, '["http://127.0.0.1:8080", "http://localhost:8080"]', '[]', $G, '/publicOrigins', qr/empty/],
	['development on a public origin', $G, '"http://localhost:8080"', '"https://mcp.example.com"', $G, '/development', qr/not loopback/],
	['an allowed origin with a path', $G, 'com:443"', 'com/x"', $G, '/allowedOrigins/0', qr/no origin/],
	['"*" beside another origin', $G, 'com:443"', 'com", "*"', $G, '/allowedOrigins/1', qr/beside/],
	['a proxy that is no network', $G, '"fd00::/8"', '"fd00::/129"', $G, '/trustedProxies/1', qr/CIDR/],
	['an allowed network that is none', $G, '"10.1.0.0/16"', '"linear.example"', $G, '/outbound/allow/linear/0', qr/CIDR/],
	['a certificate without a key', $G, ', "key": "/dev/null"', '', $G, '/outbound/certificates/partner', qr/'key' is missing/],
	['a log that goes nowhere', $G, '"syslog"', '"log.txt"', $G, '/log/destination', qr/absolute path/],
	['a log level that is none', $G, '"debug"', '"verbose"', $G, '/log/level', qr/one of: error warn info debug/],
	['a reference where none is replaced', $G, '"host=/run/postgresql user', '"$env(DATABASE) user', $G, '/database', qr/policies and rewritePattern only/],

	# routes.oas.json
	['no operationId', $R, '"operationId": "everything",', '', $R, $O, qr/operationId is missing/],
	['one operationId twice', $R, '"operationId": "open"', '"operationId": "everything"', $R,
		'/paths/~1mcp~1open/post/operationId', qr/that of \/mcp\/everything/],
	['one path twice', $R, '"/mcp/open"', '"/mcp/everything"', $R, '/paths/~1mcp~1everything', qr/duplicate member/],
	['an empty operationId', $R, '"operationId": "everything"', '"operationId": ""', $R, "$O/operationId", qr/1 to 128/],
	['a policy that is not there', $R, '"strip-header"', '"strip-headers"', $R, "$X/policies/inbound/2",
		qr/no policy 'strip-headers' \(did you mean 'strip-header'\?\)/],
	['a policy twice', $R, '"strip-header"', '"tenant-header"', $R, "$X/policies/inbound/2", qr/listed twice/],
	['no OAuth policy', $R, '["sign-in", "tenant-header"', '["tenant-header"', $R, "$X/policies/inbound", qr/no OAuth policy/],
	['no policies at all', $R, '"policies": { "inbound": ["query-token"], "outbound": [] },
          "public": true', '"public": false', $R, '/paths/~1mcp~1open/post/x-gatehouse-route/policies/inbound', qr/no OAuth policy/],
	['a public route with a policy that needs a user', $R, '"corsPolicy": "none",', '"public": true,', $R, "$X/policies/inbound/0", qr/needs a user/],
	['an OAuth policy that is not first', $R, '["sign-in", "tenant-header"', '["tenant-header", "sign-in"', $R, "$X/policies/inbound/1", qr/not the first/],
	['a filter before the token exchange', $R, '"mcp-token-exchange-linear", "linear-tools"', '"linear-tools", "mcp-token-exchange-linear"',
		$R, '/paths/~1mcp~1linear/get,post/x-gatehouse-route/policies/inbound/1', qr/before the token exchange/],
	['a token exchange on two origins', $R, 'https://mcp.linear.app/other', 'https://mcp.linear.example/other', $R,
		'/paths/~1mcp~1linear-too/get,post/x-gatehouse-route/policies/inbound/1', qr/another origin/],
	['a token exchange by assertion for two upstreams, and no resource', $P, '"authMode": "user-oauth",
          "scopes": ["read"],
          "prompt": false,
          "clientRegistration": { "mode": "manual", "clientId": "gatehouse" },', '"authMode": "id-jag", "idJag": { "idp": { "tokenUrl": "https://i.example/t", "clientAuth": { "method": "client_secret_post", "clientId": "a", "clientSecret": "b" } }, "resourceAs": { "tokenUrl": "https://r.example/t", "audience": "https://r.example", "clientAuth": { "method": "client_secret_post", "clientId": "a", "clientSecret": "b" } } },',
		$R, '/paths/~1mcp~1linear-too/get,post/x-gatehouse-route/policies/inbound/1', qr/for which resource/],
	['an outbound policy listed inbound', $R, '"linear-tools"]', '"mask-secrets"]', $R,
		'/paths/~1mcp~1linear/get,post/x-gatehouse-route/policies/inbound/2', qr/is for answers/],
	['an inbound policy listed outbound', $R, '["mask-secrets"]', '["strip-header"]', $R,
		'/paths/~1mcp~1linear-too/get,post/x-gatehouse-route/policies/outbound/0', qr/is for requests/],
	['a template over parameters', $R, '${env.EVERYTHING_URL}/mcp', 'https://${params.host}/mcp', $R, "$H/rewritePattern", qr/request-based template/],
	['a template over headers', $R, '${env.EVERYTHING_URL}/mcp', 'https://${headers.get(\"x\")}/mcp', $R, "$H/rewritePattern", qr/request-based template/],
	['a reference of the policies\' form', $R, '${env.EVERYTHING_URL}/mcp', '$env(EVERYTHING_URL)/mcp', $R, "$H/rewritePattern", qr/for policies/],
	['a reference that does not end', $R, '${env.EVERYTHING_URL}/mcp', '${env.EVERYTHING_URL', $R, "$H/rewritePattern", qr/not of the form/],
	['an upstream that is no URL', $R, '${env.EVERYTHING_URL}/mcp', '/mcp', $R, "$H/rewritePattern", qr/not an absolute/],
	['an upstream of another scheme', $R, '${env.EVERYTHING_URL}/mcp', 'ftp://example.com/mcp', $R, "$H/rewritePattern", qr/not an absolute/],
	['an upstream with a password', $R, '${env.EVERYTHING_URL}/mcp', 'https://u:p@example.com/mcp', $R, "$H/rewritePattern", qr/user information/],
	['an upstream with a fragment', $R, '${env.EVERYTHING_URL}/mcp', 'https://example.com/mcp#x', $R, "$H/rewritePattern", qr/fragment/],
	['an unknown option', $R, '"forwardSearch"', '"forwardsearch"', $R, "$H/forwardsearch", qr/did you mean 'forwardSearch'/],
	['an unknown member of the extension', $R, '"corsPolicy": "none"', '"corsPolicies": "none"', $R, "$X/corsPolicies", qr/did you mean 'corsPolicy'/],
	['an unknown member of the operation', $R, '"summary": "Everything"', '"sumary": "Everything"', $R, "$O/sumary", qr/unknown member/],
	['an unknown member of the path', $R, '"get,post": {
        "operationId": "everything"', '"get;post": {
        "operationId": "everything"', $R, '/paths/~1mcp~1everything/get;post', qr/unknown member/],
	['an MCP route under get alone', $R, '"get,post": {
        "operationId": "everything"', '"get": {
        "operationId": "everything"', $R, '/paths/~1mcp~1everything/get', qr/get,post/],
	['no rewritePattern', $R, '"rewritePattern": "${env.EVERYTHING_URL}/mcp",', '', $R, $H, qr/'rewritePattern' is missing/],
	['a timeout of no time', $R, '5000', '0', $R, "$H/timeoutMs", qr/from 1 to/],
	['a cors policy that is none', $R, '"anything-goes"', '"everything"', $R, '/paths/~1mcp~1open/post/x-gatehouse-route/corsPolicy', qr/none anything-goes/],
	['a credential among the forwarded headers', $R, '"X-Trace"', '"Authorization"', $R, "$H/forwardHeaders/1", qr/never goes upstream/],
	['a forwarded header that is none', $R, '"X-Trace"', '"X Trace"', $R, "$H/forwardHeaders/1", qr/no header name/],
	['a certificate that is not there', $R, '"mtlsCertificate": "partner"', '"mtlsCertificate": "friend"', $R, "$H/mtlsCertificate", qr/no client certificate/],
	['a path with a parameter', $R, '"/mcp/open"', '"/mcp/{name}"', $R, '/paths/~1mcp~1{name}', qr/parameters/],
	['a path with a slash at its end', $R, '"/mcp/open"', '"/mcp/open/"', $R, '/paths/~1mcp~1open~1', qr/no path/],
	['a path with dots', $R, '"/mcp/open"', '"/mcp/../open"', $R, '/paths/~1mcp~1..~1open', qr/no path/],
	['a path under /.well-known', $R, '"/mcp/open"', '"/.well-known/open"', $R, '/paths/~1.well-known~1open', qr/shadows/],
	['a path under basePath', $R, '"/mcp/open"', '"/gateway/open"', $R, '/paths/~1gateway~1open', qr/basePath/],
	['a path over basePath', $G, '"/gateway"', '"/mcp/open/actions"', $R, '/paths/~1mcp~1open', qr/basePath/, 'more'],
	['a path under the registry', $R, '"/mcp/open"', '"/servers/open"', $R, '/paths/~1servers~1open', qr/registry/],
	['an extension that is no object', $R, '"x-gatehouse-route": {
          "handler"', '"x-gatehouse-route": 1, "x-was": { "handler"', $R, '/paths/~1mcp~1linear/get,post/x-gatehouse-route', qr/must be an object/],
	['a short path', $R, '"/mcp/open"', '"/o/"', $R, '/paths/~1o~1', qr/no path/],
	['both names of the extension', $R, '"summary": "Everything",', '"x-zuplo-route": {},', $R, $O, qr/both/],
	['no paths', $R, '"paths"', '"path"', $R, '', qr/no paths/],

	# policies.json
	['an unknown option', $P, '"headers": [{', '"header": [{', $P, '/policies/1/handler/options/header', qr/did you mean 'headers'/, 'more'],
	['an unknown option deep down', $P, '"issuer"', '"isuer"', $P, '/policies/0/handler/options/oidc/isuer', qr/did you mean 'issuer'/, 'more'],
	['a required option that is missing', $P, '"displayName": "Linear",', '', $P, '/policies/5/handler/options', qr/'displayName' is missing/],
	['an option that is none of the words', $P, '"user-oauth"', '"users"', $P, '/policies/5/handler/options/authMode', qr/one of: user-oauth/],
	['an option past its range', $P, '"refreshReuseGraceSeconds": 0', '"refreshReuseGraceSeconds": -1', $P,
		'/policies/0/handler/options/gateway/refreshReuseGraceSeconds', qr/from 0 to/],
	['a name twice', $P, '"name": "strip-header"', '"name": "query-token"', $P, '/policies/4/name', qr/taken by \/policies\/3/, 'more'],
	['a policy without a name', $P, '"name": "keys", ', '', $P, '/policies/8', qr/'name' is missing/],
	['a member twice', $P, '"name": "strip-header"', '"name": "x", "name": "strip-header"', $P, '/policies/3/name', qr/duplicate member/],
	['a type that this product lacks', $P, '"remove-headers-inbound"', '"api-key-inbound"', $P, '/policies/3/policyType', qr/no policy type 'api-key-inbound'/],
	['a misspelt type', $P, '"remove-headers-inbound"', '"remove-header-inbound"', $P, '/policies/3/policyType', qr/did you mean 'remove-headers-inbound'/],
	['a variable that is not set', $P, '$env(TENANT)', '$env(TENANT_NAME)', $P, '/policies/1/handler/options/headers/0/value',
		qr/policy 'tenant-header': the variable TENANT_NAME is not set/],
	['a variable of the request', $P, '$env(TENANT)', '$env(HTTP_TENANT)', $P, '/policies/1/handler/options/headers/0/value', qr/HTTP_TENANT is not set/],
	['a reference that is none', $P, '$env(TENANT)', '$env(TEN-ANT)', $P, '/policies/1/handler/options/headers/0/value', qr/not of the form/],
	['an upstream id of capitals', $P, '"displayName": "Linear",', '"displayName": "Linear", "id": "Linear",', $P, '/policies/5/handler/options/id', qr/\[a-z0-9\]/],
	['an upstream id that is too long', $P, '"displayName": "Linear",', '"displayName": "Linear", "id": "' . 'x' x 64 . '",', $P, '/policies/5/handler/options/id', qr/\[a-z0-9\]/],
	['a token exchange without an id', $P, '"name": "keys", "policyType": "api-key-inbound", "handler": { "options": { "allow": "all" } }',
		'"name": "linear-2", "policyType": "mcp-token-exchange-inbound", "handler": { "options": { "displayName": "L", "authMode": "user-oauth" } }',
		$P, '/policies/8/name', qr/no upstream id/],
	['one upstream id twice', $P, '"name": "keys", "policyType": "api-key-inbound", "handler": { "options": { "allow": "all" } }',
		'"name": "l", "policyType": "mcp-token-exchange-inbound", "handler": { "options": { "id": "linear", "displayName": "L", "authMode": "user-oauth" } }',
		$P, '/policies/8/handler/options/id', qr/that of policy 'mcp-token-exchange-linear'/],
	['both forms of registration', $P, '"prompt": false,', '"clientId": "x",', $P, '/policies/5/handler/options/clientRegistration', qr/both/],
	['a prompt that is none', $P, '"prompt": false,', '"prompt": true,', $P, '/policies/5/handler/options/prompt', qr/false or one of/],
	['idJag beside another mode', $P, '"prompt": false,', '"idJag": { "idp": { "tokenUrl": "https://i.example/t", "clientAuth": { "method": "client_secret_post", "clientId": "a", "clientSecret": "b" } }, "resourceAs": { "tokenUrl": "https://r.example/t", "audience": "https://r.example", "clientAuth": { "method": "client_secret_post", "clientId": "a", "clientSecret": "b" } } },',
		$P, '/policies/5/handler/options/idJag', qr/authMode id-jag only/],
	['roles without access control', $P, '"rolesAndGroups"', '"allPublic"', $P, '/policies/6/handler/options/tools/1', qr/mean nothing/],
	['a resolver in TypeScript', $P, '{ "mode": "rolesAndGroups" }', '{ "mode": "function", "identifier": { "module": "./a.ts" } }', $P,
		'/policies/6/handler/options/accessControl/identifier/module', qr/in Lua/, 'more'],
	['a tool twice', $P, '"name": "get_issue"', '"name": "list_issues"', $P, '/policies/6/handler/options/tools/1', qr/listed twice/],
	['a provider without its client', $P, '"/gateway/oauth/dev-login"', '"https://idp.example/authorize"', $P, '/policies/0/handler/options/browserLogin', qr/'tokenUrl' is missing/, 'more'],
	['a provider without TLS', $P, '"http://localhost:8080/.well-known', '"http://idp.example/.well-known', $P, '/policies/0/handler/options/oidc/jwksUrl', qr/must be https/],
	['no keys and no discovery', $P, ', "jwksUrl": "http://localhost:8080/.well-known/jwks.json"', '', $P, '/policies/0/handler/options/oidc', qr/'jwksUrl' is missing/],
	['policies that are no list', $P, '"policies": [', '"policies": {}, "x": [', $P, '/policies', qr/array of objects/, 'more'],

	# .env
	['a line that sets nothing', $E, "TENANT='acme'", "TENANT='acme'\nthis", $E, '', qr/line 4: this is no NAME=value/],
	['a quote that does not close', $E, "TENANT='acme'", "TENANT='acme'\nA='x", $E, '', qr/line 4: the single quote/],
	['a name twice', $E, "TENANT='acme'", "TENANT='acme'\nTENANT=b", $E, '', qr/line 4: TENANT is set in line 3/],
	['a variable that was taken away', $E, "TENANT='acme'\n", '', $P, '/policies/1/handler/options/headers/0/value', qr/TENANT is not set/],
	['an upstream that was taken away', $E, 'EVERYTHING_URL=', '# ', $R, "$H/rewritePattern", qr/route \/mcp\/everything: the variable EVERYTHING_URL/],
	['a file of a variable that is not there', $E, "TENANT='acme'", 'TENANT_FILE=/nonexistent/tenant', $P,
		'/policies/1/handler/options/headers/0/value', qr/TENANT_FILE names does not exist/],
);

{
	my ($status, $report, $out) = check(project());
	is($status, 0, 'the sound project has no errors') or diag($out);
	is(scalar(grep { $_->{severity} eq 'error' } @{ $report->{problems} }), 0, 'and reports none');
	is_deeply({ map { $_->{path} => $_->{open} ? 1 : 0 } @{ $report->{routes} } },
		{ '/mcp/everything' => 1, '/mcp/open' => 1, '/mcp/linear' => 1, '/mcp/linear-too' => 1 },
		'all routes are open: this version serves their policies');
}

for my $row (@rows) {
	my ($name, $file, $from, $to, $where, $pointer, $text, $more) = @$row;
	subtest "$name is told" => sub {
		my $dir = project();
		my $content = slurp("$dir/$file");
		my $at = index $content, $from;
		cmp_ok($at, '>=', 0, 'the row finds what it breaks') or return;
		substr($content, $at, length $from) = $to;
		spew("$dir/$file", $content);
		my ($status, $report, $out) = check($dir);
		is($status, 1, 'check fails');
		my @errors = grep { $_->{severity} eq 'error' } @{ $report->{problems} || [] };
		my @told = grep { $_->{file} eq $where && $_->{pointer} eq $pointer && $_->{text} =~ $text } @errors;
		is(scalar @told, 1, 'the problem is told once, with its file and pointer') or diag($out);
		is(scalar @errors, 1, 'and no other') or diag($out) unless $more;
		is(scalar(grep { $_->{remedy} eq '' } @errors), 0, 'every error has a remedy');
		unlike($out, qr/\Q$CANARY/, 'no value is shown');
	};
}

subtest 'all errors are told at once' => sub {
	my $dir = project();
	for (['gateway.jsonc', '"log"', '"lug"'], ['config/routes.oas.json', '"operationId": "open",', ''],
		['config/policies.json', '"displayName"', '"display"']) {
		my ($file, $from, $to) = @$_;
		my $content = slurp("$dir/$file");
		substr($content, index($content, $from), length $from) = $to;
		spew("$dir/$file", $content);
	}
	my ($status, $report) = check($dir);
	my %files = map { $_->{file} => 1 } grep { $_->{severity} eq 'error' } @{ $report->{problems} };
	is_deeply([sort keys %files], [sort @files], 'of all three files');
};

subtest 'a second OAuth policy closes the routes that use it, not the others' => sub {
	my $dir = project();
	my $policies = slurp("$dir/config/policies.json");
	my ($oauth) = $policies =~ /(\{\s+"name": "sign-in".*?\n    \},)/s;
	(my $second = $oauth) =~ s/"sign-in"/"other"/;
	$policies =~ s/"policies": \[/"policies": [\n    $second/;
	spew("$dir/config/policies.json", $policies);
	my ($status, $report) = check($dir);
	is($status, 0, 'a second one may be declared');
	my $routes = slurp("$dir/config/routes.oas.json");
	$routes =~ s/"inbound": \["query-token"\], "outbound": \[\] \},\s+"public": true/"inbound": ["other"] }/;
	spew("$dir/config/routes.oas.json", $routes);
	($status, $report) = check($dir);
	my @errors = grep { $_->{severity} eq 'error' } @{ $report->{problems} };
	is($status, 1, 'but not used');
	like($errors[0]{text}, qr/second MCP OAuth policy/, 'the message says so');
	is($errors[0]{pointer}, '/paths/~1mcp~1open/post/x-gatehouse-route/policies/inbound/0', 'where it is used');
	my %open = map { $_->{path} => $_->{open} } @{ $report->{routes} };
	ok($open{'/mcp/everything'} && !$open{'/mcp/open'}, 'and closes that route alone');
};

subtest 'two OAuth policies, or two token exchanges, on one route' => sub {
	my $dir = project();
	my $policies = slurp("$dir/config/policies.json");
	$policies =~ s/"policies": \[/"policies": [
	{ "name": "mcp-token-exchange-b", "policyType": "mcp-token-exchange-inbound",
	  "handler": { "options": { "displayName": "B", "authMode": "user-oauth" } } },/;
	spew("$dir/config/policies.json", $policies);
	my $routes = slurp("$dir/config/routes.oas.json");
	$routes =~ s/"mcp-token-exchange-linear", "linear-tools"/"mcp-token-exchange-linear", "mcp-token-exchange-b"/;
	spew("$dir/config/routes.oas.json", $routes);
	my ($status, $report, $out) = check($dir);
	my @errors = grep { $_->{severity} eq 'error' } @{ $report->{problems} };
	is(scalar @errors, 1, 'one error');
	like($errors[0]{text}, qr/second token exchange on the route/, 'about the second') or diag($out);
};

subtest 'a project of the hosted product loads unchanged' => sub {
	my ($status, $report, $out) = check("$projects/hosted");
	is($status, 0, 'without errors') or diag($out);
	my @texts = map { "$_->{text} | $_->{remedy}" } @{ $report->{problems} };
	ok(scalar(grep { /OKTA_DOMAIN is not set \| not set up yet/ } @texts), 'what is not set up yet is a warning');
	ok(scalar(grep { /not McpProxyHandler/ } @texts), 'so is a handler of another kind');
	ok(!scalar(grep { /does not serve mcp-[-\w]+-inbound/ } @texts), 'but neither the sign-in nor the token exchange');
};

subtest 'the example project is sound' => sub {
	my $dir = tempdir(CLEANUP => 1);
	make_path("$dir/config", "$dir/policies");
	copy("$ENV{top_srcdir}/etc/example/$_", "$dir/$_") or die "$_: $!" for @files, 'policies/access.lua';
	my ($status, $report, $out) = check($dir);
	is($status, 0, 'as it is') or diag($out);
	copy("$ENV{top_srcdir}/etc/example/env.sample", "$dir/.env") or die;
	chmod 0600, "$dir/.env";
	mkdir "$dir/keys", 0700;
	($status, $report, $out) = check($dir);
	is($status, 0, 'with its variables set');
	is_deeply($report->{problems}, [], 'without a warning') or diag($out);
	is(scalar(grep { !$_->{open} } @{ $report->{routes} }), 0, 'with every route open');
};

subtest 'a variable comes from the process too, but never what a request could set' => sub {
	my $dir = project();
	my $env = slurp("$dir/.env");
	$env =~ s/^TENANT=.*\n//m;
	spew("$dir/.env", $env);
	my $out = `TENANT=x '$ctl' check '$dir'`;
	is($? >> 8, 0, 'from the process');
	my $policies = slurp("$dir/config/policies.json");
	for my $name (qw(HTTP_TENANT QUERY_STRING REMOTE_USER SERVER_NAME)) {
		(my $changed = $policies) =~ s/\$env\(TENANT\)/\$env($name)/;
		spew("$dir/config/policies.json", $changed);
		$out = `env $name=x '$ctl' check '$dir'`;
		is($? >> 8, 1, "not $name");
		spew("$dir/.env", "$env$name=x\n");
		$out = `'$ctl' check '$dir'`;
		is($? >> 8, 0, "unless .env sets it");
		spew("$dir/.env", $env);
	}
};

subtest 'the command itself' => sub {
	my $out = `'$ctl' check '$projects/nowhere' 2>&1`;
	is($? >> 8, 1, 'a directory that is not there is an error');
	$out = `'$ctl' check a b 2>&1`;
	is($? >> 8, 2, 'two directories are wrong use');
	$out = `'$ctl' check '$projects/hosted'`;
	like($out, qr/^warning: .*\n    not set up yet/m, 'a problem is one line, its remedy the next');
	like($out, qr/: 0 errors, \d+ warnings; 0 of 1 route open$/m, 'the last line sums up');
	like($out, qr/gatehousectl -c DIR keys init/, 'a missing key ring is told with its command');
};

done_testing();
