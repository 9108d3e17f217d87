package pipeline

import (
	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/agent/recorder"
	"demarc/internal/ot"
)

// recording tells the recorder which packets begin something.
type recording struct {
	dissect.Sink
	to *recorder.Recorder
}

func (r recording) Operation(c *flow.Conversation, o ot.Operation, n int) {
	r.to.Operation(c, o)
	r.Sink.Operation(c, o, n)
}

func (r recording) Protocol(c *flow.Conversation, name string, g ot.Grade) {
	r.to.Named(c)
	r.Sink.Protocol(c, name, g)
}
