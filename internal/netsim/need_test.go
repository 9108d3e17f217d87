package netsim

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// recorder is a test that notes how it was ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) { r.end("failed: "+format, args) }

func (r *recorder) Skipf(format string, args ...any) { r.end("skipped: "+format, args) }

func (r *recorder) end(format string, args []any) {
	r.ended = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run is how a test that calls f ends.
func run(f func(testing.TB)) string {
	r, done := &recorder{}, make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.ended
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	lacks := func(t testing.TB) { Need(t, "no-such-program-anywhere") }
	t.Setenv("DEMARC_TEST", "")
	if s := run(lacks); !strings.HasPrefix(s, "skipped: ") || !strings.Contains(s, "no-such-program-anywhere") {
		t.Errorf("ended: %q", s)
	}
	t.Setenv("DEMARC_TEST", "all")
	if s := run(lacks); !strings.HasPrefix(s, "failed: ") || !strings.Contains(s, "no-such-program-anywhere") {
		t.Errorf("with DEMARC_TEST=all ended: %q", s)
	}
	if s := run(func(t testing.TB) { Need(t) }); s != "" {
		t.Errorf("nothing is missing and it ended: %q", s)
	}
}
