package spancheck

import (
	"fmt"
	"strconv"
)

func duplicates(n *Counts) Result {
	if n.Ported < 5*fewFrames {
		return Result{Duplicates, CannotTell, fmt.Sprintf("%d frames with ports are too few to tell", n.Ported), "listen longer"}
	}
	evidence := fmt.Sprintf("%s frames with ports are copies of the frame before", share(n.Duplicates, n.Ported))
	cure := "copy each frame once: of a VLAN source take rx alone, of port sources do not take both ends of the same traffic both ways; two sessions must not feed one port"
	switch {
	case n.Duplicates*5 >= n.Ported:
		return Result{Duplicates, Warning, evidence + ": the mirror takes ingress and egress of the same frames. Demarc counts them once, but they take their share of the mirror's capacity", cure}
	case n.Duplicates*100 >= n.Ported:
		return Result{Duplicates, Warning, evidence + "; Demarc counts them once", cure}
	}
	return Result{Duplicates, Good, evidence, ""}
}

func vlanTags(n *Counts, s Source) Result {
	keep := "keep the tags on the way (Cisco: monitor session 1 destination interface Gi1/0/24 encapsulation replicate; a virtual switch: VLAN 4095, or trunk mode, on the sensor's port group)"
	var missing []string
	for _, id := range s.VLANs {
		if n.VLANs[id/64%64]&(1<<(id%64)) == 0 {
			missing = append(missing, strconv.Itoa(int(id)))
		}
	}
	apart := n.Subnets.apart()
	switch {
	case n.Tagged > 0 && len(missing) > 0 && n.Frames >= muchTraffic:
		return Result{
			VLANTags, Warning, fmt.Sprintf("the settings give VLANs %s a segment, and no frame of them came; tags seen: %s", some(missing, 8), some(n.vlans(), 8)),
			"add these VLANs to the mirror's source, or take them out of the agent's settings",
		}
	case n.Tagged > 0:
		return Result{VLANTags, Good, fmt.Sprintf("%s frames carry a tag: VLANs %s", share(n.Tagged, n.Frames), some(n.vlans(), 8)), ""}
	case len(missing) > 0 && n.Frames >= muchTraffic:
		return Result{VLANTags, Bad, fmt.Sprintf("the settings give VLANs %s a segment, and none of %d frames carries a tag: the mirror strips them", some(missing, 8), n.Frames), keep}
	case n.ARPs < fewARPs:
		return Result{VLANTags, CannotTell, fmt.Sprintf("no frame carries a tag, and %d ARP requests are too few to show whether several networks share the mirror", n.ARPs), "listen longer"}
	case len(apart) > 1:
		return Result{
			VLANTags, Warning, fmt.Sprintf("no frame carries a VLAN tag, and %d networks ask for their hosts side by side (%s): the mirror strips the tags, unless these networks do share one VLAN", len(apart), some(apart, 4)),
			keep,
		}
	}
	return Result{VLANTags, Good, "no frame carries a tag, and one network alone shows: " + some(apart, 1), ""}
}

// vlans lists the identifiers seen.
func (n *Counts) vlans() (all []string) {
	for id := range 4096 {
		if n.VLANs[id/64]&(1<<(id%64)) != 0 {
			all = append(all, strconv.Itoa(id))
		}
	}
	return all
}

func whole(n *Counts, s Source) Result {
	if n.Frames < fewFrames {
		return Result{Whole, CannotTell, fmt.Sprintf("%d frames are too few to tell", n.Frames), "listen longer"}
	}
	if n.Cut == 0 {
		return Result{Whole, Good, fmt.Sprintf("all %d frames are whole", n.Frames), ""}
	}
	at := fmt.Sprintf("after %d to %d bytes", n.CutMin, n.CutMax)
	if n.CutMin == n.CutMax {
		at = fmt.Sprintf("after %d bytes", n.CutMax)
	}
	v := Warning
	if n.Cut >= 5 && n.Cut*100 >= n.Frames {
		v = Bad
	}
	cure := "capture with a larger snap length (tcpdump -s 0)"
	if s.Live {
		cure = "take the snap length (truncation, slicing, mtu) off the mirror session, or raise the MTU on the way of an ERSPAN or VXLAN mirror"
	}
	return Result{Whole, v, fmt.Sprintf("%s frames are cut %s: what was in the rest is not seen", share(n.Cut, n.Frames), at), cure}
}

func otTraffic(n *Counts) Result {
	hints := ""
	if n.Hinted > 0 {
		hints = fmt.Sprintf("; %d conversations use ports of OT protocols, without proof in their bytes", n.Hinted)
	}
	switch {
	case len(n.OTNames) > 0:
		return Result{OTTraffic, Good, fmt.Sprintf("%s in %d conversations, proved by their bytes", some(n.OTNames, 6), n.OTs), ""}
	case n.Frames < muchTraffic:
		return Result{OTTraffic, CannotTell, fmt.Sprintf("no OT protocol in %d frames, which are too few to tell%s", n.Frames, hints), "listen longer"}
	}
	return Result{
		OTTraffic, Warning, fmt.Sprintf("no OT protocol in %d frames%s", n.Frames, hints),
		"mirror the ports of the controllers and of those who talk to them; between offices and servers this is as it should be",
	}
}

func ownTraffic(n *Counts) Result {
	if n.Own == 0 {
		if n.Frames < fewFrames {
			return Result{OwnTraffic, CannotTell, fmt.Sprintf("%d frames are too few to tell", n.Frames), "listen longer"}
		}
		return Result{OwnTraffic, Good, fmt.Sprintf("none of %d frames is of this machine", n.Frames), ""}
	}
	evidence := share(n.Own, n.Frames) + " frames are of this machine itself"
	if n.OwnWith[0].IsValid() && n.OwnWith[1].IsValid() {
		evidence += fmt.Sprintf(", as between %s and %s", n.OwnWith[0], n.OwnWith[1])
	}
	v := Warning
	if n.OwnUplink > 0 {
		evidence += fmt.Sprintf("; %d of them go between the agent and its collector, so that each report makes frames to report", n.OwnUplink)
	}
	if n.Own*10 >= n.Frames*3 && n.Frames >= fewFrames {
		v = Bad
	}
	return Result{OwnTraffic, v, evidence, "take the port, or the VLAN, of this machine's management interface out of the mirror's sources"}
}
