package bolt

import (
	"context"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// each lists a bucket of JSON values by key.
func each[T any](s *Store, bucket []byte) (all []T, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		all, err = values[T](tx, bucket)
		return err
	})
	return all, err
}

func values[T any](tx *bbolt.Tx, bucket []byte) (all []T, err error) {
	err = tx.Bucket(bucket).ForEach(func(key, _ []byte) error {
		v, err := get[T](tx, bucket, key)
		all = append(all, v)
		return err
	})
	return all, err
}

// one reads a JSON value.
func one[T any](s *Store, bucket []byte, name string) (v T, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		v, err = get[T](tx, bucket, []byte(name))
		return err
	})
	return v, err
}

// PutUser implements store.Accounts.
func (s *Store) PutUser(_ context.Context, u store.User, by store.Act) error {
	return s.update(func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketUsers).Get([]byte(u.Name)) != nil {
			return fmt.Errorf("user %s: %w", u.Name, store.ErrExists)
		}
		return s.putUser(tx, u, by)
	})
}

// putUser keeps a user whose marks are nobody else's.
func (s *Store) putUser(tx *bbolt.Tx, u store.User, by store.Act) error {
	others, err := values[store.User](tx, bucketUsers)
	if err != nil {
		return err
	}
	for i := range others {
		if what := u.Same(&others[i]); what != "" {
			return fmt.Errorf("%s is %s's: %w", what, others[i].Name, store.ErrExists)
		}
	}
	if err := put(tx, bucketUsers, []byte(u.Name), u); err != nil {
		return err
	}
	return s.audit(tx, by)
}

// UpdateUser implements store.Accounts.
func (s *Store) UpdateUser(_ context.Context, name string, by store.Act, change func(*store.User) error) error {
	return s.update(func(tx *bbolt.Tx) error {
		u, err := get[store.User](tx, bucketUsers, []byte(name))
		if err != nil {
			return err
		}
		if err := change(&u); err != nil {
			return err
		}
		u.Name = name
		return s.putUser(tx, u, by)
	})
}

// User implements store.Accounts.
func (s *Store) User(_ context.Context, name string) (store.User, error) {
	return one[store.User](s, bucketUsers, name)
}

// Users implements store.Accounts.
func (s *Store) Users(context.Context) ([]store.User, error) {
	return each[store.User](s, bucketUsers)
}

// PutAPIToken implements store.Accounts.
func (s *Store) PutAPIToken(_ context.Context, t store.APIToken, by store.Act) error {
	return s.update(func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketAPI).Get([]byte(t.Name)) != nil {
			return fmt.Errorf("token %s: %w", t.Name, store.ErrExists)
		}
		if err := put(tx, bucketAPI, []byte(t.Name), t); err != nil {
			return err
		}
		return s.audit(tx, by)
	})
}

// UpdateAPIToken implements store.Accounts.
func (s *Store) UpdateAPIToken(_ context.Context, name string, by store.Act, change func(*store.APIToken) error) error {
	return s.update(func(tx *bbolt.Tx) error {
		t, err := get[store.APIToken](tx, bucketAPI, []byte(name))
		if err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		t.Name = name
		if err := put(tx, bucketAPI, []byte(name), t); err != nil {
			return err
		}
		return s.audit(tx, by)
	})
}

// APIToken implements store.Accounts.
func (s *Store) APIToken(_ context.Context, name string) (store.APIToken, error) {
	return one[store.APIToken](s, bucketAPI, name)
}

// APITokens implements store.Accounts.
func (s *Store) APITokens(context.Context) ([]store.APIToken, error) {
	return each[store.APIToken](s, bucketAPI)
}
