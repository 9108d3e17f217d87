package main

import (
	"context"
	"errors"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// lean shows what the decisions of others are not good for: one over a system
// and its provider together lends nothing, and a provisional one lets nobody
// operate.
func lean(ctx context.Context, c *collector, show *printer) error {
	show.line("\nLEANING ON WHAT OTHERS DECIDED")
	show.line("\n  A second system wants to take over from archive-ato.")
	_, err := c.command(ctx, "authorization", "reuse", "archive-ato", "--for", "recipes")
	if err == nil {
		return errors.New("a second system takes over from a consolidated authorization, and nothing refuses it")
	}
	show.paragraph("      ", "REFUSED: "+strings.TrimPrefix(err.Error(), "demarc-collector: "))
	show.line("\n  A system cites nothing but the provisional authorization forecast-pato.")
	var all demarcv1.ListBoundariesResponse
	if err := c.get(ctx, &all, "get", "boundaries"); err != nil {
		return err
	}
	for _, b := range all.GetBoundaries() {
		if _, why, not := strings.Cut(b.GetAuthorization(), "not authorized to operate, and nothing is seen there: "); b.GetName() == "forecast" && not {
			show.paragraph("      ", "NOT AUTHORIZED: "+why)
			return nil
		}
	}
	return errors.New("a provisional authorization lets forecast operate")
}
