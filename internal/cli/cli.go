// Package cli holds what the command lines of both programs share.
package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Strict makes commands that only hold others refuse what they do not know, in
// place of printing their help as if nothing were wrong.
func Strict(c *cobra.Command) {
	var names []string
	for _, sub := range c.Commands() {
		Strict(sub)
		names = append(names, sub.Name())
	}
	if len(names) == 0 || c.Runnable() || !c.HasParent() {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%s %s: not known, one of %s", c.Name(), args[0], strings.Join(names, ", "))
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}
