package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Commands of SMB 2 and 3 (MS-SMB2 section 2.2.1.2).
const (
	smb2Negotiate    = 0
	smb2SessionSetup = 1
	smb2Read         = 8
	smb2Write        = 9
	smb2QueryDir     = 14
	smb2ChangeNotify = 15
	smb2QueryInfo    = 16
	smb2SetInfo      = 17
	smb2LastCommand  = 18

	smb2HeaderLen = 64
)

// smb2 reads the header at the front of c and, of log-ons, the security token.
// Of a chain of requests the first is counted.
func (d *smb) smb2(c *wire.Cursor, n int, out Out) error {
	const response, signed = 1 << 0, 1 << 3
	h := wire.New(c.Peek(min(c.Len(), smb2HeaderLen)))
	h.Skip(4)
	size := h.U16LE()
	h.Skip(6) // credits, status
	command := h.U16LE()
	h.Skip(2)
	flags := h.U32LE()
	h.Skip(44)
	if !h.OK() {
		if h.Len() == 0 && c.Len() >= smb2HeaderLen {
			return notMine(d.claimed)
		}
		return ErrShort
	}
	if size != smb2HeaderLen || command > smb2LastCommand || n < smb2HeaderLen {
		return notMine(d.claimed)
	}
	var body wire.Cursor
	if command == smb2SessionSetup {
		var err error
		if body, err = d.wait(c, n); err != nil {
			return err
		}
	}
	smbSender(flags&response != 0, out)
	if flags&signed != 0 {
		d.protection(ot.Sign, out)
	}
	if command == smb2SessionSetup {
		d.text.ntlm(body.Rest(), out)
	}
	if flags&response == 0 {
		smb2Operation(command, out)
	}
	return nil
}

func smb2Operation(command uint16, out Out) {
	switch command {
	case smb2SessionSetup:
		out.Operation(ot.Authenticate, 1)
	case smb2Read, smb2Write:
		out.Operation(ot.Transfer, 1)
	case smb2QueryDir, smb2QueryInfo:
		out.Operation(ot.Read, 1)
	case smb2SetInfo:
		out.Operation(ot.Write, 1)
	case smb2ChangeNotify:
		out.Operation(ot.Subscribe, 1)
	}
}
