package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	durationHint = `such as "90s", "10m", "12h" or "30d"`
	sizeHint     = `such as "0", "25MB" or "10MiB"`
)

// durationUnits is in falling order; a day is 24 hours.
var durationUnits = []struct {
	name string
	is   time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"ms", time.Millisecond}, {"m", time.Minute}, {"s", time.Second}}

// parseDuration reads whole numbers with units: 90s, 1h30m, 30d. A bare number is refused: nobody knows its unit.
func parseDuration(s string) (time.Duration, bool) {
	var sum time.Duration
	if s == "" {
		return 0, false
	}
	for s != "" {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		n, err := strconv.ParseInt(s[:digits], 10, 64)
		if err != nil {
			return 0, false
		}
		s = s[digits:]
		found := false
		for _, u := range durationUnits {
			if rest, ok := strings.CutPrefix(s, u.name); ok {
				if n > (math.MaxInt64-int64(sum))/int64(u.is) {
					return 0, false
				}
				sum += time.Duration(n) * u.is
				s, found = rest, true
				break
			}
		}
		if !found {
			return 0, false
		}
	}
	return sum, true
}

// spoken writes a time without the zeros at its end: 1h, not 1h0m0s.
func spoken(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var sizeUnits = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// parseSize reads octets: 0, 25MB (25,000,000), 10MiB (10,485,760). The case of the unit doesn't matter.
func parseSize(s string) (int64, bool) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	unit, known := sizeUnits[strings.ToLower(s[digits:])]
	if err != nil || !known || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}
