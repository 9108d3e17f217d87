package server

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"demarc/collector/inventory"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// Judging many connections again: so many at once, between which readers come
// in, and so many by one goroutine at least.
const (
	batch = 4096
	alone = 256
)

// tellEvery is how often it is told how far a long judgement is.
const tellEvery = 2 * time.Second

// reckoned is a connection with its verdict, before it is filed.
type reckoned struct {
	id string
	c  inventory.Connection
	ok bool // it is there
	at time.Time
	v  verdict.Judged
}

// judgeMany judges connections again, in their order, and returns the verdicts
// that turned. Verdicts depend on nothing that another one changes, so they are
// taken on every core; what follows from them is done one after the other.
// Between two batches readers come in and may find some judged and some not:
// each verdict names its policy. Only live ones, unless past ones are meant too.
func (e *engine) judgeMany(ids []string, now time.Time, from source, past bool) (turned []*demarcv1.VerdictChange) {
	told := time.Now() // for the log alone
	for n := 0; n < len(ids); n += batch {
		if n > 0 {
			e.mu.Unlock()
			e.mu.Lock()
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			e.log.Info("judging again", "done", n, "of", len(ids), "policy_version", e.policy.Version())
		}
		for _, r := range e.reckon(ids[n:min(n+batch, len(ids))], now) {
			was := ""
			reason := ""
			if j := e.judged[r.id]; j != nil {
				was = j.shown.GetVerdict().GetVerdict()
			}
			is := ""
			switch {
			case !r.ok:
				e.forget(r.id, now)
			case past || r.at.Equal(now):
				e.file(r.c, &r.v, now, r.at, from)
				is, reason = r.v.Verdict.GetVerdict(), r.v.Verdict.GetReason()
			default:
				continue
			}
			if was != is {
				turned = append(turned, &demarcv1.VerdictChange{Connection: r.id, Before: was, After: is, Reason: reason})
			}
		}
	}
	return turned
}

// reckon takes the verdicts on connections and changes nothing.
func (e *engine) reckon(ids []string, now time.Time) []reckoned {
	all := make([]reckoned, len(ids))
	e.book.Settle() // then it is only read
	var devices sync.Mutex
	one := func(part []reckoned, ids []string) {
		for i, id := range ids {
			r := &part[i]
			r.id = id
			if r.c, r.ok = e.book.Connection(id); !r.ok {
				continue
			}
			r.at = judgedAt(r.c, now)
			known := r.c.Devices
			if known != nil {
				r.c.Devices = inTurn{&devices, known}
			}
			r.v = verdict.Judge(e.policy, r.c, r.at)
			r.c.Devices = known
		}
	}
	workers := min(runtime.GOMAXPROCS(0), max(1, len(ids)/alone))
	share := (len(ids) + workers - 1) / workers
	var wg sync.WaitGroup
	for n := share; n < len(ids); n += share {
		end := min(n+share, len(ids))
		wg.Go(func() { one(all[n:end], ids[n:end]) })
	}
	one(all[:min(share, len(ids))], ids[:min(share, len(ids))])
	wg.Wait()
	return all
}

// inTurn asks for devices one after the other.
type inTurn struct {
	mu *sync.Mutex
	inventory.Devices
}

func (d inTurn) Known(asset string) inventory.Known {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Devices.Known(asset)
}

func (d inTurn) Roles(asset string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Devices.Roles(asset)
}

// union is what stands in one of two sorted lists.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
