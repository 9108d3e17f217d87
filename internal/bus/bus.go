// Package bus names the stations of buses that have no IEEE 802 addresses: a
// station's number is kept as six bytes wherever a MAC address is, so that
// whoever prints one asks Name first.
package bus

import "strconv"

// Kept addresses begin with 06, a locally administered individual address of
// the quadrant that IEEE 802c-2017 reserves, then four letters that name the
// bus, then the station. A device that gave itself such an address would be
// shown as a station, and nothing worse.
const quadrant = 0x06

// MSTP is the address of a BACnet MS/TP node, 0 to 254 (ANSI/ASHRAE 135 clause 9).
func MSTP(station byte) [6]byte { return [6]byte{quadrant, 'm', 's', 't', 'p', station} }

// ARCNET is the address of an ARCNET node, 1 to 255 (ATA 878.1).
func ARCNET(station byte) [6]byte { return [6]byte{quadrant, 'a', 'r', 'c', 'n', station} }

// Name is the usual name of a kept address, "mstp:27" or "arcnet:0x1b"; false
// for a MAC address.
func Name(a [6]byte) (string, bool) {
	switch a {
	case MSTP(a[5]):
		return "mstp:" + strconv.Itoa(int(a[5])), true
	case ARCNET(a[5]):
		const hex = "0123456789abcdef"
		return "arcnet:0x" + string([]byte{hex[a[5]>>4], hex[a[5]&15]}), true
	}
	return "", false
}
