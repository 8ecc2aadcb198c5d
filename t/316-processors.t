#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# As many processes as processors, beside a web server whose workers keep to one each: a worker's connections come to the process of
# its processor, and no call is lost on the way there. The test is the worker.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Fcgi qw(connection call is_open farewell);
use Gatehouse::Http qw(parallel);
use Gatehouse::Flow;
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my @cpus = processors($$);
plan skip_all => 'there is one processor: nothing to share' if @cpus < 2;
@cpus = @cpus[0, 1];
keep_to(@cpus); # so do all that it starts

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($name) = $r->{content} =~ /"name":"(\w+)"/;
	return $c->json(200, { jsonrpc => '2.0', id => 1, result => { said => $name } });
});
my $pg = Gatehouse::Pg->new(private => 1);
my %routes = ('/mcp/fast' => { upstream => $up->url('/fast') });
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(mcp oauth)], processes => { mcp => 2 }, routes => \%routes);
my $token = issue($pg, $gw, '/mcp/fast')->{access_token};

sub content { my ($name) = @_; return qq({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"$name","arguments":{}}}) }
sub ask { my ($socket, $name) = @_; return call($socket, $gw, '/mcp/fast', content($name), $token) }
sub said { my ($r) = @_; return $r->{content} =~ /"said":"(\w+)"/ ? $1 : "status $r->{status}" }

# Where a thread may run: the numbers.
sub processors {
	my ($thread) = @_;
	my ($list) = read_file("/proc/$thread/status") =~ /^Cpus_allowed_list:\s*(\S+)/m;
	return map { my ($from, $to) = split /-/; $from .. $to // $from } split /,/, $list;
}
sub keep_to { system('taskset', '-pc', join(',', @_), $$) == 0 || die 'taskset'; return }
# What a process's threads keep to, if they do: without the first one, which never does.
sub kept {
	my ($pid) = @_;
	my %kept;
	for my $thread (glob "/proc/$pid/task/*") {
		my ($id) = $thread =~ /(\d+)$/;
		my @may = eval { processors($id) };
		$kept{ $may[0] } = 1 if @may == 1;
	}
	return join ',', sort keys %kept;
}
# The thread that serves calls on a connection: others that did so before find out that they need not keep to anything when they do again.
sub server {
	my ($pid, $c) = @_;
	my $waits = sub { my %n = map { my ($id) = /(\d+)$/; ($id => (eval { read_file("$_/status") } // '') =~ /^voluntary_ctxt_switches:\s*(\d+)/m ? $1 : 0) } glob "/proc/$pid/task/*"; return \%n };
	my $before = $waits->();
	ask($c, 'often') for 1 .. 30;
	my $after = $waits->();
	my ($most) = sort { $after->{$b} - ($before->{$b} // 0) <=> $after->{$a} - ($before->{$a} // 0) } keys %$after;
	return $most;
}
# What a process has told of calls.
sub calls { my ($pid) = @_; return scalar grep { $_->{pid} == $pid && ($_->{family} // '') eq 'call' } $gw->log_lines('mcp') }
# A connection that is kept, after so many that were not, each of which has served a call first.
sub kept_connection {
	my @turned_away;
	for my $try (1 .. 20) {
		my $c = connection($gw, 'mcp');
		my $r = ask($c, "try$try");
		die "call $try: " . said($r) if said($r) ne "try$try";
		return ($c, scalar @turned_away) if $r->{rest} eq '' && is_open($c);
		die 'a connection is closed without a word' if $r->{rest} ne farewell();
		push @turned_away, $c;
	}
	return (undef, scalar @turned_away);
}

my @pids = $gw->pids('mcp');
my ($c) = kept_connection();
ok($c, 'who goes anywhere is kept anywhere');
is(join('', map { kept($_) } @pids), '', '... and nobody keeps to a processor');

my %connection;
for my $cpu (@cpus) {
	keep_to($cpu);
	sleep 1.1; # who keeps to what is looked up once a second
	my ($c, $tries) = kept_connection();
	ok($c, "a worker on processor $cpu is kept");
	cmp_ok($tries, '<', 10, '... after few others') or diag $tries;
	$connection{$cpu} = $c;
}
ok(wait_until(20, sub { join(' ', sort map { kept($_) } @pids) eq "@cpus" }), 'each process keeps to a processor')
  or diag map { "$_: " . kept($_) . "\n" } @pids;
my %process = map { kept($_) => $_ } @pids;
for my $cpu (@cpus) {
	my $name = "on$cpu";
	my %before = map { $_ => calls($_) } @pids;
	is(said(ask($connection{$cpu}, $name)), $name, "a call of the worker on processor $cpu");
	ok(wait_until(20, sub { calls($process{$cpu}) > $before{ $process{$cpu} } }), '... is served by the process that is there');
	ok(is_open($connection{$cpu}), '... which keeps the connection still');
}
is(scalar(grep { processors($_) == 2 } @pids), 2, 'the first threads of both go anywhere');

# --- the process of a processor is not there for a while

keep_to($cpus[1]);
kill STOP => $gw->{supervisors}{mcp}; # it does not start another one
kill TERM => $process{ $cpus[1] };
ok(wait_until(20, sub { sysread($connection{ $cpus[1] }, my $got, 100); $got }), 'a process that ends has its connections closed');
close $connection{ $cpus[1] };
ok(wait_until(20, sub { !-e "/proc/$process{ $cpus[1] }/task" || read_file("/proc/$process{ $cpus[1] }/status") =~ /^State:\s+Z/m }), '... and ends');
sleep 1.1;
(my $other, my $tries) = kept_connection();
ok($other, 'its worker is kept by the one that is left');
is($tries, 0, '... at once');
is(said(ask($other, 'left')), 'left', '... call after call');
ok(wait_until(20, sub { 2 == processors(server($process{ $cpus[0] }, $other)) }), '... which goes anywhere again');
kill CONT => $gw->{supervisors}{mcp};
ok(wait_until(20, sub { (() = $gw->pids('mcp')) == 2 && !grep { $_ eq $process{ $cpus[1] } } $gw->pids('mcp') }), 'when there are two again');
for my $cpu (reverse @cpus) {
	keep_to($cpu);
	sleep 1.1;
	my ($c) = kept_connection();
	ok($c, "the worker on processor $cpu is kept");
	is(said(ask($c, 'new')), 'new', '... call after call');
}
ok(wait_until(20, sub { join(' ', sort map { kept($_) } $gw->pids('mcp')) eq "@cpus" }), '... and each keeps to a processor')
  or diag map { "$_: " . kept($_) . "\n" } $gw->pids('mcp');
keep_to(@cpus);
$gw->stop;

# --- nginx, as gatehouse(7) advises

my $nginx = Gatehouse::Server->new(pg => Gatehouse::Pg->new(private => 1), web => 'nginx', processes => { mcp => 2 }, routes => \%routes);
my $flow = Gatehouse::Flow->new(origin => $nginx->origin);
$token = $flow->sign_in(route => '/mcp/fast')->{access_token};
my $good = 0;
for my $round (1 .. 20) {
	my @r = parallel(map { ['POST', $nginx->url('/mcp/fast'), $flow->call_request($token, content("n$_"), timeout => 20)] } 1 .. 16);
	$good += grep { said($r[$_]) eq 'n' . ($_ + 1) } 0 .. $#r;
	kill HUP => $nginx->web->pid if $round == 10; # other workers
}
is($good, 320, 'behind nginx every call is answered');
ok(wait_until(20, sub { join(' ', sort map { kept($_) } $nginx->pids('mcp')) eq "@cpus" }), 'each process keeps to a processor')
  or diag map { "$_: " . kept($_) . "\n" } $nginx->pids('mcp');
ok(wait_until(20, sub { $nginx->{pg}->psql("select count(*) from gatehouse.event_call where outcome = 'success'") == 320 }), '... and each call has its event');
$nginx->stop;

done_testing;
