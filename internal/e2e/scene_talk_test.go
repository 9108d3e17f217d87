package e2e

import (
	"encoding/binary"
	hexa "encoding/hex"
	"net"
	"time"
	"unicode/utf16"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func ascii(text string) string { return hexa.EncodeToString([]byte(text)) }

// bpdu is a configuration BPDU (IEEE 802.1D-2004 9.3.1) of the bridge with the
// given base MAC, sent from one port's MAC.
func (s *scene) bpdu(p *spanPort, port, bridge string) {
	mac := at{mac: bridge}.hw(s.t)
	id := append([]byte{0x80, 0}, mac...)
	b := []byte{0x42, 0x42, 0x03, 0, 0, 0, 0, 0}
	b = append(append(b, id...), 0, 0, 0, 0)
	b = append(append(b, id...), 0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0)
	frame := append(net.HardwareAddr{0x01, 0x80, 0xc2, 0, 0, 0}, at{mac: port}.hw(s.t)...)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(b)))
	s.raw(p, append(frame, b...))
	s.wait(2 * time.Second)
}

// dhcp gives a card its address (RFC 2131): request and acknowledgement, and
// the card announces what it has.
func (s *scene) dhcp(p *spanPort, a at, name string) {
	server := at{routerL.mac, routerL.ip, 64}
	head := layers.DHCPv4{
		Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, Xid: uint32(s.now.Unix()), ClientHWAddr: a.hw(s.t),
		Options: layers.DHCPOptions{
			layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(layers.DHCPMsgTypeRequest)}),
			layers.NewDHCPOption(layers.DHCPOptHostname, []byte(name)),
			layers.NewDHCPOption(layers.DHCPOptRequestIP, addr4(a.ip)),
		},
	}
	s.datagram(p, at{a.mac, "0.0.0.0", 128}, at{everybody.String(), "255.255.255.255", 0}, 68, 67, &head)
	head.Operation, head.YourClientIP = layers.DHCPOpReply, addr4(a.ip)
	head.Options = layers.DHCPOptions{
		layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(layers.DHCPMsgTypeAck)}),
		layers.NewDHCPOption(layers.DHCPOptServerID, addr4(server.ip)),
		layers.NewDHCPOption(layers.DHCPOptLeaseTime, []byte{0, 0, 0x1c, 0x20}),
	}
	s.datagram(p, server, a, 67, 68, &head)
	s.announce(p, 0, a)
}

func (s *scene) datagram(p *spanPort, from, to at, src, dst uint16, body gopacket.SerializableLayer) {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, body); err != nil {
		s.t.Fatal(err)
	}
	s.ip(p, 0, from, to, layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(src), DstPort: layers.UDPPort(dst)}, buf.Bytes())
	s.wait(3 * time.Millisecond)
}

// smbLogon is how an SMB2 server names itself to whoever logs on: a session
// setup with an NTLM negotiate message, and the challenge (MS-SMB2 2.2.5 and
// 2.2.6, MS-NLMP 2.2.1.1 and 2.2.1.2).
func smbLogon(name string) []line {
	const unicodeFlag, targetInfo = 1, 1 << 23
	negotiate := append([]byte("NTLMSSP\x00"), 1, 0, 0, 0)
	negotiate = binary.LittleEndian.AppendUint32(negotiate, unicodeFlag)
	negotiate = append(negotiate, make([]byte, 16)...) // no domain, no workstation

	var full []byte
	for _, u := range utf16.Encode([]rune(name)) {
		full = binary.LittleEndian.AppendUint16(full, u)
	}
	info := binary.LittleEndian.AppendUint16(nil, 3) // MsvAvDnsComputerName
	info = append(binary.LittleEndian.AppendUint16(info, uint16(len(full))), full...)
	info = append(info, 0, 0, 0, 0)
	challenge := append([]byte("NTLMSSP\x00"), 2, 0, 0, 0)
	challenge = append(challenge, 0, 0, 0, 0, 48, 0, 0, 0) // no target name
	challenge = binary.LittleEndian.AppendUint32(challenge, unicodeFlag|targetInfo)
	challenge = append(challenge, make([]byte, 16)...) // challenge, reserved
	challenge = binary.LittleEndian.AppendUint16(challenge, uint16(len(info)))
	challenge = binary.LittleEndian.AppendUint16(challenge, uint16(len(info)))
	challenge = binary.LittleEndian.AppendUint32(challenge, 48)
	challenge = append(challenge, info...)

	ask := append([]byte{25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 88, 0, byte(len(negotiate)), 0, 0, 0, 0, 0, 0, 0, 0, 0)
	answer := append([]byte{9, 0, 0, 0}, 72, 0)
	answer = binary.LittleEndian.AppendUint16(answer, uint16(len(challenge)))
	return []line{
		{false, hexa.EncodeToString(smb2(0, 0, append(ask, negotiate...)))},
		{true, hexa.EncodeToString(smb2(1, 0xc0000016, append(answer, challenge...)))},
	}
}

// smb2 is a session setup in its transport (MS-SMB2 2.1 and 2.2.1).
func smb2(flags, status uint32, body []byte) []byte {
	h := append([]byte("\xfeSMB"), 64, 0, 0, 0)
	h = binary.LittleEndian.AppendUint32(h, status)
	h = append(h, 1, 0, 1, 0) // session setup, one credit
	h = binary.LittleEndian.AppendUint32(h, flags)
	h = append(h, make([]byte, 64-len(h))...)
	h = append(h, body...)
	return append([]byte{0, byte(len(h) >> 16), byte(len(h) >> 8), byte(len(h))}, h...)
}
