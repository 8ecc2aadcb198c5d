#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Syslog by TLS (RFC 5425): lines arrive at a receiver that proves who it is, and nothing of them at one that does not.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;

use Gatehouse::Certificates;
use Gatehouse::Pg;
use Gatehouse::Run qw(find_program free_port wait_until);
use Gatehouse::Server;

my $pg = Gatehouse::Pg->new(private => 1);
my %port = map { $_ => free_port() } qw(right name stranger);
my $gw = Gatehouse::Server->new(pg => $pg, programs => [], gateway => { outbound => { caFile => 'certs/ca.pem' },
	events => { forward => [map { { name => $_, type => 'syslog', transport => 'tls', address => "127.0.0.1:$port{$_}", include => ['audit'],
		intervalMs => 100, retryMs => 200 } } sort keys %port] } });
my $run = $gw->run;
my $dir = $run->make_dir('project/certs');
my $openssl = find_program('openssl');

# one that is right, one for another name by the same authority, one for the right name by another authority
my %made = (right => ['ca', 'IP:127.0.0.1'], name => ['ca', 'DNS:elsewhere.example'], stranger => ['other', 'IP:127.0.0.1']);
my %never;
my $certificates = Gatehouse::Certificates->new($run, $dir);
$certificates->authority($_) for qw(ca other);
for my $name (sort keys %made) {
	$certificates->certificate($name, @{ $made{$name} });
	# it ends when its input does, which nobody writes to; a process between us would leave it behind
	pipe my $input, $never{$name} or die $!;
	$run->spawn("syslog-$name", { stdin => $input }, $openssl, qw(s_server -quiet -accept),
		"127.0.0.1:$port{$name}", '-cert', "$dir/$name.pem", '-key', "$dir/$name.key");
	ok(wait_until(20, sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port{$name}") }), "a receiver: $name") or diag $run->log_text("syslog-$name");
}
$gw->start_program('consent');
ok(wait_until(20, sub { $pg->psql("select count(*) from gatehouse.event_destination where name > ''") == 3 }), 'three destinations') or diag $gw->log('consent');
sub failed { return $pg->psql("select coalesce(failed, '') from gatehouse.event_destination where name = '$_[0]'") }

$pg->psql("select gatehouse.audit_add('user_revoked', 'gatehousectl:me', 'subject:somebody', null, 'canary-$_', '{}')") for 1 .. 3;
ok(wait_until(30, sub { $run->log_text('syslog-right') =~ /canary-3/ }), 'lines arrive') or diag $run->log_text('syslog-right'), failed('right');
like($run->log_text('syslog-right'), qr/\b\d+ <\d+>1 \S+ \S+ gatehouse .*canary-1.*\b\d+ <\d+>1 .*canary-2/s, 'in order, each with its length before it');
ok(wait_until(20, sub { $pg->psql("select sent from gatehouse.event_destination where name = 'right'") >= 3 }), 'and count as sent') or diag failed('right');
is(failed('right'), '', 'without a failure');
ok(wait_until(30, sub { failed('name') && failed('stranger') }), 'the others fail');
for my $name (qw(name stranger)) {
	like(failed($name), qr/certificate|SSL|subject name/i, "$name: for what it shows");
	unlike($run->log_text("syslog-$name"), qr/canary|gatehouse/, '... and it was told nothing');
	is($pg->psql("select sent from gatehouse.event_destination where name = '$name'"), 0, '... nothing counts as sent');
}
done_testing;
