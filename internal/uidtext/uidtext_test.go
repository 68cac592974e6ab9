package uidtext

import (
	"reflect"
	"strings"
	"testing"

	"github.com/popsync/popsync/uidl"
)

func TestArgs(t *testing.T) {
	for want, uids := range map[string][]string{
		"a1":                  {"a1"},
		"a1 'b 2'":            {"a1", "b 2"},
		"-- '-x' a1":          {"-x", "a1"},
		`'it'\''s' $'\xff\\'`: {"it's", "\xff\\"},
	} {
		if got := Args(uids...); got != want {
			t.Errorf("%q: %s, want %s", uids, got, want)
		}
	}
}

// What is printed, what a shell makes of it, and what logs have, all name the message; one name may stand for several.
func TestChoose(t *testing.T) {
	var all []uidl.Stuck
	for _, k := range []uidl.Key{{UID: "a"}, {UID: "twin"}, {UID: "twin", Dup: 1}, {UID: "twin#1"}, {UID: "b c "}, {UID: "\xff\""}, {UID: `"a"`}, {UID: "third", Dup: 2}} {
		all = append(all, uidl.Stuck{Message: uidl.Message{Row: uidl.Row{Key: k}}})
	}
	for _, c := range []struct {
		args    string // separated by |
		want    []int
		unknown []string
	}{
		{"a", []int{0}, nil},
		{"b c ", []int{4}, nil},
		{"b c", nil, []string{"b c"}},
		{`"b c "`, []int{4}, nil},
		{"\xff\"", []int{5}, nil},
		{`"\xff\""`, []int{5}, nil},
		{`"a"`, []int{6}, nil}, // just that one, and not a
		{"twin", []int{1, 2}, nil},
		{"twin#2", []int{2}, nil},
		{"twin#1", []int{3}, nil}, // there is one of that unique-id
		{"third#3", []int{7}, nil},
		{"third#1|a#|#1|a#x", nil, []string{"third#1", "a#", "#1", "a#x"}},
		{"twin|a|twin#2", []int{0, 1, 2}, nil},
		{"a|no", []int{0}, []string{"no"}},
		{"", nil, []string{""}},
	} {
		picked, unknown := Choose(all, strings.Split(c.args, "|"))
		var got, want []uidl.Key
		for _, s := range picked {
			got = append(got, s.Key)
		}
		for _, i := range c.want {
			want = append(want, all[i].Key)
		}
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(unknown, c.unknown) {
			t.Errorf("%q: %v, %q; want %v, %q", c.args, got, unknown, want, c.unknown)
		}
	}
	for i, want := range []string{"a", "twin#1", "twin#2", "twin#1", "b c ", "\xff\"", `"a"`, "third#3"} {
		if got := Name(all, all[i].Key); got != want {
			t.Errorf("%v: %q, want %q", all[i].Key, got, want)
		}
	}
	for _, uid := range []string{"a", "b c ", "\xff\"", "\u00e4\x00"} {
		if keys := Named([]uidl.Stuck{{Message: uidl.Message{Row: uidl.Row{Key: uidl.Key{UID: uid}}}}}, Log(uid)); len(keys) != 1 {
			t.Errorf("%s names nothing", Log(uid))
		}
	}
}
