package command

import (
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/internal/foreign"
)

// userEnviron is what every command gets, and all that it gets of the world outside. Nothing is inherited but TZ: not
// popsync's secrets, nor what a person happened to have set when a failing command is tried by hand.
func userEnviron() []string {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
	home, name := "/", strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		home, name = u.HomeDir, u.Username
	}
	env = append(env, "HOME="+home, "USER="+name, "LOGNAME="+name)
	if tz, ok := os.LookupEnv("TZ"); ok {
		env = append(env, "TZ="+tz)
	}
	return env
}

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
