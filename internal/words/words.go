// Package words words things for people: numbers, times, text of foreign origin in a bounded length. It knows nothing of mail;
// what text may be shown at all is decided by foreign.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

// maxText is the longest text of foreign origin that is stored or logged, in octets.
const maxText = 1024

// Clip makes text harmless and bounds it to 1,024 octets: see foreign.Tidy.
func Clip(s string) string { return foreign.Tidy(s, maxText) }

// Number is so many things in words: "1 message", "2 messages", "2 copies".
func Number(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok {
		one = stem + "ie"
	}
	return strconv.Itoa(n) + " " + one + "s"
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

// Plural chooses between the words for one thing and for several.
func Plural(n int, singular, several string) string {
	if n == 1 {
		return singular
	}
	return several
}

// Times is how often something happened: "once", "2 times".
func Times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Quote is a unique-id as it appears in logs: as it is when it is plain, else quoted.
func Quote(uid string) string {
	for i := 0; i < len(uid); i++ {
		if uid[i] <= 0x20 || uid[i] >= 0x7f || uid[i] == '"' || uid[i] == '\\' {
			return Clip(strconv.QuoteToASCII(uid))
		}
	}
	return Clip(uid)
}

// Roughly is a span of time in its largest fitting unit: "90 s", "90 min", "36 h", "3 days".
func Roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// Stamp is a time (Unix seconds) on this machine's clock, to the minute.
func Stamp(unix int64) string { return time.Unix(unix, 0).Format("2006-01-02 15:04") }

// Few names some of many, with how many more there are.
func Few(names []string) string {
	const most = 5
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
