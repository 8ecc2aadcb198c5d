#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What the built programs ask the linker for. jansson (which other libraries bring along) and
# json-c share names of symbols: a program that asked for both would call one with the other's data.
#
# What the programs have in common is one library of their own, which every process shares: each finds it without help, and it
# shows to others nothing that they might take for theirs.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Copy qw(copy);
use File::Temp ();
use Test::More;

my $build = $ENV{top_builddir} || '.';
my @serving = grep { -f && -x } glob(($ENV{GATEHOUSE_BIN} || $build) . '/*.fcgi');
my @programs = (@serving, grep { -f && -x } $ENV{GATEHOUSE_BIN} ? "$ENV{GATEHOUSE_BIN}/gatehousectl" : "$build/bin/gatehousectl");
my $shared = !-e "$build/config.status" || grep { /^S\["SHARED_TRUE"\]=""/ } lines_of("$build/config.status");
my $library = $shared ? library_of($serving[0]) : undef;

# The output of readelf, run without a shell.
sub readelf {
    my (@arguments) = @_;
    open my $out, '-|', 'readelf', '-W', @arguments or BAIL_OUT("cannot run readelf: $!");
    local $/;
    my $text = <$out>;
    close $out or BAIL_OUT("readelf @arguments failed");
    return $text;
}

sub lines_of {
    my ($path) = @_;
    open my $f, '<', $path or BAIL_OUT("$path: $!");
    return <$f>;
}

# What a command says, run in an environment that names no folder of libraries.
sub output_of {
    my ($more, @command) = @_;
    local %ENV = (PATH => '/usr/bin:/bin', LANG => 'C', %$more);
    my $pid = open my $out, '-|';
    defined $pid or BAIL_OUT("fork: $!");
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or die "$command[0]: $!";
    }
    local $/;
    return scalar <$out> // '';
}

# The file that the loader takes for our library.
sub library_of {
    my ($program) = @_;
    return (output_of({ LD_TRACE_LOADED_OBJECTS => 1 }, abs_path($program)) =~ m{libgatehouse\S* => (/\S+)})[0];
}

ok(@programs >= 2, 'programs were built') or diag("in $build");
for my $program (@programs, $library // ()) {
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
ok($oauth && readelf('-d', $library // $oauth) =~ /\[libcjose/, 'one of them uses libcjose, which brings jansson');

SKIP: {
    skip 'configured with --disable-shared', 1 if !$shared;
    ok($library, 'there is a library of ours') or last SKIP;
    my $there = File::Temp->newdir;
    if (!$ENV{GATEHOUSE_BIN}) {
        is(system("make -s -C '$build' install DESTDIR='$there' >'$there/log' 2>&1"), 0, 'make install puts all into place')
          or diag(lines_of("$there/log"));
    }
    my %asked;
    for my $program (@serving) {
        my ($name) = $program =~ m{([^/]+)$};
        my $dynamic = readelf('-d', $program);
        my %wanted = map { $_ => 1 } readelf('--dyn-syms', $program) =~ /\bUND (\w+)$/mg;
        ok($wanted{serve}, "$name has its loop from the library, not a copy of its own");
        @asked{ keys %wanted } = ();
        my ($soname) = $dynamic =~ /\(NEEDED\).*?\[(libgatehouse[^\]]*)\]/;
        my ($path) = $dynamic =~ /\(RUNPATH\).*?\[([^\]]*)\]/;
        like($path // '', qr{^\$ORIGIN:/[^:\$]+$}, '... looks for it beside itself, then where it is installed, and nowhere else');
        my ($folder) = ($path // '') =~ m{:(/.*)};
        ok(-f "$there$folder/$soname", '... which is where make install puts it') or diag("$there$folder/$soname")
          if !$ENV{GATEHOUSE_BIN} && $folder && $soname;
        is(library_of($program), $library, '... and finds it');
        like(output_of({}, abs_path($program), '--version'), qr/^\Q$name\E \(gatehouse /, '... without being told where');
    }
    # in somebody's cgi-bin, under another name
    if (my ($mcp) = grep { m{/mcp\.fcgi$} } @serving) {
        copy($library, "$there/" . ($library =~ m{([^/]+)$})[0]) && copy($mcp, "$there/mcp.cgi") or BAIL_OUT("copy: $!");
        chmod 0755, "$there/mcp.cgi";
        is(library_of("$there/mcp.cgi"), abs_path("$there/" . ($library =~ m{([^/]+)$})[0]), 'a copy with the library beside it takes that one');
    }
    my @shown = sort map { /(\w+)$/ } grep { / GLOBAL | WEAK / && !/ UND / && /\d+ \w+$/ } split /\n/, readelf('--dyn-syms', $library);
    my @extra = grep { !exists $asked{$_} } @shown;
    is("@extra", '_gnutls_global_init_skip', 'the library shows no name that nobody asks for');
    my @bound = grep { /symbol `_gnutls_global_init_skip'/ } split /\n/, output_of({ LD_DEBUG => 'bindings' }, abs_path($serving[0]), '--version');
    skip 'no library brings GnuTLS', 1 if !@bound;
    ok((grep { /file \S*libgnutls\S* \[0\] to \Q$library\E/ } @bound), 'GnuTLS asks the library whether to begin by itself') or diag(@bound);
}
done_testing();
