package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"demarc/internal/browser"
	"demarc/internal/netsim"
)

// TestPageFollowsTheCollector opens the one-time link in a browser, and sees
// findings come without a reload.
func TestPageFollowsTheCollector(t *testing.T) {
	netsim.Need(t, "chromium")
	agent, collector := programs(t)
	c := newCollectorWith(t, collector, "pages: "+freePort(t))
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	state := t.TempDir()
	c.enrol(agent, state)

	link := string(regexp.MustCompile(`https://\S+`).Find(c.must("sign-in")))
	origin := link[:strings.Index(link, "/sign-in")]
	page := browser.Open(t, link)
	page.Wait(`document.querySelector('#live.on')`)
	page.Wait(`document.querySelector('#finding-list').innerText.includes('Nothing has been reported yet')`)
	page.Eval(`window.same = true`) // gone after a reload

	feedPlant := func(segment string) {
		t.Helper()
		file := filepath.Join("..", "..", "testdata", "plant", segment+".pcap")
		if out, err := exec.Command(agent, "read", "--collector", c.uplinkAddr, "--state", state, "--segment", segment, file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	feedPlant("line4")
	page.Wait(`document.querySelector('#finding-list').innerText.includes('corporate writes to line4 with s7comm')`)
	page.Wait(`document.querySelector('#connection-table').innerText.includes('10.60.61.30')`)
	feedPlant("corp")
	page.Wait(`document.querySelector('#finding-list').innerText.includes('Remote access by TeamViewer')`)
	if page.Eval(`window.same`) != "true" {
		t.Error("the page was loaded again")
	}
	if text := page.Eval(`document.querySelector('#authority').innerText`); !strings.HasPrefix(text, "authority: none") {
		t.Errorf("the page does not say that nobody authorizes: %q", text)
	}

	// A filter, and a cell of the matrix, narrow the list.
	page.Eval(`(() => { const f = document.querySelector('#connection-filter'); f.value = 's7comm'; f.dispatchEvent(new Event('input')); })()`)
	page.Wait(`[...document.querySelectorAll('#connection-table tbody tr')].every(r => r.innerText.includes('s7comm'))`)
	page.Eval(`(() => { const f = document.querySelector('#connection-filter'); f.value = ''; f.dispatchEvent(new Event('input')); document.querySelector('#matrix button').click(); })()`)
	page.Wait(`document.querySelector('#verdicts').innerText.includes(' to ')`)

	for _, asked := range page.Asked() {
		if !strings.HasPrefix(asked, origin) && !strings.HasPrefix(asked, "about:") {
			t.Errorf("the page asks somewhere else: %s", asked)
		}
	}
	if logged := page.Logged(); len(logged) > 0 {
		t.Errorf("the page complains: %q", logged)
	}

	// The link is used, and without a session there is nothing to see.
	stranger := browser.Open(t, link)
	stranger.Wait(`document.body.innerText.includes('does not work any more')`)
	stranger.Go(origin + "/")
	stranger.Wait(`document.body.innerText.includes('Please sign in')`)
	if got := stranger.Eval(`fetch('/api/v1/connections').then(r => r.status)`); got != "401" {
		t.Errorf("the list answers a stranger with %s", got)
	}
}
