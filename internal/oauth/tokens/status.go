package tokens

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/popsync/popsync/internal/oauth"
	"github.com/popsync/popsync/internal/safepath"
)

// Status is what is known of a token. It holds no secret.
type Status struct {
	Grant, Account string
	LoggedIn       bool      // a token is stored, or none is needed
	Alone          bool      // no person is needed for it
	Login          time.Time // when a person logged in; zero: nobody has, or it is not known
	Refreshed      time.Time // when the provider gave the last access token
	Expires        time.Time // of that access token; zero: not told
	Email          string    // who logged in; "": not told
	Subject        string    // the same as the provider numbers people ("sub"); "": not told
	Scopes         []string  // that were granted; nil: as asked, or not known

	Refused bool         // the mail server refuses the access token, and a fresh one did not help or was not to be had
	Dead    bool         // given up: nothing is tried until a person logs in
	Fault   *oauth.Error // why the last refresh failed; nil: it did not
	NextTry time.Time    // not before then; zero: at the next login
	Ends    []End        // known ends, the nearest first; none: no end is known
}

// End is when something ends that a login needs.
type End struct {
	At   time.Time
	Why  EndReason
	Lead time.Duration // so long before, a person is told
}

// EndReason is what ends.
type EndReason string

// The reasons of ends.
const (
	EndRefresh EndReason = "refresh token" // as the provider said
	EndTesting EndReason = "testing"       // the client is not published: as the person stated
	EndIdle    EndReason = "unused"        // when it is not refreshed until then
	EndSecret  EndReason = "client secret" // as the person stated
)

// Status tells what is known now. It asks nobody, no program that keeps tokens either. A file that holds no token, or that cannot be read, is an
// error, as it is for Token.
func (s *Source) Status() (Status, error) {
	g := s.client.Grant()
	out := Status{Grant: g.Name, Account: s.account, Alone: g.Flow.Alone(), LoggedIn: g.Flow.Alone()}
	dir, err := safepath.Dir(s.k.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, s.fault("the folder of tokens can't be used", err)
	}
	defer dir.Close()
	st, err := readState(dir, s.name)
	if err != nil {
		return out, s.fault("what is known of the token can't be read", err)
	}
	stored := st.Seq > 0
	if _, own := s.k.store.(files); own { // what is known may outlive the token
		rec, err := s.record(context.Background(), dir)
		if err != nil {
			return out, err
		}
		if stored = rec.seq > 0; !stored {
			st = st.about(0)
		}
	}
	out.LoggedIn = out.LoggedIn || stored
	out.Login, out.Refreshed, out.Expires, out.Email, out.Scopes = st.Login, st.Refreshed, st.Expires, st.Email, st.Scopes
	out.Refused = st.Spurned
	out.Subject = st.Subject
	if st.Last != nil {
		out.Fault = st.Last.error(s)
		out.Dead, out.NextTry = !st.Dead.IsZero(), st.NotBefore
	}
	if out.LoggedIn && !out.Dead {
		out.Ends = ends(s.client, st)
	}
	return out, nil
}

// longLead is how long before an end a person is told; of a life shorter than seven weeks, a seventh.
const longLead = 7 * 24 * time.Hour

// ends are those that somebody stated or that a provider's rules say. Nothing is invented.
func ends(c *oauth.Client, st state) (all []End) {
	g, p := c.Grant(), c.Provider()
	if !st.RefreshExpires.IsZero() {
		all = append(all, End{st.RefreshExpires, EndRefresh, lead(st.RefreshExpires.Sub(st.Refreshed))})
	}
	if g.Testing && p.Testing > 0 && !st.Login.IsZero() {
		all = append(all, End{st.Login.Add(p.Testing), EndTesting, lead(p.Testing)})
	}
	if p.Idle > 0 && !g.Flow.Alone() && !st.Refreshed.IsZero() {
		all = append(all, End{st.Refreshed.Add(p.Idle), EndIdle, lead(p.Idle)})
	}
	if !g.SecretEnds.IsZero() {
		all = append(all, End{g.SecretEnds, EndSecret, longLead})
	}
	slices.SortStableFunc(all, func(a, b End) int { return a.At.Compare(b.At) })
	return all
}

func lead(life time.Duration) time.Duration {
	if life < 49*24*time.Hour {
		return max(life/7, time.Hour)
	}
	return longLead
}

// Over gives what has ended already of what a login needs.
func (s Status) Over(now time.Time) (End, bool) {
	if len(s.Ends) > 0 && !now.Before(s.Ends[0].At) {
		return s.Ends[0], true
	}
	return End{}, false
}

// Due gives the nearest end that a person is to be told of by now.
func (s Status) Due(now time.Time) (End, bool) {
	for _, e := range s.Ends {
		if !now.Before(e.At.Add(-e.Lead)) {
			return e, true
		}
	}
	return End{}, false
}
