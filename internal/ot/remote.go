package ot

import (
	"maps"
	"slices"
)

// Remote is how a protocol gives access from afar.
type Remote uint8

// Ways in which protocols give access from afar.
const (
	NotRemote   Remote = iota
	Interactive        // a person acts on the server
	Tunnel             // a tool or tunnel lets somebody in, whoever opened the connection
)

var remotes = map[string]Remote{
	"rdp": Interactive, "vnc": Interactive, "ssh": Interactive, "telnet": Interactive, "winrm": Interactive, "x11": Interactive,
	"teamviewer": Tunnel, "anydesk": Tunnel, "openvpn": Tunnel, "wireguard": Tunnel, "tailscale": Tunnel, "ipsec": Tunnel, "ike": Tunnel,
	"l2tp": Tunnel, "pptp": Tunnel, "radmin": Tunnel, "nomachine": Tunnel,
}

// RemoteBy says how a protocol gives access from afar.
func RemoteBy(protocol string) Remote { return remotes[protocol] }

// RemoteProtocols lists the protocols that do, sorted.
func RemoteProtocols() []string { return slices.Sorted(maps.Keys(remotes)) }
