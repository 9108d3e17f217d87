// Command demarc-collector holds what agents find against the authorization
// that a plant runs under: it serves agents and pages, and its other commands
// ask a running collector.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"demarc/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		if code, ok := errors.AsType[exit](err); ok {
			if err.Error() != code.Error() { // it says more
				fmt.Fprintln(os.Stderr, "demarc-collector:", told(err))
			}
			os.Exit(int(code))
		}
		fmt.Fprintln(os.Stderr, "demarc-collector:", told(err))
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "demarc-collector",
		Short: "Holds what agents find against the plant's authorization",
		Long: "demarc-collector maps what agents report onto authorization boundaries, and tells every\n" +
			"connection that no authorization covers. `serve` runs one; the other commands ask it through\n" +
			"the Unix socket in its data directory, or from another machine with --server and --token-file.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	var at place
	at.flags(root)
	root.AddCommand(
		serveCommand(&at), applyCommand(&at), importCommand(&at), getCommand(&at), explainCommand(&at), gateCommand(&at), authorizationCommand(&at), windowCommand(&at), attestCommand(&at), policyCommand(&at), proposeCommand(&at), diffCommand(&at), assetCommand(&at), findingCommand(&at), snapshotCommand(&at), probeCommand(&at), tokenCommand(&at), userCommand(&at), confirmCommand(&at), rejectCommand(&at), auditCommand(&at), exportCommand(&at), deliverCommand(&at), verifyCommand(),
		agentCommand(&at), signInCommand(&at), statusCommand(&at), backupCommand(&at), restoreCommand(&at), versionCommand(),
	)
	cli.Strict(root)
	return root
}

// told is an error in words: without gRPC's code, and in one line unless it is
// a list.
func told(err error) string {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) && len(many.Unwrap()) > 0 {
		var all []string
		for _, e := range many.Unwrap() {
			if _, code := e.(exit); !code { //nolint:errorlint // an exit code alone says nothing
				all = append(all, told(e))
			}
		}
		return strings.Join(all, "; ")
	}
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}
