#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# gatehousectl as a whole, and its keys command: what it says, what it returns, what it never shows.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $ctl = $ENV{GATEHOUSE_BIN} ? "$ENV{GATEHOUSE_BIN}/gatehousectl" : "$ENV{top_builddir}/bin/gatehousectl";
my $dir = tempdir(CLEANUP => 1);
delete $ENV{GATEHOUSE_PROJECT};

# Exit status, standard output, standard error.
sub ctl {
	my (@args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', "$dir/out" or die $!;
		open STDERR, '>', "$dir/err" or die $!;
		exec $ctl, @args or die $!;
	}
	waitpid $pid, 0;
	return ($? >> 8, slurp("$dir/out"), slurp("$dir/err"));
}

sub slurp { my ($file) = @_; open my $in, '<', $file or return ''; local $/; return <$in> // '' }

# ---- commands ----

my ($status, $out, $err) = ctl('help');
is("$status $err", '0 ', 'help is no failure');
like($out, qr/^\Q$_\E /m, "help names $_") for qw(check migrate keys);
is_deeply([ctl('--help')], [$status, $out, $err], '--help is the same');
($status, $out, $err) = ctl();
is("$status $out", '2 ', 'without a command it is called in a wrong way');
like($err, qr/^usage: /, 'and says how');
like((ctl('--version'))[1], qr/^gatehouse \d/, '--version tells the release');
for (['migrat', 'migrate'], ['kyes', 'keys'], ['chekc', 'check'], ['Keys', 'keys']) {
	($status, $out, $err) = ctl($_->[0]);
	is($status, 2, "'$_->[0]' is no command");
	like($err, qr/no command '$_->[0]' \(did you mean '$_->[1]'\?\)/, "the nearest is '$_->[1]'");
}
($status, $out, $err) = ctl('frobnicate' x 20);
ok($status == 2 && $err !~ /did you mean/ && length $err < 200,
	'a word far from all has none, however long');
is((ctl(@$_))[0], 2, "'@$_' is called in a wrong way")
    for ['keys'], ['keys', 'show'], ['keys', 'init', $dir, 'x'], ['migrate', '--databse', 'x'], ['migrate', '--database'];
($status, $out, $err) = ctl('keys', 'list');
ok($status == 1 && $err =~ /-c DIR.*GATEHOUSE_PROJECT/,
	'without a project it says where one could be named');

# ---- keys ----

($status, $out, $err) = ctl('keys', 'init', "$dir/keys");
is("$status $out", "0 $dir/keys: made 6 key files\n", 'keys init makes a file for each purpose');
my %secret = map { my ($name) = m{([^/]+)$}; $name => slurp($_) } grep { !/jwks\.json$/ } glob "$dir/keys/*";
is(join(' ', sort keys %secret), 'audit claims pepper session signing vault', 'of these names');
is(join(' ', map { sprintf '%o', (stat "$dir/keys/$_")[2] & 07777 } sort keys %secret), '400 400 400 400 400 400',
	'which nobody but their owner may read');
($status, $out, $err) = ctl('keys', 'init', "$dir/keys");
is("$status $out", "0 $dir/keys: every purpose has its key already\n", 'a second time makes none');
is(slurp("$dir/keys/pepper"), $secret{pepper}, 'and replaces none');
($status, $out, $err) = ctl('keys', 'list', "$dir/keys");
is($status, 0, 'keys list');
like($out, qr/^pepper   \d{4}-\d\d-\d\d-[0-9a-f]{6} +primary$/m, 'shows purpose, id and state');
is(scalar(() = $out =~ /\n/g), 6, 'of each key');
is(join(' ', grep { my ($key) = $secret{$_} =~ /(\S+)$/; index("$out$err", $key) >= 0 } sort keys %secret), '',
	'and never a key');

chmod 0440, "$dir/keys/session";
chmod 0600, "$dir/keys/vault";
open my $file, '>', "$dir/keys/vault" or die $!;
print $file "a primary " . 'A' x 43 . "\n";
close $file;
($status, $out, $err) = ctl('keys', 'list', "$dir/keys");
is($status, 1, 'a file that is refused fails the command');
like($err, qr{key file \Q$dir\E/keys/session is open to its group or to all: chmod 0400 it},
	'each is named with its remedy');
like($err, qr{keys/vault holds a known test key}, 'not only the first');
is(scalar(() = $out =~ /\n/g), 4, 'and the sound ones are shown all the same');

mkdir "$dir/$_" for qw(project project/config);
my %project = (
	'gateway.jsonc' => '{"compatibilityDate": "2026-03-01", "keyring": "ring"}',
	'config/routes.oas.json' => '{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}',
	'config/policies.json' => '{"policies": []}',
);
for my $name (sort keys %project) {
	open $file, '>', "$dir/project/$name" or die $!;
	print $file $project{$name};
	close $file;
}
($status, $out, $err) = ctl('-c', "$dir/project", 'keys', 'init');
ok($status == 0 && -e "$dir/project/ring/pepper", 'without a directory it is the key ring of the project')
    or diag $out, $err;

done_testing();
