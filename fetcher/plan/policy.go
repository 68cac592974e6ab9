package plan

import "time"

// Delete says what happens to a message on the server once it is durable at every destination.
type Delete int

// The zero value keeps everything.
const (
	DeleteNever Delete = iota
	DeleteAfterDelivery
	DeleteAfterAge // once a listing on an earlier day came Policy.Age after popsync first saw it
)

// Policy is what the person wants for an account. The zero value: keep all, fetch all, whatever the size.
type Policy struct {
	Delete  Delete
	Age     time.Duration // for DeleteAfterAge
	MaxSize int64         // octets; larger messages are skipped and reported; 0: no limit
	Limit   int           // new messages per pass; 0: no limit
}
