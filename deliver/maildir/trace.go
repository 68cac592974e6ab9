package maildir

import (
	"os"

	"github.com/popsync/popsync/deliver"
)

// traced puts a Received line on top of a message for a Maildir.
type traced struct {
	deliver.Staging
	top string
}

func (o *Options) traced(msg deliver.Message, s deliver.Staging) deliver.Staging {
	if !o.Trace {
		return s
	}
	host := o.Host
	if host == "" {
		host, _ = os.Hostname() // an unfit name is replaced
	}
	return &traced{s, deliver.Received(host, msg.Account, tagOf(msg), o.Now())}
}

func (t *traced) Write(p []byte) (int, error) {
	if len(p) > 0 && t.top != "" {
		top := t.top
		t.top = ""
		if !deliver.Continues(p[0]) {
			if _, err := t.Staging.Write([]byte(top)); err != nil {
				return 0, err
			}
		}
	}
	return t.Staging.Write(p)
}
