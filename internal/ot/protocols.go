package ot

import (
	_ "embed"
	"slices"
	"strings"
)

// One name a line, sorted. The tests of the registry of agent/dissect hold
// every registered protocol to it, and write it with -update.
//
//go:embed protocols.txt
var protocolNames string

var protocols = strings.Fields(protocolNames)

// Protocols lists the protocol names of the vocabulary, sorted: those that the
// agent reads and those that documents may name before it does.
func Protocols() []string { return slices.Clone(protocols) }

// IsProtocol reports whether the vocabulary has a protocol of that name.
func IsProtocol(name string) bool {
	_, ok := slices.BinarySearch(protocols, name)
	return ok
}
