package verdict

// memo remembers what was made for a key. Connections that are alike come one
// after the other, so that the last key is mostly the next. Its zero value
// remembers nothing.
type memo[K comparable, V any] struct {
	all  map[K]V
	key  K // of last
	last V
	some bool // there is a last one
}

// maxKept bounds a memo: what does not repeat is forgotten.
const maxKept = 4096

func newMemo[K comparable, V any]() memo[K, V] { return memo[K, V]{all: map[K]V{}} }

func (m *memo[K, V]) of(key *K) (V, bool) {
	if m.some && m.key == *key {
		return m.last, true
	}
	v, known := m.all[*key]
	if known {
		m.key, m.last, m.some = *key, v, true
	}
	return v, known
}

func (m *memo[K, V]) keep(key *K, v V) V {
	if m.all == nil {
		return v
	}
	if len(m.all) >= maxKept {
		clear(m.all)
	}
	m.all[*key] = v
	m.key, m.last, m.some = *key, v, true
	return v
}
