#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Compiles the SQL of migrations into C (contract: bin/sql.h):
#     gen-sql.pl sql/roles.sql sql/schema/NNNN-name.sql... sql/fn/name.sql...
#
# A schema file starts with `-- compatible-from: NNNN`: the oldest schema number that a program
# must know to work with a database that has this file applied.
# Above each function in sql/fn a line `-- for: PROGRAM...` names the roles that may execute it;
# `-- for: nobody` marks one that only other functions call.
use strict;
use warnings;

my %program = map { $_ => 1 } qw(oauth consent connect mcp console admin nobody);
my (@schema, @fn, @grant, %granted, $roles);

sub c_string {
	my ($text) = @_;
	return join "\n\t", map { s/(["\\])/\\$1/g; s/\t/\\t/g; "\"$_\\n\"" } split /\n/, $text;
}

sub functions {
	my ($file, $text) = @_;
	my ($for, $n) = (undef, 0);

	for my $line (split /\n/, $text) {
		$n++;
		if ($line =~ /^-- for: (.*)$/) {
			$for = $1;
			$program{$_} or die "$file:$n: unknown program '$_'\n" for split ' ', $for;
		} elsif ($line =~ /^\s*create\s+(?:or\s+replace\s+)?function\b/i) {
			$line =~ /^create or replace function gatehouse\.([a-z][a-z0-9_]*)\s*\(/
			    or die "$file:$n: want 'create or replace function gatehouse.NAME('\n";
			defined $for or die "$file:$n: $1: no '-- for:' line above it\n";
			$granted{$1}++ and die "$file:$n: $1 is there already\n";
			push @grant, [$1, join ' ', grep { $_ ne 'nobody' } split ' ', $for];
			undef $for;
		}
	}
}

for my $file (@ARGV) {
	open my $in, '<', $file or die "$file: $!\n";
	my $text = do { local $/; <$in> };

	if ($file =~ m{(?:^|/)roles\.sql$}) {
		$roles = $text;
	} elsif ($file =~ m{/schema/((\d{4})-[a-z0-9-]+)\.sql$}) {
		my ($name, $number) = ($1, $2 + 0);
		my ($from) = $text =~ /\A(?:--[^\n]*\n)*?-- compatible-from: (\d{4})\n/
		    or die "$file: no '-- compatible-from: NNNN' line at its head\n";
		$from <= $number or die "$file: compatible-from lies after the file itself\n";
		push @schema, { name => $name, number => $number, from => $from + 0, text => $text };
	} elsif ($file =~ m{/fn/([a-z0-9-]+)\.sql$}) {
		push @fn, { name => $1, text => $text };
		functions($file, $text);
	} else {
		die "$file: neither roles.sql, schema/NNNN-name.sql nor fn/name.sql\n";
	}
}
die "no roles.sql\n" unless defined $roles;
@schema = sort { $a->{number} <=> $b->{number} } @schema;
for my $i (1 .. $#schema) {
	die "two schema files have the number $schema[$i]{number}\n"
	    if $schema[$i]{number} == $schema[$i - 1]{number};
}

print <<'EOT';
/* Made by sql/gen-sql.pl: do not edit. */
#include "config.h"

#include "sql.h"

#include <stddef.h>

const struct sql_schema sql_schema[] = {
EOT
printf "\t{ %d, %d, \"%s\",\n\t%s },\n", @$_{qw(number from name)}, c_string($_->{text}) for @schema;
print "\t{ 0, 0, NULL, NULL },\n};\n\nconst struct sql_file sql_functions[] = {\n";
printf "\t{ \"%s\",\n\t%s },\n", $_->{name}, c_string($_->{text}) for @fn;
print "\t{ NULL, NULL },\n};\n\nconst struct sql_grant sql_grants[] = {\n";
printf "\t{ \"%s\", \"%s\" },\n", @$_ for @grant;
print "\t{ NULL, NULL },\n};\n\nconst char sql_roles[] =\n\t", c_string($roles), ";\n";
