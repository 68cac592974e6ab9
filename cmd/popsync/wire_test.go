package main

import (
	"testing"

	"github.com/popsync/popsync/config"
)

// What the configuration says of how a server speaks is what the fetcher does.
func TestWireSpeech(t *testing.T) {
	for _, tt := range []struct {
		pipelining bool
		sizes      config.Sizes
	}{{true, config.SizesAuto}, {false, config.SizesAuto}, {true, config.SizesIgnore}} {
		c := config.Account{Name: "a", Host: "h.example", TLS: config.TLSImplicit, Pipelining: tt.pipelining, Sizes: tt.sizes}
		acc, err := (&app{}).wire(&config.Config{File: "/f"}, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if acc.Server.NoPipelining == tt.pipelining || acc.IgnoreSizes != (tt.sizes == config.SizesIgnore) {
			t.Errorf("%+v: no pipelining: %v, sizes ignored: %v", tt, acc.Server.NoPipelining, acc.IgnoreSizes)
		}
	}
}
