#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Session ids: sealed to their user, client and route; the upstream's never shows, another's never opens.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my %next = (short => 's-1', long => 'x' x 512);
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($route) = $r->{path} =~ m{/(\w+)$};
	my $id = $r->{header}{'mcp-session-id'};
	return $c->reply(202, [], '') if $r->{content} =~ /"method":"notifications/;
	return $c->json(404, { error => 'no session' }) if $r->{content} =~ /"forgotten"/;
	return $c->result($r, {}, ['Mcp-Session-Id', 'another-one']) if $r->{content} =~ /"changed"/;
	return $c->result($r, {}) if $r->{content} =~ /"plain"/ || $route eq 'none';
	return $c->result($r, {}, ['Mcp-Session-Id', $id // $next{$route} // 's-9']);
});
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 },
	routes => { (map { ("/mcp/$_" => { upstream => $up->url("/$_") }) } qw(short long none other)),
		'/mcp/public' => { upstream => $up->url('/short'), public => 1 } });
my $alice = issue($pg, $gw, '/mcp/short', subject => 'alice', client => 'c1');
my $alice2 = issue($pg, $gw, '/mcp/short', subject => 'alice', client => 'c1');
my $bob = issue($pg, $gw, '/mcp/short', subject => 'bob', client => 'c1');
my $alice_elsewhere = issue($pg, $gw, '/mcp/short', subject => 'alice', client => 'c2');
my %own = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'alice', client => 'c1') } qw(long none other);

sub post {
	my ($route, $token, $method, $session, %o) = @_;
	$up->clear;
	my $params = $o{params} || '{}';
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'],
		($token ? ['Authorization', "Bearer $token->{access_token}"] : ()),
		(defined $session ? ['Mcp-Session-Id', $session] : ()), @{ $o{headers} || [] }],
		content => $o{content} // qq({"jsonrpc":"2.0","id":"i-1","method":"$method","params":$params}) });
}

sub upstream_session { my ($r) = $up->requests; return $r ? $r->{header}{'mcp-session-id'} : 'no request' }

my $hello = '{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"url":{}},"roots":{}},"clientInfo":{"name":"t","version":"1"}}';
my $r = post('short', $alice, 'initialize', undef, params => $hello);
is($r->{status}, 200, 'initialize passes');
is(upstream_session(), undef, 'without a session id');
my $session = $r->header('Mcp-Session-Id');
like($session, qr/^[\x21-\x7e]{80,1024}$/, 'the client gets an id of visible letters');
unlike($session, qr/s-1/, 'which does not show the upstream\'s');

$r = post('short', $alice, 'tools/list', $session);
is($r->{status}, 200, 'it opens the session');
is(upstream_session(), 's-1', 'the upstream gets its own id');
is($r->header('Mcp-Session-Id'), $session, 'an answer that repeats it gives back the id that the client sent');
is(post('short', $alice2, 'tools/list', $session)->{status}, 200, 'a later token of the same user and client opens it too');
is(post('short', $alice, 'plain', $session)->header('Mcp-Session-Id'), undef, 'an answer without an id has none');
is(post('short', $alice, 'x', $session, content => '{"jsonrpc":"2.0","method":"notifications/initialized"}')->{status}, 202,
	'a notification in it passes');

my $changed = post('short', $alice, 'changed', $session)->header('Mcp-Session-Id');
isnt($changed, $session, 'an upstream that changes its id gives the client a new one');
post('short', $alice, 'tools/list', $changed);
is(upstream_session(), 'another-one', 'that opens to the new one');

my $long = post('long', $own{long}, 'initialize', undef, params => $hello)->header('Mcp-Session-Id');
cmp_ok(length $long, '<=', 1024, 'an upstream id of 512 bytes makes one of at most 1024');
post('long', $own{long}, 'tools/list', $long);
is(upstream_session(), 'x' x 512, 'and comes back whole');

# [what, route, token, id]
my $flip = $session;
substr($flip, 30, 1) = substr($flip, 30, 1) eq 'A' ? 'B' : 'A';
my @rows = (
	['E83: another user\'s session', 'short', $bob, $session],
	['E83: another client\'s session', 'short', $alice_elsewhere, $session],
	['E83: a session of another route', 'other', $own{other}, $session],
	['a session of a user, at a public route', 'public', undef, $session],
	['E84: a guessed id', 'short', $alice, 's-1'],
	['E84: an id with one letter changed', 'short', $alice, $flip],
	['E84: an id with its end cut off', 'short', $alice, substr($session, 0, -4)],
	['E84: an id with a letter more', 'short', $alice, $session . 'A'],
	['E84: an id of 1,024 letters', 'short', $alice, 'A' x 1024],
	['E84: an id of 1,025 letters', 'short', $alice, 'A' x 1025],
	['E84: an id with a blank in it', 'short', $alice, "$session $session"],
	['E84: two ids', 'short', $alice, "$session, $session"],
);
for my $row (@rows) {
	my ($name, $route, $token, $id) = @$row;
	$r = post($route, $token, 'tools/list', $id);
	is($r->{status}, 404, "$name is 404");
	is_deeply([$r->json->{id}, $r->json->{error}{code}], ['i-1', -32001], "$name: with the id of the request");
	is(upstream_session(), 'no request', "$name: nothing reaches the upstream");
}
is(post('short', $alice, 'tools/list', "a\x01b")->{status} =~ /^40[04]$/, 1, 'E84: a control character is 400 or 404');

$r = post('short', $alice, 'forgotten', $session);
is($r->{status}, 404, 'a session that the upstream has forgotten is 404');
is($r->json->{id}, 'i-1', 'with the id of the request');
is($r->json->{error}{message}, 'Session not found', 'in words that clients know');
$r = post('short', $alice, 'forgotten');
is($r->{content}, '{"error":"no session"}', 'without a session, a 404 passes as it is');

my $public = post('public', undef, 'initialize', undef, params => $hello)->header('Mcp-Session-Id');
is(post('public', undef, 'tools/list', $public)->{status}, 200, 'a public route has sessions of nobody');
is(post('short', $alice, 'tools/list', $public)->{status}, 404, 'which open nothing elsewhere');

my $modern = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
	. '"io.modelcontextprotocol/clientCapabilities":{}}}}';
$r = post('short', $alice, '', 'whatever', content => $modern,
	headers => [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/list']]);
is($r->{status}, 200, 'a modern request knows no sessions: the header is ignored');
is(upstream_session(), undef, 'and does not reach the upstream');
is($r->header('Mcp-Session-Id'), undef, 'nor is one given out');

my $version = post('short', $alice, 'tools/list', $session, content => '[{"jsonrpc":"2.0","id":1,"method":"ping"}]');
is($version->{status}, 400, 'a session remembers its protocol version: no batch in one of 2025-11-25');

done_testing;
