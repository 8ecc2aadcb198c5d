# SPDX-License-Identifier: Apache-2.0
# The files that we wrote, for the tests that guard them: what a tarball or a checkout holds,
# without what autotools, builds and npm put beside it.
package Gatehouse::Source;

use strict;
use warnings;
use Exporter 'import';
use File::Find ();

our @EXPORT_OK = qw(top files slurp);

my @folders = qw(bench bin cgi-bin docs etc man share sql src t);

sub top { return $ENV{top_srcdir} || '.' }

# Paths below the top, sorted; those that match PATTERN.
sub files {
    my ($pattern) = @_;
    my $top = top();
    my @found;

    opendir my $dir, $top or die "cannot read $top: $!";
    my @plain = grep { -f "$top/$_" && !/^(?:\.|config|aclocal|Makefile\.in|Makefile$|stamp)|~$/ } readdir $dir;
    push @plain, grep { -f "$top/$_" } qw(configure.ac);
    closedir $dir;
    File::Find::find({
        no_chdir   => 1,
        preprocess => sub { grep { !/^(?:node_modules|\.npm|\.deps)$/ } @_ },
        wanted     => sub { push @found, $_ if -f },
    }, grep { -d } map { "$top/$_" } @folders);
    s{^\Q$top\E/}{} for @found;
    return grep { $_ =~ $pattern } sort @found, @plain;
}

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', top() . "/$path" or die "cannot read $path: $!";
    local $/;
    return scalar <$in>;
}

1;
