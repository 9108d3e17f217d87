// Package version names the build: what `version` prints, and what agent and
// collector tell each other.
package version

import "runtime/debug"

// release is set by the linker for a release build.
var release = ""

// String is the release, else the commit that was built, else "dev".
func String() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}
