package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// Epoch names one life of an agent's spool file.
type Epoch [16]byte

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// MarshalText is lower-case hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads MarshalText back.
func (d *Digest) UnmarshalText(text []byte) error { return unhex(d[:], text) }

// MarshalText is lower-case hexadecimal.
func (e Epoch) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, e[:]), nil }

// UnmarshalText reads MarshalText back.
func (e *Epoch) UnmarshalText(text []byte) error { return unhex(e[:], text) }

func unhex(to, text []byte) error {
	if len(text) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("%d hexadecimal digits, %d are needed", len(text), hex.EncodedLen(len(to)))
	}
	_, err := hex.Decode(to, text)
	return err
}

// Kind says what a record is. The numbers are stored: they never change.
type Kind uint8

// Kinds of records.
const (
	KindBatch  Kind = 1 // an agent saw: Body is a marshalled Body
	KindLost   Kind = 2 // an agent lost From..Sequence: Body is a marshalled Lost
	KindPolicy Kind = 3 // documents were applied: Body is the version, 8 bytes big endian
	KindClock  Kind = 4 // time passed and something is due: no Body
	KindAct    Kind = 5 // a person acted: Body is a marshalled Act
)

// FromAgent reports whether records of this kind move an agent's cursor.
func (k Kind) FromAgent() bool { return k == KindBatch || k == KindLost }

// Record is one entry of the journal.
type Record struct {
	Position uint64
	Recorded time.Time // the collector's clock at Append, UTC
	Kind     Kind
	Site     string // empty: every site
	// Of an agent's records:
	Agent          string
	Epoch          Epoch
	From, Sequence uint64 // equal for a batch
	Digest         Digest

	Body []byte
	// Acts go to the audit log with the record, if it is taken; they are not
	// part of it.
	Acts []Act
}

// Size is about what a record costs in memory and on disk.
func (r *Record) Size() int { return 96 + len(r.Site) + len(r.Agent) + len(r.Body) }

// BatchDigest is the digest of a batch: SHA-256 over epoch, sequence (8 bytes,
// big endian) and body.
func BatchDigest(epoch Epoch, sequence uint64, body []byte) (d Digest) {
	h := sha256.New()
	h.Write(epoch[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], sequence)
	h.Write(n[:])
	h.Write(body)
	h.Sum(d[:0])
	return d
}

// LostDigest is the digest of a Lost: SHA-256 over epoch, from, to (8 bytes
// each, big endian) and reason.
func LostDigest(epoch Epoch, from, to uint64, reason string) (d Digest) {
	h := sha256.New()
	h.Write(epoch[:])
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], from)
	binary.BigEndian.PutUint64(n[8:], to)
	h.Write(n[:])
	h.Write([]byte(reason))
	h.Sum(d[:0])
	return d
}

// PolicyBody is the Body of a KindPolicy record.
func PolicyBody(version uint64) []byte { return binary.BigEndian.AppendUint64(nil, version) }

// PolicyVersion reads PolicyBody back; 0 when it is none.
func PolicyVersion(body []byte) uint64 {
	if len(body) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(body)
}
