package propose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// sites drafts the sites that no document has, as far as candidates stand there.
func (d *draft) sites() {
	at := map[string][]*cluster{}
	for _, c := range d.clusters {
		if d.known(c.site) == nil {
			at[c.site] = append(at[c.site], c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(at)) {
		local, devices, seen := map[string][]string{}, 0, span{}
		for _, a := range d.Assets {
			if a.GetSite() == name && a.GetSegment() != "" {
				local[a.GetSegment()] = nil
			}
		}
		for _, c := range at[name] {
			devices += c.devices()
			for _, n := range c.nets {
				if n.local {
					local[n.segment] = append(local[n.segment], yamlPrefix(n.prefix))
				}
				for _, h := range n.hosts {
					seen.add(h.asset.GetFirstSeen(), h.asset.GetLastSeen())
				}
			}
		}
		out := &demarcv1.Candidate{Kind: Site, Name: name, Devices: uint32(devices)}
		out.Evidence = []string{fmt.Sprintf("agents name this site: %s on %s, %s", of(devices, "device"), of(len(local), "segment"), seen.words())}
		out.Doubts = []string{"schedules are read in UTC until a timezone stands here"}
		t := &text{}
		t.head(out)
		t.line("apiVersion: demarc/v1", "kind: Site", "metadata: {name: "+name+"}", "spec:")
		t.line("  title: "+quoted("TODO: "+name), "  # timezone: America/Chicago", "  # addressSpace: [TODO]     # public ranges that are used privately")
		if len(local) > 0 {
			t.line("  segments:")
		}
		for _, s := range slices.Sorted(maps.Keys(local)) {
			if slices.Sort(local[s]); len(local[s]) > 0 {
				t.line(fmt.Sprintf("    - {name: %s, local: [%s]}   # the same addresses are other devices elsewhere", s, strings.Join(local[s], ", ")))
			} else {
				t.line("    - {name: " + s + "}")
			}
		}
		out.Text = t.String()
		d.add(out, seen)
	}
}
