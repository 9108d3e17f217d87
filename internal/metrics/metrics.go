// Package metrics writes what a program tells Prometheus, in the text that it
// asks for (prometheus.io/docs/instrumenting/exposition_formats): what is so at
// the moment of asking, and what the Go runtime and the process are using.
package metrics

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Scrape takes what one answer holds. Labels are names and values by turns; a
// name has the same labels each time, and no two samples the same values.
type Scrape struct{ to chan<- prometheus.Metric }

// Gauge tells what goes up and down.
func (s Scrape) Gauge(name, help string, value float64, labels ...string) {
	s.tell(prometheus.GaugeValue, name, help, value, labels)
}

// Counter tells what only goes up until the program is started again; its name
// ends in _total.
func (s Scrape) Counter(name, help string, value uint64, labels ...string) {
	s.tell(prometheus.CounterValue, name, help, float64(value), labels)
}

// Time tells an instant in Unix seconds; one that there was not is left out.
func (s Scrape) Time(name, help string, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.Gauge(name, help, float64(at.UnixMilli())/1000, labels...)
	}
}

// Is tells 1 for so and 0 for not.
func (s Scrape) Is(name, help string, so bool, labels ...string) {
	value := 0.0
	if so {
		value = 1
	}
	s.Gauge(name, help, value, labels...)
}

func (s Scrape) tell(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	s.to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
}

// gather is a prometheus.Collector that does not say beforehand what it holds.
type gather func(Scrape)

func (gather) Describe(chan<- *prometheus.Desc)      {}
func (g gather) Collect(to chan<- prometheus.Metric) { g(Scrape{to}) }

// Write answers r with what tell tells; own adds what the runtime and the
// process are using.
func Write(w http.ResponseWriter, r *http.Request, own bool, tell func(Scrape)) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(gather(tell))
	if own {
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	promhttp.HandlerFor(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := registry.Gather()
		return slices.DeleteFunc(all, ofTheMachine), err
	}), promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// ofTheMachine are metrics that read as if the process had sent what its machine
// did.
func ofTheMachine(m *dto.MetricFamily) bool {
	return strings.HasPrefix(m.GetName(), "process_network_")
}
