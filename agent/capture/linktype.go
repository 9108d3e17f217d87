package capture

import "strconv"

// Link types that the decoder reads, by their LINKTYPE_ number.
const (
	LinkNull           LinkType = 0   // BSD loopback, address family in the capturing host's byte order
	LinkEthernet       LinkType = 1   // IEEE 802.3
	LinkARCNET         LinkType = 7   // ARCNET (ATA 878.1) as BSD writes it
	LinkPPP            LinkType = 9   // PPP, RFC 1661 and 1662
	LinkRaw12          LinkType = 12  // raw IP, written as DLT_RAW by most systems
	LinkRaw14          LinkType = 14  // raw IP, written as DLT_RAW by OpenBSD
	LinkPPPHDLC        LinkType = 50  // PPP in HDLC-like framing, RFC 1662
	LinkPPPEther       LinkType = 51  // PPPoE, from its header on
	LinkRaw            LinkType = 101 // raw IP
	LinkCiscoHDLC      LinkType = 104 // Cisco PPP with HDLC framing, RFC 1547 section 4.3.1
	LinkWLAN           LinkType = 105 // IEEE 802.11
	LinkFrameRelay     LinkType = 107 // Frame Relay, RFC 2427
	LinkLoop           LinkType = 108 // OpenBSD loopback, address family in network byte order
	LinkLinuxSLL       LinkType = 113 // Linux cooked capture, version 1
	LinkRadiotap       LinkType = 127 // IEEE 802.11 behind a radiotap header
	LinkARCNETLinux    LinkType = 129 // ARCNET as Linux writes it
	LinkMSTP           LinkType = 165 // BACnet MS/TP, ANSI/ASHRAE 135 clause 9.3
	LinkPPI            LinkType = 192 // per-packet information, then a frame of the type that it names
	LinkIPv4           LinkType = 228 // raw IPv4
	LinkIPv6           LinkType = 229 // raw IPv6
	LinkNFLOG          LinkType = 239 // Linux netfilter log
	LinkNetANALYZER    LinkType = 240 // Hilscher netANALYZER: Ethernet with its FCS behind a header
	LinkNetANALYZERRaw LinkType = 241 // the same, with the preamble
	LinkLinuxSLL2      LinkType = 276 // Linux cooked capture, version 2
)

// linkNames holds the registry names of the types that captures from plants
// and offices are found with, read here or not, so that a refusal can say what
// the file holds.
var linkNames = map[LinkType]string{
	LinkNull: "NULL", LinkEthernet: "ETHERNET", 6: "IEEE802_5", LinkARCNET: "ARCNET_BSD", 8: "SLIP", LinkPPP: "PPP", 10: "FDDI",
	LinkRaw12: "RAW", LinkRaw14: "RAW", LinkPPPHDLC: "PPP_HDLC", LinkPPPEther: "PPP_ETHER", 100: "ATM_RFC1483", LinkRaw: "RAW", LinkCiscoHDLC: "C_HDLC",
	LinkWLAN: "IEEE802_11", LinkFrameRelay: "FRELAY", LinkLoop: "LOOP", 109: "ENC", LinkLinuxSLL: "LINUX_SLL", 114: "LTALK", 117: "PFLOG",
	119: "IEEE802_11_PRISM", 122: "IP_OVER_FC", LinkRadiotap: "IEEE802_11_RADIOTAP", LinkARCNETLinux: "ARCNET_LINUX", 138: "APPLE_IP_OVER_IEEE1394",
	140: "MTP2", 141: "MTP3", 142: "SCCP", 143: "DOCSIS", 144: "LINUX_IRDA", 163: "IEEE802_11_AVS", LinkMSTP: "BACNET_MS_TP",
	166: "PPP_PPPD", 169: "GPRS_LLC", 177: "LINUX_LAPD", 186: "USB_FREEBSD", 187: "BLUETOOTH_HCI_H4", 189: "USB_LINUX", 190: "CAN20B", LinkPPI: "PPI",
	195: "IEEE802_15_4_WITHFCS", 197: "ERF", 201: "BLUETOOTH_HCI_H4_WITH_PHDR", 203: "LAPD", 204: "PPP_WITH_DIR", 209: "IPMB_LINUX",
	212: "LIN", 215: "IEEE802_15_4_NONASK_PHY", 220: "USB_LINUX_MMAPPED", 226: "IPNET", 227: "CAN_SOCKETCAN", LinkIPv4: "IPV4",
	LinkIPv6: "IPV6", 230: "IEEE802_15_4_NOFCS", 231: "DBUS", LinkNFLOG: "NFLOG", LinkNetANALYZER: "NETANALYZER", LinkNetANALYZERRaw: "NETANALYZER_TRANSPARENT",
	242: "IPOIB", 247: "INFINIBAND", 249: "USBPCAP", 250: "RTAC_SERIAL", 251: "BLUETOOTH_LE_LL", 252: "WIRESHARK_UPPER_PDU",
	253: "NETLINK", 257: "PROFIBUS_DL", 258: "PKTAP", 259: "EPON", 266: "USB_DARWIN", 272: "NORDIC_BLE", 274: "ETHERNET_MPACKET",
	LinkLinuxSLL2: "LINUX_SLL2", 278: "OPENVIZSLA", 283: "IEEE802_15_4_TAP", 288: "USB_2_0", 291: "NETANALYZER_NG",
}

// String is the number and, where the registry has one that is known here, the
// name: "165 (BACNET_MS_TP)".
func (l LinkType) String() string {
	n := strconv.Itoa(int(l))
	if s, ok := linkNames[l]; ok {
		return n + " (" + s + ")"
	}
	if l >= 147 && l <= 162 {
		return n + " (USER" + strconv.Itoa(int(l-147)) + ", reserved for private use)"
	}
	return n + " (no name known)"
}
