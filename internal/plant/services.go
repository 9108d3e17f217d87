package plant

import "time"

// Questions of the recording "dns", in its order.
const (
	askScada = iota
	askHistorian
	askDirectory
	askController
	askExample
	askRemoteTool
	askTelemetry
)

// home renames a recorded directory conversation after the server that has it
// here: the company has a domain of its own.
func (p *plan) home(talk script, server *station) script {
	recorded := string(p.dc1.addr.AsSlice())
	switch server {
	case p.dc2:
		return talk.named("dc1", "dc2", recorded, string(server.addr.AsSlice()))
	case p.dcCorp:
		return talk.named("houston", "company", "HOUSTON", "COMPANY", recorded, string(server.addr.AsSlice()))
	}
	return talk
}

// ask resolves one name with a server.
func (p *plan) ask(at time.Duration, client, server *station, question int) {
	talk := p.talk("dns", question, 0)
	if question == askDirectory || question == askController {
		talk = p.home(talk, server)
	}
	p.udp(at, client, server, 0, 53, talk)
}

// clock keeps a host's time with a server: every 64 s, as NTP clients begin.
func (p *plan) clock(at time.Duration, client, server *station) {
	for i, talk := range p.talks("ntp") {
		p.udp(at+time.Duration(i)*64*second, client, server, 123, 123, talk)
	}
}

// logon is a directory member's sign-in: Kerberos, then a look-up.
func (p *plan) logon(at time.Duration, client, server *station) {
	p.ask(at, client, server, askDirectory)
	p.ask(at+20*time.Millisecond, client, server, askController)
	for i, t := range p.talks("kerberos") {
		p.udp(at+time.Duration(50+10*i)*time.Millisecond, client, server, 0, 88, p.home(t, server))
	}
	for _, t := range p.talks("ldap") {
		p.tcp(client, server, 389, session{start: at + 120*time.Millisecond}, p.home(t, server))
	}
}

// controlRoom is what the lines use of the shared services in the DMZ.
func (p *plan) controlRoom() {
	for i, l := range p.lines {
		late := time.Duration(i) * 1300 * time.Millisecond
		p.ask(9*second+late, l.hmi, p.dc1, askScada)
		p.ask(140*second+late, l.hmi, p.dc2, askScada)
		p.ask(12*second+late, l.scada, p.dc1, askHistorian)
		p.clock(14*second+late, l.scada, p.dc1)
		p.clock(16*second+late, l.ews, p.dc2)
		p.clock(19*second+late, l.hmi, p.dc1)
		p.logon(22*second+late, l.ews, p.dc1)
		p.logon(200*second+late, l.scada, p.dc2)
	}
	batch := p.lines[1].batch
	p.clock(21*second, batch, p.dc1)
	p.logon(33*second, batch, p.dc2)
}

// datacentre is the DMZ's own traffic, and what crosses it by agreement.
func (p *plan) datacentre() {
	for i, t := range p.talks("opcua-4") {
		p.tcp(p.historian, p.lines[0].scada, 4840, session{start: 3*second + time.Duration(i)*2*second, open: i > 0}, scadaBuild(t).over(time.Duration(1+280*i)*second))
	}
	for i, t := range p.talks("opcua-5") {
		p.tcp(p.historian, p.lines[1].scada, 4840, session{start: 7*second + time.Duration(i)*3*second, open: i > 0}, t.over(time.Duration(1+270*i)*second))
	}
	p.clock(8*second, p.historian, p.dc1)
	p.logon(26*second, p.historian, p.dc1)
	p.logon(51*second, p.jump, p.dc1)
	for _, t := range p.talks("ldap") { // replication of the directory
		p.tcp(p.dc2, p.dc1, 389, session{start: 77 * second}, t)
	}
	p.ask(101*second, p.dc1, p.dcCorp, askExample) // forwarded to the company's resolver
	p.ask(201*second, p.dc2, p.dcCorp, askExample)

	sql, values := p.talk("sql-mes-historian", 0, 0), p.talk("http-mes-historian", 0, 0)
	for i := range 3 {
		at := 15*second + time.Duration(i)*95*second
		p.tcp(p.mes, p.historian, 5432, session{start: at}, sql.over(9*second))
		p.tcp(p.mes, p.historian, 8080, session{start: at + 30*second}, values)
	}
	p.each("rdp-admin-jump", p.admin, p.jump, 3389, 60*second)
	p.each("rdp-jump-ews", p.jump, p.lines[0].ews, 3389, 68*second)
}

// cloud is how figures of line 4 reach the cloud: its edge gateway publishes to
// the broker in the DMZ, and that forwards to a service on a provider's platform.
func (p *plan) cloud() {
	const birth, device, data = 3, 4, 5 // conversations of the recording
	edge := p.lines[0].edge
	p.tcp(edge, p.broker, 1883, session{start: 18 * second}, p.talk("sparkplug-edge", birth, 0))
	p.tcp(edge, p.broker, 1883, session{start: 19 * second}, p.talk("sparkplug-edge", device, 0))
	for i := range 8 {
		p.tcp(edge, p.broker, 1883, session{start: 20*second + time.Duration(i)*33*second}, p.talk("sparkplug-edge", data, 0))
	}
	ingest := p.internet("ingest", "198.51.100.70")
	p.each("tls-broker-cloud", p.broker, ingest, 443, 35*second)
	p.each("tls-broker-cloud", p.broker, ingest, 443, 215*second)
}

// office is the company's own traffic.
func (p *plan) office() {
	order, confirm := p.talk("http-erp-mes", 0, 0), p.talk("http-mes-erp", 0, 0)
	for i := range 4 {
		at := 13*second + time.Duration(i)*66*second
		p.tcp(p.erp, p.mes, 8080, session{start: at}, order)
		p.tcp(p.mes, p.erp, 8080, session{start: at + 21*second}, confirm)
	}
	p.tcp(p.mes, p.lims, 8080, session{start: 41 * second}, p.talk("http-mes-lims", 0, 0))
	p.tcp(p.mes, p.lims, 8080, session{start: 171 * second}, p.talk("http-mes-lims", 0, 0))
	p.each("tls-erp", p.pc2, p.erp, 443, 37*second)
	p.each("tls-erp", p.pc1, p.erp, 443, 160*second)
	news := p.internet("news", "198.51.100.50")
	p.ask(44*second, p.pc1, p.dcCorp, askExample)
	p.each("tls-office-web", p.pc1, news, 443, 45*second)
	p.each("tls-office-web", p.pc2, news, 443, 190*second)
	for i, pc := range []*station{p.pc1, p.pc2, p.engineer, p.admin, p.mes, p.erp} {
		at := 24*second + time.Duration(i)*7*second
		p.clock(at, pc, p.dcCorp)
		p.logon(at+3*second, pc, p.dcCorp)
	}
}
