package metrics

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var at = time.Unix(1_800_000_000, 250e6)

// sample is a process that knows two accounts and has forgotten a third.
func sample() *Metrics {
	m := New(Options{Version: "1.2.3"})
	m.Seed("home", Past{})
	m.Seed("work", Past{LastSuccess: at.Add(-time.Hour), LastPass: at.Add(-time.Minute), Failures: 3})
	m.Seed("left", Past{LastSuccess: at})
	m.Set("home", Gauges{Parked: 1, Backlog: 4, NextRun: at.Add(10 * time.Minute)})
	m.Set("work", Gauges{Paused: true, Slow: true})
	m.Pass(Pass{Account: "home", Ended: at, Duration: 45 * time.Second, Class: "ok", Messages: 3, Bytes: 6000, Deleted: 2, Quarantined: 1})
	m.Pass(Pass{Account: "home", Ended: at.Add(time.Minute), Duration: 50 * time.Millisecond, Class: "login"})
	m.Pass(Pass{Account: "work", Ended: at, Duration: 2 * time.Hour, Class: "config", Messages: 1, Bytes: 10, PassTime: true})
	m.Pass(Pass{Account: "left", Ended: at, Class: "internal"})
	m.Forget("left")
	m.Begin()
	m.Begin()()
	return m
}

// text is what a scrape would get.
func text(t *testing.T, m *Metrics) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "popsync.prom")
	if err := m.WriteTextfile(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// POPSYNC_UPDATE=1 writes the file anew.
func TestGolden(t *testing.T) {
	const file = "testdata/metrics.prom"
	got := text(t, sample())
	if os.Getenv("POPSYNC_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s and the figures differ; got\n%s", file, got)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(sample().reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if p, err := promlint.New(strings.NewReader("# TYPE x counter\nx 1\n")).Lint(); err != nil || len(p) == 0 {
		t.Errorf("the lint finds nothing wrong with a bad name: %v", err)
	}
}

// Every series of a known account is there before anything happened, and none is when it was forgotten.
func TestSeriesOfAnAccount(t *testing.T) {
	m := New(Options{})
	count := func() int { return strings.Count(text(t, m), `account="a"`) }
	if n := count(); n != 0 {
		t.Errorf("%d lines of an account that is not known", n)
	}
	m.Pass(Pass{Account: "a", Messages: 1})
	m.Set("a", Gauges{Parked: 1})
	if n := count(); n != 0 {
		t.Errorf("%d lines of an account that was not seeded", n)
	}
	m.Seed("a", Past{})
	before := count()
	if want := 9 + 5 + len(classes) + 12 + 3; before != want {
		t.Errorf("%d lines, want %d", before, want)
	}
	for _, class := range append(classes, "ok", "", "unheard of") {
		m.Pass(Pass{Account: "a", Class: class, Messages: -1, Bytes: -1, Duration: -1})
	}
	m.Set("a", Gauges{Parked: 1})
	if n := count(); n != before {
		t.Errorf("%d lines after passes, %d before", n, before)
	}
	if n := testutil.ToFloat64(m.bad.WithLabelValues("a", "temporary")); n != 2 {
		t.Errorf("%v temporary failures, want the unknown class among them", n)
	}
	m.Forget("a")
	m.Pass(Pass{Account: "a", Messages: 1}) // ended after the account was removed
	m.Set("a", Gauges{})
	m.Forget("never was")
	if n := count(); n != 0 {
		t.Errorf("%d lines are left of a forgotten account", n)
	}
	m.Seed("a", Past{})
	if n := testutil.ToFloat64(m.accounts); n != 1 {
		t.Errorf("%v accounts", n)
	}
}

// A reload seeds every account; what this process counted stays.
func TestSeedAgain(t *testing.T) {
	m := New(Options{})
	m.Seed("a", Past{LastSuccess: at, Failures: 2})
	m.Pass(Pass{Account: "a", Ended: at.Add(time.Minute), Class: "temporary"})
	m.Seed("a", Past{})
	for want, got := range map[float64]float64{
		1_800_000_000.25: testutil.ToFloat64(m.lastSuccess.WithLabelValues("a")),
		1_800_000_060.25: testutil.ToFloat64(m.lastPass.WithLabelValues("a")),
		3:                testutil.ToFloat64(m.consecutive.WithLabelValues("a")),
	} {
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestRuntimeMetricsOnRequest(t *testing.T) {
	if s := text(t, New(Options{})); strings.Contains(s, "go_") {
		t.Error("runtime metrics that nobody asked for")
	}
	if s := text(t, New(Options{Runtime: true})); !strings.Contains(s, "go_goroutines") || !strings.Contains(s, "process_open_fds") {
		t.Errorf("no runtime metrics:\n%s", s)
	}
	if s := text(t, New(Options{Version: "v\xff\"\n"})); !strings.Contains(s, `popsync_build_info{version="v?\"\n"} 1`) {
		t.Errorf("odd version:\n%s", s)
	}
}

// The race detector judges this one; the sum shows that nothing was lost.
func TestConcurrency(t *testing.T) {
	m := New(Options{})
	m.Seed("stays", Past{})
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			goes := fmt.Sprint("goes", i%2)
			for range 50 {
				end := m.Begin()
				m.Seed(goes, Past{})
				m.Pass(Pass{Account: "stays", Messages: 1, Bytes: 2})
				m.Pass(Pass{Account: goes, Class: "temporary"})
				m.Set(goes, Gauges{Parked: 1})
				m.Forget(goes)
				end()
				end()
			}
			if err := m.WriteTextfile(filepath.Join(dir, "x.prom")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := text(t, m)
	for _, want := range []string{`popsync_messages_total{account="stays"} 400`, `popsync_bytes_total{account="stays"} 800`,
		"popsync_accounts 1\n", "popsync_passes_running 0\n"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(s, "goes") {
		t.Error("a forgotten account came back")
	}
}

// docs/metrics.md has each metric with its type, its labels and the words of its help, and no other.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(popsync_\\w+)` \\| (\\w+) \\| ([^|]*) \\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		documented[m[1]] = m[2] + " of " + strings.ReplaceAll(m[3], "`", "") + ": " + m[4]
	}
	families, err := sample().reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		want := strings.ToLower(f.GetType().String()) + " of " + strings.Join(labels, ", ") + ": " + f.GetHelp()
		if got := documented[f.GetName()]; got != want {
			t.Errorf("%s is documented as\n%s\nand is\n%s", f.GetName(), got, want)
		}
		delete(documented, f.GetName())
	}
	for name := range documented {
		t.Errorf("%s is documented and does not exist", name)
	}
	for _, name := range regexp.MustCompile(`popsync_\w+`).FindAllString(string(page), -1) {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		if !strings.Contains(text(t, sample()), "# TYPE "+name+" ") {
			t.Errorf("the page speaks of %s, which does not exist", name)
		}
	}
}
