package server

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// An act that this version does not know stops the replay: going on without it
// would come to something else than the version that wrote it.
func TestUnknownActStops(t *testing.T) {
	e := newEngine(nil, time.Now, "test", slog.New(slog.DiscardHandler))
	body, err := proto.Marshal(&demarcv1.Act{Kind: "plant.paint"})
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]store.Record{
		"newer version": {Position: 1, Kind: store.KindAct, Body: body},
		"record 1":      {Position: 1, Kind: store.KindAct, Body: []byte{0xff}},
	} {
		if err := e.apply(&r); err == nil || !strings.Contains(err.Error(), what) || e.Position() != 0 {
			t.Errorf("%s: %v at %d", what, err, e.Position())
		}
	}
}
