#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Two web servers with the same project and one database: what begins on one node goes on at the other. Also
# through PgBouncer in transaction mode.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Flow;
use Gatehouse::Http qw(parallel);
use Gatehouse::Load qw(describe failures nothing_is_lost);
use Gatehouse::Pg;
use Gatehouse::Pooler;
use Gatehouse::Run qw(wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; return $c->result($r, {}) });
my $pooling = Gatehouse::Run->new('pool');
my $call = { jsonrpc => '2.0', id => 1, method => 'tools/list' };

# [how, the project's settings for a Gatehouse::Pg]
my @ways = (
	['with a database of their own', sub { return (Gatehouse::Pg->new, {}) }],
	['through PgBouncer', sub {
		my $pg = Gatehouse::Pg->new;
		my $pooler = Gatehouse::Pooler->new($pooling, $pg);
		return ($pg, { database => $pooler->conninfo, databaseListen => $pg->conninfo,
			preparedStatements => $pooler->keeps_statements ? JSON::PP::true : JSON::PP::false });
	}],
);

for my $way (@ways) {
	my ($how, $make) = @$way;
	subtest "two nodes $how" => sub { two_nodes($make->()) };
}

sub two_nodes {
	my ($pg, $settings) = @_;
	my %all = (pg => $pg, routes => { '/mcp/a' => { upstream => $up->url('/mcp') } }, gateway => { %$settings,
		rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
	my $one = Gatehouse::Server->new(%all, processes => { mcp => 2 });
	my $two = Gatehouse::Server->new(%all, node_of => $one);
	my @nodes = map { $_->address } $one, $two;

	# every request at the other node than the one before
	my $turn = 0;
	local $Gatehouse::Http::via = sub { $nodes[$turn++ % 2] };
	my $flow = Gatehouse::Flow->new(origin => $one->origin);
	for my $first (0, 1) {
		$turn = $first;
		my $token = eval { $flow->sign_in(route => '/mcp/a') };
		ok($token, 'a sign-in whose every step meets another node succeeds') or diag $@;
		is($flow->call('/mcp/a', $token, $call)->{status}, 200, 'and so do its calls') for 1 .. 2;
		my $pair = $flow->refresh($token)->json;
		my $again = $flow->refresh($token)->json;
		is($again->{access_token}, $pair->{access_token}, 'a refresh repeated at the other node has the same answer');
		my $new = { %$token, %$pair };
		is($flow->call('/mcp/a', $new, $call)->{status}, 200, 'the new token works at both') for 1 .. 2;
		is($flow->revoke($new)->{status}, 200, 'it is revoked at one');
		ok(wait_until(10, sub { !grep { $flow->call('/mcp/a', $new, $call)->{status} != 401 } 1 .. 4 }),
			'and soon works at none');
	}
	$Gatehouse::Http::via = undef;

	my $load = Gatehouse::Load->new(origin => $one->origin, nodes => \@nodes, route => '/mcp/a', users => 24, sign_ins => 2);
	sleep 1.5;
	my $r = $load->stop;
	my @failed = failures(@{ $r->{records} });
	is(scalar @failed, 0, 'many people, each at both nodes, meet no failure') or describe(@failed);
	nothing_is_lost($r, $pg, $one->origin);
	$_->stop for $two, $one;
	return;
}

subtest 'what is set wrongly for a pooler' => sub {
	my $pg = Gatehouse::Pg->new;
	my $run = Gatehouse::Run->new('pool');
	my $pooler = Gatehouse::Pooler->new($run, $pg);
	my $gw = Gatehouse::Server->new(pg => $pg, routes => { '/mcp/a' => { upstream => $up->url('/mcp') } },
		processes => { mcp => 2 }, gateway => { database => $pooler->conninfo, preparedStatements => JSON::PP::false });
	my $flow = Gatehouse::Flow->new(origin => $gw->origin);
	my $token = $flow->sign_in(route => '/mcp/a');
	is($flow->call('/mcp/a', $token, $call)->{status}, 200, 'without a connection of their own to listen programs serve') for 1 .. 4;
	ok(wait_until(30, sub { $gw->log('mcp') =~ /databaseListen/ }), 'and say what is missing');
	$flow->revoke($token);
	is($flow->call('/mcp/a', $token, $call)->{status}, 401, 'but no cache outlives a revocation') for 1 .. 4;
	SKIP: {
		skip 'this PgBouncer keeps prepared statements', 2 if $pooler->keeps_statements;
		$gw->write_project(gateway => { database => $pooler->conninfo, rates => { token => 0 } });
		$gw->ctl('reload');
		$gw->restart_program($_) for qw(oauth mcp);
		my @answers;
		ok(wait_until(10, sub {
			push @answers, parallel(map { ['POST', $gw->url('/oauth/token'), $flow->token_request({ client_id => 'x' },
				grant_type => 'refresh_token', refresh_token => $token->{refresh_token})] } 1 .. 16);
			return $gw->log('oauth') =~ /preparedStatements/;
		}), 'a pooler that loses prepared statements is said to, with the setting that helps');
		ok((grep { $_->{content} =~ /preparedStatements/ } @answers), 'as a fault of the configuration');
	}
	$gw->stop;
};
done_testing;
