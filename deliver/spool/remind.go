package spool

import "github.com/popsync/popsync/deliver"

// Remind notes which copies of earlier processes were tried, and tells a Sender that looks whether any was. A ticket that it cannot read
// might name any of them.
func (s *Target) Remind(tried []deliver.Ticket, more bool) {
	names, err := named("remind", s.path, tried)
	if err == nil {
		s.mu.Lock()
		for name, f := range s.files {
			f.untried = !f.ours && !names[name]
		}
		s.mu.Unlock()
	}
	if l, ok := s.opts.Sender.(deliver.Looker); ok {
		l.Hold(err != nil || more || len(tried) > 0)
	}
}
