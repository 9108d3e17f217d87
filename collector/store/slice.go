package store

import "time"

// Slice is frames that an agent recorded of a connection, less their bytes. JSON
// is how stores keep it.
type Slice struct {
	// SHA256 of the bytes, hexadecimal: by which it is known.
	SHA256     string    `json:"sha256"`
	Connection string    `json:"connection"`
	Received   time.Time `json:"received"`
	// Manifest is what the agent signed, byte for byte.
	Manifest    []byte `json:"manifest"`
	Signature   []byte `json:"signature"`
	Certificate []byte `json:"certificate"` // DER
}
