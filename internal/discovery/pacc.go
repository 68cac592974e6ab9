package discovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// pacc is what counts of a PACC document (draft-ietf-mailmaint-pacc). A POP3 server there has TLS from the first byte at port 995.
type pacc struct {
	Protocols struct {
		POP3 *struct {
			Host string `json:"host"`
		} `json:"pop3"`
	} `json:"protocols"`
	Authentication struct {
		Password bool `json:"password"`
		OAuth    *struct {
			Issuer string `json:"issuer"`
		} `json:"oauth-public"`
	} `json:"authentication"`
	Info struct {
		Provider struct {
			Name string `json:"name"`
		} `json:"provider"`
	} `json:"info"`
}

func parsePACC(doc []byte, a Address) (Found, error) {
	var p pacc
	if err := json.Unmarshal(doc, &p); err != nil {
		return Found{}, errors.New("it is no document of PACC")
	}
	if p.Protocols.POP3 == nil {
		return Found{}, errNoPOP3
	}
	f := Found{Host: Host(p.Protocols.POP3.Host), Port: 995, Usernames: a.usernames(""), Provider: label(p.Info.Provider.Name)}
	f.Password, f.OAuth = p.Authentication.Password, p.Authentication.OAuth != nil
	if f.Host == "" || !f.Password && !f.OAuth {
		return Found{}, errNoPOP3
	}
	return f, nil
}

// vouched tells whether a TXT record has the digest of a document. Each may be in several strings, which the resolver joins; tags that
// are not known, and their order, mean nothing.
func vouched(records []string, doc []byte) bool {
	sum := sha256.Sum256(doc)
	for _, r := range records {
		tags := map[string]string{}
		for tag := range strings.SplitSeq(r, ";") {
			name, value, _ := strings.Cut(tag, "=")
			tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
		digest, err := base64.StdEncoding.DecodeString(tags["d"])
		if tags["v"] == "UAAC1" && strings.EqualFold(tags["a"], "sha256") && err == nil && bytes.Equal(digest, sum[:]) {
			return true
		}
	}
	return false
}

// byPACC asks what the domain publishes, and whether its DNS vouches for it.
func (f Finder) byPACC(ctx context.Context, a Address) (Found, error) {
	url := "https://ua-auto-config." + a.Domain + "/.well-known/user-agent-configuration.json"
	doc, err := f.get(ctx, url)
	if err != nil {
		return Found{}, err
	}
	records, err := f.Resolver.LookupTXT(ctx, "_ua-auto-config."+a.Domain)
	if err != nil {
		return Found{}, err
	}
	if !vouched(records, doc) {
		return Found{}, errors.New("the digest in its DNS is another one")
	}
	found, err := parsePACC(doc, a)
	found.Source, found.Where = FromPACC, url
	return found, err
}
