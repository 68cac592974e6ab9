package tokens

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/popsync/popsync/internal/oauth"
)

// record is a token as it is stored.
type record struct {
	seq   uint64 // grows by one with each token that is stored, so that none is replaced by an older one
	login time.Time
	token oauth.Token
}

type storedRecord struct {
	Version int             `json:"version"`
	Seq     uint64          `json:"seq"`
	Login   time.Time       `json:"login"`
	Token   json.RawMessage `json:"token"`
}

// The errors of decode, which show nothing of what was read.
var (
	errNoRecord    = errors.New("it is no token of popsync's, or a damaged one")
	errNewerRecord = errors.New("a newer popsync has written it")
)

const recordVersion = 1

func (r record) encode() []byte {
	b, err := json.Marshal(storedRecord{recordVersion, r.seq, r.login.UTC(), r.token.Encode()})
	if err != nil {
		panic("tokens: a record can't be written")
	}
	return append(b, '\n')
}

func decode(b []byte) (record, error) {
	var s storedRecord
	if json.Unmarshal(b, &s) != nil || s.Version < 1 {
		return record{}, errNoRecord
	}
	if s.Version > recordVersion {
		return record{}, errNewerRecord
	}
	if y := s.Login.Year(); y < 0 || y > 9999 {
		return record{}, errNoRecord
	}
	t, err := oauth.Decode(s.Token)
	if err != nil {
		return record{}, errNoRecord
	}
	return record{s.Seq, s.Login, t}, nil
}
