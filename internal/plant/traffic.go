package plant

import (
	"bytes"
	"fmt"
	"time"
)

const second = time.Second

// talks are the conversations of a recording.
func (p *plan) talks(name string) []script {
	all, err := recorded(name)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("plant: recording %s holds no conversation", name)
	}
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		return []script{nil}
	}
	return all
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
	n := string('0' + rune(l.number))
	late := time.Duration(l.number) * 700 * time.Millisecond // the lines do not keep step
	rest := func(at time.Duration) time.Duration { return Length - at - 3*second }

	p.tcp(l.scadaCell, l.plc, 102, session{start: 4*second + late, open: true}, p.talks("s7-poll-" + n)[0].over(rest(8*second)).slow(3*time.Millisecond))
	p.tcp(l.scadaCell, l.gateway, 502, session{start: 5*second + late, open: true}, p.talks("modbus-gateway-" + n)[0].over(rest(9*second)).slow(12*time.Millisecond))
	p.tcp(l.scadaCell, l.rack, 44818, session{start: 6*second + late, open: true}, p.talks("enip-tags-" + n)[0].over(rest(10*second)).slow(2*time.Millisecond))
	p.remoteIO(l, 2*second+late)
	p.browse(l, 41*second+late)
	p.tcp(l.ewsCell, l.plc, 102, session{start: 95*second + late}, p.talks("s7-engineer-" + n)[0].over(25*second).slow(4*time.Millisecond))

	page := p.talks("http-panel-scada")[0].named("scada-l4", "scada-l"+n)
	for i := range 4 {
		p.tcp(l.hmi, l.scada, 80, session{start: 17*second + late + time.Duration(i)*68*second}, page)
	}
	if l.number == 4 {
		p.each("opcua-panel", l.hmi, l.scada, 4840, 11*second)
		p.tcp(l.hmi, l.packer, 102, session{start: 1 * second, resumed: true, open: true}, p.talks("s7-panel")[0][4:].over(rest(4*second)).slow(5*time.Millisecond))
		p.tcp(l.ews, l.packer, 102, session{start: 150 * second}, p.talks("s7-identify")[0].over(20*second).slow(5*time.Millisecond))
		return
	}
	p.tcp(l.scadaCell, l.drive, 502, session{start: 1 * second, resumed: true, open: true}, p.talks("modbus-drive-5")[0][4:].over(rest(4*second)).slow(8*time.Millisecond))
	for i := range 3 {
		p.tcp(l.batch, l.scada, 80, session{start: 29*second + time.Duration(i)*90*second}, page)
	}
}

// remoteIO is the rack's class 1 connection to its remote inputs and outputs:
// opened over TCP, cyclic over UDP from port 2222 to port 2222.
func (p *plan) remoteIO(l *production, at time.Duration) {
	talks := p.talks("enip-io-" + string('0'+rune(l.number)))
	end := p.tcp(l.rack, l.io, 44818, session{start: at, open: true}, talks[0])
	for _, cyclic := range talks[1:] {
		// The target produces first, so the recording has it as the client.
		p.udp(end, l.io, l.rack, 2222, 2222, cyclic.over(Length-end-2*second))
	}
}

// browse is what the engineering workstation does to list EtherNet/IP devices:
// a broadcast, and every device answers by itself.
func (p *plan) browse(l *production, at time.Duration) {
	talks := p.talks("enip-list-" + string('0'+rune(l.number)))
	p.group(at, l.ewsCell, allOnes, 51687, 44818, 128, talks[0][0].data)
	for _, t := range talks[1:] {
		p.meet(at, p.path(l.rack, l.ewsCell))
		p.udp(at+900*time.Microsecond, l.rack, l.ewsCell, 44818, 51687, t)
	}
}
