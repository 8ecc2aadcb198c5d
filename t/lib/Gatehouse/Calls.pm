# SPDX-License-Identifier: Apache-2.0
#
# Calls that never happened, stored for the operators' pages.
#
#	store($pg, n => 2000, from => "now() - interval '3 days'", to => 'now()');
#
# The same each time but for the times. queued => 1: as programs store them, where programs run that sum calls up; else as calls that were
# there before. sum_up($pg) adds up all that is there, and
# events_step($pg, 'mcp', 30) tidies up, after whichever program is at it. Some of the names are hostile: markup, formulas, text from right to left.

package Gatehouse::Calls;

use strict;
use warnings;
use utf8;

use Exporter qw(import);
our @EXPORT_OK = qw(store sum_up events_step use_wrong @HOSTILE);

our @HOSTILE = (
	'<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '=HYPERLINK("http://evil.example","x")',
	"+1+cmd|' /C calc'!A0", "\@SUM(1)", "\x{202e}gpj.exe", "\x{200b}", 'a' x 300, "tab\there", "{{host}}", "x' or true --",
);

my @columns = qw(at program severity request_id operation_id upstream_id subject_id client_id client_name upstream_auth_mode
	http_method transport mcp_method capability_type capability_name outcome failure_origin mcp_status jsonrpc_error_code
	reason_code latency_us gateway_us upstream_us bytes_in bytes_out tokens_in tokens_out);

sub _quote {
	my ($value) = @_;
	return 'null' if !defined $value;
	utf8::encode($value) if utf8::is_utf8($value);
	$value =~ s/'/''/g;
	return "'$value'";
}

# outcome, origin, status, code, reason
my @ends = (
	(['success', undef, 200, undef, undef]) x 12,
	['application_error', 'upstream', 200, -32602, 'jsonrpc_error'], ['application_error', 'upstream', 200, undef, 'tool_error'],
	['denied', 'client', 401, undef, 'expired_token'], ['failure', 'upstream', 502, -32603, 'upstream_timeout'],
	['failure', 'gateway', 500, undef, 'configuration_error'], ['connect_required', undef, 200, -32042, 'connect_required'],
	['cancelled', 'client', 200, undef, 'client_closed'],
);

# The Nth call's values besides its time.
sub _call {
	my ($n, $hostile) = @_;
	my $end = $ends[rand @ends];
	my $route = 1 + int rand 4;
	my $method = (qw(tools/call tools/call tools/call tools/list initialize prompts/get resources/read))[rand 7];
	my $type = { 'tools/call' => 'tool', 'prompts/get' => 'prompt', 'resources/read' => 'resource' }->{$method};
	my $name = $type && "$type-" . int 9 * rand() ** 2;
	my $user = 'https://login.example.com|user' . int(20 * rand() ** 2) . '@example.com';
	my $client = (qw(Claude Cursor ChatGPT), 'VS Code')[rand 4];
	my $took = int exp(rand(9) + 6);
	my $inside = int($took * rand 0.2);
	if ($hostile && rand() < 0.2) {
		my $bad = $HOSTILE[rand @HOSTILE];
		my $which = int rand 3;
		$name = $bad if $which == 0 && $type;
		$user = $bad if $which == 1;
		$client = $bad if $which == 2;
	}
	return (
		'mcp', 'info', sprintf('request-%06d', $n), "route-$route", 'up-' . $route % 3, rand() < 0.05 ? undef : $user,
		"client-$client", $client, 'user-oauth', 'POST', $route == 2 ? 'sse' : 'json', $method, $type, $name, @$end, $took,
		$inside, $end->[0] eq 'denied' ? undef : $took - $inside, int rand 2000, int rand 90000, int rand 300, int rand 9000,
	);
}

sub store {
	my ($pg, %o) = @_;
	my ($from, $to) = ($o{from} || "now() - interval '2 days'", $o{to} || 'now()');
	my ($began, $length) = split /\|/, $pg->psql("select extract(epoch from $from), extract(epoch from ($to) - ($from))");
	srand($o{seed} || 1);
	my @rows;
	for my $n (1 .. $o{n}) {
		my $at = sprintf 'to_timestamp(%.6f)', $began + $length * rand;
		push @rows, '(' . join(', ', $at, map { _quote($_) } _call($n, $o{hostile})) . ', BATCH)';
	}
	$pg->psql("select gatehouse.event_day('event_call', d::date) from generate_series(
		(($from) at time zone 'UTC')::date, (($to) at time zone 'UTC')::date, interval '1 day') d");
	my $batch = $o{queued} ? "currval(pg_get_serial_sequence('gatehouse.event_queue', 'batch'))" : 0;
	my $sql = "begin;\n";
	$sql .= "insert into gatehouse.event_queue (family, n, from_at, to_at) values ('call', $o{n}, to_timestamp($began - 1), to_timestamp($began + $length + 1));\n" if $o{queued};
	$sql .= 'insert into gatehouse.event_call (' . join(', ', @columns) . ", batch) values\n"
	    . join(",\n", map { s/BATCH\)\z/$batch)/r } splice @rows, 0, 1000) . ";\n"
	    while @rows;
	$pg->psql("${sql}commit");
	return;
}

# What the database function does, after whoever is at it; events are kept for so many days.
sub events_step {
	my ($pg, $program, $keep) = @_;
	$pg->psql("select gatehouse.retention_set($keep, 0, null, null)");
	$pg->psql_as($program, 'with l as materialized (select pg_advisory_xact_lock(7449359170164355439)) select gatehouse.events_step(' . $keep . ', 0) from l');
	return;
}

# A step by itself does nothing while somebody else is at it, nor as long as somebody writes: then calls from before counting began
# might be counted in part only, and pages end where counting has got to.
sub sum_up {
	my ($pg, $keep, $keep_sums) = @_;
	my $step = sprintf 'with l as materialized (select pg_advisory_xact_lock(7449359170164355440)) select gatehouse.rollup_step(%d, %d, 600000) from l',
	    $keep // 90, $keep_sums // 400;
	my ($more, $counted);
	do {
		$more = $pg->psql($step);
		$counted = $pg->psql("select count(*) from gatehouse.rollup_cursor where filled_to = 'infinity'");
	} while (!$counted);
	return $more;
}

# Days and users of which rollup_use, as far as it is made, or rollup_recent from there on, does not have what the calls have.
sub use_wrong {
	my ($pg) = @_;
	return $pg->psql("with parts as (select part, days_to, greatest(days_to, gatehouse.rollup_people_from(now())) as recent_from from gatehouse.rollup_part where cube = 'use'),
		calls as (select gatehouse.rollup_floor(2, c.at) as day, c.at >= p.days_to as recent, n.id as u, count(*) as n, sum(latency_us) as l
			from gatehouse.event_call c join gatehouse.rollup_name n on n.name = coalesce(c.subject_id, '') join parts p on p.part = n.id & 7
			where c.at < p.days_to or c.at >= p.recent_from group by 1, 2, 3),
		sums as (select u.at as day, false as recent, u, sum(calls) as n, sum(latency_us) as l from gatehouse.rollup_use u join parts p using (part)
			where u.at < p.days_to group by 1, 3
			union all select gatehouse.rollup_floor(2, r.at), true, u, sum(calls), sum(latency_us) from gatehouse.rollup_recent r join parts p on p.part = r.u & 7
			where r.at >= p.recent_from group by 1, 3)
		select string_agg(concat_ws(' ', day, recent, u, calls.n, sums.n), ', ') from calls full join sums using (day, recent, u)
		where (calls.n, calls.l) is distinct from (sums.n, sums.l)");
}

1;
