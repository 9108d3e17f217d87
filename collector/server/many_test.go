package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// What is judged in batches, filed while the next one is judged, comes to the
// same as each connection judged by itself: also where filing one moves others
// to another finding.
func TestManyAreJudgedAsEachIs(t *testing.T) {
	l := newLab(t)
	l.must2(l.apply(documents(widePlant, agreement, lineATO), applyOptions{}))
	body := &demarcv1.Body{}
	for i := range 2*batch + alone {
		from, port, outcome := busyClient(i), uint32(4840), "exchanged"
		switch i % 5 {
		case 1:
			from, port = fmt.Sprintf("10.60.%d.%d", i/250, i%250+1), 102 // nothing agrees
		case 2:
			port, outcome = 445, "refused" // each tries by itself; together they are many
		case 3:
			port = 502
		}
		d := flow(from, fmt.Sprintf("10.20.4.%d", i%200+1), port, "opcua", l.now).Connections[0]
		d.Outcome = outcome
		body.Connections = append(body.Connections, d)
	}
	l.send("a", body)
	for i, texts := range [][]string{
		{widePlant, strings.Replace(agreement, "4840", "502", 1), lineATO},
		{strings.Replace(widePlant, "10.60.0.0/16", "10.60.0.0/20", 1), agreement, lineATO}, // some stand elsewhere
		{strings.Replace(widePlant, "{segments:", "{addressSpace: [10.0.0.0/8], segments:", 1), agreement, lineATO},
		{widePlant, agreement, lineATO},
	} {
		l.now = l.now.Add(time.Minute)
		l.must2(l.apply(documents(texts...), applyOptions{}))
		if l.full(); t.Failed() {
			t.Fatalf("after change %d", i)
		}
	}
}
