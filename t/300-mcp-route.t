#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The MCP route: who may call (401, 403, 405, CORS), what reaches the upstream, what comes back.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue token_text);
use Gatehouse::Upstream;

my $JSON = JSON::PP->new->canonical;
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	return $c->result($r, { tools => [] }, ['Set-Cookie', 'a=b'], ['WWW-Authenticate', 'Basic'],
		['Access-Control-Allow-Origin', '*'], ['X-Powered-By', 'test'], ['Via', '1.1 x'], ['Retry-After', '7'],
		['Cache-Control', 'private'], ['Location', 'http://other/']);
});
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 },
	gateway => { allowedOrigins => ['https://app.example'] },
	env => { KEY => 'sk-upstream-0123456789' },
	policies => [
		{ name => 'key', policyType => 'set-upstream-api-key-inbound',
			handler => { export => 'X', options => { value => 'Bearer $env(KEY)' } } },
		{ name => 'set', policyType => 'set-headers-inbound', handler => { export => 'X', options => { headers => [
			{ name => 'X-Tenant', value => 'acme' },
			{ name => 'User-Agent', value => 'never seen', overwrite => JSON::PP::false },
			{ name => 'Accept-Language', value => 'de' } ] } } },
		{ name => 'remove', policyType => 'remove-headers-inbound',
			handler => { export => 'X', options => { headers => ['traceparent'] } } },
		{ name => 'query', policyType => 'set-query-params-inbound', handler => { export => 'X', options => { params => [
			{ name => 'api_key', value => 'q&a=1 secret' },
			{ name => 'fixed', value => 'new' },
			{ name => 'kept', value => 'not this', overwrite => JSON::PP::false } ] } } },
	],
	routes => {
		'/mcp/plain' => { upstream => $up->url('/mcp') },
		'/mcp/other' => { upstream => $up->url('/mcp') },
		'/mcp/rich' => { upstream => $up->url('/deep/mcp?fixed=old&kept=1'), inbound => [qw(key set remove query)],
			options => { forwardHeaders => ['x-wanted'] } },
		'/mcp/quiet' => { upstream => $up->url('/mcp?only=this'), options => { forwardSearch => JSON::PP::false } },
		'/mcp/public' => { upstream => $up->url('/mcp'), public => 1 },
		'/mcp/open' => { upstream => $up->url('/mcp'), corsPolicy => 'anything-goes' },
	});
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(plain other rich quiet open);

sub post {
	my ($path, %o) = @_;
	my ($route) = $path =~ m{/mcp/(\w+)};
	my $authorization = exists $o{token} ? $o{token} : $token{$route} && "Bearer $token{$route}{access_token}";
	return request($o{method} || 'POST', $gw->url($path), {
		headers => [['Content-Type', $o{type} || 'application/json'],
			['Accept', 'application/json, text/event-stream'],
			(defined $authorization ? ['Authorization', $authorization] : ()), @{ $o{headers} || [] }],
		content => $o{content} // (($o{method} || 'POST') eq 'GET' ? '' : $call) });
}

sub challenge { return $_[0]->header('WWW-Authenticate') // '' }

my $prm = $gw->url('/.well-known/oauth-protected-resource/mcp/plain');
my $good = qq(Bearer realm="OAuth", resource_metadata="$prm", scope="mcp:tools");

# --- who may call ---

my $r = post('/mcp/plain');
is($r->{status}, 200, 'a call with its token passes');
is($r->{content}, '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}', 'and its answer comes back byte for byte');

$up->clear;
$r = post('/mcp/plain', token => undef);
is($r->{status}, 401, 'E75: no token is 401');
is(challenge($r), $good, 'with the challenge that leads to the metadata, and no error');
is(post('/mcp/plain', token => undef, method => $_)->{status}, 401, "E75: $_ without a token is 401") for qw(GET DELETE PUT);

my $other = $token{other}{access_token};
my $revoked = issue($pg, $gw, '/mcp/plain');
$pg->psql("update gatehouse.access_token set revoked_at = now() where token_id = '$revoked->{token_id}'");
my $narrow = issue($pg, $gw, '/mcp/plain', scope => 'mcp:none');
my $moved = issue($pg, $gw, '/mcp/plain', operation => 'renamed');
my $expired = issue($pg, $gw, '/mcp/plain', ttl => -1);
my $changed = $token{plain}{access_token};
substr($changed, 10, 1) = substr($changed, 10, 1) eq 'A' ? 'B' : 'A';
my $mine = $token{plain}{access_token};
my @refused = (
	["Bearer $other", 401, 'invalid_token', 'E76: a token of another route'],
	["Bearer $moved->{access_token}", 401, 'invalid_token', 'a token of the same resource and another operation'],
	['Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a', 401, 'invalid_token', 'E77: somebody else\'s token'],
	['Bearer ' . token_text('at_'), 401, 'invalid_token', 'E79: a token that was never issued'],
	['Bearer ' . token_text('rt_'), 401, 'invalid_token', 'E79: a refresh token'],
	["Bearer $changed", 401, 'invalid_token', 'E79: a token with one letter changed'],
	["Bearer $expired->{access_token}", 401, 'invalid_token', 'E79: an expired token'],
	["Bearer $revoked->{access_token}", 401, 'invalid_token', 'E79: a revoked token'],
	['Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.', 401, 'invalid_token', 'E79: an unsigned JWT'],
	["Bearer $mine, Bearer $mine", 400, 'invalid_request', 'E81: two tokens in one header'],
	["Bearer $mine $mine", 400, 'invalid_request', 'E81: two tokens with a blank between'],
	['Bearer ', 400, 'invalid_request', 'E81: a scheme without a token'],
	['Bearer ' . 'a' x 506, 400, 'invalid_request', 'an Authorization header of 513 bytes'],
	['Bearer ' . 'a' x 505, 401, 'invalid_token', 'an Authorization header of 512 bytes, which is no token,'],
	["Bearer $narrow->{access_token}", 403, 'insufficient_scope', 'E80: a token of too narrow a scope'],
);
for my $row (@refused) {
	my ($authorization, $status, $error, $name) = @$row;
	$r = post('/mcp/plain', token => $authorization);
	is($r->{status}, $status, "$name is $status");
	is($r->json->{error}, $error, "$name: the body says $error");
	like(challenge($r), qr/\bBearer .*error="$error"/, "$name: the challenge says $error");
}
$r = post('/mcp/plain', token => "Basic $mine");
is($r->{status}, 401, 'a token of another scheme is none');
is(challenge($r), $good, 'and is answered so');
$r = post('/mcp/plain', token => "Bearer $other");
like(challenge($r), qr/^\Q$good\E, error="invalid_token", error_description="[^"]+"$/, 'E76: error comes last in the challenge');
$r = post('/mcp/plain', token => "Bearer $narrow->{access_token}");
is(challenge($r), qq(Bearer error="insufficient_scope", scope="mcp:tools", resource_metadata="$prm", )
	. 'error_description="the access token does not cover this"', 'E80: all scopes at once');
is(post('/mcp/plain', token => "bEARER $mine")->{status}, 200, 'the scheme is read in any case');

is(post("/mcp/plain?access_token=$mine", token => undef)->{status}, 401, 'E78: a token in the query does not count');
is(post("/mcp/plain?access_token=$mine")->{status}, 400, 'E78: with one in the header too it is 400');
is(post("/mcp/plain?%61ccess_token=$mine")->{status}, 400, 'E78: however it is spelled');
is(post('/mcp/plain', token => undef, type => 'application/x-www-form-urlencoded',
	content => "access_token=$mine")->{status}, 401, 'E78: nor does one in a form');
is(scalar(grep { $_->{header}{authorization} || $_->{content} !~ /jsonrpc/ } $up->requests), 0,
	'E75: no refused request reaches the upstream');

is(post('/mcp/public')->{status}, 200, 'a public route needs no token');
$r = post('/mcp/plain', method => 'GET', content => '');
is($r->{status}, 405, 'GET with a token is 405');
is($r->header('Allow'), 'POST', 'and names POST');
is($r->header('Content-Type'), 'application/problem+json', 'as a problem');
like($r->json->{detail}, qr/Streamable HTTP over POST/, 'whose detail names Streamable HTTP over POST');
is(post('/mcp/plainer')->{status}, 404, 'a path that only begins like a route is 404');
is(post('/mcp/plain', headers => [['Host', 'evil.example']])->{status}, 421, 'E82: an unknown Host is 421');

# --- bodies ---

my @bodies = (
	['{"jsonrpc":"2.0","id":1,"method":"ping"', 400, -32700, 'JSON that does not end'],
	['[]', 400, -32600, 'E89: an empty batch'],
	['{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600, 'E90: an id of null'],
	['{"jsonrpc":"2.0","id":[1],"method":"ping"}', 400, -32600, 'E90: an id that is an array'],
	['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', 400, -32700, 'E90: two members of one name'],
	['{"jsonrpc":"2.0","id":1,"method":"ping","params":' . '[' x 10000 . ']' x 10000 . '}', 400, -32700, 'E90: 10,000 arrays deep'],
	['[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]', 400, -32600, 'E89: initialize in a batch'],
);
for my $row (@bodies) {
	my ($content, $status, $code, $name) = @$row;
	$r = post('/mcp/plain', content => $content);
	is($r->{status}, $status, "$name is $status");
	is(($r->json || {})->{error}{code}, $code, "$name: the error's code is $code");
}
$r = post('/mcp/plain', content => "[$call]", headers => [['MCP-Protocol-Version', '2025-06-18']]);
is($r->{status}, 400, 'E89: a batch on 2025-06-18 is 400');
is(post('/mcp/plain', content => "[$call]")->{status}, 200, 'a batch on 2025-03-26 passes');
$r = post('/mcp/plain', headers => [['MCP-Protocol-Version', '1999-01-01']]);
is($r->{status}, 400, 'an unknown protocol version is 400');
my $modern = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"b","_meta":{'
	. '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}';
my @modern = (['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/call']);
is(post('/mcp/plain', content => $modern, headers => [@modern, ['Mcp-Name', 'b']])->{status}, 200, 'a modern call whose headers agree passes');
for my $row (['Mcp-Name', 'a', 'E87: another Mcp-Name'], ['Mcp-Name', 'b, b', 'E87: Mcp-Name twice']) {
	$r = post('/mcp/plain', content => $modern, headers => [@modern, [$row->[0], $row->[1]]]);
	is($r->{status}, 400, "$row->[2] is 400");
	is($r->json->{error}{code}, -32020, "$row->[2] is -32020");
	is($r->json->{id}, 7, "$row->[2]: the answer has the request's id");
}
$up->clear;
$r = post('/mcp/plain', content => $modern, headers => [@modern, ['Mcp-Name', 'b'], ['Mcp_Name', 'hidden']]);
is($r->{status}, 400, 'E87: Mcp-Name beside an Mcp_Name, which the web server gives the same name, is 400');
is(scalar($up->requests), 0, 'E87: and neither reaches the upstream');
is(post('/mcp/plain', type => 'text/plain')->{status}, 415, 'a body that is not application/json is 415');
is(post('/mcp/plain', type => 'text/plain', headers => [['Content_Type', 'application/json']])->{status}, 415,
	'nor does Content_Type make it so');
is(post('/mcp/plain', type => 'application/json; charset=utf-8')->{status}, 200, 'parameters of the type do not matter');
my $pad = sub { my ($n) = @_; my $s = '{"jsonrpc":"2.0","id":1,"method":"x","params":{"p":""}}'; $s =~ s/""/'"' . 'x' x ($n - length $s) . '"'/e; $s };
is(post('/mcp/plain', content => $pad->(1 << 20))->{status}, 200, 'a body of 1 MiB passes');
is(post('/mcp/plain', content => $pad->((1 << 20) + 1))->{status}, 413, 'one byte more is 413');
is(post('/mcp/plain', content => '{"jsonrpc":"2.0","method":"notifications/initialized"}')->{status}, 202, 'a notification is 202');

my $odd = qq({ "jsonrpc" : "2.0",\n"id": "\\u0041/é", "method":"tools/list","x":1.0e3 });
$up->clear;
post('/mcp/plain', content => $odd);
is(($up->requests)[0]{content}, $odd, 'the body reaches the upstream byte for byte');

# --- what the upstream receives ---

my @sent = (['X-Forwarded-For', '1.2.3.4'], ['X-Forwarded-Host', 'evil'], ['Forwarded', 'for=1.2.3.4'], ['Cookie', 'a=b'],
	['X-User', 'root'], ['X-Wanted', 'yes'], ['Proxy-Authorization', 'Basic x'], ['TE', 'trailers'], ['DPoP', 'x'],
	['Referer', 'http://x/'], ['User-Agent', 'client/1'], ['traceparent', '00-aa-bb-01'], ['baggage', 'k=v'],
	['MCP-Protocol-Version', '2025-06-18'], ['Accept-Language', 'fr'], ['Last-Event-ID', '9'], ['Via', '1.1 y'], ['X-Gatehouse-User', 'u']);

sub received {
	my ($path, %o) = @_;
	$up->clear;
	my $res = post($path, %o);
	my ($request) = $up->requests;
	return if !$request;
	return ($request, join "\n", sort map { lc($_->[0]) . ": $_->[1]" } @{ $request->{headers} });
}

my $host = '127.0.0.1:' . $up->port;
my $length = 'content-length: ' . length $call;
my ($request, $headers) = received('/mcp/plain', headers => \@sent);
is($headers, <<"END" =~ s/\n\z//r, 'E91: exactly the headers of the list reach the upstream');
accept-language: fr
accept: application/json, text/event-stream
baggage: k=v
$length
content-type: application/json
host: $host
last-event-id: 9
mcp-protocol-version: 2025-06-18
traceparent: 00-aa-bb-01
user-agent: client/1
END
is($request->{target}, '/mcp', 'at the upstream\'s path');
($request) = received('/mcp/plain', type => 'application/json; charset=utf-7');
is($request->{header}{'content-type'}, 'application/json', 'nobody is told to read the body in another charset than we did');
($request, $headers) = received('/mcp/plain', headers => [['Connection', 'close, MCP-Protocol-Version, Baggage'], @sent]);
unlike($headers, qr/^(?:mcp-protocol-version|baggage):/m, 'what Connection names stays behind') or diag($headers);
($request, $headers) = received('/mcp/rich', headers => \@sent);
is($headers, <<"END" =~ s/\n\z//r, 'policies set and remove headers');
accept-language: de
accept: application/json, text/event-stream
authorization: Bearer sk-upstream-0123456789
baggage: k=v
$length
content-type: application/json
host: $host
last-event-id: 9
mcp-protocol-version: 2025-06-18
user-agent: client/1
x-tenant: acme
x-wanted: yes
END
is($request->{target}, '/deep/mcp?kept=1&api_key=q%26a%3D1%20secret&fixed=new', 'and the query');

($request) = received('/mcp/plain?a=1&b=%20x&a=2&&access%5ftoken=' . token_text('at_'), token => undef);
is($request, undef, 'E78: nothing goes up with a token in the query alone');
($request) = received('/mcp/public?a=1&b=%20x&a=2&access%5ftoken=secret');
is($request->{target}, '/mcp?a=1&b=%20x&a=2', 'the query goes along, without any access_token');
($request) = received('/mcp/rich?fixed=mine&k%65pt=2&%61pi_key=x&own=1');
is($request->{target}, '/deep/mcp?kept=1&api_key=q%26a%3D1%20secret&fixed=new&own=1', 'the client overrides no pair of the configuration');
is(post('/mcp/plain?%zz=1')->{status}, 400, 'a query that nobody can read is 400');
($request) = received('/mcp/quiet?a=1');
is($request->{target}, '/mcp?only=this', 'without forwardSearch the client\'s query stays behind');

# --- what the client receives ---

$r = post('/mcp/plain');
is(join(' ', grep { !/^(?:date|server|connection|x-content-type-options)$/ } sort map { lc $_->[0] } @{ $r->{headers} }),
	'cache-control content-length content-type retry-after vary x-request-id', 'F105: exactly the headers of the list come back');
is($r->header('Cache-Control'), 'private', 'the upstream\'s Cache-Control among them');

# --- browsers ---

$r = post('/mcp/plain', headers => [['Origin', 'https://app.example']]);
is($r->{status}, 200, 'a page of an allowed origin may call');
is($r->header('Access-Control-Allow-Origin'), 'https://app.example', 'and may read the answer');
like($r->header('Access-Control-Expose-Headers'), qr/WWW-Authenticate, Mcp-Session-Id/, 'and the headers it needs');
$up->clear;
for my $origin ('https://evil.example', 'null', 'https://app.example.evil', 'http://app.example', "http://127.0.0.1:1") {
	is(post('/mcp/plain', headers => [['Origin', $origin]])->{status}, 403, "E82: Origin $origin is 403");
}
is(scalar(my @none = $up->requests), 0, 'E82: and reaches no upstream');
$r = post('/mcp/plain', token => undef, headers => [['Origin', 'https://app.example']]);
is($r->header('Access-Control-Allow-Origin'), 'https://app.example', 'an allowed page may read a 401 too');
$r = post('/mcp/open', headers => [['Origin', 'https://any.example']]);
is($r->header('Access-Control-Allow-Origin'), '*', 'anything-goes lets any page call');
is(post('/mcp/open', headers => [['Origin', 'null']])->{status}, 403, 'but no page of nobody\'s');
$r = post('/mcp/plain', method => 'OPTIONS', token => undef, content => '', headers => [['Origin', 'https://app.example'],
	['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', 'authorization, mcp-param-region, x-evil']]);
is($r->{status}, 204, 'a preflight needs no token');
is($r->header('Access-Control-Allow-Methods'), 'GET, POST, DELETE, OPTIONS', 'it says which methods');
like($r->header('Access-Control-Allow-Headers'), qr/\bAuthorization\b.*\bmcp-param-region$/, 'and which headers, mirrored parameters by name');
is(post('/mcp/plain', method => 'OPTIONS', token => undef, content => '', headers => [['Origin', 'https://evil.example']])->{status}, 403,
	'a preflight of another origin is 403');

# --- metadata under the route ---

$r = request('GET', $gw->url('/mcp/plain/.well-known/openid-configuration'));
is($r->{status}, 200, 'the metadata document under the route is served');
is($r->json->{issuer}, $gw->url('/mcp/plain'), 'for the route\'s issuer');
is(request('POST', $gw->url('/mcp/plain/.well-known/openid-configuration'), { content => '{}' })->{status}, 413,
	'it takes no body');
is(request('GET', $gw->url('/mcp/no/.well-known/openid-configuration'))->{status}, 404, 'under no route there is none');

# --- revocation reaches every process ---

is(post('/mcp/plain')->{status}, 200, 'the token is good in a process') for 1 .. 4;
$pg->psql("update gatehouse.grants set revoked_at = now(), revoke_reason = 'test' where grant_id = '$token{plain}{grant_id}';
	select pg_notify('gatehouse', 'grant:$token{plain}{grant_id}')");
my $gone = $up->wait_for(sub { my @s = map { post('/mcp/plain')->{status} } 1 .. 4; !grep { $_ != 401 } @s }, 10);
ok($gone, 'a revoked grant is refused by all processes at once');

unlike($gw->log, qr/\Q$_\E/, 'the log holds no secret') for $mine, 'sk-upstream-0123456789', 'q&a=1 secret';

done_testing;
