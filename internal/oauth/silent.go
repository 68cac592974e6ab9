package oauth

import (
	"io"
	"log"
)

// silent is a log that goes nowhere: net/http would write to standard error what a stranger sent.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
