package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protojson"

	"demarc/agent/probe"
	"demarc/internal/reading"
	demarcv1 "demarc/proto/demarc/v1"
)

// ordersFile is what the collector told a running agent last, for whoever wants
// to see on its machine what would be sent.
func ordersFile(state string) string { return filepath.Join(state, "probe-orders.json") }

func keepOrders(state string, o *demarcv1.ProbeOrders) error {
	raw, err := protojson.Marshal(&demarcv1.ProbeOrders{Schedules: o.GetSchedules(), Proposed: o.GetProposed()})
	if err == nil {
		err = os.WriteFile(ordersFile(state)+".new", raw, 0o600)
	}
	if err == nil {
		err = os.Rename(ordersFile(state)+".new", ordersFile(state))
	}
	return err
}

// orderedJobs are those of the collector's schedules, the ones that nobody has
// approved among them, or of the one that is named.
func orderedJobs(state, schedule string) ([]probe.Job, error) {
	raw, err := os.ReadFile(ordersFile(state))
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = []byte("{}"), nil
	}
	o := &demarcv1.ProbeOrders{}
	if err == nil {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, o)
	}
	if err != nil {
		return nil, fmt.Errorf("the collector's schedules cannot be read: %w", err)
	}
	var jobs []probe.Job
	for _, s := range append(o.GetSchedules(), o.GetProposed()...) {
		if schedule != "" && s.GetId() != schedule {
			continue
		}
		for _, a := range s.GetAddresses() {
			t := reading.Of(s.GetReads())
			t.Address = a
			jobs = append(jobs, probe.Job{Schedule: s.GetId(), Target: t})
		}
	}
	if schedule != "" && len(jobs) == 0 {
		return nil, fmt.Errorf("--schedule %s: the collector has told the agent of this state directory of no such schedule", schedule)
	}
	return jobs, nil
}
