#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Quotas on routes, over two processes of mcp.fcgi: whose calls count, which answers count, exactly as many as are allowed
# under a thousand calls at once, tokens, and what a client is told.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(parallel request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

# The tool's name says how the upstream answers.
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($name) = $r->{content} =~ /"name":"(\w+)"/;
	return $c->json(500, { error => 'down' }) if ($name // '') eq 'broken';
	return $c->json(404, { error => 'none' }) if ($name // '') eq 'missing';
	return $c->json(200, '[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]') if $r->{content} =~ /^\[/;
	my $text = ($name // '') =~ /^long|stream/ ? 'many words go here ' x 100 : 'short';
	if (($name // '') eq 'stream') {
		$c->begin_stream;
		$c->event(JSON::PP::encode_json({ jsonrpc => '2.0', id => 1, result => { content => [{ type => 'text', text => $text }] } }));
		return $c->end_stream;
	}
	return $c->result($r, { content => [{ type => 'text', text => $text }] });
});
my %quotas = (
	daily => { period => 'daily', allowances => { requests => 3 } },
	monthly => { period => 'monthly', allowances => { requests => 2 }, quotaOnStatusCodes => '200-299, 404' },
	crowd => { period => 'hourly', allowances => { requests => 100 } },
	tokens => { period => 'hourly', unit => 'tokens', allowances => { tokens => 600 } },
	none => { period => 'weekly', allowances => { requests => 0 } },
	limited => { period => 'hourly', allowances => { requests => 1 } },
);
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], processes => { mcp => 2 },
	policies => [
		(map { { name => $_, policyType => 'quota-inbound', handler => { export => 'QuotaInboundPolicy', options => { quotaBy => 'user', %{ $quotas{$_} } } } } } keys %quotas),
		{ name => 'filter', policyType => 'mcp-capability-filter-inbound', handler => { export => 'X', options => { tools => ['a'] } } },
		{ name => 'size', policyType => 'request-size-limit-inbound', handler => { export => 'X', options => { maxSizeInBytes => 200 } } } ],
	routes => { (map { ("/mcp/$_" => { upstream => $up->url('/mcp'), inbound => [$_, $_ eq 'limited' ? qw(size filter) : ()] }) } keys %quotas),
		'/mcp/daily2' => { upstream => $up->url('/mcp'), inbound => ['daily'] } });

my %token;
sub arguments {
	my ($route, $tool, %o) = @_;
	my $who = $o{who} || 'alice';
	my $token = $token{"$route $who"} ||= issue($pg, $gw, "/mcp/$route", subject => $who);
	return ('POST', $gw->url("/mcp/$route"), { timeout => 60, headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token->{access_token}"]],
		content => $o{content} || qq({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"$tool","arguments":{}}}) });
}
sub call { return request(arguments(@_)) }
sub statuses { return join ' ', map { $_->{status} } @_ }
sub used { return $pg->psql('select coalesce(sum(used), 0) from gatehouse.quota') }

my @r = map { call('daily', 'a') } 1 .. 4;
is(statuses(@r), '200 200 200 429', 'a user has so many calls, in whichever process');
is_deeply($r[3]->json, { jsonrpc => '2.0', id => 1, error => { code => -32000, message => 'the daily allowance of requests is used up' } },
	'... then a JSON-RPC error with the call\'s id says so');
my $after = $r[3]->header('Retry-After');
cmp_ok($after, '>', 86_400 - 600, '... and when the period ends: a day after the first call');
cmp_ok($after, '<=', 86_400, '... and not later');
is(call('daily2', 'a')->{status}, 429, 'routes that use the same policy count together');
is(call('daily', 'a', who => 'bob')->{status}, 200, 'another user has their own');
is(call('none', 'a')->{status}, 429, 'an allowance of nothing allows nothing');
my $two = '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]';
is(statuses(map { call('daily', '', who => 'carol', content => $two) } 1 .. 2), '200 429', 'each message of a batch is a call');
my $event = wait_until(10, sub { (grep { ($_->{reasonCode} // '') eq 'quota_exceeded' } $gw->log_lines('mcp'))[0] });
is($event->{outcome}, 'denied', 'a refusal is an event');

# ---- which answers count

is(call('monthly', 'broken')->{status}, 500, 'an answer that does not count');
is(call('monthly', 'broken')->{status}, 500, '... nor does a second') if wait_until(10, sub { used() == 6 });
ok(wait_until(10, sub { used() == 6 }), '... each is given back');
is(statuses(call('monthly', 'missing'), call('monthly', 'a'), call('monthly', 'a')), '404 200 429', 'a status that is listed counts');
is(call('limited', 'a' x 300)->{status}, 413, 'what a policy behind refuses');
ok(wait_until(10, sub { used() == 8 }), '... is given back as well');
is(call('limited', 'hidden')->json->{error}{code}, -32601, 'a hidden tool, which is refused with 200');
ok(wait_until(10, sub { used() == 8 }), '... as well');
is(statuses(map { call('limited', 'a') } 1 .. 2), '200 429', '... and then counts');

# ---- a thousand at once

my $before = () = $up->requests;
$token{"crowd u$_"} = issue($pg, $gw, '/mcp/crowd', subject => 'crowd', client => "client-$_") for 0 .. 4;
@r = map { parallel(map { [arguments('crowd', 'a', who => 'u' . $_ % 5)] } 1 .. 500) } 1 .. 2;
is(scalar(grep { $_->{status} == 200 } @r), 100, 'of a thousand calls at once as many pass as are allowed');
is(scalar(grep { $_->{status} == 429 } @r), 900, '... the others are refused');
is(scalar(() = $up->requests) - $before, 100, '... before anything goes upstream');

# ---- tokens

is(call('tokens', 'a')->{status}, 200, 'tokens: a short call');
my $small = $pg->psql('select min(used) from gatehouse.quota where used > 0');
is(call('tokens', 'long')->{status}, 200, '... a call whose answer is long');
sub tokens { return $pg->psql(q(select used from gatehouse.quota q where starts_at = (select max(starts_at) from gatehouse.quota))) }
ok(wait_until(10, sub { tokens() > 300 }), '... the answer\'s tokens count, once it is known');
cmp_ok(tokens(), '<', 600, '... about as a model counts them');
is(call('tokens', 'stream')->{status}, 200, '... a stream as well');
ok(wait_until(10, sub { tokens() > 600 }), '... its tokens count too');
my $r = call('tokens', 'a');
is($r->{status}, 429, '... then they are used up');
like($r->{content}, qr/hourly allowance of tokens/, '... and that is said');

# ---- a new period, and the database away

$pg->psql(q(update gatehouse.quota set anchor_at = anchor_at - interval '2 hours', starts_at = starts_at - interval '2 hours', ends_at = ends_at - interval '2 hours'));
is(call('tokens', 'a')->{status}, 200, 'a new period has all of it');
call('crowd', 'a', who => "u$_") for 0 .. 4, 0 .. 4;    # tokens are known in both processes
$pg->halt;
$r = call('crowd', 'a', who => 'u1');
is($r->{status}, 503, 'while nobody knows what is left nothing passes');
like($r->header('Retry-After'), qr/^\d+$/, '... which says to come back');
$pg->start;
ok(wait_until(20, sub { call('crowd', 'a', who => 'u1')->{status} == 200 }), 'when the database is back, calls pass');

my ($status, $check) = $gw->ctl('check');
is($status, 0, 'the project is sound') or diag $check;
$gw->write_project(policies => [map { { name => "q$_->[0]", policyType => 'quota-inbound', handler => { export => 'X', options => { period => 'daily', quotaBy => 'user', %{ $_->[1] } } } } }
	[1, {}], [2, { allowances => { requests => -1 } }], [3, { allowances => { requests => 1, bananas => 2 } }], [4, { allowances => { requests => 1 }, unit => 'tokens' }],
	[5, { allowances => { requests => 1 }, quotaOnStatusCodes => '200-' }], [6, { allowances => { requests => 1 }, identifier => { module => 'policies/a.lua' } }],
	[7, { allowances => { requests => 1 }, quotaAnchorMode => 'function' }]],
	routes => { '/mcp/a' => { upstream => $up->url('/mcp'), inbound => [map { "q$_" } 1 .. 7] } });
(undef, $check) = $gw->ctl('check');
like($check, qr/does not say how many 'requests' are allowed/, 'an allowance is wanted');
like($check, qr/must be a whole number, 0 or more/, '... a whole number');
like($check, qr/nothing counts for this meter/, '... of a meter that something counts for');
like($check, qr/does not say how many 'tokens' are allowed/, '... the one of the unit');
like($check, qr/these are no statuses/, 'statuses are checked');
like($check, qr/goes with a function only/, 'a function is told where none is asked');
like($check, qr/'identifier' is missing/, '... and missed where one is');

$gw->stop;
$pg->stop;
done_testing();
