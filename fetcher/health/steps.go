package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/words"
)

// PlaceName begins what stands for a message without a unique-id; no server gives such ones.
const PlaceName = "popsync-place:"

// MarkText tells what becomes of a message that broke a session.
func MarkText(m *StumbleMark, now time.Time) string {
	name := "message " + words.Quote(string(m.UID))
	if strings.HasPrefix(string(m.UID), PlaceName) {
		name = "the message"
	}
	if m.Next <= now.Unix() {
		return name + " is left alone for the rest of this pass; new mail and all else goes on"
	}
	return fmt.Sprintf("%s is left alone until %s; new mail and all else goes on", name, words.Stamp(m.Next))
}

// RestText tells people that a step rests, until a time (Unix seconds).
func RestText(step string, until int64) string {
	if step == StepQuit {
		return fmt.Sprintf("the server says that it deletes messages, and lists them still: %s until %s; new mail is fetched all the same",
			stepRests[step], words.Stamp(until))
	}
	return fmt.Sprintf("%s breaks the connection whatever the message is: %s until %s; new mail is fetched all the same",
		step, stepRests[step], words.Stamp(until))
}

// stepRests tells what is not done while a step rests.
var stepRests = map[string]string{
	"DELE": "nothing is deleted on the server",
	"TOP":  "headers are not looked at",
	"RETR": "known messages are not read again to compare them",

	StepQuit: "nothing is deleted there",
}
