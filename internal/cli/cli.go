// Package cli holds what the command lines of both programs share.
package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Strict makes commands that only hold others refuse what they do not know, in
// place of printing their help as if nothing were wrong; the others say how they
// are written when they are given words that they do not take.
func Strict(c *cobra.Command) {
	var names []string
	for _, sub := range c.Commands() {
		Strict(sub)
		names = append(names, sub.Name())
	}
	if len(names) == 0 && c.Args != nil {
		c.Args = taken(c.Args)
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

// taken puts Cobra's own words about a number of arguments into those of a
// person who does not know what an argument is.
func taken(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil || !strings.HasPrefix(err.Error(), "accepts ") && !strings.HasPrefix(err.Error(), "unknown command ") {
			return err
		}
		usage := strings.TrimSuffix(c.UseLine(), " [flags]")
		if len(args) == 0 {
			return fmt.Errorf("something is missing: write %s", usage)
		}
		return fmt.Errorf("%q is not taken here: write %s", args[len(args)-1], usage)
	}
}
