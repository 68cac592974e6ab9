// Package human says numbers and times as people do: "1 message", "2.0 MiB", "3h ago". What it says cannot be read back, and is
// for nobody but them: JSON and logs have numbers.
package human

import (
	"fmt"
	"strings"
)

// Count is a number of things for people: "1 message", "2 messages". A thing that ends with y gets ies.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		thing = stem + "ie"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Octets is a size in octets for people.
func Octets(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// Verb is a word that goes with a number of things.
func Verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Them stands for a number of things: "it" or "them".
func Them(n int) string { return Verb(n, "it", "them") }
