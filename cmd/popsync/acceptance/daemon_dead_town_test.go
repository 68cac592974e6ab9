package acceptance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// town is one server with the mailboxes of all live accounts.
type town struct {
	h      *house
	server *pop3test.Server
	mail   [][]byte // liveMessages for each
	given  int      // rounds

	mu     sync.Mutex
	passes map[string]int // sessions that ended in order
}

func liveName(i int) string { return fmt.Sprintf("live-%03d", i) }

// newTown makes live accounts: every tenth with TLS from the first octet, every tenth with STLS.
func newTown(t *testing.T, h *house, ca *pop3test.CA, caFile string) *town {
	t.Helper()
	w := &town{h: h, mail: mailgen.Messages(12, liveAccounts()*liveMessages, 300, 3000), passes: map[string]int{}}
	cert, err := ca.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	w.server = pop3test.NewServer(pop3test.Options{TLS: cert, OnCommand: w.count})
	t.Cleanup(w.server.Close)
	plain, err := w.server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	secure, err := w.server.ListenTLS()
	if err != nil {
		t.Fatal(err)
	}
	trust := fmt.Sprintf("ca_file = %q", caFile)
	for i := range liveAccounts() {
		name := liveName(i)
		w.server.AddUser(name, "p")
		switch i % 10 {
		case 0:
			h.add(name, "127.0.0.1", secure.Port, name, "p", name, trust, "alarm = true")
		case 1:
			h.add(name, "127.0.0.1", plain.Port, name, "p", name, trust, `tls = "starttls"`, "alarm = true")
		default:
			h.account(name, plain, name, "p", name, "alarm = true")
		}
	}
	w.deliver(0)
	return w
}

func (w *town) count(s *pop3test.Session, verb, _ string) *pop3test.Reply {
	if user := s.User(); user != "" && verb == "QUIT" {
		w.mu.Lock()
		w.passes[user]++
		w.mu.Unlock()
	}
	return nil
}

// deliver gives each live account its message of a round.
func (w *town) deliver(round int) {
	for i := range liveAccounts() {
		w.server.Deliver(liveName(i), pop3test.Message{UID: fmt.Sprintf("%d", round), Data: w.mail[i*liveMessages+round]})
	}
	w.given = round + 1
}

// sorted gives how many passes the live accounts had.
func (w *town) sorted() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []int
	for i := range liveAccounts() {
		all = append(all, w.passes[liveName(i)])
	}
	slices.Sort(all)
	return all
}

func (w *town) slowest() int { return w.sorted()[0] }
func (w *town) fastest() int { return w.sorted()[liveAccounts()-1] }

func (w *town) spread() string {
	all := w.sorted()
	return fmt.Sprintf("%d to %d, in the middle %d", all[0], all[len(all)-1], all[len(all)/2])
}

// arrived counts files in the live accounts' Maildirs.
func (w *town) arrived() (n int) {
	for i := range liveAccounts() {
		files, err := os.ReadDir(filepath.Join(w.h.mail(liveName(i)), "new"))
		if err == nil {
			n += len(files)
		}
	}
	return n
}

// check wants all mail once, passes as the schedule demands, and no account starved by another. A busy machine may
// make half of the passes come too late, but that of all accounts alike.
func (w *town) check(took time.Duration) {
	t := w.h.t
	t.Helper()
	all := w.sorted()
	if demand := int(took / deadEvery); all[0] < demand/2 {
		t.Errorf("a live account had %d passes in %v, its schedule demands %d", all[0], took, demand)
	}
	if middle := all[len(all)/2]; all[0] < middle*3/4-1 {
		t.Errorf("a live account had %d passes, half of them had %d", all[0], middle)
	}
	// The first comes when the daemon starts, and then no two are closer than the schedule says.
	if most := within(took, deadEvery); all[len(all)-1] > most {
		t.Errorf("a live account had %d passes in %v, want %d at most", all[len(all)-1], took, most)
	}
	for i := range liveAccounts() {
		got := arrived(t, w.h.mail(liveName(i)))
		want := wanted(w.mail[i*liveMessages : i*liveMessages+w.given]...)
		if lost, twice := differ(want, got); lost+twice > 0 {
			t.Errorf("%s: %d messages lost, %d too many or changed", liveName(i), lost, twice)
		}
	}
	for uid, n := range w.server.Stats().Retrieved {
		if n != liveAccounts() {
			t.Errorf("message %s was retrieved %d times, want once by each of %d", uid, n, liveAccounts())
		}
	}
}

// answers are what popsync says when it is asked how things are.
type answers struct {
	status   map[string]map[string]any
	sick     map[string]bool   // for healthcheck
	failures map[string]int    // for Prometheus
	metrics  map[string]string // all figures, by name and labels
}

func (h *house) ask(r *resident) (a answers) {
	h.t.Helper()
	a = answers{status: map[string]map[string]any{}, sick: map[string]bool{}, failures: map[string]int{}, metrics: map[string]string{}}
	for line := range strings.Lines(h.popsync("status", "--json").out) {
		var st map[string]any
		if err := json.Unmarshal([]byte(line), &st); err != nil {
			h.t.Fatal(err)
		}
		a.status[st["account"].(string)] = st
	}
	check := h.popsync("healthcheck", "--json")
	var health struct {
		Healthy   bool
		Unhealthy []struct{ Account string }
	}
	if err := json.Unmarshal([]byte(check.out), &health); err != nil {
		h.t.Fatal(err)
	}
	for _, u := range health.Unhealthy {
		a.sick[u.Account] = true
	}
	if healthy := check.code == 0; healthy != health.Healthy || healthy != (len(a.sick) == 0) {
		h.t.Errorf("healthcheck: exit code %d, healthy %t, %d accounts are not", check.code, health.Healthy, len(a.sick))
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dialUnix(h.mail("m.sock"))}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://popsync/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		a.metrics[name] = value
		if rest, ok := strings.CutPrefix(name, `popsync_failures_total{account="`); ok {
			account, _, _ := strings.Cut(rest, `"`)
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				h.t.Fatal(err)
			}
			a.failures[account] += int(n)
		}
	}
	return a
}

// check compares the answers with what is known.
func (a answers) check(t *testing.T, w *town, sick, healed map[string]*dead) {
	t.Helper()
	if want := liveAccounts() + len(sick) + len(healed); len(a.status) != want || a.metrics["popsync_accounts"] != strconv.Itoa(want) {
		t.Errorf("status knows %d accounts and metrics %s, want %d", len(a.status), a.metrics["popsync_accounts"], want)
	}
	for name, st := range a.status {
		d := sick[name]
		metric := func(m string) string { return a.metrics["popsync_"+m+`{account="`+name+`"}`] }
		said := fmt.Sprintf("status %v, healthcheck sick %t, metrics: %d failures, last success %s", st, a.sick[name], a.failures[name],
			metric("last_success_timestamp_seconds"))
		if st["daemon"] != true || a.sick[name] != (d != nil) {
			t.Errorf("%s: %s", name, said)
		}
		if d != nil {
			if st["class"] != d.class || st["trouble"] == nil || st["next_step"] == "none" || st["trouble_since"] == nil || st["last_success"] != nil ||
				st["alarmed"] != true || a.failures[name] == 0 || a.metrics[`popsync_failures_total{account="`+name+`",class="`+d.class+`"}`] == "" ||
				metric("last_success_timestamp_seconds") != "0" || metric("consecutive_failures") == "0" || metric("messages_total") != "0" {
				t.Errorf("%s: %s", name, said)
			}
			continue
		}
		want := strconv.Itoa(w.given)
		if healed[name] != nil {
			want = "2"
		}
		if st["trouble"] != nil || st["trouble_since"] != nil || st["last_success"] == nil || st["failures"] != 0.0 || fmt.Sprint(st["kept"]) != want ||
			(a.failures[name] > 0) != (healed[name] != nil) || metric("last_success_timestamp_seconds") == "0" ||
			metric("consecutive_failures") != "0" || metric("messages_total") != want {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// knows tells whether all of these accounts have had so many alarms, in both ways.
func (h *house) knows(all []*dead, n int) bool {
	told, _ := h.told()
	return !slices.ContainsFunc(all, func(d *dead) bool {
		alarms, _ := alarmsIn(h.t, h.mail(d.maildir()))
		return told[d.name]["trouble"]+told[d.name]["recovered"] < n || alarms < n && !d.noMail
	})
}

// checkTold wants one alarm for each dead account, and one when it is healed; none for the living.
func (h *house) checkTold(all []*dead, healed map[string]*dead) {
	t := h.t
	t.Helper()
	told, causes := h.told()
	for _, d := range all {
		want := map[string]int{"trouble": 1}
		if healed[d.name] != nil {
			want["recovered"] = 1
		}
		if fmt.Sprint(told[d.name]) != fmt.Sprint(want) || causes[d.name] != d.class {
			t.Errorf("%s: %v (%s) was told, want %v (%s)", d.name, told[d.name], causes[d.name], want, d.class)
		}
		if alarms, _ := alarmsIn(t, h.mail(d.maildir())); alarms != told[d.name]["trouble"]+told[d.name]["recovered"] && !d.noMail {
			t.Errorf("%s has %d alarms in its Maildir, and the command was told %v", d.name, alarms, told[d.name])
		}
		delete(told, d.name)
	}
	if len(told) > 0 {
		t.Errorf("of the living was told: %v", told)
	}
}

// resident is the daemon's memory, in octets.
func (d *resident) resident() int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.cmd.Process.Pid)) // not everywhere
	if f := strings.Fields(string(b)); len(f) > 1 {
		pages, _ := strconv.ParseInt(f[1], 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

func (d *resident) descriptors() int {
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
	return len(open)
}
