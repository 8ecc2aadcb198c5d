#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A refresh and a redemption that are cut off: after the lock, after the rows were written, before the commit, after the
# commit and before the answer. The worker dies, or its connection to the database, or both. Whatever the
# client then has, its next try gets it one good pair, and there is one grant.
#
# The database stops at the point: a trigger there waits for a lock that the test holds.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use Gatehouse::Flow;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Wire;

my $pg = Gatehouse::Pg->new;
my $wire = Gatehouse::Wire->new($pg);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(oauth consent)],
	routes => { '/mcp/one' => { upstream => 'http://127.0.0.1:9/mcp' } },
	gateway => { database => $wire->conninfo, limits => { statementMs => 60000 }, rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
$pg->be_patient('oauth');
$gw->restart_program('oauth');
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $client = $flow->register;
my $dir = $gw->run->make_dir('answers');
my $json = JSON::PP->new->canonical;

$pg->psql('create function gatehouse.test_stop() returns trigger language plpgsql as $$
	begin perform pg_advisory_xact_lock_shared(4711); return new; end $$');
my %trigger = (
	'after the lock' => 'trigger stop_here before update on gatehouse.TABLE for each row',
	'after the rows' => 'trigger stop_here after insert on gatehouse.refresh_token for each row',
	'before the commit' => 'constraint trigger stop_here after insert on gatehouse.refresh_token deferrable initially deferred for each row',
);

# --- the database, stopped at a point

my $holder;

sub stop_at {
	my ($point, $table) = @_;
	(my $trigger = $trigger{$point}) =~ s/TABLE/$table/;
	$pg->psql("drop trigger if exists stop_here on gatehouse.refresh_token; drop trigger if exists stop_here on gatehouse.code;
		create $trigger execute function gatehouse.test_stop()");
	open $holder, '|-', 'psql', '-XqAt', '-o', '/dev/null', $pg->superuser_conninfo or die "psql: $!";
	$holder->autoflush;
	print {$holder} "select pg_advisory_lock(4711);\n";
	return wait_until(30, sub { $pg->advisory(4711, 'granted') });
}

sub is_stopped { return wait_until(30, sub { $pg->advisory(4711, 'not granted') }) }
# (not by closing alone: the client's process has the pipe as well)
sub go_on { print {$holder} "\\q\n"; close $holder; return }

# The backends at work for oauth end, and with them what they had not committed.
sub end_backends {
	return $pg->psql("select count(pg_terminate_backend(pid)) from pg_stat_activity
		where usename = 'gatehouse_oauth' and datname = current_database() and state <> 'idle' and query like '%$_[0]%'");
}

sub is_quiet {
	my ($function) = @_;
	return wait_until(30, sub { !$pg->psql("select count(*) from pg_stat_activity where usename = 'gatehouse_oauth'
		and datname = current_database() and state <> 'idle' and query like '%$function%'") });
}

# --- the client

# Sends a request from a process of its own; later: { status, json }.
sub begin {
	my ($ask) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my $r = eval { $ask->() } || { status => 0 };
		Gatehouse::Run::write_file("$dir/$$", $json->encode({ status => $r->{status} || 0, json => eval { $r->json } || {} }));
		POSIX::_exit(0);
	}
	return sub {
		waitpid $pid, 0;
		return $json->decode(read_file("$dir/$pid"));
	};
}

sub worker_dies {
	my ($before) = $gw->pids('oauth');
	kill KILL => $before;
	wait_until(30, sub { my @now = $gw->pids('oauth'); @now && $now[0] != $before }) or diag 'no new worker';
	return;
}

# What every case must end in: this pair is good, and the one that there is.
sub converged {
	my ($name, $tok, $pair, $refreshes) = @_;
	like($pair->{access_token}, qr/^at_/, "$name: the client has a pair in the end") or return;
	my $grant = "select grant_id from gatehouse.grants where client_id = '$tok->{client_id}' and revoked_at is null";
	is($pg->psql("select count(*) from ($grant) g"), 1, '... under one live grant');
	is($pg->psql("select count(*) from gatehouse.refresh_token where grant_id = ($grant)"), $refreshes, '... with one successor');
	is($pg->psql("select count(*) from gatehouse.access_token where grant_id = ($grant)"), $refreshes, '... and one access token for it');
	my $next = $flow->refresh({ %$tok, %$pair });
	is($next->{status}, 200, '... and the pair goes on') or diag $next->{content};
	$pg->psql("delete from gatehouse.grants where client_id = '$tok->{client_id}'");
	return;
}

# --- refresh

sub refreshing {
	my ($point) = @_;
	my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
	stop_at($point, 'refresh_token');
	my $answer = begin(sub { $flow->refresh($tok) });
	ok(is_stopped(), "refresh, $point: the database stands there");
	return ($tok, $answer);
}

for my $point ('after the lock', 'after the rows', 'before the commit') {
	my ($tok, $answer) = refreshing($point);
	worker_dies();
	go_on();
	cmp_ok($answer->()->{status}, '>=', 500, '... the worker dies, and the client knows nothing');
	is_quiet('token_refresh');
	converged("refresh, $point, the worker dies and the database goes on", $tok, $flow->refresh($tok)->json, 2);

	($tok, $answer) = refreshing($point);
	worker_dies();
	is(end_backends('token_refresh'), 1, '... the worker dies, and so does its backend');
	go_on();
	$answer->();
	is_quiet('token_refresh');
	is($pg->psql('select count(*) from gatehouse.refresh_token'), 1, '... and nothing was kept');
	converged("refresh, $point, both die", $tok, $flow->refresh($tok)->json, 2);

	($tok, $answer) = refreshing($point);
	is(end_backends('token_refresh'), 1, '... the connection is lost');
	go_on();
	my $r = $answer->();
	is($r->{status}, 200, '... and the worker tries again before it answers');
	converged("refresh, $point, the connection is lost", $tok, $r->{json}, 2);
}

# after the commit: the answer is held back on the wire until the rows are there
for my $way ('the worker dies', 'the connection is lost', 'the client is gone') {
	my $tok = $flow->sign_in(route => '/mcp/one', client => $client);
	my ($worker) = $gw->pids('oauth');
	stop_at('before the commit', 'refresh_token');
	my $answer = begin(sub { $flow->refresh($tok) });
	ok(is_stopped(), "refresh, $way: the database stands there");
	$wire->hold;
	go_on();
	ok(wait_until(30, sub { $pg->psql('select count(*) from gatehouse.refresh_token') == 2 }), "refresh, after the commit: the rows are there");
	worker_dies() if $way eq 'the worker dies';
	$wire->cut;
	my $r = $answer->();
	if ($way eq 'the worker dies') {
		cmp_ok($r->{status}, '>=', 500, "... $way");
		converged("refresh, after the commit, $way", $tok, $flow->refresh($tok)->json, 2);
	} elsif ($way eq 'the connection is lost') {
		is($r->{status}, 200, "... $way, and the worker finds its own rows");
		converged("refresh, after the commit, $way", $tok, $r->{json}, 2);
	} else {
		my $again = $flow->refresh($tok)->json;
		is_deeply([@$again{qw(access_token refresh_token)}], [@{ $r->{json} }{qw(access_token refresh_token)}],
			'... what the client missed is what it gets when it asks again');
		converged("refresh, after the commit, $way", $tok, $again, 2);
	}
}

# --- redemption

sub redeeming {
	my ($point) = @_;
	my $ask = $flow->ask(route => '/mcp/one', client => $client);
	my $code = $flow->answer($flow->decide($flow->open($ask->{url}), 'approve'))->{code};
	stop_at($point, 'code');
	my $answer = begin(sub { $flow->redeem($ask, $code) });
	ok(is_stopped(), "redemption, $point: the database stands there");
	return ({ client_id => $client->{client_id}, client => $client }, $answer, sub { $flow->redeem($ask, $code) });
}

for my $point ('after the lock', 'after the rows', 'before the commit') {
	my ($tok, $answer, $again) = redeeming($point);
	worker_dies();
	end_backends('code_redeem');
	go_on();
	$answer->();
	is_quiet('code_redeem');
	converged("redemption, $point, both die", $tok, $again->()->json, 1);

	($tok, $answer) = redeeming($point);
	is(end_backends('code_redeem'), 1, '... the connection is lost');
	go_on();
	my $r = $answer->();
	is($r->{status}, 200, '... and the worker tries again before it answers');
	converged("redemption, $point, the connection is lost", $tok, $r->{json}, 1);
}
{
	my ($tok, $answer, $again) = redeeming('before the commit');
	$wire->hold;
	go_on();
	wait_until(30, sub { $pg->psql('select count(*) from gatehouse.refresh_token') });
	$wire->cut;
	my $r = $answer->();
	is($r->{status}, 200, 'redemption, after the commit, the connection is lost: the worker finds its own rows');
	converged('redemption, after the commit, the connection is lost', $tok, $r->{json}, 1);

	($tok, $answer, $again) = redeeming('before the commit');
	worker_dies();
	go_on();
	$answer->();
	is_quiet('code_redeem');
	is($again->()->json->{error}, 'invalid_grant', 'a code whose answer was lost with the worker is used: the client asks its user again');
	is($pg->psql('select count(*) from gatehouse.grants where revoked_at is null'), 0, '... and what it gave is over');
	like($flow->sign_in(route => '/mcp/one', client => $client)->{access_token}, qr/^at_/, '... which works');
}
$gw->stop;
$wire->stop;
done_testing;
