// Command record holds the peers that record.sh needs to make the recordings
// of the example plant and that no package offers: small S7 and EtherNet/IP
// devices, an S7 engineering tool, and OPC UA ends with their own identity.
// It is no part of Demarc and faces nothing but record.sh's own namespaces.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
)

// peers are the subcommands: record PEER [flags].
var peers = map[string]func(context.Context, *flag.FlagSet, []string) error{
	"s7-device":    s7Device,
	"s7-engineer":  s7Engineer,
	"enip-device":  enipDevice,
	"opcua-server": opcuaServer,
	"opcua-client": opcuaClient,
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 || peers[os.Args[1]] == nil {
		log.Fatal("usage: record s7-device|s7-engineer|enip-device|opcua-server|opcua-client [flags]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := peers[os.Args[1]](ctx, flag.NewFlagSet(os.Args[1], flag.ExitOnError), os.Args[2:]); err != nil {
		log.Fatal(fmt.Errorf("record %s: %w", os.Args[1], err))
	}
}
