package dissect

import (
	"bytes"
	"net/netip"

	"demarc/internal/ot"
)

// ftpVerb is a command, as far as commands are told apart.
type ftpVerb uint8

const (
	ftpNone ftpVerb = iota
	ftpUser
	ftpPass
	ftpAuth
	ftpPort4
	ftpEPRT
	ftpPASV
	ftpEPSV
	ftpType
	ftpSYST
	ftpFile   // a file goes over the data channel
	ftpList   // a directory or the properties of a file
	ftpChange // names, directories, attributes
	ftpName   // the client's name
	ftpOther  // known, and of no class
)

// ftpCommand reads the verb of a line.
func ftpCommand(line []byte) (ftpVerb, []byte) {
	verb, args, _ := bytes.Cut(line, []byte{' '})
	if len(verb) < 3 || len(verb) > 4 {
		return ftpNone, nil
	}
	var up [4]byte
	for i, c := range verb {
		if up[i] = c; c >= 'a' && c <= 'z' {
			up[i] = c - 'a' + 'A'
		}
	}
	return ftpVerbOf(string(up[:len(verb)])), bytes.TrimSpace(args)
}

// ftpVerbOf knows the commands of RFC 959, 2228, 2389, 2428, 2640, 3659 and
// 7151, and the CLNT of common clients.
func ftpVerbOf(verb string) ftpVerb {
	switch verb {
	case "USER":
		return ftpUser
	case "PASS":
		return ftpPass
	case "AUTH":
		return ftpAuth
	case "PORT":
		return ftpPort4
	case "EPRT":
		return ftpEPRT
	case "PASV":
		return ftpPASV
	case "EPSV":
		return ftpEPSV
	case "TYPE":
		return ftpType
	case "SYST":
		return ftpSYST
	case "RETR", "STOR", "STOU", "APPE":
		return ftpFile
	case "LIST", "NLST", "MLSD", "MLST", "SIZE", "MDTM":
		return ftpList
	case "RNTO", "DELE", "RMD", "MKD", "XRMD", "XMKD", "SITE", "MFMT":
		return ftpChange
	case "CLNT":
		return ftpName
	case "ACCT", "CWD", "CDUP", "XCWD", "XCUP", "XPWD", "SMNT", "QUIT", "REIN", "STRU", "MODE", "ALLO", "REST", "RNFR", "ABOR", "PWD", "STAT", "HELP", "NOOP",
		"FEAT", "OPTS", "PBSZ", "PROT", "CCC", "ADAT", "MIC", "CONF", "ENC", "LANG", "HOST":
		return ftpOther
	}
	return ftpNone
}

// command reads a line of the client. Names and passwords of users are left
// alone.
func (d *ftp) command(m *Message, from side, line []byte, out Out) {
	verb, args := ftpCommand(line)
	if verb == ftpNone && d.client == sideNone {
		return
	}
	d.side(from, Client, out)
	switch verb {
	case ftpAuth:
		d.tls = equalFold(args, "tls") || equalFold(args, "ssl") || equalFold(args, "tls-c") || equalFold(args, "tls-p")
	case ftpUser:
		d.clear(out)
	case ftpPass:
		out.Operation(ot.Authenticate, 1)
	case ftpFile:
		out.Operation(ot.Transfer, 1)
	case ftpList:
		out.Operation(ot.Read, 1)
	case ftpChange:
		out.Operation(ot.Write, 1)
	case ftpSYST:
		out.Operation(ot.Diagnose, 1)
	case ftpName:
		ftpTell(Sender, ftpClient, args, "ftp.clnt", out)
	case ftpPort4:
		if end, ok := ftpHostPort(args); ok {
			d.expect(m, end, out)
		}
	case ftpEPRT:
		if port, ok := ftpEPRTPort(args); ok {
			d.expectPort(m, port, out)
		}
	}
}

// clear tells once that the session goes in clear.
func (d *ftp) clear(out Out) {
	if !d.open {
		d.open = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// expect announces a data channel to the sender: under its address as it is
// seen, and under the one that it names itself.
func (d *ftp) expect(m *Message, end netip.AddrPort, out Out) {
	d.expectPort(m, end.Port(), out)
	if a := end.Addr(); a != m.Src().Addr && usableAddr(a) {
		out.Expect(end, netip.AddrPortFrom(m.Dst().Addr, 0), "ftp", ftpData)
	}
}

func (d *ftp) expectPort(m *Message, port uint16, out Out) {
	if m.Src().Addr.IsValid() {
		out.Expect(netip.AddrPortFrom(m.Src().Addr, port), netip.AddrPortFrom(m.Dst().Addr, 0), "ftp", ftpData)
	}
}

// ftpPassive reads "Entering Passive Mode (h1,h2,h3,h4,p1,p2)" (section
// 4.1.2); some servers leave the parentheses out.
func ftpPassive(text []byte) (netip.AddrPort, bool) {
	for i, c := range text {
		if c < '0' || c > '9' {
			continue
		}
		end := i
		for end < len(text) && (text[end] == ',' || text[end] >= '0' && text[end] <= '9') {
			end++
		}
		return ftpHostPort(text[i:end])
	}
	return netip.AddrPort{}, false
}

// ftpHostPort reads six numbers between commas.
func ftpHostPort(b []byte) (end netip.AddrPort, ok bool) {
	var v [6]byte
	for i := range v {
		number, rest, more := bytes.Cut(b, []byte{','})
		n := decimal(number)
		if n < 0 || n > 255 || more != (i < 5) {
			return end, false
		}
		v[i], b = byte(n), rest
	}
	port := uint16(v[4])<<8 | uint16(v[5])
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(v[:4])), port), port != 0
}

// ftpExtended reads "Entering Extended Passive Mode (|||6446|)" (RFC 2428
// section 3).
func ftpExtended(text []byte) (uint16, bool) {
	i := bytes.IndexByte(text, '(')
	if i < 0 || len(text) < i+6 {
		return 0, false
	}
	mark := text[i+1]
	if text[i+2] != mark || text[i+3] != mark {
		return 0, false
	}
	number, _, ok := bytes.Cut(text[i+4:], []byte{mark})
	n := decimal(number)
	return uint16(n), ok && n > 0 && n < 1<<16
}

// ftpEPRTPort reads the port of "|1|132.235.1.2|6275|" (RFC 2428 section 2).
func ftpEPRTPort(args []byte) (uint16, bool) {
	if len(args) == 0 {
		return 0, false
	}
	mark := args[:1]
	rest := args[1:]
	var field []byte
	for range 3 { // family, address, port
		field, rest, _ = bytes.Cut(rest, mark)
	}
	n := decimal(field)
	return uint16(n), n > 0 && n < 1<<16
}
