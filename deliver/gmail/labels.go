package gmail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// systemLabels are those that Gmail has itself. Their names are their ids.
var systemLabels = []string{
	"INBOX", "UNREAD", "STARRED", "IMPORTANT", "SPAM", "TRASH", "SENT",
	"CATEGORY_PERSONAL", "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_UPDATES", "CATEGORY_FORUMS",
}

// label is one as Gmail tells of it.
type label struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// labels gives the ids of the configured labels, and makes those that are missing. What was learned once is believed until Gmail says that
// an id is none.
func (s *Sender) labels(ctx context.Context) ([]string, error) {
	select {
	case s.naming <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.naming }()
	s.mu.Lock()
	ids := s.ids
	s.mu.Unlock()
	if ids != nil {
		return ids, nil
	}
	ids, missing := system(s.o.Labels)
	for try := 0; len(missing) > 0; try++ {
		known, _, err := s.list(ctx)
		if err != nil {
			return nil, err
		}
		if ids, missing = among(s.o.Labels, known); len(missing) == 0 {
			break
		}
		made, err := s.create(ctx, missing[0])
		var no *refusal
		switch {
		case errors.As(err, &no) && no.status == http.StatusConflict && try < len(s.o.Labels): // somebody else was faster
		case err != nil:
			return nil, err
		case made.Name == "" || try > 2*len(s.o.Labels):
			return nil, &connError{verb: "make label", err: errAnswer}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = ids
	return ids, nil
}

// forgetLabels has the next message ask for labels anew.
func (s *Sender) forgetLabels() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = nil
}

// system gives the ids of the names that are Gmail's own, and the other names.
func system(names []string) (ids, others []string) { return among(names, nil) }

// among gives the ids of names, and the names that have none.
func among(names []string, known []label) (ids, missing []string) {
	ids = []string{}
	for _, name := range names {
		id := ""
		if i := slices.IndexFunc(systemLabels, func(own string) bool { return strings.EqualFold(own, name) }); i >= 0 {
			id = systemLabels[i]
		}
		for _, l := range known {
			if id == "" && strings.EqualFold(l.Name, name) { // as Gmail compares them
				id = l.ID
			}
		}
		switch {
		case id == "":
			missing = append(missing, name)
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, missing
}

// list asks for all labels.
func (s *Sender) list(ctx context.Context) ([]label, *conn, error) {
	a, err := s.call(ctx, &request{
		verb: "labels", method: http.MethodGet, url: s.url("/gmail/v1/users/me/labels", "fields=labels(id%2Cname)"), units: listUnits,
	})
	if err != nil {
		return nil, nil, err
	}
	var all struct{ Labels []label }
	if json.Unmarshal(a.body, &all) != nil {
		return nil, nil, &connError{verb: "labels", err: errAnswer}
	}
	return all.Labels, a.conn, nil
}

// create makes a label.
func (s *Sender) create(ctx context.Context, name string) (made label, err error) {
	text, err := json.Marshal(map[string]string{"name": name, "labelListVisibility": "labelShow", "messageListVisibility": "show"})
	if err != nil {
		return made, err
	}
	a, err := s.call(ctx, &request{
		verb: "make label", method: http.MethodPost, url: s.url("/gmail/v1/users/me/labels", "fields=id%2Cname"), units: createUnits,
		header: http.Header{"Content-Type": {jsonType}}, body: plain(text), octets: int64(len(text)),
	})
	if err != nil {
		return made, err
	}
	if json.Unmarshal(a.body, &made) != nil || made.ID == "" {
		return made, &connError{verb: "make label", err: errAnswer}
	}
	return made, nil
}

const jsonType = "application/json; charset=UTF-8"

// plain is the body of a request that is in memory.
func plain(text []byte) func() (*source, error) {
	return func() (*source, error) { return &source{r: io.Reader(bytes.NewReader(text))}, nil }
}
