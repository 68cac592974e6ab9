package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	webhookTime = 15 * time.Second
	maxHops     = 3 // redirects that are followed
)

// Webhook posts notices to a URL as JSON: the fields of Notice, and "text" with all of it in words, which is what chat
// systems show. Any status 2xx means told; 429, 5xx and faults of the network are tried again, not before the time in
// Retry-After (RFC 9110, section 10.2.3); anything else is given up. A redirect is followed only to the same host and
// scheme, and only by 307 and 308: others would turn the POST into a GET.
//
// The URL may hold a token in each of its parts. It is in no error, and no way to print a Webhook shows it.
type Webhook struct {
	client *http.Client
	url    func() string
	now    func() time.Time

	mu   sync.Mutex
	busy time.Time // until then the receiver wants no requests: an outage makes notices for many accounts at once
}

// WebhookOptions are all optional.
type WebhookOptions struct {
	Transport http.RoundTripper // nil: the standard library's, without connections that stay open
	Now       func() time.Time  // for a Retry-After with a date; nil means time.Now
}

// NewWebhook takes an https URL, or an http one for a receiver on one's own network. The error does not show it.
func NewWebhook(address string, o WebhookOptions) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, errors.New("the URL of a webhook is not valid")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the URL of a webhook begins with https:// or http://")
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: true,
			TLSHandshakeTimeout: webhookTime, MaxResponseHeaderBytes: 64 << 10,
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := &http.Client{Transport: o.Transport, Timeout: webhookTime, CheckRedirect: sameHost}
	return &Webhook{client: client, url: func() string { return address }, now: o.Now}, nil
}

// errElsewhere stops at a redirect; describe gives it its words.
var errElsewhere = errors.New("a redirect that is not followed")

func sameHost(r *http.Request, via []*http.Request) error {
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme || r.Method != http.MethodPost || len(via) > maxHops {
		return errElsewhere
	}
	return nil
}

// Name is "webhook".
func (w *Webhook) Name() string { return "webhook" }

// Send posts one notice.
func (w *Webhook) Send(ctx context.Context, n Notice) error {
	if wait := w.wait(); wait > 0 {
		return &SendError{Err: fmt.Errorf("the receiver wants no requests for %v", wait.Round(time.Second)), After: wait}
	}
	body, err := json.Marshal(struct {
		Notice
		Text string `json:"text"`
	}{n, quiet(n.Subject() + "\n\n" + n.Text())})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL is not valid")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "popsync")
	res, err := w.client.Do(r)
	if err != nil {
		return describe(ctx, err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // politeness only; what it says is not asked for
	return w.judge(res)
}

func (w *Webhook) judge(res *http.Response) error {
	code := res.StatusCode
	if code/100 == 2 {
		return nil
	}
	err := &SendError{Err: fmt.Errorf("the receiver answered %d", code)}
	if text := http.StatusText(code); text != "" { // our words, not the server's
		err.Err = fmt.Errorf("the receiver answered %d (%s)", code, text)
	}
	if code != http.StatusTooManyRequests && code/100 != 5 {
		err.Permanent = true
		return err
	}
	after := res.Header.Get("Retry-After")
	if s, e := strconv.ParseUint(after, 10, 31); e == nil {
		err.After = time.Duration(s) * time.Second
	} else if at, e := http.ParseTime(after); e == nil {
		err.After = max(at.Sub(w.now()), 0)
	}
	if code == http.StatusTooManyRequests {
		w.mu.Lock()
		w.busy = w.now().Add(min(err.After, maxWait))
		w.mu.Unlock()
	}
	return err
}

// wait is how long the receiver asked to be left alone from now on. A time that is too far was not asked for: the clock
// went back.
func (w *Webhook) wait() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := w.busy.Sub(w.now())
	if wait > maxWait {
		return 0
	}
	return wait
}

// quiet keeps foreign text from calling everybody of a chat, or from looking like a link: it may come from a mail
// server. The other fields have it as it is.
func quiet(s string) string {
	s = strings.NewReplacer("<", "(", ">", ")", "&", "+").Replace(s)
	var b strings.Builder
	word := false // the character before belongs to a word, as in an address
	for _, c := range []byte(s) {
		b.WriteByte(c)
		if c == '@' && !word {
			b.WriteByte(' ')
		}
		word = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	return b.String()
}
