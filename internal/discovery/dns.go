package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/popsync/popsync/internal/providers"
)

// byMX looks who takes the domain's mail: the table, and what that provider publishes, for its whole domain and then for the part that
// is registered. Only the best exchanger counts. DNS can be lied to, so a provider that is found so must be agreed to.
func (f Finder) byMX(ctx context.Context, a Address) (Found, []Miss, bool) {
	limited, cancel := context.WithTimeout(ctx, oneAnswer)
	defer cancel()
	records, err := f.Resolver.LookupMX(limited, a.Domain)
	where := "MX record of " + a.Domain
	best := ""
	for i, r := range records {
		if i == 0 || r.Pref < records[0].Pref {
			best = Host(r.Host)
		}
	}
	if best == "" {
		return Found{}, []Miss{{where, told(err)}}, false
	}
	_, whole, _ := strings.Cut(best, ".")
	var domains []string
	for _, d := range []string{whole, Owner(best)} {
		if d != a.Domain && hostname(d) && Owner(d) == Owner(best) && !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	where += ", which is " + best
	doubt := fmt.Sprintf("only the MX record of %s names it, through %s", a.Domain, best)
	for _, d := range domains {
		if p, ok := providers.Of(d); ok {
			return a.fromTable(p, FromMX, where+", in "+tableName).foreign(a, doubt), nil, true
		}
	}
	var ask []attempt
	for _, d := range domains {
		// Not with the address: it is for the own domain only.
		ask = append(ask, f.autoconfig(a, FromMX, "autoconfig."+d+"/mail/config-v1.1.xml", ""))
	}
	found, misses, ok := first(ctx, ask)
	if !ok {
		return Found{}, append([]Miss{{Where: where}}, misses...), false
	}
	found.Where = where + ", by " + found.Where
	return found.foreign(a, doubt), misses, true
}

// bySRV asks for the records of RFC 6186.
func (f Finder) bySRV(ctx context.Context, a Address) (Found, []Miss, bool) {
	var ask []attempt
	for _, service := range []string{"pop3s", "pop3"} {
		where := fmt.Sprintf("SRV record _%s._tcp.%s", service, a.Domain)
		ask = append(ask, attempt{where, func(ctx context.Context) (Found, error) {
			_, records, err := f.Resolver.LookupSRV(ctx, service, "tcp", a.Domain)
			if len(records) == 0 {
				return Found{}, err
			}
			host := Host(records[0].Target)
			if host == "" { // "." says that there is no such service
				return Found{}, errNothing
			}
			found := Found{Source: FromSRV, Where: where, Host: host, Port: int(records[0].Port), StartTLS: service == "pop3", Usernames: a.usernames("")}
			if found.Port == 0 {
				return Found{}, errNothing
			}
			return found.foreign(a, fmt.Sprintf("only the SRV record of %s names it", a.Domain)), nil
		}})
	}
	return first(ctx, ask)
}

// foreign notes a doubt where the host belongs to another domain than the address.
func (f Found) foreign(a Address, doubt string) Found {
	if Owner(f.Host) != Owner(a.Domain) {
		f.Doubts = append(f.Doubts, doubt)
	}
	return f
}

// carrier is for networks behind a provider's own translation (RFC 6598).
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// Inside tells at which address a host is that is not on the Internet: this machine, or a private network. The zero Addr: at none.
func (f Finder) Inside(ctx context.Context, host string) (netip.Addr, error) {
	addrs := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, ip)
	} else {
		ctx, cancel := context.WithTimeout(ctx, oneAnswer)
		defer cancel()
		if addrs, err = f.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
			return netip.Addr{}, err
		}
	}
	for _, ip := range addrs {
		if ip = ip.Unmap(); ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() || carrier.Contains(ip) {
			return ip, nil
		}
	}
	return netip.Addr{}, nil
}

// Passing tells whether nothing was found because nobody could be asked: then it is worth to try again.
func Passing(misses []Miss) bool {
	return slices.ContainsFunc(misses, func(m Miss) bool {
		var dns *net.DNSError
		return errors.As(m.Err, &dns) && !dns.IsNotFound || errors.Is(m.Err, errSilent) ||
			errors.Is(m.Err, syscall.ENETUNREACH) || errors.Is(m.Err, syscall.EHOSTUNREACH)
	})
}
