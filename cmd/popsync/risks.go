package main

import "github.com/popsync/popsync/config"

// legacyRisk is what is told of a place that old TLS is allowed for.
const legacyRisk = "old TLS is allowed (tls_legacy): somebody between this machine and the server may make use of that and read password and mail"

// risksOf are those that an account's configuration accepts, its own first, then those of its destinations.
func risksOf(acc config.Account) (all []string) {
	if acc.Legacy && acc.TLS != config.TLSNone {
		all = append(all, legacyRisk)
	}
	for _, d := range acc.Deliver {
		if s := d.SMTP; s != nil && s.Legacy && s.TLS != config.TLSNone {
			all = append(all, "destination "+d.Name+": "+legacyRisk)
		}
		if s := d.IMAP; s != nil && s.Legacy && s.TLS != config.TLSNone {
			all = append(all, "destination "+d.Name+": "+legacyRisk)
		}
	}
	return all
}
