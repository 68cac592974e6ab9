package gmailtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// label is one that Gmail tells of.
type label struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// system are the labels that Gmail has itself.
var system = []string{
	"INBOX", "UNREAD", "STARRED", "IMPORTANT", "SPAM", "TRASH", "SENT", "CATEGORY_PERSONAL", "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_UPDATES",
	"CATEGORY_FORUMS",
}

func (s *Server) list(w http.ResponseWriter) {
	s.mu.Lock()
	var all []label
	for _, name := range system {
		all = append(all, label{name, name})
	}
	all = append(all, s.labels...)
	s.mu.Unlock()
	object(w, http.StatusOK, map[string]any{"labels": all})
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var want label
	if json.NewDecoder(r.Body).Decode(&want) != nil || want.Name == "" {
		refuse(w, http.StatusBadRequest, "invalidArgument", "INVALID_ARGUMENT", "Invalid label name")
		return
	}
	s.mu.Lock()
	there := slices.ContainsFunc(s.labels, func(l label) bool { return strings.EqualFold(l.Name, want.Name) }) ||
		slices.ContainsFunc(system, func(name string) bool { return strings.EqualFold(name, want.Name) })
	if !there {
		s.next++
		want.ID = fmt.Sprintf("Label_%d", s.next)
		s.labels = append(s.labels, want)
	}
	s.mu.Unlock()
	if there {
		refuse(w, http.StatusConflict, "aborted", "ABORTED", "Label name exists or conflicts")
		return
	}
	object(w, http.StatusOK, want)
}

// known tells of the first id that is none; "": all are. s.mu is held.
func (s *Server) unknown(ids []string) string {
	for _, id := range ids {
		if !slices.Contains(system, id) && !slices.ContainsFunc(s.labels, func(l label) bool { return l.ID == id }) {
			return id
		}
	}
	return ""
}

// named gives the names of ids. s.mu is held.
func (s *Server) named(ids []string) (names []string) {
	for _, id := range ids {
		name := id
		for _, l := range s.labels {
			if l.ID == id {
				name = l.Name
			}
		}
		names = append(names, name)
	}
	return names
}
