package config

import (
	"slices"

	"github.com/popsync/popsync/config/document"
)

// report collects the problems of one document and of what it includes.
type report struct {
	problems Error

	file   string                   // the document
	where  document.Positions       // of what stands in it, and of the included accounts
	files  map[document.Path]string // of included accounts, by their path
	silent map[document.Path]bool   // what is wrong with these values was told elsewhere
}

// add notes a problem of a key, or of the table in which the key is missing.
func (r *report) add(path document.Path, text, hint string) {
	if r.silenced(path) {
		return
	}
	r.problems = append(r.problems, Problem{File: r.fileOf(path), Line: r.line(path), Key: path.Short(), Text: document.Limit(text), Hint: document.Limit(hint)})
}

// line finds where a path stands, or the nearest thing around it.
func (r *report) line(path document.Path) int {
	for path != "" {
		if n, ok := r.where[path]; ok {
			return n
		}
		path = path.Above()
	}
	return 0
}

// fileOf is the file in which a path stands.
func (r *report) fileOf(path document.Path) string {
	for path != "" {
		if f, ok := r.files[path]; ok {
			return f
		}
		path = path.Above()
	}
	return r.file
}

// silenced tells whether a problem at a path was told where the value stands.
func (r *report) silenced(path document.Path) bool {
	for path != "" {
		if r.silent[path] {
			return true
		}
		path = path.Above()
	}
	return false
}

// concerns tells whether one of the problems from i on is about the key.
func (r *report) concerns(i int, key document.Path) bool {
	return slices.ContainsFunc(r.problems[i:], func(p Problem) bool { return p.Key == key.Short() })
}

func (r *report) result(cfg *Config) (*Config, error) {
	if len(r.problems) > 0 {
		r.problems.Sort()
		return nil, r.problems
	}
	return cfg, nil
}
