package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestStrict(t *testing.T) {
	for args, want := range map[string]string{
		"fruit":      "",
		"fruit pick": "",
		"fruit peel": "fruit peel: not known, one of pick",
		"nut":        `unknown command "nut" for "garden"`,
	} {
		root := &cobra.Command{Use: "garden", SilenceUsage: true, SilenceErrors: true}
		fruit := &cobra.Command{Use: "fruit"}
		fruit.AddCommand(&cobra.Command{Use: "pick", RunE: func(*cobra.Command, []string) error { return nil }})
		root.AddCommand(fruit)
		Strict(root)
		root.SetArgs(strings.Fields(args))
		root.SetOut(io.Discard)
		got := ""
		if err := root.Execute(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}
