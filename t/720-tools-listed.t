#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Tools that clients are told of, and which of them nobody calls: recorded from real answers, as the filter leaves them, once.
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

my $JSON = JSON::PP->new->utf8;
my @tools = map { { name => $_, description => "What $_ does", inputSchema => { type => 'object', properties => { name => { type => 'string' } } } } }
    qw(called idle hidden);
$tools[1]{description} .= ' at length' x 50;
my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	return $c->reply(202, [], '') if $r->{content} !~ /"id"/;
	return $c->result($r, { tools => \@tools }) if $r->{content} =~ m{tools/list};
	return $c->result($r, { content => [], tools => [{ name => 'decoy', inputSchema => {} }] }) if $r->{content} =~ /resources.read/;
	return $c->result($r, { content => [] });
});
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(mcp)],
	policies => [{ name => 'shown', policyType => 'mcp-capability-filter-inbound',
		handler => { export => 'x', options => { tools => ['called', 'idle'] } } }],
	routes => { '/mcp/plain' => { upstream => $up->url('/mcp') },
		'/mcp/some' => { upstream => $up->url('/mcp'), inbound => ['shown'] } });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_") } qw(plain some);

my $id = 0;
sub call {
	my ($route, $method, $params) = @_;
	return request('POST', $gw->url("/mcp/$route"), { headers => [['Content-Type', 'application/json'],
		['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token{$route}{access_token}"]],
		content => $JSON->encode({ jsonrpc => '2.0', id => ++$id, method => $method, params => $params || {} }) })->{status};
}
sub listed { return $pg->psql("select string_agg(operation_id || '/' || name, ' ' order by operation_id, name collate \"C\") from gatehouse.tool_listed") }

is(call('some', 'tools/list'), 200, 'a list that is filtered');
ok(wait_until(20, sub { listed() eq 'some/called some/idle' }), 'is recorded as the client got it') or diag listed(), $gw->log('mcp');
call('plain', 'resources/read', { uri => 'x:y' });
is(call('plain', 'tools/call', { name => 'called', arguments => {} }), 200, 'one tool is called');
is(call('plain', 'tools/list'), 200, 'and all are listed');
ok(wait_until(20, sub { listed() eq 'plain/called plain/hidden plain/idle some/called some/idle' }), 'of each route, from lists alone')
    or diag listed();
my ($long, $short) = split /\|/, $pg->psql("select max(tokens) filter (where name = 'idle'), max(tokens) filter (where name = 'hidden') from gatehouse.tool_listed");
cmp_ok($long, '>', $short + 50, 'a long definition costs more');
cmp_ok($short, '>', 5, 'and a short one something');

# ---- what the console asks

ok(wait_until(20, sub { $pg->psql("select count(*) from gatehouse.event_call where capability_name = 'called'") == 1 }), 'the call is known');
is($pg->psql("select string_agg(operation_id || '/' || name || ' ' || calls, ', ' order by operation_id, name collate \"C\")
	from gatehouse.analytics_tools(now() - interval '1 hour', now() + interval '1 hour', 20, 0)"),
	'plain/called 1, plain/hidden 0, plain/idle 0, some/called 0, some/idle 0', 'tools never called are told from those that were');
is($pg->psql("select unused from gatehouse.analytics_tools(now() - interval '1 hour', now() + interval '1 hour', 1, 0)"), 4, 'and counted');

# ---- once

$pg->psql("update gatehouse.tool_listed set last_at = now() - interval '2 hours'");
call('plain', 'tools/list');
call('plain', 'prompts/get', { name => 'after' });
ok(wait_until(20, sub { $pg->psql("select count(*) from gatehouse.event_call where capability_name = 'after'") }), 'a later call is written');
is($pg->psql("select count(*) from gatehouse.tool_listed where last_at > now() - interval '1 hour'"), 0, 'the list that did not change was not written again');

# ---- bounds

$pg->psql_as('mcp', "select gatehouse.tools_listed('flood', array(select 'tool-' || n from generate_series($_ * 500 + 1, $_ * 500 + 500) n),
	array(select 7 from generate_series(1, 500)), '{}')") for 0 .. 2;
is($pg->psql("select count(*) from gatehouse.tool_listed where operation_id = 'flood'"), 1000, 'a route that makes up names has a thousand');
is($pg->psql("select count(*) from gatehouse.tool_listed where operation_id = 'flood' and substr(name, 6)::int > 1000"), 500, 'the newest');
$pg->psql_as('mcp', "select gatehouse.tools_listed('flood', '{tool-1500,tool-1500}', '{8,9}', '{}')");
is($pg->psql("select tokens from gatehouse.tool_listed where operation_id = 'flood' and name = 'tool-1500'"), 9, 'a name that comes twice is one tool');
is($pg->psql("select count(*) from gatehouse.tool_listed where operation_id <> 'flood'"), 5, 'other routes keep theirs');
done_testing;
