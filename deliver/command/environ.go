package command

import (
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/foreign"
)

// environ is what a command is told about the message.
func environ(m deliver.Outgoing, sender string) []string {
	return []string{
		"POPSYNC_ACCOUNT=" + m.Account,
		"POPSYNC_UID=" + foreign.Token(m.UID),
		"POPSYNC_DELIVERY_ID=" + m.ID,
		"POPSYNC_SENDER=" + sender,
		"POPSYNC_SIZE=" + strconv.FormatInt(m.Octets, 10),
	}
}

// expand fills in the placeholders in one go: what looks like a placeholder in a value stays as it is. No value that a
// server can choose begins with "-", so none can turn an argument into an option.
func expand(args []string, m deliver.Outgoing, sender string) []string {
	values := strings.NewReplacer("{sender}", sender, "{account}", m.Account, "{id}", m.ID)
	expanded := []string{args[0]}
	for _, a := range args[1:] {
		expanded = append(expanded, values.Replace(a))
	}
	return expanded
}
