package dialer

import (
	"net/http"
	"time"
)

// HTTPClient makes the client for the HTTP requests that belong to an account: they go where its mail goes, except through its
// command, and never by a proxy that the environment names by itself. It bounds a whole request to a minute, and follows no redirect:
// what a request holds is meant for one host. Make it once: it keeps idle connections for half a minute.
func (d *Dialer) HTTPClient() *http.Client {
	return &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            d.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    30 * time.Second,
			ResponseHeaderTimeout:  30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConns:           4,
		},
	}
}
