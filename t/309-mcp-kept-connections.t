#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Connections that a web server keeps (FCGI_KEEP_CONN): one call after the other, each with what is its own and nothing of the one before,
# whatever the calls are; and a process that ends loses none of them.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Fcgi qw(connection record params begin say_to request_bytes call read_answer farewell is_open);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;

my $up = Gatehouse::Upstream->new(sub {
	my ($c, $r) = @_;
	my ($what) = $r->{path} =~ m{^/(\w+)};
	if ($what eq 'stream') {
		$c->begin_stream;
		$c->event({ jsonrpc => '2.0', method => 'notifications/progress', params => { step => $_ } }) for 1 .. 3;
		$c->event('{"jsonrpc":"2.0","id":1,"result":{}}');
		return $c->end_stream;
	}
	if ($what eq 'silent') { # nothing is written to the client that could find out
		$c->note(closed => 1) if $c->wait_close;
		return 0;
	}
	sleep 0.7 if $what eq 'slow'; # the relay looks after calls that are not over by its next tick
	my ($name) = $r->{content} =~ /"name":"(\w+)"/;
	return $c->json(200, { jsonrpc => '2.0', id => 1, result => { said => $name, big => $what eq 'big' ? 'x' x 3_000_000 : '' } });
});
my $pg = Gatehouse::Pg->new(private => 1);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [qw(mcp oauth)], processes => { mcp => 1 },
	routes => { map { ("/mcp/$_" => { upstream => $up->url("/$_") }) } qw(fast slow big stream silent) });
my %token = map { $_ => issue($pg, $gw, "/mcp/$_")->{access_token} } qw(fast slow big stream silent);

sub content { my ($name) = @_; return qq({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"$name","arguments":{}}}) }
sub ask { my ($socket, $route, $name, $token) = @_; return call($socket, $gw, "/mcp/$route", content($name), $token // $token{$route}) }
sub said { my ($r) = @_; return $r->{content} =~ /"said":"(\w+)"/ ? $1 : "status $r->{status}" }
# The connections that mcp has not closed: its descriptors are nobody's to see.
sub connections { my $socket = $gw->run->dir . '/sock/mcp.sock'; return scalar grep { m{ 03 +\d+ \Q$socket\E$} } split /\n/, read_file('/proc/net/unix') }

# --- one after the other

my $c = connection($gw, 'mcp');
is(said(ask($c, 'fast', 'one')), 'one', 'a call on a connection that is kept');
ok(is_open($c), '... which stays open');
is(said(ask($c, 'slow', 'two')), 'two', 'a second one, that takes its time');
is(said(ask($c, 'fast', 'three')), 'three', '... and a third');
is(ask($c, 'fast', 'nobody', '')->{status}, 401, 'one without a token has none, though the others had');
is(ask($c, 'fast', 'other', $token{slow})->{status}, 401, "one with another route's token is refused");
is(said(ask($c, 'fast', 'four')), 'four', '... and the connection serves the next');
my $r = call($c, $gw, '/mcp/fast', '{"jsonrpc":"2.0"', $token{fast});
is($r->{status}, 400, 'one that is malformed is refused');
$r = call($c, $gw, '/mcp/fast', '', $token{fast}, REQUEST_METHOD => 'GET');
is($r->{status}, 405, 'so is one of another method');
$r = call($c, $gw, '/nowhere', '', undef, REQUEST_METHOD => 'GET');
is($r->{status}, 404, 'and one of another path');
$r = ask($c, 'big', 'five');
ok($r->{ended} && length $r->{content} > 3_000_000 && said($r) eq 'five', 'a large answer comes whole');
my $pieces = 0;
say_to($c, request_bytes(1, $gw, '/mcp/stream', content('six'), $token{stream}));
$r = read_answer($c, sub { $pieces++ });
is(scalar(() = $r->{content} =~ /^data:/mg), 4, 'so does a stream');
cmp_ok($pieces, '>', 2, '... in pieces');
is(said(ask($c, 'fast', 'seven')), 'seven', 'and then a call');
ok(wait_until(20, sub { $pg->psql("select count(*) from gatehouse.event_call where outcome = 'success'") == 7 }), 'each that was answered has its event');
ok(is_open($c), 'it is still open');

# --- the parts of requests, as they come

my $bytes = request_bytes(1, $gw, '/mcp/fast', content('pieces'), $token{fast});
for my $piece (unpack '(a97)*', $bytes) {
	say_to($c, $piece);
	sleep 0.01;
}
is(said(read_answer($c)), 'pieces', 'one that comes in small pieces');
my $large = content('large') . ' ' x 200_000;
say_to($c, begin(1) . record(4, params($gw, '/mcp/fast', length $large, $token{fast})) . record(4, ''));
for my $piece (unpack '(a50000)*', $large) {
	say_to($c, record(5, $piece));
	sleep 0.1;
}
say_to($c, record(5, ''));
is(said(read_answer($c)), 'large', 'one with a large body that comes slowly');
ok(is_open($c), 'it is still open');

# --- who is not kept

my $once = connection($gw, 'mcp');
say_to($once, request_bytes(0, $gw, '/mcp/fast', content('once'), $token{fast}));
is(said(read_answer($once)), 'once', 'a call on a connection that is not to be kept');
is(sysread($once, my $none, 1), 0, '... closes it');
$once = connection($gw, 'oauth');
$r = call($once, $gw, '/oauth/nothing', '', undef, REQUEST_METHOD => 'GET');
is($r->{status}, 404, 'another program answers as well');
is(sysread($once, $none, 1), 0, '... and keeps no connection');
my $half = connection($gw, 'mcp');
say_to($half, begin(1) . record(4, params($gw, '/mcp/fast', 6_000_000, $token{fast})) . record(4, '') . record(5, 'x' x 1000));
is(read_answer($half)->{status}, 413, 'a body that is too large is refused before it has come');
is(sysread($half, $none, 1), 0, '... and its connection is not kept');

# --- the web server leaves

my ($mcp) = $gw->pids('mcp');
my $leaver = connection($gw, 'mcp');
is(said(ask($leaver, 'fast', 'eight')), 'eight', 'a connection');
say_to($leaver, request_bytes(1, $gw, '/mcp/silent', content('nine'), $token{silent}));
ok($up->wait_for(sub { grep { $_->{path} eq '/silent' } $up->requests }), '... with a call that has no answer');
close $leaver;
ok($up->wait_for(sub { grep { $_->{closed} } $up->notes }), "the upstream's is closed when the web server leaves");
my $idle = connections();
my @many = map { connection($gw, 'mcp') } 1 .. 50;
is(scalar(grep { said(ask($_, 'fast', 'many')) ne 'many' } @many), 0, 'fifty connections');
is(scalar(grep { !is_open($_) } @many), 0, '... are all kept');
cmp_ok(connections(), '>=', 50, '... each with its descriptor');
close $_ for @many;
ok(wait_until(20, sub { connections() <= $idle }), '... until the web server closes them');

# --- one that takes no answers, until there is no room for another one

my $deaf = connection($gw, 'mcp');
my ($asked, $has) = (0, 0);
sub waiting { ioctl $_[0], 0x541b, my $n = pack 'i', 0; return unpack 'i', $n } # FIONREAD
do {
	$has = waiting($deaf);
	say_to($deaf, request_bytes(1, $gw, '/mcp/fast', content('deaf' . ++$asked), $token{fast}));
} while ($asked < 1000 && wait_until(5, sub { waiting($deaf) > $has }));
is(said(ask(connection($gw, 'mcp'), 'fast', 'beside')), 'beside', 'beside one that takes no answers another is served');
my $answers = '';
while ($answers !~ /"deaf$asked".*\x01\x03\x00\x01\x00\x08.{10}\z/s && sysread $deaf, $answers, 65536, length $answers) {}
is_deeply([$answers =~ /"said":"(\w+)"/g], [map { "deaf$_" } 1 .. $asked], '... while it stands: it has them all when it reads');
ok(is_open($deaf), '... and stays open');
close $deaf;

# --- many at once, with answers of all kinds: each gets its own

my @clients;
for my $client (1 .. 24) {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my ($socket, $wrong) = (connection($gw, 'mcp'), 0);
		for my $i (1 .. 150) {
			$socket = connection($gw, 'mcp') if $i % 40 == 0;
			my $kind = ($client * 7 + $i * 13) % 10;
			my $is = $kind == 0 ? ask($socket, 'fast', 'x', '')->{status} == 401
			  : $kind == 1 ? (() = ask($socket, 'stream', 'x')->{content} =~ /^data:/mg) == 4
			  : said(ask($socket, 'fast', "c${client}i$i")) eq "c${client}i$i";
			$wrong++ if !$is;
		}
		POSIX::_exit($wrong > 99 ? 99 : $wrong);
	}
	push @clients, $pid;
}
my $wrong = 0;
for my $pid (@clients) {
	waitpid $pid, 0;
	$wrong += $? ? $? >> 8 || 100 : 0;
}
is($wrong, 0, 'of 3,600 calls on 24 connections at once each gets its own answer');

# --- the process ends

my $begun = connection($gw, 'mcp');
is(said(ask($begun, 'fast', 'ten')), 'ten', 'a connection');
my $slow = connection($gw, 'mcp');
is(said(ask($slow, 'fast', 'eleven')), 'eleven', '... and another');
my $seen = $up->requests;
say_to($slow, request_bytes(1, $gw, '/mcp/slow', content('fourteen'), $token{slow}));
my @halves = unpack '(a300)2 a*', request_bytes(1, $gw, '/mcp/fast', content('fifteen'), $token{fast});
say_to($begun, shift @halves);
$up->wait_for(sub { $up->requests > $seen });
my $late = connection($gw, 'mcp');
is(said(ask($late, 'fast', 'twelve')), 'twelve', '... and a third');
kill TERM => $mcp;
is(sysread($c, my $told, 100), 8, 'of a process that ends the web server is asked to close what it keeps');
is($told, farewell(), '... by the end of an error stream');
close $c;
$r = ask($late, 'fast', 'thirteen');
is(said($r), 'thirteen', 'a request that was on its way is served');
is($r->{rest}, farewell(), '... and its answer says that it is the last');
is(sysread($late, $none, 1), 0, '... then the connection is closed');
$r = read_answer($slow);
is(said($r), 'fourteen', 'a call that is under way is finished');
is($r->{rest}, farewell(), '... the last one, too');
is(sysread($slow, $none, 1), 0, '... and its connection closed');
say_to($begun, join '', @halves);
is(said(read_answer($begun)), 'fifteen', 'one that has begun to come is served');
is(sysread($begun, $none, 1), 0, '... and its connection closed');
ok(wait_until(30, sub { !kill 0, $mcp }), 'then the process ends');
ok(wait_until(30, sub { my ($new) = $gw->pids('mcp'); $new && $new != $mcp && said(ask(connection($gw, 'mcp'), 'fast', 'last')) eq 'last' }),
	'and another takes its place');

# One that has asked no upstream yet has nothing to look after from time to time: that the last connection is closed is all that happens.
my $was = ($gw->pids('mcp'))[0];
kill TERM => $was;
ok(wait_until(30, sub { ($mcp) = $gw->pids('mcp'); $mcp && $mcp != $was && !kill 0, $was }), 'a process that is new');
$c = connection($gw, 'mcp');
is(said(call($c, $gw, '/mcp/fast', content('one'))), 'status 401', '... has refused a call');
sleep 3;    # what a program does when it has begun is over
kill TERM => $mcp;
is(sysread($c, $told, 100), 8, '... and asks the web server to close');
close $c;
ok(wait_until(30, sub { !kill 0, $mcp }), '... and ends when it has');

done_testing;
