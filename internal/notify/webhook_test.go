package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// marker stands wherever a receiver's secret may stand in its URL.
const marker = "s3cr3tmarker"

func webhook(t *testing.T, address string, o WebhookOptions) *Webhook {
	t.Helper()
	w, err := NewWebhook(address, o)
	must(t, err)
	return w
}

// receiver answers with what handle says, over TLS that the given transport trusts.
func receiver(t *testing.T, handle http.HandlerFunc) (address string, trust *http.Transport) {
	t.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s.URL + "/hook/" + marker + "?token=" + marker, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
}

// The golden file is the documented form.
func TestWebhook(t *testing.T) {
	var got []byte
	address, trust := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.FormValue("token") != marker {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	must(t, webhook(t, address, WebhookOptions{Transport: trust}).Send(context.Background(), notices()["turned"]))
	var fields map[string]any
	must(t, json.Unmarshal(got, &fields))
	text, _ := fields["text"].(string)
	if !strings.HasPrefix(text, "[popsync] work: your help is needed (login)\n\npopsync on nas.example.net") || strings.ContainsAny(text, "<>&") {
		t.Errorf("%q", text)
	}
	got, err := json.MarshalIndent(fields, "", "  ")
	must(t, err)
	path := filepath.Join("testdata", "notices", "webhook.json")
	if *update {
		must(t, os.WriteFile(path, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if string(want) != string(got)+"\n" {
		t.Errorf("%s", got)
	}
}

func TestWebhookAnswers(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var code int
	var after string
	address, trust := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(code)
		fmt.Fprint(w, marker)
	})
	for _, test := range []struct {
		code      int
		after     string
		permanent bool
		wait      time.Duration
	}{
		{code: 200}, {code: 201, after: "5"}, {code: 204},
		{code: 301, permanent: true}, {code: 304, permanent: true}, {code: 400, permanent: true}, {code: 404, after: "5", permanent: true},
		{code: 403, permanent: true}, {code: 410, permanent: true}, {code: 600, permanent: true},
		{code: 500}, {code: 503, after: "120", wait: 2 * time.Minute}, {code: 503, after: "-5"}, {code: 503, after: "soon"},
		{code: 503, after: now.Add(time.Hour).Format(http.TimeFormat), wait: time.Hour}, {code: 502, after: "99999999999"},
		{code: 503, after: now.Add(-time.Hour).Format(http.TimeFormat)}, {code: 429}, {code: 429, after: "7", wait: 7 * time.Second},
	} {
		code, after = test.code, test.after
		w := webhook(t, address, WebhookOptions{Transport: trust, Now: func() time.Time { return now }})
		err := w.Send(context.Background(), notices()["person"])
		if code/100 == 2 {
			must(t, err)
			continue
		}
		var e *SendError
		if !errors.As(err, &e) || e.Permanent != test.permanent || e.After != test.wait || !strings.Contains(err.Error(), fmt.Sprint("answered ", code)) ||
			strings.Contains(err.Error(), marker) {
			t.Errorf("%d, %q: %+v", code, test.after, err)
		}
	}
}

// After a 429 the receiver is left alone by all accounts.
func TestWebhookIsLeftAlone(t *testing.T) {
	now, requests := start, 0
	address, trust := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	w := webhook(t, address, WebhookOptions{Transport: trust, Now: func() time.Time { return now }})
	for _, step := range []struct {
		at       time.Duration
		requests int
		wait     time.Duration
	}{{0, 1, 30 * time.Second}, {20 * time.Second, 1, 10 * time.Second}, {31 * time.Second, 2, 30 * time.Second}, {-time.Hour * 1000, 3, 30 * time.Second}} {
		now = start.Add(step.at)
		var e *SendError
		if err := w.Send(context.Background(), notices()["person"]); !errors.As(err, &e) || e.Permanent || e.After != step.wait || requests != step.requests {
			t.Errorf("%v: %v, %d requests", step.at, err, requests)
		}
	}
}

func TestWebhookRedirects(t *testing.T) {
	other, _ := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") })
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked without TLS") }))
	defer plain.Close()
	var code, hops int
	var location, body string
	address, trust := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if hops--; hops < 0 && location != "loop" {
			body = string(b)
			return
		}
		to := location
		if to == "loop" {
			to = "/hook/" + marker
		}
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
	for _, test := range []struct {
		code     int
		location string
		hops     int
		ok       bool
	}{
		{307, "/elsewhere/" + marker, 1, true}, {308, "/elsewhere/" + marker, 3, true}, {302, "/elsewhere/" + marker, 1, false},
		{303, "/elsewhere/" + marker, 1, false}, {307, other, 1, false}, {308, plain.URL + "/" + marker, 1, false}, {307, "loop", 1, false}, {307, "http" + strings.TrimPrefix(address, "https"), 1, false},
		{307, "://" + marker, 1, false}, {307, "ftp://" + marker + "/", 1, false},
	} {
		code, location, hops, body = test.code, test.location, test.hops, ""
		err := webhook(t, address, WebhookOptions{Transport: trust}).Send(context.Background(), notices()["person"])
		if (err == nil) != test.ok || test.ok && !strings.Contains(body, `"kind":"trouble"`) || err != nil && strings.Contains(err.Error(), marker) {
			t.Errorf("%d to %s: %v, %q", test.code, test.location, err, body)
		}
		var e *SendError
		if !test.ok && test.location != "://"+marker && (!errors.As(err, &e) || !e.Permanent) {
			t.Errorf("%d to %s is tried again: %v", test.code, test.location, err)
		}
		if !test.ok && test.location != "://"+marker && err.Error() != errElsewhere.Error() {
			t.Errorf("%d to %s was followed: %v", test.code, test.location, err)
		}
	}
}

// Whatever goes wrong, neither the error nor anything in it shows the URL; and no way to print the channel does.
func TestWebhookKeepsItsURL(t *testing.T) {
	address, trust := receiver(t, func(http.ResponseWriter, *http.Request) {})
	host := strings.TrimPrefix(address[:strings.Index(address, "/hook")], "https://")
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		c.Close()
	}))
	defer cut.Close()
	garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		fmt.Fprintf(c, "%s\r\n\r\n", marker)
		c.Close()
	}))
	defer garbage.Close()
	hangs := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	defer silent.Close()
	defer close(hangs)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	noName := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: marker + ".example", IsNotFound: true}}
	}}
	other := trust.Clone()
	other.TLSClientConfig.ServerName = marker + ".example.org"
	late := trust.Clone()
	late.TLSClientConfig.Time = func() time.Time { return time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) }
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	over, end := context.WithCancel(context.Background())
	end()
	for name, test := range map[string]struct {
		ctx     context.Context
		address string
		o       WebhookOptions
		want    string
	}{
		"no trust":   {address: address, want: "the receiver's certificate could not be verified"},
		"other name": {address: address, o: WebhookOptions{Transport: other}, want: "the receiver's certificate is for another name"},
		"expired":    {address: address, o: WebhookOptions{Transport: late}, want: "the receiver's certificate has expired or is not valid yet; see the clock of this machine, too"},
		"no TLS":     {address: "https://" + cut.Listener.Addr().String() + "/" + marker, want: "no TLS with the receiver: see its port and scheme"},
		"TLS":        {address: "http://" + host + "/" + marker, want: "the receiver answered 400 (Bad Request)"},
		"no name":    {address: "https://" + marker + ".example/", o: WebhookOptions{Transport: noName}, want: "the name of the receiver could not be looked up"},
		"refused":    {address: "http://user:" + marker + "@" + closed.Addr().String() + "/", want: "no connection to the receiver: connection refused"},
		"cut":        {address: cut.URL + "/" + marker, want: "the receiver ended the connection, or did not speak HTTP"},
		"garbage":    {address: garbage.URL + "/" + marker, want: "the receiver ended the connection, or did not speak HTTP"},
		"silent":     {ctx: short, address: silent.URL + "/" + marker, want: "no answer from the receiver within 15s"},
		"stopped":    {ctx: over, address: cut.URL + "/" + marker, want: "context canceled"},
	} {
		if test.ctx == nil {
			test.ctx = context.Background()
		}
		w := webhook(t, test.address, test.o)
		err := w.Send(test.ctx, notices()["person"])
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				if s := fmt.Sprintf(verb, err); strings.Contains(s, marker) || strings.Contains(s, fmt.Sprintf("%x", marker)) {
					t.Errorf("%s: %s", name, s)
				}
			}
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if s := fmt.Sprintf(verb, w); strings.Contains(s, marker) || strings.Contains(s, fmt.Sprintf("%x", marker)) {
				t.Errorf("%s prints %s", verb, s)
			}
		}
	}
	for _, address := range []string{"", marker, "ftp://" + marker, "https://", "https:" + marker, "https://%zz" + marker, "https://a b/" + marker, "https://a/\n" + marker} {
		if _, err := NewWebhook(address, WebhookOptions{}); err == nil || strings.Contains(err.Error(), marker) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// An answer without an end costs nothing.
func TestWebhookEndlessAnswer(t *testing.T) {
	address, trust := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	must(t, webhook(t, address, WebhookOptions{Transport: trust}).Send(context.Background(), notices()["person"]))
}

func TestQuiet(t *testing.T) {
	for in, want := range map[string]string{
		"<!channel> @here me@example.org @@all a @channel": "(!channel) @ here me@example.org @ @ all a @ channel", "": "", "a&b@": "a+b@",
	} {
		if got := quiet(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}
