#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The order of the folders of src/: each includes only what stands above it.
use strict;
use warnings;
use Test::More;
use Gatehouse::Source qw(files slurp top);

my @order = qw(base json rpc net conf keys db event http keeper page registry idp oauth upstream script policy mcp consent console);
my %rank;
@rank{@order} = 0 .. $#order;

my %seen;
for my $file (files(qr{^src/[^/]+/.*\.[ch]$})) {
    my ($folder) = $file =~ m{^src/([^/]+)/};
    my @wrong;

    $seen{$folder}++;
    for my $name (slurp($file) =~ /^[ \t]*#[ \t]*include[ \t]*"([^"]+)"/mg) {
        next if $name eq 'config.h';
        my ($other) = $name =~ m{^([^/]+)/};
        if (!defined $other || $other eq '..') {
            push @wrong, "$name is not named from src/";
        } elsif (!exists $rank{$other}) {
            push @wrong, "$name lies in no folder of src/";
        } elsif ($rank{$other} > ($rank{$folder} // -1)) {
            push @wrong, $name;
        }
    }
    ok(!@wrong, "$file includes only what stands above it") or diag("it includes @wrong");
}
ok(exists $rank{$_}, "the folder src/$_ has its place in the order") for sort keys %seen;

for my $file (files(qr{^(?:src|bin|cgi-bin)/.*\.c$})) {
    my @names = slurp($file) =~ /^#[ \t]*include[ \t]*(\S+)/mg;
    my ($own) = $file =~ m{^src/(.*)\.c$};

    is($names[0], '"config.h"', "$file begins with config.h");
    next unless $own && -f top() . "/src/$own.h";
    like($names[1], qr/^"\Q$own\E(?:_internal)?\.h"$/, "$file includes its own header next");
}
done_testing();
