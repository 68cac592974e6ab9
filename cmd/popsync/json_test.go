package main

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/checkup"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/parked"
	"github.com/popsync/popsync/internal/status"
	"github.com/popsync/popsync/pop3"
)

// jsonSections are the objects that programs read, by their heading in docs/json.md.
var jsonSections = map[string]any{
	"run": fetcher.Report{}, "step": fetcher.Step{}, "verdict": verdict.Verdict{},
	"status": status.Account{}, "waiting": status.Waiting{}, "came_short": status.Short{}, "left_alone": status.LeftAlone{}, "resting": status.Resting{},
	"progress": control.Progress{}, "healthcheck": status.Health{}, "unhealthy": status.Unhealthy{},
	"parked": parked.Message{}, "stuck": parked.StuckAt{},
	"missed": status.Missed{}, "diverted": status.Diverted{}, "check": checkup.Object{}, "destinations": checkup.Seen{}, "finding": checkup.Finding{},
}

// Every member is documented, and nothing is documented that there is not.
func TestJSONIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]map[string]bool{}
	for _, section := range regexp.MustCompile(`(?m)^##+ `).Split(string(doc), -1)[1:] {
		name, text, _ := strings.Cut(section, "\n")
		told[name] = map[string]bool{}
		for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z_]+`(?:, )?)+) \\|").FindAllStringSubmatch(text, -1) {
			for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
				told[name][m[1]] = true
			}
		}
	}
	known := map[reflect.Type]bool{}
	for _, v := range jsonSections {
		known[reflect.TypeOf(v)] = true
	}
	known[reflect.TypeFor[fetcher.Steps]()] = true // an array of steps
	for name, v := range jsonSections {
		if told[name] == nil {
			t.Errorf("docs/json.md has no section %s", name)
			continue
		}
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag, ok := f.Tag.Lookup("json")
			member, _, _ := strings.Cut(tag, ",")
			switch {
			case member == "-" || !f.IsExported():
				continue
			case !ok || !regexp.MustCompile(`^[a-z_]+$`).MatchString(member):
				t.Errorf("%s.%s has no name of its own in JSON", typ, f.Name)
			case !told[name][member]:
				t.Errorf("docs/json.md does not tell of %s in section %s", member, name)
			}
			delete(told[name], member)
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]() && !known[inner] {
				t.Errorf("%s.%s is an object that docs/json.md has no section for", typ, f.Name)
			}
			if strings.Contains(member, "bytes") {
				t.Errorf("%s.%s: what the log calls octets is called %s", typ, f.Name, member)
			}
			if inner == reflect.TypeFor[time.Duration]() && !regexp.MustCompile(`_(ns|ms|seconds)$`).MatchString(member) {
				t.Errorf("%s.%s: a span of time needs its unit in the name, not %s", typ, f.Name, member)
			}
		}
		for member := range told[name] {
			t.Errorf("docs/json.md tells of %s in section %s, which is not there", member, name)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("docs/json.md has a section %s that nothing prints", name)
	}
}

// oneStep is that of a message to be fetched.
func oneStep() fetcher.Steps {
	steps := report.NewSteps(oneListed{}, 1)
	steps.Add("fetch", 1, "new")
	return steps
}

type oneListed struct{}

func (oneListed) Len() int          { return 1 }
func (oneListed) At(int) pop3.Entry { return pop3.Entry{Num: 1, Size: 2, UID: "u", HasUID: true} }

// What is printed, as programs have come to rely on it.
func TestJSONIsAsItWas(t *testing.T) {
	at := time.Date(2026, 11, 28, 9, 10, 11, 0, time.UTC)
	for _, tc := range []struct {
		v    any
		want string
	}{
		{fetcher.Report{Account: "work", Started: at, Duration: 1500 * time.Millisecond, Listed: 3, New: 2, Bytes: 2048, Kept: 3,
			Notes: []string{"look"}, Reasons: map[string]int{"why": 1}, NextTry: at,
			Steps:   oneStep(),
			Verdict: verdict.Verdict{Class: verdict.Temporary, Message: "no", Hint: "wait"}},
			`{"account":"work","started":"2026-11-28T09:10:11Z","duration_ns":1500000000,"listed":3,"new":2,"octets":2048,"deleted":0,"kept":3,"skipped":0,"parked":0,"put_off":0,"newly_parked":0,"failed":0,"pending":0,"quarantined":0,"recovered":0,"refetched_unknown":0,"questioned":0,"adopted":0,"rebuilt":0,"unfetched":0,"notes":["look"],"reasons":{"why":1},"steps":[{"action":"fetch","num":1,"uid":"u","size":2,"reason":"new"}],"next_try":"2026-11-28T09:10:11Z","verdict":{"class":"temporary","message":"no","hint":"wait"}}`},
		{control.Progress{Account: "work", Messages: 1, Bytes: 2, Planned: 3, PlannedBytes: 4},
			`{"account":"work","messages":1,"octets":2,"planned":3,"planned_octets":4}`},
		{status.Health{Accounts: 2, Unhealthy: []status.Unhealthy{{Account: "work", LastSuccess: at, Reason: "never ran"}}},
			`{"healthy":false,"accounts":2,"paused":0,"unhealthy":[{"account":"work","last_success":"2026-11-28T09:10:11Z","reason":"never ran"}]}`},
	} {
		got, err := json.Marshal(tc.v)
		if err != nil || string(got) != tc.want {
			t.Errorf("got  %s\nwant %s (%v)", got, tc.want, err)
		}
	}
}
