#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# An answer that is silent for long: under every web server that streams, comment lines keep it
# open until its end comes. A few seconds; the long form (GATEHOUSE_TEST_LONG=1) takes ten minutes.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Gatehouse::Http qw(stream);
use Gatehouse::Pg;
use Gatehouse::Server;
use Gatehouse::Token qw(issue);
use Gatehouse::Upstream;
use Gatehouse::Web;

my $long = $ENV{GATEHOUSE_TEST_LONG};
my ($silence, $comment_ms) = $long ? (600, 15000) : (6, 500);
my $upstream = Gatehouse::Upstream->new(sub {
	my ($c) = @_;
	$c->begin_stream;
	$c->event({ jsonrpc => '2.0', method => 'notifications/progress' });
	sleep $silence;
	$c->event('{"jsonrpc":"2.0","id":1,"result":{}}');
	return $c->end_stream;
});
my @kinds = grep { $_ ne 'htaccess' } Gatehouse::Web->kinds;
my (%gateway, @children);
for my $kind (@kinds) {
	my $pg = Gatehouse::Pg->new;
	my $gw = Gatehouse::Server->new(pg => $pg, web => $kind, programs => $kind =~ /^(?:lighttpd|apache-proxy|nginx)$/ ? ['mcp'] : undef,
		gateway => { limits => { streamCommentMs => $comment_ms, streamIdleMs => 900_000 } },
		routes => { '/mcp/a' => { upstream => $upstream->url('/mcp') } });
	$gateway{$kind} = [$pg, $gw, issue($pg, $gw, '/mcp/a')];
}

# One process for each: all are silent at the same time.
for my $kind (@kinds) {
	my ($pg, $gw, $token) = @{ $gateway{$kind} };
	pipe my $read, my $write or die $!;
	my $pid = fork // die $!;
	if (!$pid) {
		my $r = stream('POST', $gw->url('/mcp/a'), { timeout => $silence + 60, headers => [['Content-Type', 'application/json'],
			['Accept', 'application/json, text/event-stream'], ['Authorization', "Bearer $token->{access_token}"]],
			content => '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}' });
		my $comments = () = ($r->{content} // '') =~ /^: $/mg;
		my $events = () = ($r->{content} // '') =~ /^data: /mg;
		print {$write} join(' ', $r->{status}, $events, $comments, $r->{error} // 'whole'), "\n";
		close $write;
		POSIX::_exit(0);
	}
	close $write;
	push @children, [$kind, $read, $pid];
}
for my $child (@children) {
	my ($kind, $read, $pid) = @$child;
	my ($status, $events, $comments, $end) = split ' ', scalar(<$read>) // '', 4;
	waitpid $pid, 0;
	is($status, 200, "$kind: a silent stream is answered");
	is($events, 2, '... its end comes');
	chomp($end //= '');
	is($end, 'whole', '... and nobody has cut it off');
	cmp_ok($comments, '>=', $silence * 1000 / $comment_ms / 2, '... comment lines came meanwhile');
}
$gateway{$_}[1]->stop for @kinds;
done_testing();
