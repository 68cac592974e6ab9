package program

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Environ is what a program gets of the world outside when it does not get popsync's environment: PATH, LANG, HOME, USER,
// LOGNAME, and TZ if popsync has it. Nothing else is inherited: not popsync's secrets, nor what a person happened to have set
// when a failing program is tried by hand.
func Environ() []string {
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

// CloseInherited sees to it that descriptors which popsync was given when it was started, by a careless parent, are not
// passed on. All that Go opens is closed in a program anyway.
func CloseInherited() {
	open, _ := os.ReadDir("/dev/fd") // where there is none there is nothing to be done
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}
