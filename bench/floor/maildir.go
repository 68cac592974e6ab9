package floor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// maildir is a Maildir for one run: names are unique among runs by time and process, and nobody else's are met.
type maildir struct {
	tmp, new string
	prefix   string
	count    int
	barrier  *os.File // root of the Maildir: what the barrier works on, opened before the first write
}

func openMaildir(dir string) (*maildir, error) {
	for _, d := range []string{"", "tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil && !os.IsExist(err) {
			return nil, err
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &maildir{
		tmp: filepath.Join(dir, "tmp"), new: filepath.Join(dir, "new"), barrier: f,
		prefix: fmt.Sprintf("%d.M%dP%dQ", now.Unix(), now.Nanosecond()/1000, os.Getpid()),
	}, nil
}

func (m *maildir) create() (f *os.File, name string, err error) {
	m.count++
	name = m.prefix + strconv.Itoa(m.count) + ".floor"
	f, err = os.OpenFile(m.tmp+"/"+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return f, name, err
}

// publish makes the files durable, shows them, and makes that durable.
func (m *maildir) publish(names []string) error {
	if err := m.sync(names); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Rename(m.tmp+"/"+name, m.new+"/"+name); err != nil {
			return err
		}
	}
	return syncPath(m.new)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (m *maildir) close() { m.barrier.Close() }
