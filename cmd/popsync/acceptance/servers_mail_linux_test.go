package acceptance_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/bench/mailgen"
)

// sixty are messages of many sizes, some with the size of their neighbours, and first what is odd about mail.
func sixty() (all [][]byte) {
	head := "From: a@example.org\r\nSubject: %s\r\nMessage-ID: <%[1]s@example.org>\r\n\r\n"
	for i, body := range []string{
		"", "x\r\n", ".\r\n", "..\r\n.x\r\n.\r\n", "+OK 1 2\r\n.\r\n-ERR\r\n", "no end", strings.Repeat("x", 5000) + "\r\n",
		"bare\nlines\n.\n", "From here\r\nFrom there\r\n", "\r\n\r\n\r\n", "8 bit: \xe4\xf6\xfc\r\n", ".",
	} {
		all = append(all, fmt.Appendf(nil, head+"%s", fmt.Sprintf("odd-%d", i), body))
	}
	for i, m := range plain(2, 12, 900, 900) { // other content
		if i%3 == 2 {
			m = bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n"))
		}
		all = append(all, m)
	}
	all = append(all, bytes.Replace(plain(7, 1, 600, 600)[0], []byte("Subject: "), []byte("Subject: \u00fcber "), 1))
	twin := plain(3, 1, 700, 700)[0]
	for range 6 {
		all = append(all, twin)
	}
	return append(all, plain(1, 30, 500, 4000)...)
}

// forty are new mail: ten of them have one size.
func forty() [][]byte {
	all := plain(4, 20, 500, 4000)
	all = append(all, plain(5, 10, 800, 800)...)
	return append(all, plain(6, 10, 500, 4000)...)
}

// plain makes messages of ASCII.
func plain(seed uint64, n, low, high int) [][]byte {
	all := mailgen.Messages(seed, n, low, high)
	for _, m := range all {
		for i, c := range m {
			if c >= 0x80 {
				m[i] = 'u'
			}
		}
	}
	return all
}

// converse fetches all messages, one command at a time.
func converse(s mailServer) (messages [][]byte, err error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	say := func(command string) (string, error) {
		if command != "" {
			if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
				return "", err
			}
		}
		line, err := r.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "+OK") {
			err = fmt.Errorf("%s: %q", command, line)
		}
		return line, err
	}
	for _, command := range []string{"", "USER " + s.user, "PASS " + s.password} {
		if _, err := say(command); err != nil {
			return nil, err
		}
	}
	stat, err := say("STAT")
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.Fields(stat)[1])
	if err != nil {
		return nil, err
	}
	for i := range n {
		if _, err := say(fmt.Sprintf("RETR %d", i+1)); err != nil {
			return nil, err
		}
		var m []byte
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return nil, err
			}
			if start := len(m) == 0 || bytes.HasSuffix(m, []byte("\r\n")); start && line[0] == '.' {
				if string(line) == ".\r\n" {
					break
				}
				line = line[1:]
			}
			m = append(m, line...)
		}
		messages = append(messages, m)
	}
	_, err = say("QUIT")
	return messages, err
}
