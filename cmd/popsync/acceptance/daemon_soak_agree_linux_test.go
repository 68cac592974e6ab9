//go:build amd64 || arm64

package acceptance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// status is what it prints, by account.
func (k *soak) status() map[string]map[string]any {
	k.t.Helper()
	r := k.h.finishIn(k.sandbox, "status", "--json")
	all := map[string]map[string]any{}
	for line := range strings.Lines(r.out) {
		var st map[string]any
		if err := json.Unmarshal([]byte(line), &st); err != nil {
			k.t.Fatalf("status: %v\n%s%s", err, r.out, r.err)
		}
		all[fmt.Sprint(st["account"])] = st
	}
	return all
}

// inTrouble wants status and metrics to say that one provider is away, and its account's person to be told.
func (k *soak) inTrouble() {
	k.t.Helper()
	var st map[string]map[string]any
	k.now.until("the account to be in trouble, and a person to be told", func() bool {
		st = k.status()
		return st["gone"]["alarmed"] == true
	})
	k.t.Logf("%7.2fs the provider is away: %v", time.Since(k.begun).Seconds(), st["gone"])
	if s := st["gone"]; s["failures"] == 0.0 || s["class"] != "temporary" || fmt.Sprint(s["trouble"]) == "" || s["trouble_since"] == nil {
		k.t.Errorf("status of an account in trouble: %v", s)
	}
	for _, name := range []string{"keep", "both"} {
		if s := st[name]; s["failures"] != 0.0 || s["trouble"] != nil || s["alarmed"] != nil {
			k.t.Errorf("status of an account beside it: %v", s)
		}
	}
	if figures, _ := k.figures(); figures[`popsync_consecutive_failures{account="gone"}`] == 0 {
		k.t.Error("metrics: no failures in a row")
	}
}

// quiet waits until nothing is on its way any more, and each account was asked once more, well.
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
		good := func() int { return len(k.now.lines(`"msg":"pass finished","account":"` + a.name + `"`)) }
		before := good()
		k.now.until("one more pass of "+a.name, func() bool { return good() > before })
	}
}

// agree wants status, healthcheck, metrics, log and ledger to say what happened.
func (k *soak) agree() {
	k.t.Helper()
	if r := k.h.finishIn(k.sandbox, "healthcheck"); r.code != 0 || r.out != "healthy: 3 accounts\n" {
		k.t.Errorf("healthcheck: %d %s%s", r.code, r.out, r.err)
	}
	status := k.status()
	figures, log := k.figures()
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
		k.counts(a.name, figures, log)
	}
	if figures["popsync_accounts"] != 3 {
		k.t.Errorf("metrics: %v accounts", figures["popsync_accounts"])
	}
}

// counts compares an account's metrics with the log of the same process, whose counters begin at 0.
func (k *soak) counts(account string, figures map[string]float64, log []string) {
	k.t.Helper()
	want := map[string]float64{"messages_total": 0, "bytes_total": 0, "deleted_total": 0, "quarantined_total": 0, "parked": 0, "backlog": 0,
		"consecutive_failures": 0, "account_paused": 0, "pass_duration_seconds_count": 0}
	failures := 0.0
	for _, line := range records(k.t, log, account) {
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

// figures are the metrics, and the log so far, of a moment in which no pass ran.
func (k *soak) figures() (all map[string]float64, log []string) {
	k.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: dialUnix(k.metricsSocket()), DisableKeepAlives: true}}
	k.now.until("the metrics to stand still", func() bool {
		log = k.now.lines("")
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
		time.Sleep(50 * time.Millisecond) // what was said before is read by now
		return all["popsync_passes_running"] == 0 && len(k.now.lines("")) == len(log)
	})
	return all, log
}

// record is a line of the log.
type record struct {
	Msg, Account, UID string
	Octets            int64
	Deleted           int
}

// records are the lines of a log about an account.
func records(t testing.TB, log []string, account string) (all []record) {
	t.Helper()
	for _, line := range log {
		if !strings.Contains(line, `"account":"`+account+`"`) {
			continue
		}
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}
