package plant

import (
	"bytes"
	"fmt"
	"time"
)

const second = time.Second

// talks are the conversations of a recording.
func (p *plan) talks(name string) []script {
	all, ok := p.read[name]
	if !ok {
		var err error
		if all, err = recorded(name); err != nil && p.err == nil {
			p.err = err
		}
		p.read[name] = all
	}
	return all
}

// talk is the n-th conversation of a recording, without its first messages.
func (p *plan) talk(name string, n, skip int) script {
	all := p.talks(name)
	if n >= len(all) || skip >= len(all[n]) {
		if p.err == nil {
			p.err = fmt.Errorf("plant: recording %s holds no conversation %d of more than %d messages", name, n+1, skip)
		}
		return nil
	}
	return all[n][skip:]
}

// named puts other names or addresses of the same length in the place of the
// recorded ones.
func (s script) named(pairs ...string) script {
	out := append(script(nil), s...)
	for i := range out {
		for j := 0; j+1 < len(pairs); j += 2 {
			out[i].data = bytes.ReplaceAll(out[i].data, []byte(pairs[j]), []byte(pairs[j+1]))
		}
	}
	return out
}

// each runs all conversations of a recording, one after the other.
func (p *plan) each(name string, client, server *station, port uint16, at time.Duration) {
	for _, talk := range p.talks(name) {
		at = p.tcp(client, server, port, session{start: at}, talk) + 200*time.Millisecond
	}
}

// production is the traffic inside a line.
func (p *plan) production(l *production) {
	n := l.digit()
	late := time.Duration(l.number) * 700 * time.Millisecond // the lines do not keep step
	poll := func(at time.Duration, server *station, port uint16, name string, answers time.Duration) {
		p.tcp(l.scadaCell, server, port, session{start: at + late, open: true}, p.talk(name+n, 0, 0).over(untilEnd(at)).slow(answers))
	}
	poll(4*second, l.plc, 102, "s7-poll-", 3*time.Millisecond)
	poll(5*second, l.gateway, 502, "modbus-gateway-", 12*time.Millisecond)
	poll(6*second, l.rack, 44818, "enip-tags-", 2*time.Millisecond)
	p.remoteIO(l, 2*second+late)
	p.browse(l, 41*second+late)
	p.tcp(l.ewsCell, l.plc, 102, session{start: 95*second + late}, p.talk("s7-engineer-"+n, 0, 0).over(25*second).slow(4*time.Millisecond))

	page := p.talk("http-panel-scada", 0, 0).named("scada-l4", "scada-l"+n)
	for i := range 4 {
		p.tcp(l.hmi, l.scada, 80, session{start: 17*second + late + time.Duration(i)*68*second}, page)
	}
	if l.packer != nil {
		p.packing(l)
	}
	if l.batch != nil {
		// The drive's session is older than the capture: it begins in the middle.
		p.tcp(l.scadaCell, l.drive, 502, session{start: 1 * second, resumed: true, open: true}, p.talk("modbus-drive-"+n, 0, 4).over(untilEnd(0)).slow(8*time.Millisecond))
		for i := range 3 {
			p.tcp(l.batch, l.scada, 80, session{start: 29*second + time.Duration(i)*90*second}, page)
		}
	}
}

// untilEnd is how long a session that begins at has, with room for delays.
func untilEnd(at time.Duration) time.Duration { return Length - at - 7*second }

// packing is line 4's packing cell, which stands in the operations network.
func (p *plan) packing(l *production) {
	for i, t := range p.talks("opcua-panel") {
		p.tcp(l.hmi, l.scada, 4840, session{start: 11*second + time.Duration(i)*second}, scadaBuild(t))
	}
	p.tcp(l.hmi, l.packer, 102, session{start: 1 * second, resumed: true, open: true}, p.talk("s7-panel", 0, 4).over(untilEnd(0)).slow(5*time.Millisecond))
	p.tcp(l.ews, l.packer, 102, session{start: 150 * second}, p.talk("s7-identify", 0, 0).over(20*second).slow(5*time.Millisecond))
}

// scadaBuild puts a version in the place of the library's own, which gopcua's
// server tells whatever it is given.
func scadaBuild(t script) script { return t.named("0.0.0-dev", "8.2.4.115") }

// remoteIO is the rack's class 1 connection to its remote inputs and outputs:
// opened over TCP, cyclic over UDP from port 2222 to port 2222. The target
// produces first, so the recording has it as the client.
func (p *plan) remoteIO(l *production, at time.Duration) {
	name := "enip-io-" + l.digit()
	end := p.tcp(l.rack, l.io, 44818, session{start: at, open: true}, p.talk(name, 0, 0))
	p.udp(end, l.io, l.rack, 2222, 2222, p.talk(name, 1, 0).over(Length-end-2*second))
}

// browse is what the engineering workstation does to list EtherNet/IP devices:
// a broadcast, and every device answers by itself.
func (p *plan) browse(l *production, at time.Duration) {
	name := "enip-list-" + l.digit()
	for _, ask := range p.talk(name, 0, 0) {
		p.group(at, l.ewsCell, allOnes, 51687, 44818, 128, ask.data)
	}
	p.udp(at+900*time.Microsecond, l.rack, l.ewsCell, 44818, 51687, p.talk(name, 1, 0))
	p.udp(at+1300*time.Microsecond, l.io, l.ewsCell, 44818, 51687, p.talk("enip-list-io-"+l.digit(), 1, 0))
}
