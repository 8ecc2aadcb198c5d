#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The operators' pages of a large gateway: thirty routes with three hundred tools each, whose names are as long as MCP wants them at most.
# No page is longer than 60 kB, and what does not fit is still found.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Calls qw(sum_up @HOSTILE);
use Gatehouse::Flow;
use Gatehouse::Http qw(url_encode);
use Gatehouse::Pg;
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $long = 'with a name that goes on for a while, as names do ';
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth console)], gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	policies => [map { { name => "mcp-token-exchange-up$_", policyType => 'mcp-token-exchange-inbound', handler => { export => 'X', options => { displayName => "Upstream $_ $long", authMode => 'user-oauth' } } },
		{ name => "filter$_", policyType => 'mcp-capability-filter-inbound', handler => { export => 'X', options => { tools => [map { "tool-$_" } 1 .. 300] } } } } 1 .. 30],
	routes => { map { ("/mcp/route-$_" => { upstream => "https://up$_.example.com/mcp", summary => "Service $_ $long", inbound => ["mcp-token-exchange-up$_", "filter$_"] }) } 1 .. 30 });
my $hostile = join ', ', map { my $t = $_; utf8::encode($t) if utf8::is_utf8($t); $t =~ s/'/''/g; "'$t'" } @HOSTILE;
$pg->psql("select gatehouse.event_day('event_call', d::date) from generate_series(now() at time zone 'UTC' - interval '1 day', now() at time zone 'UTC', interval '1 day') d");
$pg->psql("insert into gatehouse.event_call (at, program, severity, request_id, operation_id, upstream_id, subject_id, client_id, client_name, http_method, mcp_method, capability_type, capability_name,
		outcome, failure_origin, mcp_status, reason_code, latency_us, gateway_us, upstream_us, bytes_in, bytes_out)
	select now() - (r * 300 + t) * interval '1 second', 'mcp', 'info', 'request-' || r || '-' || t, 'route-' || r, 'up' || r,
		case when t % 40 = 0 then (array[$hostile])[1 + t / 40 % 11] else 'https://login.example.com|' || repeat('long', 10) || t || '\@example.com' end, 'client-' || t % 50,
		case when t % 30 = 0 then (array[$hostile])[1 + t / 30 % 11] else 'Client ' || t % 50 || ' $long' end, 'POST', 'tools/call', 'tool',
		case when t % 100 = 0 then (array[$hostile])[1 + (r + t / 100) % 11] else 'tool-' || t || repeat('-long', 10) end,
		case when t % 9 = 0 then 'failure' else 'success' end, case when t % 9 = 0 then 'upstream' end, 200, case when t % 9 = 0 then 'upstream_timeout' end, t * 1000, t * 10, t * 900, 9, 9
	from generate_series(1, 30) r, generate_series(1, 300) t");
sum_up($pg);
$pg->psql("insert into gatehouse.tool_listed (operation_id, name, tokens) select 'route-' || r, 'tool-' || t || repeat('-long', 10), 40 + t from generate_series(1, 30) r, generate_series(1, 300) t");
$pg->psql("insert into gatehouse.client (client_id, name, auth_method, redirect_uris, metadata)
	select 'client-' || n, case when n % 9 = 0 then (array[$hostile])[1 + n / 9 % 11] else 'Client ' || n || ' $long' end, 'none', '{http://127.0.0.1/callback}', '{}' from generate_series(1, 200) n");
$pg->psql("insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
	select gen_random_uuid(), 'client-' || n, 'somebody', 'r', 'route-' || 1 + n % 30, 'mcp:tools', 1, now() + interval '1 day' from generate_series(1, 200) n");
$pg->psql("insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
	select gen_random_uuid(), 'client-1', 'https://login.example.com|' || repeat('long', 10) || n || '\@example.com', 'r', 'route-1', 'mcp:tools', 1, now() + interval '1 day' from generate_series(1, 200) n");
$pg->psql("insert into gatehouse.connection (connection_id, upstream_id, subject, issuer, resource, token_endpoint, client_kind, client_id, requested_scope, scope, access_token)
	select gen_random_uuid(), 'up' || u, case when n = 1 then 'somebody' else 'https://login.example.com|' || repeat('long', 10) || n || '\@example.com' end, 'https://as.example.com', 'r', 'x', 'manual',
		'c', '', '', 'x' from generate_series(1, 30) u, generate_series(1, 60) n");

my $flow = Gatehouse::Flow->new(origin => $gw->origin);
is($flow->open($gw->url('/console/analytics'))->{status}, 200, 'an administrator is signed in');
sub console { return $flow->browse('GET', $gw->url("/console/$_[0]")) }

my $front = console('analytics?time=7d');
my @panels = map { "panel/$_?time=7d" } do { my %s; grep { !$s{$_}++ } $front->{content} =~ m{href="/console/panel/([a-z-]+)[?"]}g };
cmp_ok(scalar @panels, '>=', 10, 'there are panels');
my ($call) = $pg->psql("select request_id from gatehouse.event_call where outcome = 'failure' limit 1");
my $grant = $pg->psql('select grant_id from gatehouse.grants limit 1');
for my $path ('analytics', 'analytics?time=7d', 'analytics?time=7d&filter=tool:contains:long&filter=outcome:class:failed', @panels, 'calls?time=7d', "call?id=$call", 'users', 'user?id=somebody', 'sessions',
	'clients', 'client?id=client-1', 'upstreams', 'upstreams?id=up1', 'config', 'connect', "revoke?kind=grant&id=$grant") {
	my $answer = console($path);
	is($answer->{status}, 200, "$path is there");
	cmp_ok(length $answer->{content}, '<=', 60 * 1024, '... in 60 kB') or diag("$path: " . length $answer->{content});
	unlike($answer->{content}, qr/<script|<img/i, '... with names as text');
}

# ---- what does not fit

my $tools = JSON::PP->new->utf8->decode(console('panel/tools.json?time=7d&filter=route:equals:route-17')->{content})->{rows};
is(scalar(grep { $_->{calls} == 1 } @$tools), scalar @$tools, 'tools of one route are counted by themselves');
for my $name ('tool-299' . '-long' x 10, 'tool-7' . '-long' x 10) {
	my $rows = JSON::PP->new->utf8->decode(console('panel/routes.json?time=7d&filter=tool:equals:' . url_encode($name))->{content})->{rows};
	is(scalar @$rows, 30, 'a tool that is in no list is found by a filter, on each route');
}
my $pages = sub {
	my ($next, $pattern) = @_;
	my %seen;
	while ($next) {
		my $content = console($next)->{content};
		$seen{$_}++ for $content =~ /$pattern/g;
		($next) = $content =~ m{href="/console/([^"]*[?;]after=[^"]*|config\?part=\d+|connect\?part=\d+)">More};
		$next =~ s/&amp;/&/g if $next;
	}
	return join ' ', scalar keys %seen, scalar grep { $_ > 1 } values %seen;
};
is($pages->('clients', qr/client\?id=(client-\d+)"/), '200 0', 'all clients are there, page by page, each once');
# (each filter has its tools one to a line)
is($pages->('config', qr/&quot;name&quot;:\s*&quot;(mcp-token-exchange-up\d+)&quot;/), '30 0', '... all policies of the configuration');
is($pages->('config', qr/&quot;name&quot;:\s*&quot;(filter\d+)&quot;/), '30 0', '... of either kind');
my $text = '';
for (my $part = 1;; $part++) {
	my $answer = console("config?part=$part");
	is($answer->{status}, 200, "part $part of the configuration is there") or last;
	cmp_ok(length $answer->{content}, '<=', 60 * 1024, '... in 60 kB');
	is(!!($answer->{content} =~ />The part before</), $part > 1, '... with a way back, but from the first');
	$text .= $_ for $answer->{content} =~ m{<pre tabindex="0">(.*?)</pre>}gs;
	last if $answer->{content} !~ />More</;
}
is(scalar(() = $text =~ /&quot;tool-\d+&quot;/g), 9000, 'and every line of it');
is(console("config?part=$_")->{status}, 404, "there is no part $_") for 0, 99, 'x';

$gw->stop;
$pg->stop;
done_testing();
