# Writes what `go test -bench` says of a benchmark as lines of their own, in columns: a figure and its unit. Ratios, which do not
# depend on how fast the machine is, come before the rest.
/^Benchmark/ && NF >= 4 {
	print $1
	for (pass = 1; pass <= 2; pass++)
		for (i = 3; i < NF; i += 2) {
			ratio = $(i + 1) ~ /^x-|-x-|of-|times-|warm\/cold|^goal$/
			if (ratio == (pass == 1) && !($i == 0 && $(i + 1) == "ns/op"))
				printf "  %12s  %s\n", $i, $(i + 1)
		}
	fflush()
	next
}
{ print; fflush() }
