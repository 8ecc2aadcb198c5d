#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# The units for systemd: systemd understands them, and finds little that they leave open.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use Gatehouse::Run qw(bin_path read_file top_srcdir write_file);

my @programs = qw(discovery oauth consent connect console mcp);
my $analyze = Gatehouse::Run::find_program('systemd-analyze');
my $units = File::Temp::tempdir('gh-units-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# with the binaries that are there, since systemd looks for them
for my $program (@programs) {
	my $service = read_file("$ENV{top_builddir}/etc/systemd/gatehouse-$program@.service");
	my $binary = bin_path("$program.fcgi");
	like($service, qr{^ExecStart=/\S+/\Q$program\E\.fcgi$}m, "$program is started from where it is installed");
	unlike($service, qr/\@[a-z]+\@/, '... and nothing is left to be filled in');
	is(join(' ', $service =~ /^(\w+Directory|ReadWritePaths)=(.*)$/mg), $program eq 'consent' ? 'LogsDirectory gatehouse' : '',
		'... and it writes nothing' . ($program eq 'consent' ? ' but files of events' : ''));
	like($service, $program eq 'discovery' ? qr/^PrivateNetwork=yes$/m : qr/^RestrictAddressFamilies=.*\bAF_INET AF_INET6\b/m,
		$program eq 'discovery' ? '... and reaches no network' : '... and reaches what it is told to');
	$service =~ s{^ExecStart=.*$}{ExecStart=$binary}m;
	write_file("$units/gatehouse-$program\@$_.service", $service) for '', 1, 2;
	write_file("$units/gatehouse-$program.socket", read_file("$ENV{top_builddir}/etc/systemd/gatehouse-$program.socket"));
}
write_file("$units/gatehouse.target", read_file(top_srcdir() . '/etc/systemd/gatehouse.target'));

# The output of a command, errors included, and its status.
sub run {
	my (@command) = @_;
	my $pid = open my $out, '-|';
	die "fork: $!" if !defined $pid;
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		$ENV{SYSTEMD_UNIT_PATH} = "$units:";
		exec @command;
	}
	my $text = join '', <$out>;
	close $out;
	return ($text, $? >> 8);
}

my $alerts = read_file("$ENV{top_builddir}/etc/systemd/gatehouse-alerts.service");
like($alerts, qr{^ExecStart=/\S+/gatehousectl alerts send$}m, 'mail of alerts is sent by gatehousectl, from where it is installed');
like(read_file(top_srcdir() . '/etc/systemd/gatehouse.sysusers'), qr/^u gatehouse_admin .*^m gatehouse_admin gatehouse$/ms, '... as a user that there is, who reads the project');
# each of these brings NoNewPrivileges along (systemd.exec(5)), with which no sendmail is set-group-id
unlike($alerts, qr/^(NoNewPrivileges|SystemCall\w+|RestrictAddressFamilies|RestrictNamespaces|RestrictRealtime|RestrictSUIDSGID|PrivateDevices|ProtectKernel\w+|ProtectClock|ProtectHostname|MemoryDenyWriteExecute|LockPersonality|DynamicUser|CapabilityBoundingSet)=/m,
	'... and may start programs that change their group');
my $ctl = bin_path('gatehousectl');
write_file("$units/gatehouse-alerts.service", $alerts =~ s{^ExecStart=\S+}{ExecStart=$ctl}mr);
write_file("$units/gatehouse-alerts.timer", read_file(top_srcdir() . '/etc/systemd/gatehouse-alerts.timer'));

for my $unit (qw(gatehouse-alerts.service gatehouse-alerts.timer), (map { ("gatehouse-$_\@1.service", "gatehouse-$_.socket") } @programs), 'gatehouse.target') {
	my ($text) = run($analyze, '--man=no', '--recursive-errors=no', 'verify', "$units/$unit");
	is(join('', grep { /gatehouse/i } split /^/, $text), '', "$unit is sound");
}
for my $program (@programs) {
	my ($text, $status) = run($analyze, '--offline=true', '--no-pager', '--threshold=20', 'security',
		"$units/gatehouse-$program\@1.service");
	my ($exposure) = $text =~ /Overall exposure level for \S+: ([\d.]+)/;
	is($status, 0, "$program is exposed by 2.0 at most") or diag($text);
	note "$program: $exposure";
}

for my $program (@programs) { # systemd takes what stands later back out of what is refused
	my ($allowed) = (read_file("$ENV{top_builddir}/etc/systemd/gatehouse-$program\@.service") =~ /^SystemCallFilter=(.*)$/mg)[-1];
	my @want = (qw(landlock_create_ruleset landlock_add_rule landlock_restrict_self), $program eq 'mcp' ? qw(sched_setaffinity sched_setscheduler) : ());
	is($allowed, "@want", "$program may restrict itself" . ($program eq 'mcp' ? ', and keep to a processor' : ''));
}

my $target = read_file(top_srcdir() . '/etc/systemd/gatehouse.target');
for my $program (@programs) {
	like($target, qr/^Wants=.*\bgatehouse-$program\.socket\b/m, "the target has the socket of $program");
	like($target, qr/gatehouse-$program\@1\.service gatehouse-$program\@2\.service/, '... and two processes');
	like(read_file(top_srcdir() . '/etc/systemd/gatehouse.sysusers'), qr/^u gatehouse_$program /m, '... and its user');
}
done_testing;
