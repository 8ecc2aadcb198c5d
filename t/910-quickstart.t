#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# ./quickstart as a newcomer runs it.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(remove_tree);
use Test::More;

use Gatehouse::Http qw(request);
use Gatehouse::Peers;
use Gatehouse::Run qw(free_port top_srcdir);

my $quickstart = top_srcdir() . '/quickstart';
my $run = Gatehouse::Run->new('quick');
my $owner = $$;

$ENV{GATEHOUSE_BUILD} = abs_path($ENV{top_builddir} || '.');
$ENV{GATEHOUSE_PEERS} = Gatehouse::Peers->cache;
$ENV{XDG_CACHE_HOME} = $run->dir; # where it notes what runs; root has another place
delete $ENV{$_} for qw(MAKEFLAGS MAKELEVEL MFLAGS);

sub quickstart {
	my @arguments = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec 'sh', $quickstart, @arguments;
		exit 127;
	}
	my $text = do { local $/; <$out> };
	close $out;
	return { status => $? >> 8, text => $text // '' };
}

sub processes {
	my ($dir) = @_;
	return split ' ', `grep -lsz '^GATEHOUSE_QUICKSTART=$dir\$' /proc/[0-9]*/environ`;
}

END { quickstart('stop') if $$ == $owner }

quickstart('stop');
is(quickstart('status')->{status}, 3, 'status says when nothing runs');

my $port = free_port();
my $r = quickstart('--port', $port);
is($r->{status}, 0, 'it starts') or diag $r->{text};
like($r->{text}, qr/official SDK client/, 'the SDK client has signed in by itself');
like($r->{text}, qr/^Tools \(\d+\): .*\becho\b/m, 'the tools are shown');
like($r->{text}, qr/^Called echo: Echo: hello/m, 'the result of a call is shown');
my $url = "http://127.0.0.1:$port/mcp/everything";
like($r->{text}, qr{^\s+\Q$url\E$}m, 'the URL to paste is shown');
like($r->{text}, qr{quickstart stop$}m, 'and how to stop');
my ($dir) = $r->{text} =~ m{^Files, logs: (/\S+)$}m;
ok($dir && -d $dir, 'and where its files are');
is((stat $dir)[2] & 077, 0, '... which others cannot read');
is(request('POST', $url, { content => '{}', headers => [['Content-Type', 'application/json']] })->{status}, 401,
	'without a token the route refuses');
isnt((stat "$dir/pg")[4], 0, 'nothing runs with root\'s rights');

my @first = processes($dir);
my $again = quickstart();
is($again->{status}, 0, 'started again, it says what runs');
like($again->{text}, qr{^\s+\Q$url\E$}m, '... and its URL');
my %now = map { $_ => 1 } processes($dir);
cmp_ok(scalar(grep { $now{$_} } @first), '>', @first / 2, '... which are the same processes');    # (PostgreSQL ends some by itself)
is(quickstart('--upstream', 'http://127.0.0.1:9/mcp')->{status}, 1, 'another upstream needs a stop first');

is(quickstart('stop')->{status}, 0, 'it stops');
ok(!-e $dir, 'its files are gone');
is(scalar(() = processes($dir)), 0, 'and its processes');
is(request('GET', $url)->{status}, 0, 'nobody listens any more');

my $everything = Gatehouse::Peers->everything($run);
$r = quickstart('--upstream', $everything->{url}, '--name', 'mine', '--port', $port);
is($r->{status}, 0, 'it starts in front of a server of one\'s own') or diag $r->{text};
like($r->{text}, qr{^\s+http://127\.0\.0\.1:$port/mcp/mine$}m, '... under the name that was given');
like($everything->{log}->(), qr/Session initialized/, '... which is really called');
is(quickstart('stop')->{status}, 0, 'it stops');

# --- what may go wrong is said ---

for my $row (
	[['--upstream', 'ftp://example.com'], qr/--upstream wants the http\(s\) URL/, 'a URL of another kind is refused'],
	[['--name', 'No Such'], qr/--name wants/, 'a name that is no name is refused'],
	[['--port'], qr/wants a value/, 'an option without its value is refused'],
	[['--frobnicate'], qr/unknown argument --frobnicate/, 'an unknown option is named'],
	[['--port', $everything->{port}], qr/port $everything->{port} is taken/, 'a port that is taken is named'],
	[['--upstream', 'http://127.0.0.1:9/mcp'], qr/first call through it to \S+ failed; the logs: /,
		'an upstream that is away is named, and where the logs are'],
) {
	my ($arguments, $text, $name) = @$row;
	my $bad = quickstart(@$arguments);
	is($bad->{status}, 1, $name);
	like($bad->{text}, $text, '... in a sentence');
	remove_tree($1) if $bad->{text} =~ m{the logs: (/\S+/gatehouse-logs-\w+)};
	is(quickstart('status')->{status}, 3, '... and nothing is left running');
}
done_testing;
