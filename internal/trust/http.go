package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// ExplainHTTP has the words for an error of net/http, whose transport shakes hands by itself, also through proxies; cfg is its
// TLSClientConfig, nil as well. Text and hint say nothing of keys of a mail server. nil: TLS was not the reason.
func ExplainHTTP(err error, cfg *tls.Config) *Failure {
	if cfg = cfg.Clone(); cfg == nil {
		cfg = new(tls.Config)
	}
	now := time.Now
	if cfg.Time != nil {
		now = cfg.Time
	}
	var name x509.HostnameError
	if errors.As(err, &name) {
		cfg.ServerName = name.Host
	}
	cfg.NextProtos = []string{"http/1.1"}
	if f := explain(err, facts{cfg: cfg, now: now()}); f.Class != Unclear {
		return &f
	}
	return nil
}
