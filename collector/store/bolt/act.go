package bolt

import (
	"context"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// PutAct implements store.Acts.
func (s *Store) PutAct(ctx context.Context, site string, body []byte, by store.Act) (position uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = s.update(func(tx *bbolt.Tx) error {
		a := appender{store: s, tx: tx, now: s.clock().UTC()}
		if err := a.all([]store.Record{{Kind: store.KindAct, Site: site, Body: body}}); err != nil {
			return err
		}
		position = a.answers[0].Position
		return s.audit(tx, by)
	})
	return position, err
}
