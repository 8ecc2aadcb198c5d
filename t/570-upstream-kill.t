#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A process that is killed while it renews a token, after the provider's answer and before the commit: what a
# user loses by it, and what not (gatehouse(7), When a token is renewed). The database stops at the point: a trigger
# there waits for a lock that the test holds.

use strict;
use warnings;

use Test::More;

use Gatehouse::Authority;
use Gatehouse::Flow;
use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my %as = map { $_ => Gatehouse::Authority->new(user => "user-of-$_") } qw(linear stripe);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, processes => { mcp => 2 }, gateway => { limits => { statementMs => 60000 } },
	policies => [map { { name => "mcp-token-exchange-$_", policyType => 'mcp-token-exchange-inbound',
		handler => { export => 'X', options => { displayName => ucfirst $_, authMode => 'user-oauth' } } } } keys %as],
	routes => { map { ("/mcp/$_" => { upstream => $as{$_}->url('/mcp'), inbound => ["mcp-token-exchange-$_"] }) } keys %as });
$pg->be_patient('mcp');
$gw->restart_program('mcp');
my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my %token = map { $_ => issue($pg, $gw, "/mcp/$_", subject => 'dev-browser-user') } keys %as;
my $call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}';

sub post { my ($to) = @_; return $flow->call("/mcp/$to", $token{$to}, $call) }
sub text { my ($r) = @_; return eval { $r->json->{result}{content}[0]{text} } // "status $r->{status}: $r->{content}" }
sub refreshes { my ($to) = @_; return scalar grep { $_->{content} =~ /grant_type=refresh_token/ } $as{$to}->requests('/token') }

sub connect_to {
	my ($to) = @_;
	my $r = $flow->open(post($to)->json->{error}{data}{authUrl});
	return $flow->browse('GET', request('GET', $r->header('location'))->header('location'));
}
is(connect_to($_)->{status}, 200, "$_ is connected") for sort keys %as;

# ---- the database, stopped where a renewal is written

$pg->psql('create function gatehouse.test_stop() returns trigger language plpgsql as $$
	begin perform pg_advisory_xact_lock_shared(4711); return new; end $$;
	create trigger stop_here before update on gatehouse.connection for each row when (new.generation <> old.generation) execute function gatehouse.test_stop()');

# The process that is renewing is killed; whoever waits for it gets no answer, or an error.
sub kill_in_renewal {
	my ($to) = @_;
	open my $holder, '|-', 'psql', '-XqAt', '-o', '/dev/null', $pg->superuser_conninfo or die "psql: $!";
	$holder->autoflush;
	print {$holder} "select pg_advisory_lock(4711);\n";
	wait_until(30, sub { $pg->advisory(4711, 'granted') }) or die 'no lock';
	$as{$to}->clear;
	$pg->psql("update gatehouse.connection set expires_at = now() where upstream_id = '$to'");
	my $pid = fork // die;
	if (!$pid) {
		eval { post($to) };
		POSIX::_exit(0);
	}
	ok(wait_until(30, sub { $pg->advisory(4711, 'not granted') }), 'the provider has answered, and the answer is being written');
	is(refreshes($to), 1, '... after it was asked once');
	is(text(post('stripe')), 'hello user-of-stripe', '... and another upstream\'s calls go on meanwhile') if $to ne 'stripe';
	my @before = $gw->pids('mcp');
	kill KILL => @before;
	$pg->psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'gatehouse_mcp' and datname = current_database()");
	print {$holder} "\\q\n";
	close $holder;
	waitpid $pid, 0;
	wait_until(30, sub { my %old = map { $_ => 1 } @before; 2 == grep { !$old{$_} } $gw->pids('mcp') }) or diag 'no new processes';
	is($pg->psql("select state || ' ' || (lease_by is not null) from gatehouse.connection where upstream_id = '$to'"), 'connected true',
		'nothing of the answer is kept, but that somebody was at it');
	cmp_ok($pg->psql("select extract(epoch from lease_until - now()) from gatehouse.connection where upstream_id = '$to'"), '<=', 30,
		'... which holds others up for half a minute at most');
	$pg->psql("update gatehouse.connection set lease_until = now() where upstream_id = '$to'");    # it is over
	return;
}

# ---- a provider that changes refresh tokens: the new one went with the process

kill_in_renewal('linear');
my $r = post('linear');
is($r->json->{error}{data}{state}, 'reconsent_required', 'a provider that changes refresh tokens: the user has to connect again') or diag $r->{content};
is($pg->psql("select state_reason || ' ' || octet_length(access_token) from gatehouse.connection where upstream_id = 'linear'"), 'invalid_grant 0',
	'... because the provider knows the old one as used');
is(refreshes('linear'), 2, '... which it was asked about once more');
is(connect_to('linear')->{status}, 200, 'who connects again');
is(text(post('linear')), 'hello user-of-linear', '... is where they were');
is(text(post('stripe')), 'hello user-of-stripe', 'nobody else has lost anything');

# ---- one that does not: nothing is lost

$as{linear}->set(rotate => 0);
kill_in_renewal('linear');
is(text(post('linear')), 'hello user-of-linear', 'a provider that keeps them: the next call goes through');
is($pg->psql("select state from gatehouse.connection where upstream_id = 'linear'"), 'connected', '... and the connection stays');

done_testing;
