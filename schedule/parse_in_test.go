package schedule_test

import (
	"strings"
	"testing"

	"github.com/popsync/popsync/schedule"
)

// The error names the key that is wrong.
func TestParseIn(t *testing.T) {
	for _, tt := range []struct{ spec, zone, want string }{
		{"0 3 * * *", "Europe/Berlin", ""}, {"*/5 * * * *", "", ""}, {"x", "", "schedule: "}, {"*/5 * * * *", "Nowhere/At", "timezone: "},
	} {
		s, err := schedule.ParseIn(tt.spec, tt.zone)
		if tt.want == "" && (err != nil || s.String() != tt.spec) || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
