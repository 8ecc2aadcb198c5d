#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The manual's option lists are those of the tables that check a project, it names every check of the doctor, and mandoc finds no fault in any
# page.
use strict;
use warnings;

use Test::More;

my ($src, $build) = @ENV{qw(top_srcdir top_builddir)};

for my $page (qw(gatehouse-config.5 gatehouse-policies.5)) {
	my $new = `$^X '$src/man/splice.pl' '$build/man/options' '$src/man/$page'`;
	is($?, 0, "the lists of $page can be made");
	open my $in, '<', "$src/man/$page" or die "$page: $!";
	my $old = do { local $/; <$in> };
	ok($new eq $old, "$page has the lists of the tables (else: make update-man)");
}

sub slurp { my ($path) = @_; open my $in, '<', $path or die "$path: $!"; local $/; return <$in> }

# gatehousectl doctor
my ($table) = slurp("$src/bin/ctl_doctor.c") =~ /struct check checks\[\] = \{\n(.*?)^\};/ms;
my ($list) = slurp("$src/man/gatehousectl.1") =~ /^The checks are,(.*?)^\.Pp/ms;
is(join(' ', sort map { split /[ ,;.]+/ } $list =~ /^\.Li (.*)/mg), join(' ', sort $table =~ /^\t\{ "([^"]+)"/mg), 'the manual names every check of the doctor');

my @pages = glob "$src/man/*.[1-8]";
cmp_ok(scalar @pages, '>', 1, 'there are pages');
for my $page (@pages) {
	# a reference to a page is looked up among those installed: ours are not, yet
	my @faults = grep { !/referenced manual not found|missing manual|operating system explicitly/ } `mandoc -T lint -W style '$page'`;
	is(join('', @faults), '', 'mandoc finds no fault in ' . ($page =~ s{.*/}{}r));
}

done_testing();
