package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// allTypes is how a message lists them.
var allTypes = strings.Join(DeliverTypes(), ", ")

// typesWith is how a message lists those that have a key.
func typesWith(key string) string {
	var names []string
	for _, name := range DeliverTypes() {
		if known, _ := (&checker{}).deliverKeys(name, &Deliver{}); known[key] != nil {
			names = append(names, name)
		}
	}
	return sequence(names)
}

// The messages that name types are as a person has read them for long: only a new type may add itself.
func TestTypesOfKeys(t *testing.T) {
	for key, want := range map[string]string{
		"path": "maildir", "folder": "imap", "spool_max": "smtp, lmtp and command", "address": "smtp and lmtp", "password": "smtp and lmtp", "timeout": "command",
	} {
		if got := typesWith(key); !strings.HasPrefix(strings.Replace(got, " and ", ", ", 1), strings.Replace(want, " and ", ", ", 1)) {
			t.Errorf("%s is for type %s, want %s", key, got, want)
		}
	}
}

// Each type has all that one needs, and a name of its own.
func TestDeliverTypes(t *testing.T) {
	names := DeliverTypes()
	for i, dt := range deliverTypes() {
		v := reflect.ValueOf(dt)
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Func && f.IsNil() {
				t.Errorf("type %s lacks %s", dt.name, v.Type().Field(i).Name)
			}
		}
		if dt.name == "" || slices.Index(names, dt.name) != i {
			t.Errorf("type %q is there twice, or has no name", dt.name)
		}
		if got := typeOf(&Deliver{Type: dt.name}).name; got != dt.name {
			t.Errorf("the type of a destination of type %s is %s", dt.name, got)
		}
		keys, finish := dt.keys(&checker{}, dt.name, &Deliver{Type: dt.name})
		if len(keys) == 0 || finish == nil {
			t.Errorf("type %s: %d keys, finish %v", dt.name, len(keys), finish != nil)
		}
	}
}
