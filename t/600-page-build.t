#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The build ends when a template and the values of its page differ.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $top = $ENV{top_srcdir} || '.';
my @files = (glob("$top/share/page/*.html"), glob("$top/share/static/*.css"));

sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; return scalar <$f> }

# Runs the generator after EDIT changed the text of FILE (the name alone): (exit status, errors).
sub generate {
	my ($file, $edit) = @_;
	my $dir = tempdir(CLEANUP => 1);
	for my $from (@files, "$top/src/page/pages.h") {
		my ($name) = $from =~ m{([^/]+)$};
		local $_ = slurp($from);
		if (defined $file && $name eq $file) {
			my $before = $_;
			$edit->();
			next unless defined;
			die "the edit of $file changes nothing" if $_ eq $before;
		}
		open my $f, '>', "$dir/$name" or die $!;
		print $f $_;
		close $f or die $!;
	}
	my @in = grep { -e } map { m{([^/]+)$}; "$dir/$1" } @files;
	my $status = system "$^X $top/src/page/gen-pages.pl $dir/pages.h @in >$dir/out 2>$dir/err";
	return ($status >> 8, slurp("$dir/err"));
}

my ($status, $errors) = generate();
is($status, 0, 'the templates as they are fit their pages');
is($errors, '', 'without a word');

for (
	['error.html', sub { s/\{\{remedy\}\}/{{remedi}}/ },
		qr/error\.html:\d+: 'remedi' is no member of struct page_error/, 'a value that the page lacks'],
	['error.html', sub { s/\{\{remedy\}\}// },
		qr/error\.html: does not show 'remedy' of struct page_error/, 'a value that the template leaves out'],
	['error.html', sub { s/\{\{remedy\}\}/<!-- {{remedy}} -->/ },
		qr/error\.html: does not show 'remedy'/, 'a value shown in a comment only'],
	['_top.html', sub { s/\{\{host\}\}/{{hostess}}/ },
		qr/_top\.html:\d+: 'hostess' is no member/, 'the same in a part'],
	['consent.html', sub { s/\{\{permission\}\}// },
		qr/consent\.html: does not show 'permission'/, 'the same in a row'],
	['consent.html', sub { s/\{\{>top\}\}/{{>topp}}/ },
		qr/consent\.html:\d+: there is no part 'topp'/, 'a part that does not exist'],
	['pages.h', sub { s/^(struct page_error \{)/$1\n\tconst char *extra;/m },
		qr/error\.html: does not show 'extra'/, 'a new value that no template shows'],
	['pages.h', sub { s/const char \*remedy;/char remedy[9];/ },
		qr/pages\.h:\d+: cannot read 'char remedy\[9\];'/, 'a member of a type that is no value'],
	['pages.h', sub { s/size_t grants_n;// },
		qr/struct page_grants: 'grants' lacks its number/, 'rows without a number'],
	['pages.h', sub { s/struct page_consent \{/struct page_agree {/ },
		qr/agree\.html: missing/, 'a page without a template'],
	['grants.html', sub { undef $_ }, qr/grants\.html: missing/, 'a template that is gone'],
) {
	my ($file, $edit, $want, $name) = @$_;
	($status, $errors) = generate($file, $edit);
	isnt($status, 0, "$name ends the build");
	like($errors, $want, '... and says where');
}

done_testing();
