#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Calls through a route with a token exchange: whose token they carry, when it is renewed, how often a call is
# sent, and what a client is told whose user has to go to a browser.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(parallel request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $JSON = JSON::PP->new->canonical;
my $initialize = $JSON->encode({ jsonrpc => '2.0', id => 0, method => 'initialize', params => {
	protocolVersion => '2025-11-25', capabilities => {}, clientInfo => { name => 't', version => '1' } } });
my $call = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';
my $list = '{"jsonrpc":"2.0","id":"l","method":"tools/list"}';

# Answers the caller's name; a tool "deep" wants more rights than were given.
sub mcp {
	my ($c, $r, $user, $token) = @_;
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	return $c->reply(403, [['Content-Type', 'application/json'],
		['WWW-Authenticate', 'Bearer error="insufficient_scope", scope="read write"']], '{}') if $r->{content} =~ /"deep"/;
	return $c->result($r, { content => [{ type => 'text', text => "token $token" }] }) if $r->{content} =~ /"leak"/;
	return $c->result($r, { protocolVersion => '2025-11-25', capabilities => {}, serverInfo => { name => 'u', version => '1' } },
		['Mcp-Session-Id', 'session-1']) if $r->{content} =~ /"initialize"/;
	return $c->result($r, { content => [{ type => 'text', text => "hello $user" }] });
}

my $as = Gatehouse::Authority->new(mcp => \&mcp);
my $other = Gatehouse::Authority->new(user => 'other-user');
my $pg = Gatehouse::Pg->new;
my $exchange = sub {
	my ($id, %options) = @_;
	return { name => "mcp-token-exchange-$id", policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => { displayName => ucfirst $id, authMode => 'user-oauth', %options } } };
};
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 },
	policies => [$exchange->('linear'), $exchange->('stripe')],
	routes => {
		'/mcp/linear' => { upstream => $as->url('/mcp'), inbound => ['mcp-token-exchange-linear'] },
		'/mcp/bridged' => { upstream => $as->url('/mcp'), inbound => ['mcp-token-exchange-linear'], options => { bridge => JSON::PP::true } },
		'/mcp/stripe' => { upstream => $other->url('/mcp'), inbound => ['mcp-token-exchange-stripe'] },
	});
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
$flow->register;
$flow->open($flow->ask(route => '/mcp/linear')->{url});    # signs in
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'dev-browser-user') } qw(linear bridged stripe);
my $stranger = issue($pg, $gw, '/mcp/linear', subject => 'somebody-else');

sub post {
	my ($message, %o) = @_;
	my $route = $o{route} || 'linear';
	return $flow->call("/mcp/$route", $o{token} || $token{$route}, $message, headers => $o{headers} || []);
}

sub text { my ($r) = @_; return eval { $r->json->{result}{content}[0]{text} } // "status $r->{status}: $r->{content}" }

# Connects with the address that a client was given.
sub connect_by {
	my ($r) = @_;
	my $url = $r->json->{error}{data}{authUrl};
	my $to = $flow->browse('GET', $url);
	my $back = request('GET', $to->header('location') // return $to)->header('location');
	return $flow->browse('GET', $back);
}

sub refreshes { return scalar grep { $_->{content} =~ /grant_type=refresh_token/ } $as->requests('/token') }
sub calls { return scalar grep { $_->{content} =~ /whoami/ } $as->requests('/mcp') }

# ---- never connected

my $r = post($call);
is($r->{status}, 200, 'a call without a connection is answered');
my $error = $r->json->{error};
is($error->{code}, -32042, 'with URL elicitation required');
is($r->json->{id}, 7, 'and the id of the call');
is($error->{message}, 'Connect Linear to continue.', 'says what to do');
is_deeply([map { $error->{data}{$_} } qw(state upstreamServerId operationId nextAction authProfileId)],
	[qw(authenticating linear linear redirect linear:user-oauth)], 'and carries what clients decide by');
my ($elicitation) = @{ $error->{data}{elicitations} };
is_deeply([sort keys %$elicitation], [qw(elicitationId message mode url)], 'the elicitation has its four members');
is($elicitation->{url}, $error->{data}{authUrl}, 'and the same address');
unlike($elicitation->{url}, qr/dev-browser-user/, 'which names nobody');
is(calls(), 0, 'nothing was sent upstream');
is(post('[' . "$call,$list" . ']', headers => [['MCP-Protocol-Version', '2025-03-26']])->json->[1]{error}{code}, -32042,
	'each request of a batch is told');
my $modern = sub {
	my ($method, $capabilities, $name) = @_;
	my %params = ($name ? (name => $name, arguments => {}) : ());
	return post($JSON->encode({ jsonrpc => '2.0', id => 1, method => $method, params => { %params, _meta => {
		'io.modelcontextprotocol/protocolVersion' => '2026-07-28', 'io.modelcontextprotocol/clientInfo' => { name => 'a', version => '1' },
		'io.modelcontextprotocol/clientCapabilities' => $capabilities } } }),
		headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', $method], ($name ? ['Mcp-Name', $name] : ())]);
};
my $input = $modern->('tools/call', { elicitation => { url => {} } }, 'whoami')->json->{result};
is($input->{resultType}, 'input_required', 'modern: a client that opens pages is asked to');
is($input->{inputRequests}{connect}{params}{mode}, 'url', 'by URL');
ok($modern->('tools/call', {}, 'whoami')->json->{result}{isError}, 'modern: one that does not gets words');
is($modern->('tools/list', {})->json->{error}{code}, -32001, 'modern: other methods get an error without a meaning of its own');

# ---- connected

my $done = connect_by($r);
is($done->{status}, 200, 'connecting ends on a page') or diag $done->{content};
like($done->{content}, qr/Linear.*is connected/, 'that says so');
is(text(post($call)), 'hello upstream-user', 'a call carries the user\'s token');
unlike($as->requests('/mcp') ? ($as->requests('/mcp'))[-1]{header}{authorization} : '', qr/\Q$token{linear}{access_token}\E/,
	'and not the gateway\'s');
is(post($call, token => $stranger)->json->{error}{code}, -32042, 'another user has to connect');
is(text(post($call =~ s/whoami/leak/r)) =~ /at-/ ? 1 : 0, 0, 'an answer that repeats the token does not show it');
my $session = post($initialize)->header('mcp-session-id');
ok($session, 'a session begins');

# ---- 401: one renewal, the call once more

$as->clear;
$as->expire;
is(text(post($call)), 'hello upstream-user', 'a call whose token the upstream no longer takes succeeds');
is(refreshes(), 1, 'by one refresh');
is(calls(), 2, 'and one repetition');
is($pg->psql('select generation, lease_by is null from gatehouse.connection'), '2|t', 'the new generation is kept');

$as->clear;
$as->expire;
my $meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';
is(text(post($call =~ s/"arguments":\{\}/"arguments":{},$meta/r, route => 'bridged', headers => [['MCP-Protocol-Version', '2026-07-28'],
	['Mcp-Method', 'tools/call'], ['Mcp-Name', 'whoami']])), 'hello upstream-user', 'a modern client of a bridged route: a token is renewed that the first errand finds refused');
is(refreshes(), 1, 'by one refresh');
is(calls(), 1, 'and the call is sent once');
is((grep { $_->{content} =~ /whoami/ } $as->requests('/mcp'))[0]{header}{'mcp-session-id'}, 'session-1', 'in the session that the errands began');

$as->clear;
$as->set(delay => 0.5);
$as->expire;
my @all = parallel(map { ['POST', $gw->url('/mcp/linear'), $flow->call_request($token{linear}, $call)] } 1 .. 200);
is(scalar(grep { text($_) eq 'hello upstream-user' } @all), 200, '200 calls on one token that was refused succeed')
  or diag join "\n", map { text($_) } grep { text($_) ne 'hello upstream-user' } @all[0 .. 5];
is(refreshes(), 1, 'by one refresh, of two processes');
cmp_ok(calls(), '<=', 400, 'each was sent twice at most');

# ---- before expiry

$as->set(delay => 0, expires_in => 3600);
$pg->psql("update gatehouse.connection set expires_at = now() + interval '5 s'");
$as->clear;
is(text(post($call)), 'hello upstream-user', 'a token that is about to expire is renewed first');
is(refreshes() . ' ' . calls(), '1 1', 'and the call is sent once');

# ---- the provider's faults keep the connection

for ([500, 'text/html', '<p>down'], [503, 'application/json', '{"error":"temporarily_unavailable"}'],
	[200, 'application/json', '{"access_token":"x","token_type":"mac"}'], [200, 'text/html', '<script>alert(1)</script>'],
	[200, 'application/json', '{"error":"invalid_request"}'], [302, 'text/plain', '', [['Location', $other->url('/token')]]]) {
	$as->set(answers => { '/token' => $_ });
	$as->expire;
	my $failed = post($call);
	is($failed->json->{error}{code}, -32603, "a token endpoint that answers $_->[0] $_->[1]: the call fails");
	is($pg->psql('select state from gatehouse.connection'), 'connected', 'and the connection stays');
}
is(scalar(my @followed = $other->requests('/token')), 0, 'no refresh token went to another origin');
$as->set(answers => {});
is(text(post($call)), 'hello upstream-user', 'when it is back, calls succeed');

$pg->psql("update gatehouse.connection set expires_at = now() + interval '5 s'");
$as->set(answers => { '/token' => [500, 'text/plain', ''] });
is(text(post($call)), 'hello upstream-user', 'a token with some life left serves while the provider is down');
$as->set(answers => {});

# ---- more rights

$as->clear;
$r = post($call =~ s/whoami/deep/r);
is($r->json->{error}{data}{state}, 'reconsent_required', 'rights that are missing: the user is asked');
$as->set(scope => 'read write');
is(connect_by($r)->{status}, 200, 'who connects again');
like(($as->requests('/authorize'))[-1]{query}, qr/scope=read%20write/, 'with all scopes, old and new');
$r = post($call =~ s/whoami/deep/r);
is($r->{status}, 403, 'an upstream that still refuses is believed: nobody is asked twice for one set');

# ---- refused for good

$as->clear;
$as->set(answers => { '/mcp' => [401, 'text/plain', 'no'] });
$r = post($call);
is($r->json->{error}{data}{state}, 'reconsent_required', 'an upstream that refuses each token: the user has to connect anew');
is(refreshes(), 1, 'after one refresh');
is(scalar(my @sent = $as->requests('/mcp')), 2, 'and two calls');
is(index($r->{content}, 'WWW-Authenticate'), -1, 'its 401 is not passed on');
$as->set(answers => {});
is($pg->psql('select state, octet_length(access_token), refresh_token is null from gatehouse.connection'),
	'reconsent_required|0|t', 'what is lost keeps no tokens');
is(connect_by($r)->{status}, 200, 'connecting again mends it');
is(text(post($call)), 'hello upstream-user', 'and calls succeed');

$as->expire;
$as->forget;
$r = post($call, headers => [['Mcp-Session-Id', $session]]);
ok($r->json->{result}{isError}, 'a client that opens no pages is told in the tool\'s place');
like(text($r), qr{^Linear authorization must be renewed\. http://}, 'with the address');
is($pg->psql('select state_reason from gatehouse.connection'), 'invalid_grant', 'a refused refresh ends the connection');
is($as->requests('/mcp') ? post($list)->json->{error}{data}{state} : '', 'reconsent_required', 'other requests are told by the error');
is(connect_by(post($list))->{status}, 200, 'connecting again mends that too');

# ---- two upstreams

$r = post($call, route => 'stripe');
is($r->json->{error}{message}, 'Connect Stripe to continue.', 'another upstream wants a connection of its own');
is(connect_by($r)->{status}, 200, 'which is made');
is(text(post($call, route => 'stripe')) . ', ' . text(post($call)), 'hello other-user, hello upstream-user', 'each has its own');
$pg->psql("update gatehouse.connection c set access_token = (select access_token from gatehouse.connection o
	where o.upstream_id = 'linear') where c.upstream_id = 'stripe'");
$other->clear;
is(post($call, route => 'stripe')->json->{error}{data}{state}, 'reconsent_required', 'a sealed token that is moved to another row opens nothing');
is(scalar(my @moved = $other->requests), 0, '... and goes nowhere');
is($pg->psql("select state || ' ' || state_reason || ' ' || octet_length(access_token) from gatehouse.connection where upstream_id = 'stripe'"),
	'reconsent_required vault_changed 0', '... and the row is used no more');
like($gw->log('mcp'), qr/changed by another hand/, '... which the log says');

# ---- whoever writes to the database sends no token elsewhere

my $thief = Gatehouse::Authority->new;
for my $change (['token_endpoint', $thief->url('/token')], ['revocation_endpoint', $thief->url('/revoke')],
	['issuer', $thief->origin], ['subject', 'somebody-else'], ['resource', $as->url('/')]) {
	my ($column, $value) = @$change;
	my $who = $column eq 'subject' ? $stranger : $token{linear};
	connect_by(post($list)) if $pg->psql("select count(*) from gatehouse.connection where upstream_id = 'linear' and state = 'connected'") eq '0';
	$as->clear;
	$pg->psql("update gatehouse.connection set $column = '$value', expires_at = now() where upstream_id = 'linear'");
	is(post($call, token => $who)->json->{error}{data}{state}, 'reconsent_required', "a row whose $column was changed is not used");
	is(scalar(my @sent = ($as->requests('/mcp'), $as->requests('/token'), $thief->requests)), 0, '... and nothing of it sent');
	$pg->psql("delete from gatehouse.connection where subject = 'somebody-else'");
}
connect_by(post($list));
$pg->psql("update gatehouse.connection set refresh_token = access_token, expires_at = now() + interval '5 s' where upstream_id = 'linear'");
$as->clear;
is(post($call)->json->{error}{data}{state}, 'reconsent_required', 'nor is one whose refresh token was exchanged for the access token');
is(scalar(my @asked = ($as->requests('/token'))), 0, '... and the provider is not asked');

# ---- events

my @events = grep { ($_->{outcome} // '') eq 'connect_required' } $gw->log_lines('mcp');
ok(scalar @events, 'calls whose user has to go to a browser are recorded as that');
is($events[0]{authProfileId}, 'linear:user-oauth', 'with the profile that they wait for');
like($gw->log('mcp'), qr/mcp_auth_upstream_connection_refreshed/, 'renewals are events');
like($gw->log('mcp'), qr/mcp_auth_upstream_connection_lost/, 'so are losses');

# ---- secrets

my $dump = $pg->psql("select string_agg(t::text, ' ') from (select * from gatehouse.connection) t")
	. $pg->psql("select string_agg(t::text, ' ') from (select * from gatehouse.upstream_registration) t")
	. $pg->psql("select string_agg(t::text, ' ') from (select * from gatehouse.connect_attempt) t")
	. $pg->psql("select string_agg(t::text, ' ') from (select * from gatehouse.audit) t") . $gw->log;
unlike($dump, qr/(?:at|rt|secret|code)-[-\w]{20}/, 'neither the database nor the log has a token, secret or code');
my $hex = join '|', map { unpack 'H*', $_ } qw(at- rt- secret-);
unlike($dump, qr/\\x(?:$hex)/, 'nor their bytes');

done_testing;
