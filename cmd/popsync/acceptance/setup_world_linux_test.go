package acceptance_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/pop3/pop3test"
)

// internet is a network of its own for a test: nothing leaves it. It has DNS, servers for POP3 and HTTPS at public addresses, and a CA
// that the program trusts.
type internet struct {
	t    *testing.T
	bin  string
	dir  string
	pop  *pop3test.Server
	docs map[string]string // autoconfig, by host and path

	mu     sync.Mutex
	hosts  map[string][4]byte
	mx     map[string]string
	logins []string // user names, in their order
	key    *ecdsa.PrivateKey
	ca     *x509.Certificate
}

// The addresses are for documentation (RFC 5737), so they belong to nobody; and they are no private ones.
var popAddress, webAddress = [4]byte{198, 51, 100, 7}, [4]byte{198, 51, 100, 8}

// worldOf names the program, for the test that runs itself again in a network of its own.
const worldOf = "POPSYNC_TEST_WORLD"

// inOwnNetwork runs the test again in a network and with mounts of its own, and tells whether this was that.
func inOwnNetwork(t *testing.T) (in bool) {
	t.Helper()
	if os.Getenv(worldOf) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=4m")
	cmd.Env = append(os.Environ(), worldOf+"="+program(t, ""))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil && os.Getenv("CI") == "":
		t.Skipf("NOT TESTED: no network of its own here: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case testing.Verbose():
		t.Logf("%s", out)
	}
	return false
}

func newInternet(t *testing.T) *internet {
	t.Helper()
	n := &internet{t: t, bin: os.Getenv(worldOf), dir: t.TempDir(), hosts: map[string][4]byte{}, mx: map[string]string{}, docs: map[string]string{}}
	n.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	resolv := filepath.Join(n.dir, "resolv.conf")
	n.must(os.WriteFile(resolv, []byte("nameserver 127.0.0.1\n"), 0o644))
	n.must(unix.Mount(resolv, "/etc/resolv.conf", "", unix.MS_BIND, ""))
	n.address("lo", [4]byte{127, 0, 0, 1})
	n.address("lo:1", popAddress)
	n.address("lo:2", webAddress)

	var err error
	n.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	n.must(err)
	n.ca = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(0, 0, -60), NotAfter: time.Now().AddDate(0, 0, 60), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, n.ca, n.ca, &n.key.PublicKey, n.key)
	n.must(err)
	n.must(os.WriteFile(filepath.Join(n.dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))

	packets, err := net.ListenPacket("udp", "127.0.0.1:53")
	n.must(err)
	t.Cleanup(func() { packets.Close() })
	go n.dns(packets)

	n.pop = pop3test.NewServer(pop3test.Options{OnCommand: func(_ *pop3test.Session, verb, arg string) *pop3test.Reply {
		if verb == "AUTH" && arg != "" || verb == "PASS" {
			n.mu.Lock()
			n.logins = append(n.logins, verb)
			n.mu.Unlock()
		}
		return nil
	}})
	t.Cleanup(n.pop.Close)
	mail, err := tls.Listen("tcp", net.JoinHostPort(net.IP(popAddress[:]).String(), "995"), n.tls())
	n.must(err)
	t.Cleanup(func() { mail.Close() })
	go func() {
		for {
			conn, err := mail.Accept()
			if err != nil {
				return
			}
			go n.pop.ServeConn(conn)
		}
	}()
	web, err := tls.Listen("tcp", net.JoinHostPort(net.IP(webAddress[:]).String(), "443"), n.tls())
	n.must(err)
	server := http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if doc := n.docs[r.Host+r.URL.Path]; doc != "" {
			_, _ = io.WriteString(w, doc)
			return
		}
		http.NotFound(w, r)
	})}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(web) }()
	return n
}

func (n *internet) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// address gives an interface of this network an address.
func (n *internet) address(name string, ip [4]byte) {
	n.t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	n.must(err)
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	n.must(err)
	if ip[0] != 127 {
		n.must(request.SetInet4Addr(ip[:]))
		n.must(unix.IoctlIfreq(fd, unix.SIOCSIFADDR, request))
	}
	request.SetUint16(unix.IFF_UP)
	n.must(unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request))
}

// tls serves any host with a certificate of its name.
func (n *internet) tls() *tls.Config {
	return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			NotBefore: n.ca.NotBefore, NotAfter: n.ca.NotAfter}
		der, err := x509.CreateCertificate(rand.Reader, leaf, n.ca, &n.key.PublicKey, n.key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: n.key}, err
	}}
}

// dns answers what it knows, and else that there is no such name.
func (n *internet) dns(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		size, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		name := strings.TrimSuffix(q.Name.String(), ".")
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}
		n.mu.Lock()
		ip, there := n.hosts[name]
		mx := n.mx[name]
		n.mu.Unlock()
		switch {
		case there && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip}})
		case mx != "" && q.Type == dnsmessage.TypeMX:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(mx + ".")}})
		case !there && mx == "":
			m.RCode = dnsmessage.RCodeNameError
		}
		if out, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(out, from)
		}
	}
}

// refusingIMAP begins a server for IMAP, where the one for POP3 is, that takes nobody's password.
func (n *internet) refusingIMAP() {
	n.t.Helper()
	listener, err := tls.Listen("tcp", net.JoinHostPort(net.IP(popAddress[:]).String(), "993"), n.tls())
	n.must(err)
	n.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] here\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					tag, _, _ := strings.Cut(lines.Text(), " ")
					fmt.Fprintf(conn, "%s NO [AUTHENTICATIONFAILED] no\r\n", tag)
				}
			}()
		}
	}()
}

// host is a name that leads to a server.
func (n *internet) host(name string, at [4]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[name] = at
}

// tries are the logins since it was asked last.
func (n *internet) tries() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := len(n.logins)
	n.logins = nil
	return k
}

// newcomer is somebody who has nothing yet.
type newcomer struct {
	*internet
	t    *testing.T
	home string
}

func (n *internet) newcomer(t *testing.T) *newcomer {
	n.tries()
	return &newcomer{n, t, t.TempDir()}
}

func (p *newcomer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.bin, args...)
	cmd.Dir = p.home
	cmd.Env = []string{"HOME=" + p.home, "PATH=/usr/bin:/bin", "TERM=dumb", "LANG=C.UTF-8", "SSL_CERT_FILE=" + filepath.Join(p.dir, "ca.pem")}
	return cmd
}

// things are all files and folders of the home directory.
func (p *newcomer) things() (all []string) {
	err := filepath.WalkDir(p.home, func(path string, d os.DirEntry, err error) error {
		if path != p.home {
			all = append(all, strings.TrimPrefix(path, p.home+"/"))
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}
