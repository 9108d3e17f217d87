package e2e

import (
	"slices"
	"strconv"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// Roles that behaviour shows, by traffic between real programs: who plays each
// part has the role, and the other end of the same conversation, or whoever only
// comes near, has not.
func TestRolesOfTraffic(t *testing.T) {
	for _, c := range []struct{ sample, address, role, near, not string }{
		{"s7comm/engineering", "10.20.4.50", "engineering-workstation", "10.20.4.10", "engineering-workstation"},
		{"s7comm/nodes7", "10.20.4.51", "hmi", "10.20.4.51", "engineering-workstation"},
		{"s7comm/nodes7", "10.20.4.10", "plc", "10.20.4.51", "plc"},
		{"iec104/control", "10.77.0.2", "rtu", "10.77.0.1", "rtu"},
		{"dnp3/control", "10.77.0.2", "rtu", "10.77.0.1", "rtu"},
		{"mms/control", "10.77.0.2", "ied", "10.77.0.1", "ied"},
		{"opcua/gopcua-none", "10.20.3.20", "opc-server", "10.20.4.50", "opc-server"},
		{"mqtt/middle", "10.77.0.2", "iiot-broker", "10.77.0.1", "iiot-broker"},
		{"sparkplug/middle", "10.77.0.2", "iiot-broker", "10.77.0.2", "iiot-gateway"},
		{"kerberos/mit-tcp", "10.77.0.2", "domain-controller", "10.77.0.1", "domain-controller"},
		{"tds/clear", "10.77.0.2", "database", "10.77.0.1", "database"},
		{"bacnet/device", "10.77.0.2", "plc", "10.77.0.1", "plc"},
		{"rdp/tls", "10.77.0.1", "workstation", "10.77.0.2", "jump-host"},
	} {
		s := newScene(t)
		s.replay(s.port("agent", "line4", nil), c.sample)
		all := tellAll(nil, inOrder(s.listen())).Assets(site)
		if r := roleOf(all, c.address, c.role); r == nil || r.GetWhy() == "" {
			t.Errorf("%s: %s is no %s: %v", c.sample, c.address, c.role, rolesAt(all, c.address))
		}
		if r := roleOf(all, c.near, c.not); r != nil {
			t.Errorf("%s: %s is taken for a %s: %s", c.sample, c.near, c.not, r.GetWhy())
		}
	}
}

func roleOf(all []*demarcv1.Asset, address, role string) *demarcv1.AssetRole {
	for _, r := range rolesAt(all, address) {
		if r.GetRole() == role {
			return r
		}
	}
	return nil
}

func rolesAt(all []*demarcv1.Asset, address string) []*demarcv1.AssetRole {
	for _, a := range all {
		if a.GetParent() == "" && slices.Contains(a.GetIps(), address) {
			return a.GetRoles()
		}
	}
	return nil
}

// post is an HTTP request with a document, and its answer.
func post(document string) []line {
	return []line{
		{false, ascii("POST /b2mml HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: " + strconv.Itoa(len(document)) + "\r\n\r\n" + document)},
		{true, ascii("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")},
	}
}

// business is the traffic of levels 3 and 4: ERP plans, MES reports, and an
// interface between a plant's broker and ERP.
func business(s *scene) {
	dmz := s.port("agent", "dmz", nil)
	erp, mes := at{"00:50:56:00:00:10", "10.50.1.10", 128}, at{"00:50:56:00:00:20", "10.50.1.20", 128}
	link, broker := at{"00:50:56:00:00:30", "10.50.1.30", 0}, at{"00:50:56:00:00:40", "10.50.1.40", 0}
	for _, a := range []at{erp, mes, link, broker} {
		s.announce(dmz, 0, a)
	}
	s.tcp(8080, post(`<b:ProcessProductionSchedule xmlns:b="http://www.mesa.org/xml/B2MML"/>`), view{dmz, 0, erp, mes})
	s.tcp(8080, post(`<b:ProcessProductionPerformance xmlns:b="http://www.mesa.org/xml/B2MML"/>`), view{dmz, 0, mes, erp})
	s.tcp(8080, post(`<b:ProcessMaterialInformation xmlns:b="http://www.mesa.org/xml/B2MML"/>`), view{dmz, 0, link, erp})
	connect := []line{ // MQTT 3.1.1 (clause 3.1): a client "erplink" subscribes to production
		{false, "1013 0004 4d515454 04 02 003c 0007 " + ascii("erplink")},
		{true, "20020000"},
		{false, "820a 0001 0005 " + ascii("made/") + "00"},
		{true, "9003000100"},
	}
	s.tcp(1883, connect, view{dmz, 0, link, broker})
}
