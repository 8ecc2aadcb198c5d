#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What the built programs ask the linker for. jansson (which other libraries bring along) and
# json-c share names of symbols: a program that asked for both would call one with the other's data.
use strict;
use warnings;
use Test::More;

my $build = $ENV{top_builddir} || '.';
my @programs = grep { -f && -x } $ENV{GATEHOUSE_BIN}
    ? (glob("$ENV{GATEHOUSE_BIN}/*.fcgi"), glob("$ENV{GATEHOUSE_BIN}/gatehousectl"))
    : (glob("$build/*.fcgi"), "$build/bin/gatehousectl");

# The output of readelf, run without a shell.
sub readelf {
    my (@arguments) = @_;
    open my $out, '-|', 'readelf', '-W', @arguments or BAIL_OUT("cannot run readelf: $!");
    local $/;
    my $text = <$out>;
    close $out or BAIL_OUT("readelf @arguments failed");
    return $text;
}

ok(@programs >= 2, 'programs were built') or diag("in $build");
for my $program (@programs) {
    my ($name) = $program =~ m{([^/]+)$};
    my @needed = readelf('-d', $program) =~ /\(NEEDED\).*?\[([^\]]+)\]/g;
    my %at;

    @at{@needed} = 0 .. $#needed;
    ok(!grep(/^libjansson/, @needed), "$name does not ask for jansson itself");
    next unless grep { /^libjson-c/ } @needed;
    # the first library that has a symbol wins, and dependencies of libraries come behind all of these
    my ($json) = map { $at{$_} } grep { /^libjson-c/ } @needed;
    my @before = grep { $at{$_} < $json && /^lib(?:cjose|jansson)/ } @needed;
    ok(!@before, "$name asks for json-c before any library that brings jansson") or diag("@before");
    my %bound = readelf('--dyn-syms', $program) =~ /\bUND (json_\w+)@(\w+)/g;
    my @wrong = grep { $bound{$_} !~ /^JSONC/ } sort keys %bound;
    ok(%bound && !@wrong, "$name has every json_ symbol from json-c") or diag("@wrong");
    ok(readelf('--dyn-syms', $program) !~ /\bUND json_(?:loads|loadb|dumps|decref|object_iter)\b/,
        "$name uses no symbol of jansson");
}
my ($oauth) = grep { m{/oauth\.fcgi$} } @programs;
ok($oauth && readelf('-d', $oauth) =~ /\[libcjose/, 'one of them uses libcjose, which brings jansson');
done_testing();
