package api

import (
	"fmt"
	"testing"
	"time"
)

func TestWhoFailsAgainAndAgainWaits(t *testing.T) {
	var x throttle
	now := time.Unix(1e9, 0)
	waits := map[int]time.Duration{4: 0, 5: time.Second, 6: 2 * time.Second, 10: 32 * time.Second, 40: maxWait}
	for n := 1; n <= 40; n++ {
		if first := x.failed(now, "account ana", fmt.Sprintf("address 10.0.0.%d", n)); first != (n == freeOfAccount) {
			t.Errorf("try %d: first %v", n, first)
		}
		if want, ok := waits[n]; ok && x.wait(now, "account ana", "address 10.0.0.77") != want {
			t.Errorf("after %d: %v, want %v", n, x.wait(now, "account ana"), want)
		}
	}
	if x.wait(now, "account bob", "address 10.0.0.1") != 0 {
		t.Error("others wait too")
	}
	if x.wait(now.Add(maxWait), "account ana") != 0 {
		t.Error("the wait does not end")
	}
	x.passed("account ana")
	if x.wait(now, "account ana") != 0 {
		t.Error("a success is not forgiven")
	}
	for n := range freeOfAddress {
		x.failed(now, fmt.Sprintf("account %d", n), "address 10.0.0.200")
	}
	if x.wait(now, "address 10.0.0.200") == 0 {
		t.Error("an address tries every name")
	}
	for i := range 3 * maxTries {
		x.failed(now, fmt.Sprint("account x", i))
	}
	if len(x.tries) > maxTries {
		t.Errorf("%d remembered", len(x.tries))
	}
	for from, want := range map[string]string{"10.1.2.3:99": "10.1.2.3", "[2001:db8::1:2]:9": "2001:db8::/64", "[::ffff:10.1.2.3]:9": "10.1.2.3", "x": "x"} {
		if network(from) != want {
			t.Errorf("%s counts as %s", from, network(from))
		}
	}
}
