#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The programs as standing processes without systemd: started, restarted under load, stopped.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Flow;
use Gatehouse::Load qw(describe failures nothing_is_lost);
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path children find_program read_file top_srcdir wait_until);
use Gatehouse::Server;
use Gatehouse::Upstream;

my @programs = qw(discovery oauth consent connect console mcp);
my $up = Gatehouse::Upstream->new(sub { my ($c, $r) = @_; sleep 0.02; return $c->result($r, {}) });
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => [], routes => { '/mcp/a' => { upstream => $up->url('/mcp') } },
	gateway => { rates => { register => 0, authorize => 0, token => 0, refresh => 0 } });
my $run = $gw->run;
my $sockets = $run->dir . '/sock';
my $script = $run->install(top_srcdir() . '/etc/standing/gatehouse-standing');
my ($binaries) = map { m{^(.*)/} } map { $run->install(bin_path("$_.fcgi")) } @programs;
my %env = (GATEHOUSE_PROJECT => $gw->project, GATEHOUSE_PROGRAMS => $binaries, GATEHOUSE_SOCKETS => $sockets,
	GATEHOUSE_PROCESSES => 2, GATEHOUSE_LOG => $run->dir . '/log/programs.log');
$env{GATEHOUSE_RUN_ID} = $ENV{GATEHOUSE_RUN_ID} if $ENV{GATEHOUSE_RUN_ID};

sub standing { return $run->command({ env => \%env }, $script, @_) }
END { local $?; standing('stop') if $run }

sub pids {
	my ($program) = @_;
	my $file = "$sockets/$program.pid";
	my @pids = -e $file ? children(read_file($file) + 0) : ();
	return @pids;
}

my ($status, $text) = standing('status');
is($status, 3, 'at first nothing runs');
($status, $text) = standing('start');
is($status, 0, 'start') or diag $text;
ok(wait_until(10, sub { !grep { 2 != (() = pids($_)) } @programs }), '... starts two processes of each program');
($status, $text) = standing('status');
is($status, 0, 'status says so');
like($text, qr/^mcp: running, 2 processes$/m, '... and how many');
my %first = map { $_ => join ' ', sort +pids($_) } @programs;
is((standing('start'))[0], 0, 'a second start');
is_deeply({ map { $_ => join ' ', sort +pids($_) } @programs }, \%first, '... changes nothing');

my $flow = Gatehouse::Flow->new(origin => $gw->origin);
my $token = $flow->sign_in(route => '/mcp/a');
my $call = { jsonrpc => '2.0', id => 1, method => 'tools/list' };
is($flow->call('/mcp/a', $token, $call)->{status}, 200, 'people sign in and call');
like($run->log_text('programs'), qr/"program":"mcp"/, 'what programs say is in the log');
is((stat "$sockets/mcp.sock")[2] & 0777, 0660, 'a socket is open to the web server alone');

my ($victim) = pids('mcp');
kill KILL => $victim;
ok(wait_until(10, sub { my @now = pids('mcp'); @now == 2 && !grep { $_ == $victim } @now }), 'a killed process is replaced');

my $load = Gatehouse::Load->new(origin => $gw->origin, route => '/mcp/a', users => 24, sign_ins => 2);
($status, $text) = standing('restart') for 1 .. 2;
is($status, 0, 'restart') or diag $text;
my $r = $load->stop;
my @failed = failures(@{ $r->{records} });
is(scalar @failed, 0, '... loses no request') or describe(@failed);
nothing_is_lost($r, $pg, $gw->origin);
my %then = map { $_ => 1 } map { split / / } values %first;
is(scalar(grep { $then{$_} } map { pids($_) } @programs), 0, '... and every process is a new one');

is((standing('stop', 'mcp'))[0], 0, 'one program can be stopped');
is((standing('status', 'mcp'))[0], 3, '... and is');
is((standing('status', 'oauth'))[0], 0, '... and no other');
is((standing('start', 'mcp'))[0], 0, '... and started again');
is($flow->call('/mcp/a', $token, $call)->{status}, 200, '... and serves');
my @all = map { pids($_) } @programs;
is((standing('stop'))[0], 0, 'stop');
is(scalar(grep { -d "/proc/$_" } @all), 0, '... ends every process');
is_deeply([glob "$sockets/*"], [], '... and leaves no file');
($status, $text) = standing('begin');
is($status, 2, 'another word is explained');
like($text, qr/start \| stop \| restart \| status/, '... by the ones that there are');
$gw->stop;
done_testing;
