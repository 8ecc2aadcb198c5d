# SPDX-License-Identifier: Apache-2.0
#
# What the benchmark measures with: load by wrk, CPU and memory of processes from /proc, and the verdicts.
# Ratios are judged, not times: all that is compared is measured in the same run, taking turns.

package Bench::Measure;

use strict;
use warnings;

use Exporter qw(import);
use POSIX qw(sysconf _SC_CLK_TCK);

use Gatehouse::Run qw(children find_program read_file);

our @EXPORT_OK = qw(load cpu_us family memory_kb peak_kb forget_peak threads descriptors median judge note failed rows);

my $failed = 0;
my @rows;    # what was judged: [what, value, mark, ok]

# A load on URL by wrk: { requests, us, bad, errors, p50, p99 } (times in microseconds). Options: seconds, connections,
# token, tokens (a file of them), script (a file of bench/: post.lua). Dies if an answer was not 200.
sub load {
	my ($url, %o) = @_;
	local $ENV{TOKEN} = $o{token} // '';
	local $ENV{TOKENS} = $o{tokens} // '';
	my $script = ($o{dir} // "$ENV{top_srcdir}/bench") . '/' . ($o{script} // 'post.lua');
	my @command = (find_program('wrk'), '-t1', "-c$o{connections}", "-d$o{seconds}s", '-s', $script, $url);
	open my $out, '-|', @command or die "bench: wrk: $!\n";
	my $text = do { local $/; <$out> };
	close $out;
	my ($line) = $text =~ /^BENCH (.*)$/m or die "bench: wrk says:\n$text";
	my %r = map { split /=/ } split / /, $line;
	die "bench: $r{bad} answers were not 200, $r{errors} errors at $url\n" if $r{bad} || $r{errors};
	return \%r;
}

# User and system time of processes so far, of their ended children too.
sub cpu_us {
	my $ticks = 0;
	for my $pid (@_) {
		my $line = eval { read_file("/proc/$pid/stat") } // next;
		my @f = split ' ', ($line =~ /\) (.*)$/s)[0];
		$ticks += $_ for @f[11 .. 14];
	}
	return $ticks * 1e6 / sysconf(_SC_CLK_TCK);
}

# Processes with all that they started.
sub family {
	my %seen;
	return grep { !$seen{$_}++ } map { ($_, family(children($_))) } @_;
}

# Proportional share of memory, in KB.
sub memory_kb {
	my $sum = 0;
	for my $pid (@_) {
		my ($kb) = read_file("/proc/$pid/smaps_rollup") =~ /^Pss:\s+(\d+) kB/m;
		$sum += $kb // 0;
	}
	return $sum;
}

sub forget_peak { Gatehouse::Run::write_file("/proc/$_[0]/clear_refs", '5'); return }

sub peak_kb {
	my ($kb) = read_file("/proc/$_[0]/status") =~ /^VmHWM:\s+(\d+) kB/m;
	return $kb;
}

sub threads { my @t = glob "/proc/$_[0]/task/*"; return scalar @t }
sub descriptors { my @d = glob "/proc/$_[0]/fd/*"; return scalar @d }

sub median {
	my @v = sort { $a <=> $b } @_;
	return @v % 2 ? $v[ $#v / 2 ] : ($v[ @v / 2 - 1 ] + $v[ @v / 2 ]) / 2;
}

# Says VALUE and whether it keeps MARK: at most, or with least => 1 at least.
sub judge {
	my ($what, $value, $mark, $format, %o) = @_;
	my $ok = $o{least} ? $value >= $mark : $value <= $mark;
	$failed = 1 if !$ok;
	push @rows, [$what, sprintf($format, $value), ($o{least} ? 'at least ' : 'at most ') . $mark, $ok];
	printf "%-4s %-58s $format (%s)\n", $ok ? 'ok' : 'MISS', $what, $value, $rows[-1][2];
	return $ok;
}

sub note { printf "     %s\n", $_[0]; return }

sub failed { return $failed }
sub rows   { return @rows }

1;
