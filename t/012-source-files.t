#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What every file has (licence, a comment that says what it is for) and what none has (paths of
# the machine it was written on, package registries, blanks at the end of lines).
use strict;
use warnings;
use Test::More;
use Gatehouse::Source qw(files slurp);

my $licence = 'SPDX-License-Identifier: Apache-2.0';

for my $file (files(qr{\.[ch]$})) {
    my $text = slurp($file);

    ok($text =~ m{\A/\* \Q$licence\E \*/\n/\*.+?\*/\n}s,
        "$file begins with its licence and a comment that says what it is for");
    ok($text !~ /[ \t]$/m, "$file has no blanks at the end of lines");
    next unless $file =~ /\.h$/;
    my ($guard) = $text =~ /^#ifndef (\w+)\n#define \1\n/m;
    (my $want = uc $file) =~ s{^SRC/}{};
    $want =~ s/\W/_/g;
    is($guard, "GATEHOUSE_$want", "$file is guarded by its own name");
}

for my $file (files(qr{\.(?:pl|pm|t|sh)$|^t/run$})) {
    ok(slurp($file) =~ m{\A(?:#!.*\n)?(?:# \Q$licence\E\n)?(?:#\n)*#[^\n]*\w}, "$file begins with a comment");
}
for my $file (files(qr{^sql/.*\.sql$})) {
    ok(slurp($file) =~ m{\A--[^\n]*\w}, "$file begins with a comment");
}

# Written in pieces, so that this file does not hold what it looks for.
my @places = map { qr{(?<![\w./*\}-])/$_/} } 'wo' . 'rk', 'ho' . 'me', 'Us' . 'ers';
my @hosts = map { my $h = join '.', @$_; qr/\b\Q$h\E\b/i } [qw(registry npmjs org)], [qw(registry yarnpkg com)],
    [qw(pypi org)], [qw(files pythonhosted org)], [qw(crates io)], [qw(proxy golang org)], [qw(rubygems org)];

for my $file (grep { !m{^t/fuzz/corpus/} } files(qr/./)) {
    my $text = slurp($file);
    my @found = map { $text =~ /($_)/ ? $1 : () } @places, @hosts;

    ok(!@found, "$file names no place of one machine and no package registry") or diag("it names @found");
}
for my $file (files(qr{(?:^|/)package-lock\.json$})) {
    ok(slurp($file) !~ /"resolved"\s*:/, "$file leaves it to npm's configuration where packages come from");
}
done_testing();
