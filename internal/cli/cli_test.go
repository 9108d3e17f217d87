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

// TestWordsThatAreNotTaken: a command says how it is written.
func TestWordsThatAreNotTaken(t *testing.T) {
	root := &cobra.Command{Use: "demarc-agent", SilenceUsage: true, SilenceErrors: true}
	run := func(*cobra.Command, []string) error { return nil }
	root.AddCommand(
		&cobra.Command{Use: "run --config FILE", Args: cobra.NoArgs, RunE: run},
		&cobra.Command{Use: "test FILE", Args: cobra.ExactArgs(1), RunE: run},
	)
	Strict(root)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "eth1"}, `"eth1" is not taken here: write demarc-agent run --config FILE`},
		{[]string{"test"}, "something is missing: write demarc-agent test FILE"},
		{[]string{"test", "a", "b"}, `"b" is not taken here: write demarc-agent test FILE`},
		{[]string{"test", "a"}, ""},
		{[]string{"run"}, ""},
	} {
		root.SetArgs(c.args)
		got := ""
		if err := root.Execute(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
	}
}
