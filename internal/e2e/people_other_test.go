//go:build !linux

package e2e

import (
	"testing"

	"demarc/internal/netsim"
)

func onlyOfficialsDecide(t *testing.T) { netsim.NeedRoot(t) }

func planned(t *testing.T) { netsim.NeedRoot(t) }
