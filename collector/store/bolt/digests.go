package bolt

import (
	"bytes"
	"encoding/binary"
	"time"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// A block of digests is kept under its cursor's key and its first sequence.
//
//	written 8, Unix seconds | digests, 16 each
const digestHead = 8

func digestKey(cursor string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(cursor), sequence)
}

func putDigests(tx *bbolt.Tx, cursor string, blocks []store.Block, now time.Time) error {
	for _, b := range blocks {
		value := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
		for _, d := range b.Digests {
			value = append(value, d[:]...)
		}
		if err := tx.Bucket(bucketDigests).Put(digestKey(cursor, b.First), value); err != nil {
			return err
		}
	}
	return nil
}

// oldDigest finds what a block says of a sequence.
func oldDigest(tx *bbolt.Tx, cursor string, sequence uint64) (d [16]byte, ok bool) {
	want := digestKey(cursor, sequence)
	c := tx.Bucket(bucketDigests).Cursor()
	key, value := c.Seek(want)
	switch {
	case key == nil:
		key, value = c.Last()
	case !bytes.Equal(key, want):
		key, value = c.Prev()
	}
	if len(key) != len(want) || string(key[:len(cursor)]) != cursor || len(value) < digestHead {
		return d, false
	}
	at := (sequence - binary.BigEndian.Uint64(key[len(cursor):])) * 16
	if value = value[digestHead:]; at+16 > uint64(len(value)) {
		return d, false
	}
	return [16]byte(value[at:]), true
}

// dropDigests removes the blocks of a cursor.
func dropDigests(tx *bbolt.Tx, cursor string) error {
	prefix := []byte(cursor)
	c := tx.Bucket(bucketDigests).Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// trimDigests removes blocks that were written before t, some at a time.
func trimDigests(tx *bbolt.Tx, t time.Time) (more bool, err error) {
	var old [][]byte
	c := tx.Bucket(bucketDigests).Cursor()
	for key, value := c.First(); key != nil && len(old) < trimAtOnce; key, value = c.Next() {
		if int64(readNumber(value)) < t.Unix() {
			old = append(old, bytes.Clone(key))
		}
	}
	for _, key := range old {
		if err := tx.Bucket(bucketDigests).Delete(key); err != nil {
			return false, err
		}
	}
	return len(old) == trimAtOnce, nil
}
