package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// past is the moment that a command asks about in place of now.
type past struct {
	text string
	at   *timestamppb.Timestamp // nil: now
	head io.Writer              // which moment it is, above what people read
	note io.Writer              // that it takes time
	told bool
}

// asOfFlag lets a command ask about the past.
func (p *place) asOfFlag(c *cobra.Command) {
	c.Flags().StringVar(&p.past.text, "as-of", "", "as it was recorded at this time: 2026-03-14T10:00Z, 2026-03-14 (its first instant, UTC), or how long ago: 48h, 7d")
	c.PreRunE = func(c *cobra.Command, _ []string) (err error) {
		if !c.Flags().Changed("as-of") {
			return nil
		}
		at, err := readMoment(p.past.text, time.Now())
		p.past.at, p.past.head, p.past.note = timestamppb.New(at), c.OutOrStdout(), c.ErrOrStderr()
		if f := c.Flag("output"); f != nil && f.Value.String() != "table" {
			p.past.head = c.ErrOrStderr() // programs read it in the answer
		}
		return err
	}
}

// layouts of a time; without a zone it is UTC.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02"}

// readMoment reads a time, or how long before now.
func readMoment(s string, now time.Time) (time.Time, error) {
	if t, ok := readTime(s); ok {
		return t, nil
	}
	ago, err := readSpan(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time: write 2026-03-14T10:00Z, 2026-03-14, or how long ago: 48h, 7d", s)
	}
	return now.Add(-ago).UTC(), nil
}

// readAhead reads a time, or how long after now.
func readAhead(s string, now time.Time) (time.Time, error) {
	if t, ok := readTime(s); ok {
		return t, nil
	}
	ahead, err := readSpan(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time: write 2027-01-31T10:00Z, 2027-01-31, or how far ahead: 48h, 90d", s)
	}
	return now.Add(ahead).UTC(), nil
}

func readTime(s string) (time.Time, bool) {
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// readSpan reads "48h" and "7d".
func readSpan(s string) (time.Duration, error) {
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = errors.New("negative")
	}
	return d, err
}

// slow is how long a person waits before being told for what.
const slow = 2 * time.Second

// pastConn asks everything as of a moment.
type pastConn struct {
	grpc.ClientConnInterface
	past *past
}

// Invoke implements grpc.ClientConnInterface.
func (p pastConn) Invoke(ctx context.Context, method string, q, a any, o ...grpc.CallOption) error {
	asked, ok := q.(proto.Message)
	if !ok || field(asked, "as_of") == nil {
		return fmt.Errorf("--as-of: %s is of now alone", method[strings.LastIndexByte(method, '/')+1:])
	}
	set(asked, "as_of", protoreflect.ValueOfMessage(p.past.at.ProtoReflect()))
	wait := tellSlow(p.past.note)
	err := p.ClientConnInterface.Invoke(ctx, method, q, a, o...)
	wait.Stop()
	if told, ok := a.(interface{ GetAsOf() *demarcv1.AsOf }); ok && err == nil && !p.past.told {
		p.past.told = true
		_, err = fmt.Fprintln(p.past.head, asOfWords(told.GetAsOf()))
	}
	return err
}

// asOfWords says which moment an answer is of, and what it was made of.
func asOfWords(a *demarcv1.AsOf) string {
	s := fmt.Sprintf("As of %s: policy version %d, %d records of the journal", exact(a.GetAt()), a.GetPolicyVersion(), a.GetPosition())
	if a.GetRecorded() != nil {
		s += ", the last of " + exact(a.GetRecorded())
	}
	if a.GetBase() != nil {
		s += fmt.Sprintf("; %d of them replayed over the state kept at %s", a.GetReplayed(), exact(a.GetBase()))
	}
	if a.GetSoftware() != "" {
		s += " by version " + a.GetSoftware()
	}
	return printable(s + ".")
}

func exact(t *timestamppb.Timestamp) string {
	return t.AsTime().UTC().Format("2006-01-02 15:04:05.999 MST")
}
