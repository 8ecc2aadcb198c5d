#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# audit-log-inbound: an event for each message, with what the operator wants in it and no credential, as a line and as a row.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->json(202, '') if $r->{content} !~ /"id"/;
	return $c->result($r, { content => [] });
});
my $pg = Gatehouse::Pg->new;
sub policy { my ($name, $options, $type) = @_; return { name => $name, policyType => $type || 'audit-log-inbound', handler => { export => 'X', options => $options } } }
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], policies => [
		policy(all => { eventTypeBase => 'com.example.tools', include => { queryParams => JSON::PP::true }, bucketId => 'x' }),
		policy(little => { include => { user => JSON::PP::false, ipAddress => JSON::PP::false, geolocation => JSON::PP::true } }),
		policy(never => { samplingRate => 0 }), policy(half => { samplingRate => 0.5 }),
		policy(filter => { tools => ['a'], resources => [] }, 'mcp-capability-filter-inbound') ],
	routes => { (map { ("/mcp/$_" => { upstream => $up->url('/mcp'), inbound => [$_] }) } qw(all little never half)),
		'/mcp/first' => { upstream => $up->url('/mcp'), inbound => [qw(all filter)] } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'alice') } qw(all little never half first);
sub call {
	my ($route, $content, $query) = @_;
	return request('POST', $gw->url("/mcp/$route" . ($query // '')), { headers => [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'],
		['Authorization', "Bearer $token{$route}{access_token}"]],
		content => $content // '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"secret":"canary-argument"}}}' });
}
sub events { my ($route) = @_; return grep { ($_->{family} // '') eq 'policy_event' && $_->{operationId} eq $route } $gw->log_lines('mcp') }
sub one { my ($route) = @_; my @e = wait_until(10, sub { (events($route))[-1] }); return $e[0] || {} }

my $r = call('all', undef, '?plain=1&api_key=canary-1&ACCESS%54oken=canary-2&x_sig%6eature=canary-3&password=canary-4&empty');
is($r->{status}, 200, 'a call passes');
my $e = one('all');
is($e->{event}, 'com.example.tools.tools.call', 'its event has the type\'s beginning and the method');
is($e->{subjectId}, 'alice', '... the user');
is($e->{clientId}, 'client-1', '... the client');
is($e->{clientIp}, '127.0.0.1', '... the address');
is($e->{capabilityName}, 'a', '... the tool');
is($e->{outcome}, 'success', '... what became of it');
is($e->{mcpStatus}, 200, '... with which status');
like($e->{latencyMs}, qr/^[\d.]+$/, '... how long it took');
is($e->{requestId}, $r->header('X-Request-Id'), '... the request\'s id');
is($e->{query}, 'plain=1&api_key=***&ACCESS%54oken=***&x_sig%6eature=***&password=***&empty', '... the query, without what may be a credential');
ok(wait_until(10, sub { $pg->psql("select count(*) from gatehouse.event_policy where operation_id = 'all'") == 1 }), 'it is a row as well');
is($pg->psql("select name || ' ' || subject_id || ' ' || capability_name || ' ' || client_ip || ' ' || outcome || ' ' || mcp_status || ' ' || (query like 'plain=1&api%') from gatehouse.event_policy where operation_id = 'all'"),
	'com.example.tools.tools.call alice a 127.0.0.1 success 200 true', '... with the same');
is($pg->psql("select count(*) from gatehouse.event_call where operation_id = 'all'"), '1', '... beside the call\'s own');

is(call('all', undef, '?%zz=canary-5')->{status}, 400, 'a query that cannot be read');
ok(wait_until(10, sub { my ($last) = (events('all'))[-1]; ($last->{query} // '') eq '%zz=***' && $last->{outcome} eq 'failure' }), '... is recorded, without its value');
call('all', '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x y"}]');
ok(wait_until(10, sub { events('all') == 4 }), 'each message of a batch has an event');
is(join(' ', map { $_->{event} } (events('all'))[2, 3]), 'com.example.tools.ping com.example.tools.notifications.x.y', '... of its own method');

call('little', undef, '?a=1');
$e = one('little');
is($e->{event}, 'audit.tools.call', 'without a base the type begins with audit');
is(join(' ', grep { exists $e->{$_} } qw(subjectId clientId clientName grantId clientIp query)), '', 'what is not included is not there');

is(call('first', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hidden"}}')->json->{error}{code}, -32601, 'a policy behind refuses');
$e = one('first');
is($e->{outcome}, 'denied', '... which is recorded');
is($e->{reasonCode}, 'hidden_capability', '... with the reason');

call('first', '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"https://canary-6:x@files.example/a?key=canary-7#canary-8"}}');
ok(wait_until(10, sub { ((events('first'))[-1] || {})->{mcpMethod} eq 'resources/read' }), 'a resource that is hidden is recorded');
is((events('first'))[-1]{capabilityName}, 'https://files.example/a', '... by what of its address is no secret');
ok(wait_until(10, sub { $gw->log('mcp') =~ m{resource 'https://files\.example/a' is not shown} }), '... in the reason, too');

call('never') for 1 .. 5;
call('half') for 1 .. 60;
ok(wait_until(10, sub { $pg->psql("select count(*) from gatehouse.event_call where operation_id = 'half'") == 60 }), 'all calls are over');
is(scalar(() = events('never')), 0, 'a rate of nothing samples nothing');
my $n = () = events('half');
ok($n > 5 && $n < 55, 'a rate of a half samples about half') or diag $n;

unlike($gw->log . $pg->psql('select string_agg(e::text, chr(10)) from gatehouse.event_policy e'), qr/canary/, 'no credential or argument is anywhere');
my ($status, $check) = $gw->ctl('check');
is($status, 0, 'the project is sound');
like($check, qr/the place of an address is not known here/, '... but says what is not recorded');

$gw->stop;
done_testing();
