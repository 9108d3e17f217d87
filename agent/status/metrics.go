package status

import (
	"net/http"

	"demarc/internal/metrics"
)

// tellPrometheus answers with what a report says.
func tellPrometheus(report func() Report) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		metrics.Write(w, r, true, report().tell)
	}
}

func (r Report) tell(t metrics.Scrape) {
	t.Gauge("demarc_build_info", "The version that runs; always 1.", 1, "version", r.Version)
	t.Is("demarc_uplink_connected", "1 while the collector is connected.", r.Collector.Connected)
	t.Gauge("demarc_spool_records", "Batches that the collector has not acknowledged.", float64(r.Spool.Records))
	t.Gauge("demarc_spool_bytes", "Their size.", float64(r.Spool.Bytes))
	t.Gauge("demarc_spool_max_bytes", "Size from which on what is new is lost, and told as lost.", float64(r.Spool.MaxBytes))
	for _, i := range r.Interfaces {
		of := []string{"interface", i.Name, "segment", i.Segment}
		t.Counter("demarc_interface_frames_total", "Frames that came in.", i.Frames, of...)
		t.Counter("demarc_interface_dropped_frames_total", "Frames that the kernel or card dropped.", i.Drops, of...)
		t.Time("demarc_interface_frame_timestamp_seconds", "When the last frame came.", i.LastFrame, of...)
		for _, c := range i.Checks {
			t.Gauge("demarc_span_check", "What a check of the SPAN port says: 1 with its verdict.", 1, "interface", i.Name, "check", c.ID, "verdict", c.Verdict.String())
		}
	}
}
