#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Functions that we do not call: without a bound, with state of their own, through a shell, or
# that cannot say that they failed.
use strict;
use warnings;
use Test::More;
use Gatehouse::Source qw(files slurp);

my @banned = qw(
    strcpy strcat stpcpy sprintf vsprintf gets strtok
    atoi atol atoll atof scanf fscanf sscanf vscanf vfscanf vsscanf
    system popen mktemp tmpnam tempnam alloca asctime ctime gmtime localtime rand srand random
);
my $banned = join '|', @banned;

# C without comments, and strings without their text: a name in them is no call.
sub bare {
    my ($text) = @_;
    $text =~ s{(/\*.*?\*/|//[^\n]*)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'}
              {my $c = $1; defined $c ? ' ' . $c =~ tr/\n//cdr : '""'}gse;
    return $text;
}

is(bare(qq{a("strcpy(\\"") /* system(\n) */ b}), qq{a("")  \n b}, 'comments and strings are left out');

for my $file (files(qr{^(?:src|bin|cgi-bin|bench|t)/.*\.[ch]$})) {
    my $n = 0;
    my @calls;

    for my $line (split /\n/, bare(slurp($file))) {
        $n++;
        push @calls, "line $n: $1" while $line =~ /(?<![A-Za-z0-9_.>])($banned)\s*\(/g;
    }
    ok(!@calls, "$file calls no banned function") or diag(join "\n", @calls);
}

# json-c has its gate: nobody parses past it.
for my $file (files(qr{^(?:src|bin|cgi-bin)/.*\.[ch]$})) {
    next if $file eq 'src/json/json.c';
    unlike(bare(slurp($file)), qr/\bjson_tokener_|\bjson_object_from_/, "$file parses JSON through the gate only");
}
done_testing();
