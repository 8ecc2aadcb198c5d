#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Prints a manual page with what stands between `.\" begin NAME` and `.\" end NAME` replaced by the output of
# the options program.
#
# usage: splice.pl OPTIONS-PROGRAM PAGE > NEW-PAGE
use strict;
use warnings;

my ($program, $page) = @ARGV;
my $inside;

open my $in, '<', $page or die "$page: $!\n";
while (<$in>) {
	undef $inside if $inside && /^\.\\" end \Q$inside\E$/;
	print unless $inside;
	next unless /^\.\\" begin (\w+)$/;
	$inside = $1;
	my $list = `'$program' $inside`;
	die "$program $inside failed\n" if $? || !length $list;
	print $list;
}
die "$page: no `end $inside`\n" if $inside;
