#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# ./quickstart --idp: the first call of a newcomer who signs in at a provider.

use strict;
use warnings;

use Cwd qw(abs_path);
use Test::More;

use Gatehouse::Peers;
use Gatehouse::Run qw(free_port top_srcdir);

my $quickstart = top_srcdir() . '/quickstart';
my $run = Gatehouse::Run->new('quick');
my $owner = $$;

$ENV{GATEHOUSE_BUILD} = abs_path($ENV{top_builddir} || '.');
$ENV{GATEHOUSE_PEERS} = Gatehouse::Peers->cache;
$ENV{XDG_CACHE_HOME} = $run->dir;
delete $ENV{$_} for qw(MAKEFLAGS MAKELEVEL MFLAGS);

END { `sh '$quickstart' stop` if $$ == $owner }

`sh '$quickstart' stop`;
my $text = `sh '$quickstart' --idp --port @{[free_port()]} 2>&1`;
is($? >> 8, 0, 'it starts') or diag($text);
like($text, qr/^Called echo: Echo: hello/m, 'a client whose user signed in at the provider calls a tool');
like($text, qr/^Users: +Ada .*Grace .*Tim/m, 'it says who may sign in');
my ($dir) = $text =~ m{^Files, logs: (/\S+)$}m;
my $log = `cat '$dir'/log/oauth.log`;
like($log, qr/mcp_auth_login_succeeded.*"subjectId":"http:\/\/127\.0\.0\.1:\d+\|ada"/, 'Ada was signed in');
done_testing;
