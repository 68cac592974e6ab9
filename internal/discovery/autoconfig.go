package discovery

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/popsync/popsync/internal/foreign"
)

// deepest bounds the elements in elements of a document.
const deepest = 32

// clientConfig is what counts of a document of autoconfig (draft-ietf-mailmaint-autoconfig-06, section 3). What is not known is ignored,
// and a server with something impossible in it does not keep the others from being used.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Provider []struct {
		Name    string           `xml:"displayName"`
		Servers []incomingServer `xml:"incomingServer"`
		Enable  []struct {
			URL string `xml:"visiturl,attr"`
		} `xml:"enable"`
	} `xml:"emailProvider"`
}

type incomingServer struct {
	Type           string   `xml:"type,attr"`
	Hostname       string   `xml:"hostname"`
	Port           string   `xml:"port"`
	SocketType     string   `xml:"socketType"`
	Username       string   `xml:"username"`
	Authentication []string `xml:"authentication"`
	POP3           struct {
		CheckInterval struct {
			Minutes string `xml:"minutes,attr"`
		} `xml:"checkInterval"`
	} `xml:"pop3"`
}

var errNoPOP3 = errors.New("it names no POP3 server with TLS")

// parseAutoconfig reads a document: the first POP3 server with TLS from the first byte, else the first with STARTTLS.
func parseAutoconfig(doc []byte, a Address) (Found, error) {
	if err := plainXML(doc); err != nil {
		return Found{}, err
	}
	var c clientConfig
	if err := xml.Unmarshal(doc, &c); err != nil {
		return Found{}, errors.New("it is no document of autoconfig")
	}
	for _, want := range []string{"SSL", "STARTTLS"} {
		for _, p := range c.Provider {
			for _, s := range p.Servers {
				if s.Type != "pop3" || strings.TrimSpace(s.SocketType) != want {
					continue
				}
				found, ok := s.found(a)
				if !ok {
					continue
				}
				found.Provider = label(p.Name)
				for _, e := range p.Enable {
					if u := strings.TrimSpace(e.URL); found.Enable == "" && strings.HasPrefix(u, "https://") && printable(u) {
						found.Enable = u
					}
				}
				return found, nil
			}
		}
	}
	return Found{}, errNoPOP3
}

// found is a server as far as it can be used.
func (s incomingServer) found(a Address) (f Found, ok bool) {
	f.Host, f.StartTLS = Host(a.fill(s.Hostname)), strings.TrimSpace(s.SocketType) == "STARTTLS"
	port, err := strconv.Atoi(strings.TrimSpace(s.Port))
	if f.Port = port; err != nil || port < 1 || port > 65535 || f.Host == "" {
		return f, false
	}
	form := strings.TrimSpace(s.Username)
	if !printable(form) {
		return f, false
	}
	f.Named, f.Usernames = form != "", a.usernames(form)
	if name := f.Usernames[0]; f.Named && !strings.Contains(form, "%EMAIL") && name != a.String() && name != a.Local {
		f.Doubts = append(f.Doubts, fmt.Sprintf("the user name %s is not from your address", name))
	}
	for _, way := range s.Authentication {
		switch strings.TrimSpace(way) {
		case "OAuth2":
			f.OAuth = true
		case "password-cleartext", "password-encrypted", "plain", "secure":
			f.Password = true
		}
	}
	if len(s.Authentication) > 0 && !f.OAuth && !f.Password {
		return f, false // Kerberos and the like
	}
	if n, err := strconv.Atoi(strings.TrimSpace(s.POP3.CheckInterval.Minutes)); err == nil && n > 0 && n <= 24*60 {
		f.Interval = time.Duration(n) * time.Minute
	}
	return f, true
}

// plainXML refuses what a configuration does not need: document type declarations, and depth.
func plainXML(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return errors.New("it is no XML")
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth > deepest {
				return errors.New("its elements are too deep")
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return errors.New("it has a document type declaration")
		}
	}
}

// label is a name to show, or "".
func label(s string) string {
	if s = strings.Join(strings.Fields(s), " "); len(s) > 100 || !printable(s) {
		return ""
	}
	return s
}

func printable(s string) bool {
	return foreign.Tidy(s, 500) == s
}
