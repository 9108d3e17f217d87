package server

import (
	"fmt"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// While many connections are judged again, somebody who asks gets in and is told
// how many of how many are.
func TestHowFarAJudgementIsShows(t *testing.T) {
	l := newLab(t)
	l.must2(l.apply(documents(widePlant, agreement), applyOptions{}))
	body := &demarcv1.Body{}
	for i := range 3 * batch {
		body.Connections = append(body.Connections, flow(fmt.Sprintf("10.128.%d.%d", i/250, i%250+1), "10.20.4.10", 4840, "opcua", l.now).Connections...)
	}
	l.send("a", body)
	if done, of := l.Judging(); done != 0 || of != 0 {
		t.Errorf("%d of %d while nothing is judged", done, of)
	}
	var steps []string
	l.between = func() {
		l.mu.RLock() // as whoever reads a list
		defer l.mu.RUnlock()
		done, of := l.Judging()
		steps = append(steps, fmt.Sprintf("%d of %d", done, of))
	}
	l.must2(l.apply(documents(widePlant, agreement, lineATO), applyOptions{}))
	if got, want := fmt.Sprint(steps), fmt.Sprintf("[%d of %d %d of %d]", batch, 3*batch, 2*batch, 3*batch); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if done, of := l.Judging(); done != 0 || of != 0 {
		t.Errorf("%d of %d when all is judged", done, of)
	}
}
