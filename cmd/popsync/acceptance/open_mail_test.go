package acceptance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
	"github.com/popsync/popsync/pop3/pop3test"
)

// What becomes of one message that a destination does not take, in runs one after the other.
type fate struct {
	kinds  string             // of destinations, separated by blanks
	what   string             // it does
	begin  func(w *openHouse) // has it do so
	codes  map[string][]int   // exit codes of runs by how they are made; "": otherwise
	state  string             // in status, at the end
	parked int
	putOff int
	told   int // alarms
}

// openHouse is a person's machine with one message to fetch, and one destination.
type openHouse struct {
	*house
	sink   *sink
	script string // the program
	mail   string // the Maildir
	alarms string // a line for each alarm
}

func newOpenHouse(t *testing.T, kind string) *openHouse {
	_, addr := serve(t, pop3test.Options{}, boxOf(mailgen.Messages(7, 1, 500, 900)))
	h := newHouse(t)
	w := &openHouse{house: h, script: filepath.Join(h.dir, "take"), mail: h.mail("Mail"), alarms: filepath.Join(h.dir, "alarms")}
	tell := w.program("tell", "echo told >> "+w.alarms)
	h.env = append(h.env, "XDG_RUNTIME_DIR=", "RUNTIME_DIRECTORY=")
	fmt.Fprintf(&h.conf, "[limits]\nbackoff_min = \"1h\"\nbackoff_max = \"1h\"\n[metrics]\ntextfile = %q\n[alarm]\nmaildir = false\ncommand = [%q]\n",
		filepath.Join(h.dir, "popsync.prom"), tell)
	fmt.Fprintf(&h.conf, "[account.open]\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"\nschedule = \"0 0 1 1 *\"\nrun_at_start = false\n",
		addr.String()[strings.LastIndex(addr.String(), ":")+1:])
	switch kind {
	case "smtp":
		w.sink = newSink(t)
		h.relay("open", w.sink)
	case "lmtp":
		w.sink = &sink{t: t, unix: filepath.Join(h.dir, "lmtp"), seen: map[string]int{}}
		t.Cleanup(w.sink.stop)
		w.sink.start()
		h.relay("open", w.sink)
	case "command":
		w.takes("exit 0")
		h.deliver("open", `type = "command"`, fmt.Sprintf("command = [%q]", w.script))
	case "maildir":
		h.deliver("open", `type = "maildir"`, fmt.Sprintf("path = %q", w.mail))
	}
	return w
}

func (w *openHouse) program(name, line string) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// takes has the program do something.
func (w *openHouse) takes(line string) { w.program(filepath.Base(w.script), line) }

// says has the server answer a command so, each time.
func says(verb, reply string) func(*openHouse) {
	return func(w *openHouse) {
		w.sink.set(func(v, _ string) string {
			if v == verb {
				return reply
			}
			return ""
		}, nil)
	}
}

func does(line string) func(*openHouse) { return func(w *openHouse) { w.takes(line) } }

var (
	always75 = map[string][]int{"": {75, 75, 75, 75}}
	always78 = map[string][]int{"": {78, 78, 78, 78}}
	always0  = map[string][]int{"": {0, 0, 0, 0}}
	parks    = map[string][]int{"": {75, 0, 0, 0}, "run NAME": {75, 75, 75, 75}}
)

var fates = []fate{
	{"smtp lmtp command maildir", "takes it", func(*openHouse) {}, always0, "ok", 0, 0, 0},
	{"smtp lmtp", "450 to MAIL", says("MAIL", "450 4.7.1 greylisted"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "550 to MAIL", says("MAIL", "550 5.7.1 sender"), always78, "trouble", 0, 1, 1},
	{"smtp lmtp", "450 to RCPT", says("RCPT", "450 4.2.0 greylisted"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "550 to RCPT", says("RCPT", "550 5.1.1 nobody"), always78, "trouble", 0, 1, 1},
	{"smtp lmtp", "451 to DATA", says("DATA", "451 4.3.0 later"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "554 to DATA", says("DATA", "554 5.5.1 no"), always78, "trouble", 0, 1, 1},
	{"smtp lmtp", "451 after DATA", says("end", "451 4.7.1 rate"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "552 5.2.2 after DATA", says("end", "552 5.2.2 full"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "554 after DATA", says("end", "554 5.7.1 spam"), parks, "parked", 1, 0, 1},
	{"smtp lmtp", "421 to the greeting", says("greeting", "421 4.3.2 busy"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "554 to the greeting", says("greeting", "554 5.3.2 no"), always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "is down", func(w *openHouse) { w.sink.stop() }, always75, "trouble", 0, 1, 0},
	{"smtp lmtp", "is slow", func(w *openHouse) {
		w.sink.set(func(v, _ string) string { time.Sleep(50 * time.Millisecond); return "" }, nil)
	}, always0, "ok", 0, 0, 0},
	{"command", "exit 1", does("exit 1"), parks, "parked", 1, 0, 1},
	{"command", "exit 67", does("exit 67"), always78, "trouble", 0, 1, 1},
	{"command", "exit 75", does("exit 75"), always75, "trouble", 0, 1, 0},
	{"command", "exit 78", does("exit 78"), always75, "trouble", 0, 1, 0},
	{"command", "is killed", does("kill -9 $$"), map[string][]int{"": {75, 75, 75, 0}, "run NAME": {75, 75, 75, 75}}, "parked", 1, 0, 1},
	{"command", "is gone", func(w *openHouse) { os.Remove(w.script) }, always78, "trouble", 0, 1, 1},
	{"command", "is slow", does("sleep 0.3"), always0, "ok", 0, 0, 0},
	{"maildir", "is a file", func(w *openHouse) { os.WriteFile(w.mail, nil, 0o600) }, map[string][]int{"": {78, 78, 78, 78}}, "trouble", 0, 0, 1},
}

// The table of what does not arrive: state of the deliveries by command, for every type of destination.
func TestAcceptOpenMail(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	rows := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "DESTINATION\tWHAT IT DOES\tHOW\tEXIT CODES\tSTATUS\tPARKED\tPUT OFF\tHEALTHCHECK\tALARMS")
	for _, f := range fates {
		for kind := range strings.FieldsSeq(f.kinds) {
			for _, how := range []string{"run", "run NAME", "daemon"} {
				if os.Getenv("POPSYNC_LARGE") == "" && how != "run" && (kind == "lmtp" || f.state != "parked") {
					continue // a sample; all of it takes a minute
				}
				t.Run(strings.Join([]string{kind, f.what, how}, ", "), func(t *testing.T) {
					w := newOpenHouse(t, kind)
					f.begin(w)
					w.follow(t, f, how, func(format string, args ...any) {
						fmt.Fprintf(rows, kind+"\t"+f.what+"\t"+how+"\t"+format+"\n", args...)
					})
				})
			}
		}
	}
	rows.Flush()
	t.Log("\n" + table.String())
}

func (w *openHouse) follow(t *testing.T, f fate, how string, row func(string, ...any)) {
	want := f.codes[how]
	if want == nil {
		want = f.codes[""]
	}
	args := []string{"run"}
	if how == "run NAME" {
		args = append(args, "open")
	}
	if how == "daemon" {
		d := w.daemon()
		defer d.stops(0)
	}
	var codes []int
	for range want {
		codes = append(codes, w.popsync(args...).code)
	}
	if !slices.Equal(codes, want) {
		t.Errorf("exit codes %v, want %v", codes, want)
	}
	var st struct {
		State string
		P     int `json:"parked"`
		O     int `json:"put_off"`
	}
	for end := time.Now().Add(patience); st.State == "" || st.State == "running" && time.Now().Before(end); {
		r := w.popsync("status", "--json") // a run is told of its end a moment before the daemon has put it away
		if err := json.Unmarshal([]byte(r.out), &st); err != nil {
			t.Fatalf("%v: %s%s", err, r.out, r.err)
		}
	}
	// The way there may differ where a run names the account: it tries what is parked as well.
	state := f.state
	if state == "parked" && how == "run NAME" {
		state = "trouble"
	}
	if f.state != "" && (st.State != state || st.P != f.parked || st.O != f.putOff) {
		t.Errorf("status %s, %d parked, %d put off; want %s, %d, %d", st.State, st.P, st.O, state, f.parked, f.putOff)
	}
	health, well := w.popsync("healthcheck").code, codes[len(codes)-1] == 0 && st.P == 0
	if (health == 0) != well {
		t.Errorf("healthcheck ended with %d", health)
	}
	b, _ := os.ReadFile(w.alarms)
	told := strings.Count(string(b), "told")
	if f.told >= 0 && told != f.told {
		t.Errorf("%d alarms, want %d", told, f.told)
	}
	if how != "daemon" {
		b, _ := os.ReadFile(filepath.Join(w.dir, "popsync.prom"))
		for name, n := range map[string]int{"parked": st.P, "put_off": st.O} {
			if line := fmt.Sprintf("popsync_%s{account=\"open\"} %d\n", name, n); !strings.Contains(string(b), line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
	}
	row("%v\t%s\t%d\t%d\t%d\t%d", codes, st.State, st.P, st.O, health, told)
}
