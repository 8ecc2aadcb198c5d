#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A thousand calls and a thousand listening streams at the same moment, through one process: each gets what is its own, and
# none costs a thread.

use strict;
use warnings;

use File::Temp ();
use IO::Poll qw(POLLIN);
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Http qw(parallel);
use Gatehouse::Pg;
use Gatehouse::Run qw(read_file wait_until write_file);
use Gatehouse::Server;
use Gatehouse::Token qw(issue);

my $N = 1000;
my $dir = File::Temp::tempdir('gh-many-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# An upstream of one process, which holds everything that comes until all of it is there.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 4096, ReuseAddr => 1) or die $!;
my $port = $listener->sockport;

# Whole or not at all: others read it meanwhile.
sub put {
	my ($name, $text) = @_;
	write_file("$dir/.$name", $text);
	rename "$dir/.$name", "$dir/$name" or die $!;
	return;
}

sub chunk { return sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }

sub serve {
	my $poll = IO::Poll->new;
	my (%in, @calls, @streams, $released);
	$poll->mask($listener => POLLIN);
	while (1) {
		$poll->poll(0.2);
		for my $s ($poll->handles(POLLIN | IO::Poll::POLLHUP() | IO::Poll::POLLERR())) {
			if ($s == $listener) {
				my $client = $listener->accept or next;
				$poll->mask($client => POLLIN);
				next;
			}
			if (!sysread $s, $in{$s}, 65536, length($in{$s} // '')) {
				$poll->remove($s);
				next;
			}
			next if $in{$s} !~ /^(\w+) .*?\r\n\r\n(.*)/s;
			my ($method, $body) = ($1, $2);
			next if $method eq 'POST' && length $body < ($in{$s} =~ /^content-length: (\d+)/mi)[0];
			delete $in{$s};
			if ($method eq 'POST') {
				push @calls, [$s, $body =~ /"id":(\d+)/];
			} else {
				syswrite $s, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" .
					chunk("data: {\"jsonrpc\":\"2.0\",\"method\":\"first\"}\n\n");
				push @streams, $s;
			}
		}
		put('state', scalar(@calls) . ' ' . scalar(@streams));
		next if $released || !-e "$dir/go";
		$released = 1;
		for my $call (@calls) {
			my $answer = qq({"jsonrpc":"2.0","id":$call->[1],"result":{"of":$call->[1]}});
			syswrite $call->[0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($answer) . "\r\n\r\n$answer";
		}
		syswrite $_, chunk("data: {\"jsonrpc\":\"2.0\",\"method\":\"last\"}\n\n") . "0\r\n\r\n" for @streams;
	}
}

my @children;
END { local $?; kill KILL => @children; waitpid $_, 0 for @children }

sub child {
	my ($code) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		@children = ();
		$SIG{$_} = 'DEFAULT' for qw(INT TERM);
		eval { $code->(); 1 } or print STDERR $@;
		POSIX::_exit(0);
	}
	push @children, $pid;
	return;
}

child(\&serve);
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'],
	routes => { '/mcp/x' => { upstream => "http://127.0.0.1:$port/mcp", options => { sse => JSON::PP::true, timeoutMs => 240_000 } } });
my $token = issue($pg, $gw, '/mcp/x')->{access_token};
my ($mcp) = $gw->pids('mcp');
sub threads { return read_file("/proc/$mcp/status") =~ /^Threads:\s+(\d+)/m ? $1 : 0 }
my $before = threads();

# They come in groups, each when all before it are in flight: a burst of all would be a test of the web server's patience with a queue.
my @common = (['Authorization', "Bearer $token"], ['Accept', 'application/json, text/event-stream']);
my $group = 100;

sub come {
	my ($from) = @_;
	my @ids = $from + 1 .. $from + $group;
	my @got = parallel((map { ['POST', $gw->url('/mcp/x'), { timeout => 400, headers => [@common, ['Content-Type', 'application/json']],
			content => qq({"jsonrpc":"2.0","id":$_,"method":"tools/call","params":{"name":"t"}}) }] } @ids),
		(map { ['GET', $gw->url('/mcp/x'), { timeout => 400, headers => [@common] }] } @ids));
	my @wrong = grep { $got[ $_ - 1 - $from ]{status} != 200 || ($got[ $_ - 1 - $from ]->json || {})->{result}{of} != $_ } @ids;
	my @cut = grep { $_->{status} != 200 || $_->{error} || $_->{content} !~ /"first".*"last"/s } @got[$group .. 2 * $group - 1];
	put("got-$from", JSON::PP::encode_json({ wrong => [map { "$_: $got[ $_ - 1 - $from ]{status}" } @wrong],
		cut => [map { ($_->{error} // '') . " $_->{status} $_->{content}" } @cut] }));
	return;
}

sub in_flight { return -e "$dir/state" ? split ' ', read_file("$dir/state") : (0, 0) }

for (my $from = 0; $from < $N; $from += $group) {
	my $all = $from + $group;
	child(sub { come($from) });
	wait_until(60, sub { "$all $all" eq join ' ', in_flight() }) or last;
}
my ($calls, $streams) = in_flight();
my $threads = threads();
put('go', '');
wait_until(60, sub { $N / $group <= (() = glob "$dir/got-*") });
my @got = map { JSON::PP::decode_json(read_file($_)) } glob "$dir/got-*";
is($calls, $N, "$calls calls were in flight at once");
is($streams, $N, "... and $streams listening streams");
cmp_ok($threads, '<=', $before + 1, '... and no thread more for them');
is_deeply([map { @{ $_->{wrong} } } @got], [], 'each call got its own answer');
is_deeply([map { @{ $_->{cut} } } @got], [], 'each stream had both of its events');
is(scalar @got, $N / $group, '... all of them');
is_deeply([$gw->pids('mcp')], [$mcp], 'by the process that began');
ok(wait_until(20, sub { 2 * $N <= $pg->psql('select count(*) from gatehouse.event_call') }), 'each is an event');
$gw->stop;
done_testing;
