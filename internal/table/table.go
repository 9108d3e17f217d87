// Package table prints rows for people in aligned columns, and for programs as
// CSV. Inventory prints what `demarc-agent read` found.
package table

import (
	"io"

	demarcv1 "demarc/proto/demarc/v1"
)

// Table is a heading and rows of equal length.
type Table struct {
	Head []string
	Rows [][]string
}

// Write prints t in columns no wider than width cells in all (0: no limit);
// what does not fit is cut with an ellipsis, never wrapped.
func (t Table) Write(w io.Writer, width int) error { return nil }

// WriteCSV prints t as RFC 4180 rows, the heading first.
func (t Table) WriteCSV(w io.Writer) error { return nil }

// Inventory prints captures, assets, connections and losses in width cells
// (0: no limit).
func Inventory(w io.Writer, inv *demarcv1.Inventory, width int) error { return nil }

// InventoryCSV prints one row for each asset and connection; the first column,
// record, says which it is.
func InventoryCSV(w io.Writer, inv *demarcv1.Inventory) error { return nil }
