package notify

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var seeds = flag.Bool("seeds", false, "write the seeds of FuzzDecode in testdata anew")

// written gives files as histories leave them.
func written(t testing.TB) (files [][]byte) {
	for i, history := range []string{"T@0s", "T3@0s T3@6h P3@7h", "P@0s F@1m", "P@0s F@1m P@2h T@3h F@4h", "P3@0s P0@1h"} {
		c := &recorder{name: "c"}
		if i%2 == 1 {
			c.fail = func(n Notice) error { return &SendError{Err: os.ErrDeadlineExceeded, After: time.Hour} }
		}
		w := newWorld(t, c, &recorder{name: "d"})
		for step := range strings.FieldsSeq(history) {
			_ = w.step(step)
		}
		paths, err := filepath.Glob(filepath.Join(w.dir, "*.json"))
		must(t, err)
		for _, path := range paths {
			b, err := os.ReadFile(path)
			must(t, err)
			files = append(files, b)
		}
	}
	return files
}

func TestWritten(t *testing.T) {
	for i, b := range written(t) {
		roundTrip(t, b)
		if *seeds {
			text := "go test fuzz v1\n[]byte(" + strconv.Quote(string(b)) + ")\n"
			must(t, os.WriteFile(filepath.Join("testdata", "fuzz", "FuzzDecode", "written"+strconv.Itoa(i)), []byte(text), 0o644))
		}
	}
}

// Each of these is one change to a file that is taken.
func TestNotWritten(t *testing.T) {
	good := string(written(t)[1])
	for _, change := range [][2]string{
		{`"work"`, `"../x"`}, {`"format": 1`, `"format": 0`}, {`"group": "`, `"group": "x`}, {`"host": "host.example"`, `"host": "a>b"`},
		{`"what": "`, `"what": "\n`}, {`"what": "`, "\"what\": \"\u202e"}, {`"next": "`, `"next": "` + strings.Repeat("x", 501)}, {`"cause": "`, `"cause": "X`},
		{`"failures": `, `"failures": -`}, {`"told": "`, `"told": "x`}, {`"state": "`, `"state": "x`}, {`"kind": "`, `"kind": "x`},
		{`"means": "`, `"means": "\u0000`}, {`"about": "`, `"about": "x`}, {`"incident": "`, `"incident": "\r\n`}, {`"follows": "`, `"follows": "<`},
		{`"since": "2026`, `"since": "12026`}, {`"queue": [`, `"queue": [null,`}, {`"to": {`, `"to": {"x": null,`}, {`}`, `}}`},
		{`"account": "work"`, `"account": "wirk"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			bad = strings.Replace(string(written(t)[2]), change[0], change[1], 1)
		}
		if _, err := decode([]byte(bad)); err == nil {
			t.Errorf("%q instead of %q was taken:\n%s", change[1], change[0], bad)
		}
	}
	roundTrip(t, []byte(good))
}

// roundTrip decodes what encode wrote, which must say the same.
func roundTrip(t *testing.T, b []byte) *record {
	t.Helper()
	r, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	b, err = encode(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decode(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if b2, _ := encode(again); !bytes.Equal(b, b2) {
		t.Fatalf("%s\nbecame\n%s", b, b2)
	}
	return r
}

// Whatever a file holds: it is refused, or makes no malformed mail, no step fails on it, and after it is well for long
// enough nothing of it is left.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := decode(b); err != nil {
			return
		}
		r := roundTrip(t, b)
		for _, q := range r.Queue {
			if y := q.Notice.At.Year(); y > 0 && y < 9999 {
				wellFormed(t, q.Notice)
			}
		}
		c := &recorder{name: "c"}
		w := newWorld(t, c)
		for g, name := range groupNames {
			if r.Group == name {
				must(t, os.Mkdir(w.dir, 0o700))
				must(t, os.WriteFile(w.n.path(r.Account, g), b, 0o600))
			}
		}
		step := func(at time.Duration, kind Kind, parked int) {
			w.at = start.Add(at)
			must(t, w.n.Observe(t.Context(), Outcome{Account: r.Account, At: w.at, Kind: kind, Parked: parked}))
		}
		waiting := len(r.Queue)
		step(0, Person, 3)
		step(3*time.Minute, Person, 3)
		step(61*time.Minute, Person, 3)
		step(8*time.Hour, Fine, 0)
		for h := 9; h < 48; h++ {
			step(time.Duration(h)*time.Hour, Fine, 0)
		}
		if left := files(t, w.dir); len(left) != 0 {
			t.Errorf("%v is left: %s", left, b)
		}
		if len(c.got) > waiting+6 {
			t.Errorf("%d notices: %s", len(c.got), c.told())
		}
	})
}
