#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The operators' pages in a real browser. GATEHOUSE_SHOTS names a folder for pictures of them.
use strict;
use warnings;
use JSON::PP ();
use Test::More;

use Gatehouse::Calls qw(store sum_up);
use Gatehouse::Peers;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(discovery oauth console)],
	gateway => { rates => { register => 0, authorize => 0, token => 0 } },
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp', summary => 'The service' },
		'/mcp/two' => { upstream => 'https://mcp.example.com/mcp', summary => 'Another' } });
store($pg, n => 4000, from => "now() - interval '6 days'", hostile => 1, queued => 1);
sum_up($pg);
$pg->psql("insert into gatehouse.tool_listed (operation_id, name, tokens)
	select 'route-' || r, 'tool-' || t, 40 + 17 * t from generate_series(1, 3) r, generate_series(0, 12) t");
$pg->psql("insert into gatehouse.client (client_id, name, auth_method, redirect_uris, metadata)
	select 'client-' || n, case n when 3 then '<b>bold</b>' else 'Client ' || n end, 'none', '{http://127.0.0.1/cb}', '{}'
	from generate_series(1, 60) n");
$pg->psql("insert into gatehouse.grants (grant_id, client_id, subject, resource, operation_id, scope, generation, expires_at)
	select gen_random_uuid(), 'client-' || n, 'https://login.example.com|user1\@example.com', 'r', 'one', 'mcp:tools', 1,
		now() + interval '1 day' from generate_series(1, 5) n");
$pg->psql("insert into gatehouse.connection (connection_id, upstream_id, subject, issuer, resource, token_endpoint, client_kind,
		client_id, requested_scope, scope, access_token)
	values (gen_random_uuid(), 'one', 'https://login.example.com|user1\@example.com', 'https://as.example.com', 'r', 'x', 'manual',
		'c', '', '', 'x')");
my $grant = $pg->psql('select grant_id from gatehouse.grants limit 1');
my ($id, $at) = split /\|/, $pg->psql("select request_id, extract(epoch from at)::bigint from gatehouse.event_call
	where outcome = 'failure' and capability_name is not null limit 1");
my $dir = Gatehouse::Peers->scripts($gw->run);
my $user = 'https://login.example.com%7Cuser1@example.com';
my ($status, $output) = $gw->run->command({ env => { HOME => $dir, TMPDIR => $gw->run->make_dir('browser') } },
	'timeout', 900, Gatehouse::Peers->node, "$dir/console.mjs", JSON::PP->new->encode({
		origin => $gw->origin, chromium => find_program('chromium'), shots => $ENV{GATEHOUSE_SHOTS},
		pages => {
			analytics => '/console/analytics?time=7d',
			narrowed => "/console/analytics?time=7d&filter=outcome:class:failed&filter=tool:equals:tool-0&filter=bad",
			empty => '/console/analytics?time=24h&filter=tool:equals:nothing-of-this-name',
			panel => '/console/panel/tools?time=7d',
			time => '/console/panel/time?time=7d',
			calls => '/console/calls?time=7d',
			call => "/console/call?id=$id&at=$at",
			users => '/console/users',
			user => "/console/user?id=$user",
			sessions => '/console/sessions',
			clients => '/console/clients',
			upstreams => '/console/upstreams?id=one',
			config => '/console/config',
			connect => '/console/connect',
			revoke => "/console/revoke?kind=grant&id=$grant",
		} }));

for (split /\n/, $output) {
	if (/^(not )?ok - (.*)/) {
		ok(!$1, $2);
	} elsif (/^# (.*)/) {
		diag($1);
	}
}
is($status, 0, 'the browser was driven to the end') or diag($output);
like($output, qr/^end$/m, 'and nothing was left out');

$gw->stop;
$pg->stop;
done_testing();
