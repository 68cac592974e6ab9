package foreign_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/internal/foreign/foreigntest"
)

func TestJSON(t *testing.T) {
	for name, s := range foreigntest.Nasty() {
		doc, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got := foreign.JSON(doc)
		var back, want string
		if err := errors.Join(json.Unmarshal(got, &back), json.Unmarshal(doc, &want)); err != nil || back != want {
			t.Errorf("%s: %v, %.60q", name, err, got)
		}
		if i := foreigntest.Odd(string(got)); i >= 0 {
			t.Errorf("%s: octet %d", name, i)
		}
	}
}
