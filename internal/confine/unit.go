package confine

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// imitated lists the settings that this package carries out, with the only value that it knows; "" is any.
var imitated = map[string]string{
	"ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "PrivateUsers": "yes",
	"PrivateIPC": "yes", "PrivateMounts": "yes", "ProtectProc": "invisible", "ProcSubset": "pid", "ProtectHostname": "yes",
	"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "UMask": "0077", "LimitNOFILE": "",
	"LimitCORE": "0", "RestrictAddressFamilies": "", "RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes",
	"SystemCallFilter": "", "SystemCallErrorNumber": "EPERM", "SystemCallArchitectures": "native",
	"StateDirectory": "", "StateDirectoryMode": "0700", "RuntimeDirectory": "", "RuntimeDirectoryMode": "0700",
	"LogsDirectory": "", "LogsDirectoryMode": "0700",
}

// passedOver are settings that need no imitation, or can have none here; the package's comment tells why.
var passedOver = strings.Fields(`Type NotifyAccess ExecStart ExecReload Restart RestartSec RestartPreventExitStatus
	WatchdogSec TimeoutStartSec TimeoutStopSec User Group MemoryMax TasksMax ProtectClock ProtectControlGroups
	ProtectKernelLogs ProtectKernelModules ProtectKernelTunables RemoveIPC KeyringMode LockPersonality RestrictRealtime
	RestrictSUIDSGID SyslogLevel`)

// unit is the section [Service], in the order of the file.
type unit map[string][]string

// readUnit reads a unit file and refuses settings that would be left out unnoticed.
func readUnit(path string) (unit, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	u := unit{}
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = line
		case section != "[Service]":
		case !ok:
			return nil, fmt.Errorf("%s: %q", path, line)
		default:
			if want, known := imitated[key]; !known && !slices.Contains(passedOver, key) || want != "" && value != want || value != "" && strings.HasSuffix(key, "Capabilities") || value != "" && key == "CapabilityBoundingSet" {
				return nil, fmt.Errorf("%s: %s cannot be imitated: see unit.go", path, line)
			}
			u[key] = append(u[key], value)
		}
	}
	for key, want := range imitated {
		if want != "" && len(u[key]) == 0 && !strings.HasSuffix(key, "DirectoryMode") {
			return nil, fmt.Errorf("%s: without %s=%s it would be imitated all the same", path, key, want)
		}
	}
	return u, nil
}
