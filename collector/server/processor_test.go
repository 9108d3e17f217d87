//go:build !linux

package server

import "time"

func processor() time.Duration { return 0 }
