package config

import (
	"fmt"

	"github.com/popsync/popsync/config/document"
)

// deliveries is the converter of [[account.NAME.deliver]].
func (c *checker) deliveries(at document.Path, account string, dst *[]Deliver) convert {
	return func(v any) *fault {
		if m, ok := v.(map[string]any); ok { // checked all the same, so that its other problems show
			c.deliver(at, account, m)
			return &fault{text: "must be a list of tables", hint: "write [[" + string(at) + "]] instead of [" + string(at) + "]"}
		}
		list, ok := asTables(v)
		if !ok {
			return want("a list of tables", v, "write [["+string(at)+"]] and its keys below")
		}
		if len(list) == 0 {
			return &fault{text: "no destination", hint: "add [[" + string(at) + "]] with type = \"maildir\" and path"}
		}
		for i, m := range list {
			*dst = append(*dst, c.deliver(at.Index(i), account, m))
		}
		c.namesDiffer(at, *dst)
		c.placesDiffer(at, *dst)
		c.fallbacks(at, *dst)
		return nil
	}
}

// asTables gives the elements of a list of tables, however it was written.
func asTables(v any) ([]map[string]any, bool) {
	switch v := v.(type) {
	case []map[string]any:
		return v, true
	case []any:
		list := make([]map[string]any, len(v))
		for i, e := range v {
			m, ok := e.(map[string]any)
			if !ok {
				return nil, false
			}
			list[i] = m
		}
		return list, true
	}
	return nil, false
}

func (r *report) namesDiffer(at document.Path, list []Deliver) {
	first := map[string]int{}
	for i, d := range list {
		if j, taken := first[d.Name]; taken && d.Name != "" {
			r.add(at.Index(i).Key("name"), fmt.Sprintf("%s has the name %s too", document.Path("deliver").Index(j), document.Shown(d.Name)), "give each its own name")
		}
		first[d.Name] = i
	}
}

// placesDiffer refuses two destinations at one place.
func (r *report) placesDiffer(at document.Path, list []Deliver) {
	first := map[string]int{}
	for i, d := range list {
		key, what, place := typeOf(&d).place(&d)
		if place == "" {
			continue
		}
		place = d.Type + "\x00" + place
		if j, taken := first[place]; taken {
			hint := "every message would be there twice"
			if d.Fallback || list[j].Fallback {
				hint = "a fallback needs a place of its own"
			}
			r.add(at.Index(i).Key(key), fmt.Sprintf("%s has %s too", document.Path("deliver").Index(j), what), hint)
		}
		first[place] = i
	}
}

// fallbacks checks what stands for what.
func (r *report) fallbacks(at document.Path, list []Deliver) {
	fallback, required, others := -1, false, false
	for i, d := range list {
		required = required || d.Required
		if !d.Fallback {
			others = true
			continue
		}
		if fallback >= 0 {
			r.add(at.Index(i).Key("fallback"), string(document.Path("deliver").Index(fallback))+" is a fallback too", "an account has at most one")
		}
		fallback = i
	}
	switch {
	case !others:
		r.add(at.Index(fallback).Key("fallback"), "a fallback without another destination", "add [["+string(at)+"]] with the destination that it stands in for")
	case !required:
		r.add(at, "no destination is required", "remove required = false from one: else mail that arrived nowhere counts as delivered")
	}
}
