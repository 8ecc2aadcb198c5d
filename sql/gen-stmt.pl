#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Makes the table of statements from sql/stmt/*.sql:
#     gen-stmt.pl --header FILE...   db/stmt.h
#     gen-stmt.pl --source FILE...   db/stmt.c
#     gen-stmt.pl --list FILE...     name, shape, programs, types, SQL, separated by tabs, for tests
# Of files sql/schema/NNNN-name.sql only the number is looked at: SCHEMA_KNOWN.
#
# A block is
#     -- name: token_find :one       :one (at most one row), :many, :exec (rows are not looked at)
#     -- for: oauth mcp              the programs that may run it
#     -- $1 bytea[]  what it is      every parameter in order, with its type
#     -- retry: never                if a repetition could do it twice
#     the SQL, ended by a semicolon
# Whatever is wrong with one ends the build.
use strict;
use warnings;

my @programs = qw(oauth consent connect mcp console admin);
my %bit = map { $programs[$_] => $_ } 0 .. $#programs;
my $mode = shift // '';
my (@stmts, %seen, $at);
my $schema = 0;    # the newest among the schema files given

sub fail { die "$at: @_\n" }

sub finish {
	my ($s) = @_;
	my $n = @{ $s->{types} };

	fail("'$s->{name}' has no -- for: line") unless @{ $s->{for} };
	$s->{sql} =~ s/\s+\z//;
	$s->{sql} =~ s/;\z// or fail("'$s->{name}' does not end with a semicolon");
	fail("'$s->{name}' holds two statements") if $s->{sql} =~ /;/;
	fail("'$s->{name}' is empty") unless $s->{sql} =~ /\S/;
	my %used = map { $_ => 1 } $s->{sql} =~ /\$(\d+)/g;
	for my $i (1 .. $n) {
		delete $used{$i} or fail("'$s->{name}' does not use \$$i");
	}
	fail("'$s->{name}' uses a parameter that no line explains: \$$_") for sort keys %used;
	push @stmts, $s;
}

for my $file (@ARGV) {
	my $s;

	if ($file =~ m{/schema/(\d{4})-[^/]*$}) {
		$schema = $1 + 0 if $1 > $schema;
		next;
	}

	open my $in, '<', $file or die "$file: $!\n";
	while (my $line = <$in>) {
		$at = "$file:$.";
		if ($line =~ /^-- name:/) {
			finish($s) if $s;
			$line =~ /^-- name: ([a-z][a-z0-9_]*) :(one|many|exec)$/
			    or fail("want '-- name: WORD :one', ':many' or ':exec'");
			fail("'$1' is there already, in $seen{$1}") if $seen{$1};
			$seen{$1} = $at;
			$s = { name => $1, shape => $2, for => [], types => [], sql => '', retry => 1 };
		} elsif ($line =~ /^-- for: (.*)$/) {
			fail('-- for: outside a block') unless $s;
			for my $program (split ' ', $1) {
				fail("unknown program '$program'") unless defined $bit{$program};
				push @{ $s->{for} }, $program;
			}
		} elsif ($line =~ /^-- \$(\d+) ([a-z0-9]+(?:\[\])?)  \S/) {
			fail('a parameter outside a block') unless $s;
			push @{ $s->{types} }, $2;
			fail("want \$" . @{ $s->{types} }) unless $1 == @{ $s->{types} };
		} elsif ($line =~ /^-- \$/) {
			fail("want '-- \$1 TYPE  what it is' (two blanks after the type)");
		} elsif ($line =~ /^-- retry: never$/ && $s) {
			$s->{retry} = 0;
		} elsif ($line =~ /^-- (?:name|for|retry)\b/) {
			fail('this line is not understood');
		} elsif ($line =~ /^--/ || $line =~ /^\s*$/) {
			next;
		} else {
			fail('SQL outside a block') unless $s;
			$s->{sql} .= $line;
		}
	}
	finish($s) if $s;
}

if ($mode eq '--header') {
	print <<'EOT';
/* Made by sql/gen-stmt.pl from sql/stmt: do not edit. */
#ifndef GATEHOUSE_DB_STMT_H
#define GATEHOUSE_DB_STMT_H

#include <stdbool.h>

/* The newest schema file that this build knows. */
EOT
	print "enum { SCHEMA_KNOWN = $schema };\n\nenum stmt {\n";
	print "\tSTMT_\U$_->{name}\E,\n" for @stmts;
	print <<'EOT';
	STMT_COUNT
};

/* Bits of stmt_def.programs, in the order of stmt_programs[], which NULL ends. */
EOT
	print "#define STMT_FOR_\U$programs[$_]\E ", 1 << $_, "u\n" for 0 .. $#programs;
	print <<'EOT';

enum stmt_shape { STMT_ONE, STMT_MANY, STMT_EXEC };

struct stmt_def {
	const char *name, *sql;
	unsigned params;
	unsigned programs;
	enum stmt_shape shape;
	bool retry;
};

extern const struct stmt_def stmt_table[STMT_COUNT + 1];
extern const char *const stmt_programs[];

#endif
EOT
} elsif ($mode eq '--source') {
	print <<'EOT';
/* Made by sql/gen-stmt.pl from sql/stmt: do not edit. */
#include "config.h"

#include "db/stmt.h"

#include <stddef.h>

const char *const stmt_programs[] = {
EOT
	print "\t\"$_\",\n" for @programs;
	print "\tNULL,\n};\n\nconst struct stmt_def stmt_table[STMT_COUNT + 1] = {\n";
	for my $s (@stmts) {
		my $sql = join "\n\t\t", map { s/(["\\])/\\$1/g; "\"$_\\n\"" } split /\n/, $s->{sql};
		my $for = join ' | ', map { "STMT_FOR_\U$_" } @{ $s->{for} };
		printf "\t{ \"%s\",\n\t\t%s,\n\t\t%d, %s, STMT_%s, %s },\n", $s->{name}, $sql,
		    scalar @{ $s->{types} }, $for, uc $s->{shape}, $s->{retry} ? 'true' : 'false';
	}
	print "\t{ NULL, NULL, 0, 0, STMT_EXEC, false },\n};\n";
} elsif ($mode eq '--list') {
	for my $s (@stmts) {
		(my $sql = $s->{sql}) =~ s/\s+/ /g;
		print join("\t", $s->{name}, $s->{shape}, "@{ $s->{for} }", "@{ $s->{types} }", $sql), "\n";
	}
} else {
	die "usage: gen-stmt.pl --header|--source|--list FILE...\n";
}
