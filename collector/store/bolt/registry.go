package bolt

import (
	"context"
	"encoding/json"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
)

// get reads a JSON value; ErrNotFound when there is none.
func get[T any](tx *bbolt.Tx, bucket []byte, key []byte) (v T, err error) {
	text := tx.Bucket(bucket).Get(key)
	if text == nil {
		return v, fmt.Errorf("in %s: %q %w", bucket, key, store.ErrNotFound)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, fmt.Errorf("%w: %s %q: %w", store.ErrCorrupt, bucket, key, err)
	}
	return v, nil
}

func put(tx *bbolt.Tx, bucket, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put(key, text)
}

// PutToken implements store.Registry.
func (s *Store) PutToken(_ context.Context, t store.Token, by store.Act) error {
	return s.update(func(tx *bbolt.Tx) error {
		if tx.Bucket(bucketTokens).Get([]byte(t.Name)) != nil {
			return fmt.Errorf("token %s: %w", t.Name, store.ErrExists)
		}
		if err := put(tx, bucketTokens, []byte(t.Name), t); err != nil {
			return err
		}
		return s.audit(tx, by)
	})
}

// Token implements store.Registry.
func (s *Store) Token(_ context.Context, name string) (t store.Token, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		t, err = get[store.Token](tx, bucketTokens, []byte(name))
		return err
	})
	return t, err
}

// Enrol implements store.Registry.
func (s *Store) Enrol(_ context.Context, token string, by store.Act, check store.EnrolCheck) error {
	return s.update(func(tx *bbolt.Tx) error {
		t, err := get[store.Token](tx, bucketTokens, []byte(token))
		if err != nil {
			return err
		}
		agent, err := check(&t, func(name string) *store.Agent {
			a, err := get[store.Agent](tx, bucketAgents, []byte(name))
			if err != nil {
				return nil
			}
			return &a
		})
		if err != nil {
			return err
		}
		if err := put(tx, bucketTokens, []byte(token), t); err != nil {
			return err
		}
		if err := put(tx, bucketAgents, []byte(agent.Name), agent); err != nil {
			return err
		}
		by.On = agent.Name
		return s.audit(tx, by)
	})
}

// Agent implements store.Registry.
func (s *Store) Agent(_ context.Context, name string) (a store.Agent, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		a, err = get[store.Agent](tx, bucketAgents, []byte(name))
		return err
	})
	return a, err
}

// Agents implements store.Registry.
func (s *Store) Agents(context.Context) (all []store.Agent, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAgents).ForEach(func(name, _ []byte) error {
			a, err := get[store.Agent](tx, bucketAgents, name)
			all = append(all, a)
			return err
		})
	})
	return all, err
}

// UpdateAgent implements store.Registry.
func (s *Store) UpdateAgent(_ context.Context, name string, by store.Act, change func(*store.Agent) error) error {
	return s.update(func(tx *bbolt.Tx) error {
		a, err := get[store.Agent](tx, bucketAgents, []byte(name))
		if err != nil {
			return err
		}
		if err := change(&a); err != nil {
			return err
		}
		a.Name = name
		if err := put(tx, bucketAgents, []byte(name), a); err != nil {
			return err
		}
		return s.audit(tx, by)
	})
}
