//go:build amd64 || arm64

package main_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The daemon under the shipped unit's restrictions, killed again and again while mail comes: nothing lost, nothing
// twice, and all that tells about it tells the truth.
func TestAcceptDaemonSoak(t *testing.T) {
	length, kills, seed := 15*time.Second, 3, uint64(51)
	if text := os.Getenv("POPSYNC_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil || length < 15*time.Second {
			t.Fatalf("POPSYNC_SOAK=%s", text)
		}
		kills = 20
	}
	k := newSoak(t, length, seed, "")
	k.run(kills, soakPlan)
	k.quiet()
	k.agree()
	k.now.stops(0)
	k.nothingLost()
	k.flat()
	k.idle()
}

// A build that commits late, and a thief at the Maildir: the soak must see both. It runs only beside the long one.
func TestAcceptDaemonSoakControl(t *testing.T) {
	if os.Getenv("POPSYNC_SOAK") == "" {
		t.Skip("POPSYNC_SOAK is not set")
	}
	k := newSoak(t, 40*time.Second, 52, "control_latestate")
	k.run(8, []string{"in the midst of a pass"})
	k.quiet()
	k.now.stops(0)
	stolen := maildirFiles(t, k.maildir("keep"))[0]
	if err := os.Remove(stolen); err != nil {
		t.Fatal(err)
	}
	got := k.balances()
	t.Log(got)
	if c := got["keep"]; c.lost == 0 && c.twice == 0 { // what was stolen may be one of two
		t.Errorf("the thief was not seen: %v", c)
	}
	if got["keep"].twice+got["gone"].twice+got["both"].twice == 0 {
		t.Error("a build that commits late was not seen")
	}
}

// quiet waits until nothing is on its way any more, and each account was asked once more.
func (k *soak) quiet() {
	k.t.Helper()
	k.now.until("all mail to arrive", func() bool {
		for _, a := range k.accounts {
			if len(maildirFiles(k.t, k.maildir(a.name))) < k.feed.count(a.name) || a.delete && k.server.Count(a.name) > 0 {
				return false
			}
		}
		return k.server.Count(relayUser) >= k.feed.count("both")
	})
	for _, a := range k.accounts {
		n := len(k.now.passes(a.name))
		k.now.until("one more pass of "+a.name, func() bool { return len(k.now.passes(a.name)) > n })
	}
}

// agree wants status, healthcheck, metrics, log and ledger to say what happened.
func (k *soak) agree() {
	k.t.Helper()
	if r := k.h.finishIn(k.sandbox, "healthcheck"); r.code != 0 || r.out != "healthy: 3 accounts\n" {
		k.t.Errorf("healthcheck: %d %s%s", r.code, r.out, r.err)
	}
	r := k.h.finishIn(k.sandbox, "status", "--json")
	status := map[string]map[string]any{}
	for line := range strings.Lines(r.out) {
		var st map[string]any
		if err := json.Unmarshal([]byte(line), &st); err != nil {
			k.t.Fatalf("status: %v\n%s%s", err, r.out, r.err)
		}
		status[fmt.Sprint(st["account"])] = st
	}
	figures := k.figures()
	for _, a := range k.accounts {
		st := status[a.name]
		k.t.Logf("status of %s: %v", a.name, st)
		kept := 0.0
		if !a.delete {
			kept = float64(k.feed.count(a.name))
		}
		for key, want := range map[string]any{"daemon": true, "kept": kept, "parked": 0.0, "pending": 0.0, "skipped": 0.0, "failures": 0.0,
			"trouble": nil, "alarmed": nil, "trouble_since": nil, "paused": false} {
			if st[key] != want {
				k.t.Errorf("status of %s: %s is %v, want %v", a.name, key, st[key], want)
			}
		}
		last, err := time.Parse(time.RFC3339, fmt.Sprint(st["last_success"]))
		if err != nil || time.Since(last) > patience {
			k.t.Errorf("status of %s: last success %v, %v", a.name, last, err)
		}
		if n := k.ledger(`SELECT count(*) FROM message JOIN account ON account.id = message.account WHERE name = ? AND state IN (2, 3)`, a.name); n != k.feed.count(a.name) {
			k.t.Errorf("%s: the ledger has %d messages as delivered, %d were sent", a.name, n, k.feed.count(a.name))
		}
		k.counts(a.name, figures)
	}
	if figures["popsync_accounts"] != 3 {
		k.t.Errorf("metrics: %v accounts", figures["popsync_accounts"])
	}
}

// counts compares an account's metrics with the log of the same process, whose counters begin at 0.
func (k *soak) counts(account string, figures map[string]float64) {
	k.t.Helper()
	want := map[string]float64{"messages_total": 0, "bytes_total": 0, "deleted_total": 0, "quarantined_total": 0, "parked": 0, "backlog": 0,
		"consecutive_failures": 0, "account_paused": 0, "pass_duration_seconds_count": 0}
	failures := 0.0
	for _, line := range k.now.records(account) {
		switch line.Msg {
		case "delivered":
			want["messages_total"]++
			want["bytes_total"] += float64(line.Octets)
		case "pass failed":
			failures++
			fallthrough
		case "pass finished":
			want["pass_duration_seconds_count"]++
			want["deleted_total"] += float64(line.Deleted)
		}
	}
	for name, n := range want {
		if got, ok := figures["popsync_"+name+`{account="`+account+`"}`]; !ok || got != n {
			k.t.Errorf("metrics of %s: %s is %v, and the log makes it %v", account, name, got, n)
		}
	}
	got := 0.0
	for name, n := range figures {
		if strings.HasPrefix(name, `popsync_failures_total{account="`+account+`"`) {
			got += n
		}
	}
	if got != failures {
		k.t.Errorf("metrics of %s: %v failures, and the log has %v", account, got, failures)
	}
	k.t.Logf("%s, last process: %v messages, %v octets, %v passes, %v failed, %v deleted", account, want["messages_total"], want["bytes_total"],
		want["pass_duration_seconds_count"], failures, want["deleted_total"])
}

// figures are the metrics, of a moment in which no pass ended.
func (k *soak) figures() (all map[string]float64) {
	k.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: dialUnix(k.metricsSocket()), DisableKeepAlives: true}}
	k.now.until("the metrics to stand still", func() bool {
		before := k.now.moved()
		r, err := client.Get("http://popsync/metrics")
		if err != nil {
			k.t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			k.t.Fatal(err)
		}
		all = map[string]float64{}
		for line := range strings.Lines(string(text)) {
			if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
				all[line[:i]], err = strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
				if err != nil {
					k.t.Fatalf("%q: %v", line, err)
				}
			}
		}
		return all["popsync_passes_running"] == 0 && before == k.now.moved()
	})
	return all
}

// record is a line of the log.
type record struct {
	Msg, Account, UID string
	Octets            int64
	Deleted           int
}

// records are the lines about an account.
func (d *resident) records(account string) (all []record) {
	d.h.t.Helper()
	for _, line := range d.lines(`"account":"` + account + `"`) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			d.h.t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

// passes are the lines about passes of an account.
func (d *resident) passes(account string) (all []record) {
	for _, r := range d.records(account) {
		if r.Msg == "pass finished" || r.Msg == "pass failed" {
			all = append(all, r)
		}
	}
	return all
}

// moved grows with each pass.
func (d *resident) moved() int { return len(d.lines(`"msg":"pass f`)) }

// maildirFiles are the messages of a Maildir, by their paths.
func maildirFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[nc][eu][wr]", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (k *soak) balances() map[string]balance {
	k.t.Helper()
	all := map[string]balance{"relay": k.feed.compare("both", maildirMessages(k.t, k.server.Maildir(relayUser)))}
	for _, a := range k.accounts {
		all[a.name] = k.feed.compare(a.name, maildirMessages(k.t, k.maildir(a.name)))
	}
	return all
}

// nothingLost compares all mailboxes with what was sent, and alarms with what happened.
func (k *soak) nothingLost() {
	k.t.Helper()
	k.t.Logf("%d kills, %d in the midst of mail; they left %d deliveries open", k.kills, k.caught, k.open)
	for name, c := range k.balances() {
		k.t.Logf("%s: %v", name, c)
		allowed := 0
		if name == "relay" {
			allowed = k.kills
		}
		if c.lost > 0 || c.changed > 0 || c.twice > allowed || c.sent == 0 {
			k.t.Errorf("%s: %v", name, c)
		}
		want := 0
		if name == "gone" {
			want = 2 // the provider was away, and it was over
		}
		copies := 0
		for _, n := range c.notices {
			copies += n - 1
		}
		if len(c.notices) != want || copies > k.kills {
			k.t.Errorf("%s: %d notices, and %d copies of them; want %d", name, len(c.notices), copies, want)
		}
	}
	// The account that keeps all has the server's octets, those that the server added included.
	got := sums{}
	for _, m := range maildirMessages(k.t, k.maildir("keep")) {
		got[sha256.Sum256(m)]++
	}
	same(k.t, k.server.List("keep"), got)
	told := map[string]bool{}
	for _, d := range k.all {
		for _, a := range k.accounts {
			for _, r := range d.records(a.name) {
				if key := a.name + " " + r.UID; r.Msg == "delivered" {
					if told[key] {
						k.t.Errorf("%s was told as delivered twice", key)
					}
					told[key] = true
				}
			}
		}
	}
	if r := k.h.finishIn(k.sandbox, "verify"); r.code != 0 {
		k.t.Errorf("verify: %d %s%s", r.code, r.out, r.err)
	}
	k.t.Logf("%d messages were told as delivered, %d files were left in tmp", len(told), k.leftovers())
}

// leftovers are files in tmp of all Maildirs: a kill leaves them, and popsync removes them when they are old.
func (k *soak) leftovers() (n int) {
	for _, a := range k.accounts {
		files, _ := filepath.Glob(filepath.Join(k.maildir(a.name), "tmp", "*"))
		n += len(files)
	}
	return n
}
