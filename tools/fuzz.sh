#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default 60s), one after another, starting from the committed seeds.
set -euo pipefail
cd "$(dirname "$0")/.."

fuzztime=${FUZZTIME:-60s}
targets=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func /:/' | sort)
[ -n "$targets" ] || { echo "no fuzz target found" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT

while IFS=: read -r file target; do
	dir=$(dirname "$file")
	[ -n "$(ls -A "$dir/testdata/fuzz/$target" 2>/dev/null)" ] || { echo "$target has no seeds in $dir" >&2; exit 1; }
	for try in 1 2 3; do
		echo "fuzzing $dir $target for $fuzztime"
		if go test -run='^$' -fuzz="^$target\$" -fuzztime="$fuzztime" -fuzzminimizetime=5x "$dir" >"$log" 2>&1; then
			tail -n 2 "$log"
			break
		fi
		# Before Go 1.27 the fuzzer sometimes takes the end of its time for a failure; a real one leaves an input.
		if [ "$try" != 3 ] && grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
			continue
		fi
		cat "$log" >&2
		exit 1
	done
done <<<"$targets"
