#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# Makes pages.c: the templates' text, and for each page the table of its values.
#
#   gen-pages.pl PAGES_H FILE... >pages.c
#
# FILEs are share/page/*.html (those that begin with "_" are parts) and the style. The build ends here
# when a page names a value that its struct in pages.h lacks, or does not show one that it has.
use strict;
use warnings;

my ($header, @files) = @ARGV;
my ($faults, %structs, %ids, %text) = (0);

sub fault {
	print STDERR "@_\n";
	$faults++;
}

sub slurp {
	my ($name) = @_;
	open my $in, '<', $name or die "gen-pages.pl: $name: $!\n";
	local $/;
	return scalar <$in>;
}

# pages.h: the structs, member by member

sub read_member {
	my ($struct, $line, $where) = @_;
	if ($line =~ /^const char \*(\w+);$/) {
		push @{$struct->{members}}, { name => $1, kind => 'TEXT' };
	} elsif ($line =~ /^struct page_url (\w+);$/) {
		push @{$struct->{members}}, { name => $1, kind => 'URL' };
	} elsif ($line =~ /^bool (\w+);$/) {
		push @{$struct->{members}}, { name => $1, kind => 'FLAG' };
	} elsif ($line =~ /^struct (page_\w+_row) \*(\w+);$/) {
		push @{$struct->{members}}, { name => $2, kind => 'LIST', row => $1 };
	} elsif ($line =~ /^size_t (\w+)_n;$/) {
		$struct->{counts}{$1} = 1;
	} else {
		fault("$where: cannot read '$line'");
	}
}

sub read_header {
	my $source = slurp($header);
	$source =~ s{/\*.*?\*/}{ (my $c = $&) =~ tr/\n//cd; $c }gse;
	my ($line, $struct) = (0);
	for (split /\n/, $source) {
		$line++;
		s/^\s+|\s+$//g;
		if (/^struct (page_\w+) \{$/ and $1 !~ /^page_(?:file|field|url)$/) {
			$struct = $structs{$1} = { name => $1, members => [], counts => {} };
		} elsif (/^\}/) {
			undef $struct;
		} elsif ($struct && length) {
			read_member($struct, $_, "$header:$line");
		}
		if (/^enum page_id \{(.*)\};$/) {
			$ids{lc $_} = 1 for $1 =~ /\bPAGE_(\w+)/g;
		}
	}
	delete $structs{page};
	for my $s (values %structs) {
		for my $m (grep { $_->{kind} eq 'LIST' } @{$s->{members}}) {
			fault("$header: struct $s->{name}: '$m->{name}' lacks its number, '$m->{name}_n'")
			    unless $s->{counts}{$m->{name}};
			fault("$header: struct $s->{name}: there is no struct $m->{row}")
			    unless $structs{$m->{row}};
		}
	}
}

# The templates: the names that one uses, in its parts too, with the line of their first use

sub names_of {
	my ($file, $seen) = @_;
	my (%names, $line);
	my $source = $text{$file};
	return () if !defined $source || $seen->{$file}++;
	$source =~ s{<!--.*?-->}{ (my $c = $&) =~ tr/\n//cd; $c }gse;
	for (split /\n/, $source) {
		$line++;
		while (/\{\{\s*([#^\/>]?)\s*([^}\s]*)\s*\}\}/g) {
			my ($kind, $name) = ($1, $2);
			if ($kind eq '>') {
				my $part = $name =~ /\.css$/ ? $name : "_$name.html";
				fault("share/page/$file:$line: there is no part '$name'")
				    unless exists $text{$part};
				%names = (names_of($part, $seen), %names);
			} else {
				$names{$name} //= "share/page/$file:$line";
			}
		}
	}
	return %names;
}

# A struct behind those of its rows, and of theirs: each after what it is made of.
sub with_rows {
	my ($struct, $seen) = @_;
	return () if $seen->{$struct->{name}}++;
	return ((map { with_rows($structs{$_->{row}}, $seen) } grep { $_->{row} } @{$struct->{members}}), $struct);
}

sub check_page {
	my ($page) = @_;
	my $struct = $structs{"page_$page"};
	my %names = names_of("$page.html", {});
	my @all = with_rows($struct, {});
	my %members = map { $_->{name} => 1 } map { @{$_->{members}} } @all;
	for (sort keys %names) {
		fault("$names{$_}: '$_' is no member of struct page_$page in pages.h") unless $members{$_};
	}
	for (sort keys %members) {
		fault("share/page/$page.html: does not show '$_' of struct page_$page in pages.h")
		    unless exists $names{$_};
	}
}

# pages.c

sub c_string {
	my ($s) = @_;
	$s =~ s/([\\"])/\\$1/g;
	$s =~ s/\t/\\t/g;
	$s =~ s/([^\x20-\x7e\n])/sprintf '\\%03o', ord $1/ge;
	$s =~ s/\?\?/?\\?/g;
	return join "\n", map { "\t    \"$_\\n\"" } split /\n/, $s;
}

sub write_fields {
	my ($struct) = @_;
	print "static const struct page_field $struct->{name}_fields[] = {\n";
	for my $m (@{$struct->{members}}) {
		my $of = "struct $struct->{name}";
		print "\t{ .name = \"$m->{name}\", .kind = PAGE_$m->{kind}, .offset = offsetof($of, $m->{name})";
		print ",\n\t    .count = offsetof($of, $m->{name}_n), .size = sizeof(struct $m->{row}),",
		    "\n\t    .fields = $m->{row}_fields" if $m->{row};
		print " },\n";
	}
	print "\t{ .name = NULL },\n};\n\n";
}

for (@files) {
	my ($name) = m{([^/]+)$};
	$text{$name} = slurp($_);
	fault("$_: NUL or carriage return inside") if $text{$name} =~ /[\0\r]/;
	$text{$name} =~ s{/\*.*?\*/\s*|^\t+}{}gms if $name =~ /\.css$/;
}
read_header();
my @pages = sort grep { !/_row$/ } keys %structs;
s/^page_// for @pages;
for (@pages) {
	fault("share/page/$_.html: missing; pages.h has struct page_$_"), next unless exists $text{"$_.html"};
	fault("$header: enum page_id lacks PAGE_" . uc) unless $ids{$_};
	check_page($_);
}
for (sort keys %text) {
	next unless /^([^_].*)\.html$/;
	fault("share/page/$_: pages.h has no struct page_$1") unless $structs{"page_$1"};
}
exit 1 if $faults;

print "/* Made by gen-pages.pl from pages.h and share/page/. */\n";
print "#include \"config.h\"\n\n#include \"page/pages.h\"\n\n";
my %written;
write_fields($_) for map { with_rows($structs{"page_$_"}, \%written) } @pages;
print "const struct page page_table[PAGES] = {\n";
print "\t[PAGE_\U$_\E] = { \"$_\", page_${_}_fields },\n" for @pages;
print "};\n\nconst struct page_file page_files[] = {\n";
print "\t{ \"$_\",\n", c_string($text{$_}), " },\n" for sort keys %text;
print "\t{ NULL, NULL },\n};\n";
