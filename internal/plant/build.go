package plant

import (
	"net"
	"net/netip"
)

// plan is the plant: its network, its hosts, and the recordings they speak.
type plan struct {
	*network
	read                map[string][]script // recordings, by name
	lines               [2]*production
	servers, offices    *link
	dmz                 *link
	historian, jump     *station
	broker              *station
	dc1, dc2            *station
	erp, mes, dcCorp    *station
	lims                *station
	pc1, pc2, engineer  *station
	admin, scan, silent *station
	printer             *station
	switches            []*station
}

// production is one line: a cell network that is not routed, with the same
// addresses in both lines, and an operations network that is.
type production struct {
	number                         byte
	cell, ops                      *link
	plc, rack, gateway, drive, io  *station
	scadaCell, ewsCell             *station
	scada, ews, hmi, packer, batch *station
	edge                           *station
}

// digit is the line's number as text.
func (l *production) digit() string { return string('0' + rune(l.number)) }

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Routers. The firewall has a card per network, the core switch one address.
const (
	plantFirewall = "fw-plant"
	coreRouter    = "rt-core"
)

func build(seed int64) (*plan, error) {
	n := &network{seed: seed, ports: make(map[string][]record), known: make(map[neighbours]timespan)}
	p := &plan{network: n, read: make(map[string][]script)}
	for i, port := range []string{line4Port, line5Port} {
		p.lines[i] = p.line(byte(i+4), port)
	}
	p.central()
	p.corporate()
	return p, p.err
}

// link makes a network with its router's address in it.
func (p *plan) link(port string, vlan uint16, router, addr, mac string) *link {
	l := &link{port: port, vlan: vlan, router: router}
	if addr != "" {
		l.gate = p.host(l, router, addr, mac, 64)
	}
	return l
}

// host makes a station. MAC prefixes are the vendors' own.
func (p *plan) host(l *link, name, addr, mac string, ttl uint8) *station {
	hw, err := net.ParseMAC(mac)
	if err != nil && p.err == nil {
		p.err = err
	}
	return &station{name: name, mac: hw, addr: netip.MustParseAddr(addr), link: l, ttl: ttl}
}

// line makes the hosts of a line. 192.168.1.0/24 is the cell of both lines.
func (p *plan) line(number byte, port string) *production {
	l := &production{number: number}
	d := l.digit()
	l.cell = p.link(port, 10+uint16(number), "", "", "")
	l.ops = p.link(port, 100+uint16(number), plantFirewall, "10.20."+d+".1", "00:09:0f:09:10:0"+d)
	cell := func(role, last, mac string, ttl uint8) *station {
		return p.host(l.cell, role+"-l"+d, "192.168.1."+last, mac+d, ttl)
	}
	ops := func(role, last, mac string) *station {
		return p.host(l.ops, role+"-l"+d, "10.20."+d+"."+last, mac+d, 128)
	}
	l.plc = cell("plc", "10", "00:0e:8c:31:5a:1", 30)
	l.rack = cell("rack", "20", "00:1d:9c:c4:20:1", 64)
	l.gateway = cell("gateway", "30", "00:80:f4:70:22:1", 60)
	l.io = cell("io", "40", "00:00:bc:6e:01:1", 64)
	l.scadaCell = cell("scada-cell", "5", "d4:be:d9:40:11:1", 128)
	l.ewsCell = cell("ews-cell", "60", "3c:d9:2b:60:11:1", 128)
	l.scada = ops("scada", "10", "d4:be:d9:40:10:1")
	l.ews = ops("ews", "60", "3c:d9:2b:60:10:1")
	l.hmi = ops("hmi", "50", "28:63:36:50:10:1")
	if number == 4 {
		l.packer = p.host(l.ops, "packer-l4", "10.20.4.11", "28:63:36:a1:00:14", 60)
		l.edge = p.host(l.ops, "edge-l4", "10.20.4.40", "00:90:e8:40:10:14", 64)
	} else {
		l.gateway.mac = net.HardwareAddr{0x00, 0x90, 0xe8, 0x31, 0x70, 0x15}
		l.drive = cell("drive", "31", "00:80:f4:63:00:1", 60)
		l.batch = ops("batch", "30", "00:14:22:b0:10:1")
	}
	p.switches = append(p.switches, p.host(l.ops, "sw-l"+d, "10.20."+d+".2", "00:80:63:5a:10:0"+d, 64))
	return l
}

// central makes the DMZ between plant and company.
func (p *plan) central() {
	p.dmz = p.link(dmzPort, 0, plantFirewall, "10.50.1.1", "00:09:0f:09:10:50")
	p.dc1 = p.host(p.dmz, "dc1", "10.50.1.5", "00:50:56:a1:50:05", 128)
	p.dc2 = p.host(p.dmz, "dc2", "10.50.1.6", "00:50:56:a1:50:06", 128)
	p.historian = p.host(p.dmz, "historian", "10.50.1.20", "00:50:56:a1:50:20", 128)
	p.jump = p.host(p.dmz, "jump", "10.50.1.30", "00:50:56:a1:50:30", 128)
	p.broker = p.host(p.dmz, "broker", "10.50.1.40", "00:50:56:a1:50:40", 64)
	p.switches = append(p.switches, p.host(p.dmz, "sw-dmz", "10.50.1.2", "00:1b:54:50:01:02", 255))
}

// corporate makes the company's side and the way out of it.
func (p *plan) corporate() {
	const core = "00:1b:54:60:00:01"
	p.servers = p.link(corpPort, 60, coreRouter, "10.60.60.1", core)
	p.offices = p.link(corpPort, 61, coreRouter, "10.60.61.1", core)
	p.uplink = p.link(corpPort, 99, coreRouter, "10.60.254.1", core)
	p.core = p.uplink.gate
	p.edge = p.host(p.uplink, "fw-edge", "10.60.254.2", "00:09:0f:60:ff:02", 64)
	p.dcCorp = p.host(p.servers, "dc-corp", "10.60.60.5", "00:50:56:b2:60:05", 128)
	p.erp = p.host(p.servers, "erp", "10.60.60.10", "00:50:56:b2:60:10", 64)
	p.mes = p.host(p.servers, "mes", "10.60.60.20", "00:50:56:b2:60:20", 128)
	p.lims = p.host(p.servers, "lims", "10.60.60.30", "00:50:56:b2:60:30", 64)
	p.pc1 = p.host(p.offices, "pc-2107", "10.60.61.21", "b8:ca:3a:61:00:21", 128)
	p.pc2 = p.host(p.offices, "pc-2110", "10.60.61.22", "b8:ca:3a:61:00:22", 128)
	p.engineer = p.host(p.offices, "pc-process", "10.60.61.30", "b8:ca:3a:61:00:30", 128)
	p.admin = p.host(p.offices, "pc-admin", "10.60.61.40", "b8:ca:3a:61:00:40", 128)
	p.silent = p.host(p.offices, "pc-2111", "10.60.61.23", "b8:ca:3a:61:00:23", 128)
	p.printer = p.host(p.offices, "printer", "10.60.61.80", "00:1e:0b:61:00:80", 64)
	p.scan = p.host(p.offices, "scanner", "10.60.61.90", "00:50:56:b2:61:90", 64)
	p.switches = append(p.switches, p.host(p.offices, "sw-office", "10.60.61.2", "00:1b:54:61:00:02", 255))
}

// internet is a host beyond the edge. Its address is of the ranges kept for
// documentation (RFC 5737), which Demarc takes for the Internet's.
func (p *plan) internet(name, addr string) *station {
	return &station{name: name, addr: netip.MustParseAddr(addr), ttl: 52}
}
