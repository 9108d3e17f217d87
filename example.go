// Package demarc is the example plant of the repository, for programs that show
// it: its documents, and what four SPAN ports of it captured.
package demarc

import "embed"

// Example holds deploy/example/*.yaml, the documents, testdata/plant/*.pcap, the
// captures, and testdata/plant/segments.yaml, the segment of each.
//
//go:embed deploy/example/*.yaml testdata/plant/*.pcap testdata/plant/segments.yaml
var Example embed.FS
