package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
)

// asleep are the lines of the example that a person may wake.
var asleep = regexp.MustCompile(`(?m)^#([a-z_]+ = .+|\[\[.+\]\]|\[oauth\..+\])$`)

// sampleClients are those that the example's destinations name.
var sampleClients = []config.OAuth{{Name: "google", Provider: "google", ClientID: "c", Secret: config.SecretSource{Kind: config.SecretCommand, Command: []string{"true"}}}}

// sampleOf is the first destination of a type in the example.
func sampleOf(t *testing.T, name string) config.Deliver {
	t.Helper()
	doc, err := os.ReadFile("../../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	home := func(key string) string { return map[string]string{"HOME": "/home/me"}[key] }
	cfg, err := config.Parse("example", asleep.ReplaceAll(doc, []byte("$1")), home, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range cfg.Accounts[0].Deliver {
		if d.Type == name {
			return d
		}
	}
	t.Fatalf("the example has no destination of type %s", name)
	return config.Deliver{}
}

func TestDestinationTypes(t *testing.T) {
	var names []string
	for _, dt := range destinationTypes() {
		names = append(names, dt.name)
		v := reflect.ValueOf(dt)
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Func && f.IsNil() {
				t.Errorf("type %s lacks %s", dt.name, v.Type().Field(i).Name)
			}
		}
	}
	if want := config.DeliverTypes(); !slices.Equal(names, want) {
		t.Fatalf("types %q, and the configuration knows %q", names, want)
	}
}

// What the types say of one destination goes together.
func TestDestinationTypesAgree(t *testing.T) {
	cfg := &config.Config{StateDir: t.TempDir(), OAuth: sampleClients}
	for _, dt := range destinationTypes() {
		d := sampleOf(t, dt.name)
		a := &app{}
		target, err := dt.open(a, cfg, "work", d)
		if err != nil {
			t.Errorf("%s: %v", dt.name, err)
			continue
		}
		defer target.Close()
		can := deliver.AbilitiesOf(target)
		if local := dt.folder(d) != ""; local == target.Remote() || local != (can.Noter != nil) || local != (can.Located != nil) {
			t.Errorf("%s: folder %q, Remote %v, %s", dt.name, dt.folder(d), target.Remote(), listed(can))
		}
		if target.Remote() && dt.setting(cfg, d) == "" {
			t.Errorf("%s: an outage is not forgotten when it is reached in another way", dt.name)
		}
		if dt.place(d) == "" || !strings.HasPrefix(dt.same(d), dt.name+"\x00") {
			t.Errorf("%s: place %q, same %q", dt.name, dt.place(d), dt.same(d))
		}
		if dt.asks && !target.Remote() {
			t.Errorf("%s asks a server and is not remote", dt.name)
		}
	}
}

// What a Target can do is found out by its methods: one with another name would be missed by nobody.
func TestAbilities(t *testing.T) {
	want := map[bool]string{
		false: "Noter Tagger Cleaner Located Checker",
		true:  "Sweeper Setter Foreseer Batched Reminded Opener Learner Teller Checker",
	}
	for _, name := range config.DeliverTypes() {
		target, err := (&app{}).targetOf(&config.Config{StateDir: t.TempDir(), OAuth: sampleClients}, "work", sampleOf(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		if got := listed(deliver.AbilitiesOf(target)); got != want[target.Remote()] {
			t.Errorf("%s can do %s, want %s: see the table in deliver/abilities.go", name, got, want[target.Remote()])
		}
	}
}

// listed names abilities.
func listed(a deliver.Abilities) string {
	var names []string
	v := reflect.ValueOf(a)
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return strings.Join(names, " ")
}
