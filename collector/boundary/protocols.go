package boundary

import (
	"strings"

	"demarc/internal/ot"
)

// protocols is every protocol name of the vocabulary, against slips in
// documents. A name of one's own is taken with a warning.
var protocols = strings.Fields(`
	modbus umas enip cip cip-io s7comm s7comm-plus cotp mms iccp goose r-goose sv
	profinet-dcp profinet-io profinet-rt profinet-mrp profinet-ptcp opcua opc-da
	dnp3 iec104 synchrophasor bacnet bacnet-mstp knxnet-ip lontalk hart-ip ff-hse
	ethercat ads powerlink sercos3 canopen omron-fins melsec ge-srtp egd codesys
	suitelink pcworx proconos crimson saia-sbus ether-sio tristation roc-plus bsap
	genisys c12.22 dlms atg niagara-fox trdp rtps mqtt sparkplug amqp kafka coap pi
	someip hislip rmcp nmea hl7
	tls dtls http https http2 quic websocket ssh rdp vnc telnet ftp ftp-data tftp
	smb dcerpc ldap ldaps kerberos dns mdns llmnr nbns nbdgm ssdp ws-discovery dhcp
	dhcpv6 ntp ptp snmp syslog tds tns postgresql mysql redis mongodb radius tacacs
	diameter ipsec ike esp openvpn wireguard tailscale teamviewer anydesk lldp cdp
	stp lacp vrrp hsrp ospf bgp rip eigrp pim igmp mld arp ndp icmp icmpv6 gre vxlan
	l2tp pptp nfs iscsi rsync smtp imap pop3 sip rtp rtsp xmpp stun turn socks
	netflow ipfix sflow jms stomp git x11 winrm wsus bootp rpcbind`)

// vocabularies are the lists that document types name as "@list" in oneof.
var vocabularies = map[string][]string{
	"@operations": ot.OperationNames(),
	"@roles": {
		string(ot.PLC), string(ot.RTU), string(ot.IED), string(ot.DCSController), string(ot.SafetyController),
		string(ot.IODevice), string(ot.Drive), string(ot.HMI), string(ot.SCADAServer), string(ot.DCSServer),
		string(ot.EngineeringWorkstation), string(ot.OPCServer), string(ot.Historian), string(ot.MES),
		string(ot.BatchRecord), string(ot.QualityRecord), string(ot.ERP), string(ot.ERPInterface),
		string(ot.IIoTGateway), string(ot.IIoTBroker), string(ot.CloudService), string(ot.RemoteAccess),
		string(ot.JumpHost), string(ot.Database), string(ot.DomainController), string(ot.NetworkDevice),
		string(ot.Firewall), string(ot.Printer), string(ot.Camera), string(ot.Workstation), string(ot.Server),
	},
}
