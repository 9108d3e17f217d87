// Command demarc-agent finds what is on a plant network without touching it:
// it listens on SPAN ports, or reads capture files, and reports what it saw to
// a collector.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"demarc/agent/probe"
	"demarc/internal/cli"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == probe.ChildArgument {
		os.Exit(probe.Child())
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // on a plant's machine memory is dearer than a little processor time
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demarc-agent:", oneLine(err))
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "demarc-agent",
		Short:         "Finds what is on a plant network without touching it",
		Long:          "demarc-agent listens on SPAN ports, or reads capture files, and reports the assets and\nconnections that it saw. It never transmits on a capture interface.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(), readCommand(), checkCommand(), initCommand(), enrollCommand(), exportCommand(), statusCommand(), protocolsCommand(), fingerprintCommand(), probeCommand(), versionCommand())
	cli.Strict(root)
	return root
}

// oneLine is an error as one line, whatever it is made of.
func oneLine(err error) string {
	var parts []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), "?; ", "? ")
}
