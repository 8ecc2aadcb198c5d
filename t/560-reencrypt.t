#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The key of the vault changes while people work: what is kept is sealed anew in batches, whoever is killed at it
# begins again, and nobody's call fails. A few thousand connections; the long form (GATEHOUSE_TEST_LONG=1) has 100,000.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until write_file);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $MANY = $ENV{GATEHOUSE_TEST_LONG} ? 100_000 : 4_000;
my $PEOPLE = 6;

my $as = Gatehouse::Authority->new(rotate => 1);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(connect mcp)], processes => { mcp => 2 },
	policies => [{ name => 'mcp-token-exchange-linear', policyType => 'mcp-token-exchange-inbound', handler => { export => 'X',
		options => { displayName => 'Linear', authMode => 'user-oauth', clientId => 'known', clientSecret => 's' } } }],
	routes => { '/mcp/linear' => { upstream => $as->url('/mcp'), inbound => ['mcp-token-exchange-linear'] } });
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';

sub ctl_ok { my (@a) = @_; my ($status, $text) = $gw->ctl(@a); is($status, 0, "gatehousectl @a") or diag $text; return $text }
sub ctl_fails { my ($why, @a) = @_; my ($status, $text) = $gw->ctl(@a); is($status, 1, "gatehousectl @a fails"); like($text, $why, '... and says why'); return }
sub reload {
	my $before = () = $gw->log =~ /a new snapshot is in force/g;
	ctl_ok('reload');
	return wait_until(10, sub { (() = $gw->log =~ /a new snapshot is in force/g) >= $before + 3 });
}
sub primary { my ($purpose) = @_; return read_file($gw->project . "/keys/$purpose") =~ /^(\S+) +primary/m ? $1 : undef }
sub under { my ($key) = @_; my ($n) = $pg->psql("select coalesce(sum(n), 0) from gatehouse.sealed_rows('vault', '$key')"); return $n }

# ---- who has connected

my $fill = $gw->run->install("$ENV{top_builddir}/t/lib/sealed-rows");
my @people = map { "person-$_" } 1 .. $PEOPLE;
my $lines = '';
for my $who (@people) {
	my ($at, $rt) = ('at-' . Gatehouse::Authority::random(), 'rt-' . Gatehouse::Authority::random());
	$as->_keep($at, $who);
	$as->_keep($rt, $who);
	$lines .= "$who $at $rt\n";
}
my $input = $gw->run->dir . '/people';
write_file($input, $lines);
sub fill {
	my ($from, $n) = @_;
	my ($status, $rows) = $gw->run->command({}, 'sh', '-c', 'file=$1; shift; exec "$@" <"$file"', 'sh', $from, $fill, 'connections', $gw->project . '/keys', 'linear',
		$as->origin, $as->url('/mcp'), $as->url('/token'), $as->url('/revoke'), $n);
	die $rows if $status;
	$pg->psql("create temporary table new (connection_id uuid, upstream_id text, subject text, issuer text, resource text, token_endpoint text,
		revocation_endpoint text, access_token bytea, refresh_token bytea);\ncopy new from stdin;\n$rows\\.\n"
		. "insert into gatehouse.connection (connection_id, upstream_id, subject, issuer, resource, token_endpoint, revocation_endpoint, access_token,
		refresh_token, client_kind, client_id, requested_scope, scope) select n.*, 'manual', 'known', '', '' from new n;");
	return;
}
fill($input, $MANY);
my %token = map { $_ => issue($pg, $gw, '/mcp/linear', subject => $_, ttl => 3600) } @people;
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
sub text { my ($who) = @_; my $r = $flow->call('/mcp/linear', $token{$who}, $call); return eval { $r->json->{result}{content}[0]{text} } // "status $r->{status}: $r->{content}" }
is(text($_), "hello $_", "$_ has a connection") for @people;

# ---- at work: calls, and renewals of tokens that expire

my $work = $gw->run->make_dir('work');
my @pids = map {
	my $who = $_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my ($n, @wrong) = 0;
		until (-e "$work/stop" || @wrong > 5) {
			$pg->psql("update gatehouse.connection set expires_at = now() where subject = '$who'") if ++$n % 7 == 0;
			my $text = text($who);
			push @wrong, $text if $text ne "hello $who";
		}
		write_file("$work/$who", join '', map { "$_\n" } $n, @wrong);
		POSIX::_exit(0);
	}
	$pid;
} @people;

my $old = primary('vault');
ctl_fails(qr/only vault and claims/, qw(keys reencrypt pepper));
my ($new) = ctl_ok(qw(keys add vault)) =~ /^([a-z0-9-]+)$/m;
ctl_fails(qr/reload/, qw(keys reencrypt vault));
reload();
ctl_ok(qw(keys primary vault), $new);
reload();
ctl_fails(qr/(?:\d+) connections under it.*keys reencrypt vault/s, qw(keys retire vault), $old);

# killed at it
my $pid = $gw->run->spawn('reencrypt', { env => { GATEHOUSE_PROJECT => $gw->project } }, $gw->run->install(Gatehouse::Run::bin_path('gatehousectl')),
	qw(keys reencrypt vault));
my $total = $MANY + $PEOPLE;
ok(wait_until(60, sub { under($new) > $PEOPLE + 200 }), 'it is at work');
kill KILL => $pid;
waitpid $pid, 0;
my $left = under($old);
cmp_ok($left, '>', 0, "killed with $left of $total left");
my ($anew) = ctl_ok(qw(keys reencrypt vault)) =~ /sealed anew: (\d+)/;
cmp_ok($anew, '<=', 2 * $left, 'the second run does what is left') or diag "$anew of $left";
cmp_ok($anew, '>', 0, '... and only that');
is(under($old), '0', 'then nothing is under the old key');
is(ctl_ok(qw(keys reencrypt vault)), "sealed anew: 0\n", 'a third has nothing to do');
ctl_ok(qw(keys retire vault), $old);
reload();
sleep 1;

write_file("$work/stop", '');
waitpid $_, 0 for @pids;
my ($calls, @wrong) = 0;
for my $who (@people) {
	my ($n, @w) = split /\n/, read_file("$work/$who");
	$calls += $n;
	push @wrong, @w;
}
is(scalar @wrong, 0, "none of $calls calls failed") or diag join "\n", @wrong[0 .. 3];
cmp_ok($pg->psql("select min(generation) from gatehouse.connection where subject like 'person-%'"), '>', 1, 'tokens were renewed meanwhile');
is($pg->psql("select count(*) from gatehouse.connection where state <> 'connected'"), '0', 'and no connection was lost');
$pg->psql("update gatehouse.connection set expires_at = now() where subject = 'person-1'");
is(text('person-1'), 'hello person-1', 'what was sealed anew can be renewed, too');

# ---- what does not open

$pg->psql("update gatehouse.connection set token_endpoint = 'https://evil.example/' where subject = 'nobody-7'");
my ($newer) = ctl_ok(qw(keys add vault)) =~ /^([a-z0-9-]+)$/m;
reload();
ctl_ok(qw(keys primary vault), $newer);
reload();
my $row = $pg->psql("select connection_id from gatehouse.connection where subject = 'nobody-7'");
ctl_fails(qr/connection \Q$row\E: access_token does not open.*2 did not open/s, qw(keys reencrypt vault));
is(under($new), '1', 'a row that was changed stays as it is, alone');
ctl_fails(qr/1 connections under it/, qw(keys retire vault), $new);

# ---- pages come by the tables' keys

for my $table (qw(connection upstream_registration connect_attempt browser_session grants login)) {
	my $after = $table eq 'browser_session' ? '00' : '00000000-0000-4000-8000-000000000000';
	my $plan = $pg->psql("load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
		set enable_seqscan = off; set client_min_messages = log; select count(*) from gatehouse.reencrypt_page('$table', 'x', '$after', 10)");
	like($plan, qr/Index Scan using \w+ on $table/, "a page of $table comes by an index");
	unlike($plan, qr/Seq Scan|Sort/, '... in its order');
}

done_testing;
