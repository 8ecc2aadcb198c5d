#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# A name server that does not answer holds the calls that need it, and no others: libcurl waits for its
# resolver's thread when a transfer ends early, unless it is told not to.

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Gatehouse::Http qw(request);
use Gatehouse::Pg;
use Gatehouse::Run qw(bin_path read_file);
use Gatehouse::Server;
use Gatehouse::Upstream;

# the system's resolver, slow for one name
my $dir = File::Temp::tempdir('gh-names-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
open my $c, '>', "$dir/slow.c" or die $!;
print $c <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
	    (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");

	if (name && !strcmp(name, "slow.invalid")) {
		sleep(60);
		return EAI_AGAIN;
	}
	return next(name, service, hints, out);
}
END
close $c;
my $cc = $ENV{CC} || 'cc';
die 'the stand-in for the resolver does not compile' if system("$cc -shared -fPIC -o $dir/slow.so $dir/slow.c -ldl 2>$dir/log");
plan skip_all => 'a sanitizer wants to be the first library' if read_file(bin_path('mcp.fcgi')) =~ /__[at]san_init/;

my $up = Gatehouse::Upstream->new(sub { my ($con, $r) = @_; return $con->result($r, {}) });
my $pg = Gatehouse::Pg->new;
my $gw = Gatehouse::Server->new(pg => $pg, programs => ['mcp'], gateway => { limits => { connectMs => 500 } },
	process_env => { LD_PRELOAD => "$dir/slow.so" },
	routes => { '/mcp/slow' => { upstream => 'https://slow.invalid/mcp', public => 1 },
		'/mcp/quick' => { upstream => $up->url('/mcp'), public => 1 } });

sub arguments {
	my ($route) = @_;
	return ('POST', $gw->url("/mcp/$route"), { timeout => 20, headers => [['Content-Type', 'application/json']],
		content => '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
}

is(request(arguments('quick'))->{status}, 200, 'a call passes');
my $pid = fork // die $!;
if (!$pid) {
	POSIX::_exit(request(arguments('slow'))->{status} == 502 ? 0 : 1);
}
# the resolver's thread is at it all the time: who waits for it gets no answer
my ($failed, $after) = (0, 0);
while ($after < 10) {
	$after++ if $after || waitpid($pid, POSIX::WNOHANG());
	$failed += request(arguments('quick'))->{status} != 200;
	sleep 0.05;
}
is($failed, 0, 'calls to another upstream pass while a name is waited for, and after');
is($?, 0, 'the call whose name is not told is 502 after connectMs, not after the resolver\'s own patience');

done_testing;
